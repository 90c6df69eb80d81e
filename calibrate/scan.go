package calibrate

import (
	"context"
	"fmt"
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/internal/parallel"
	"sresnet/tensor"
)

// scan presents images to the network, pass after pass.
type scan struct {
	g          *ann.Graph
	model      *infer.Model
	images     Images
	o          Options
	histograms map[string]*histogram // By measured node.

	inputMax    float32
	unspoken    int // Images without a positive logit.
	done, total int // Images, of all passes.
}

func newScan(g *ann.Graph, m *infer.Model, images Images, o Options) *scan {
	s := &scan{g: g, model: m, images: images, o: o, histograms: make(map[string]*histogram)}
	for _, name := range Layers(g) {
		h := newHistogram()
		h.percentile = o.Percentile
		for _, p := range o.Also {
			other := newHistogram()
			other.percentile, other.of = p, h
			h.also = append(h.also, other)
		}
		s.histograms[name] = h
	}
	return s
}

// measure is a pass over images never seen before: it looks for what no percentile could
// be taken of, and counts high bits.
func (s *scan) measure(ctx context.Context, images []int) error {
	workers := min(s.o.Workers, len(images))
	largest, unspoken := make([]float32, workers), make([]int, workers)
	logits := Classifier(s.g)
	err := s.pass(ctx, images, func(worker int) func(*ann.Node, []float32) error {
		return func(n *ann.Node, x []float32) error {
			if n == nil {
				for _, v := range x {
					largest[worker] = max(largest[worker], float32(math.Abs(float64(v))))
				}
				return nil
			}
			if v, bad := notFinite(x); bad {
				return &ann.NodeError{
					Node: n.Name, Op: n.Op.Type(),
					Err: fmt.Errorf("an activation is %v; check the weights of the model and how images are normalised", v),
				}
			}
			if n.Name == logits && slices.Max(x) <= 0 {
				unspoken[worker]++
			}
			if h := s.histograms[n.Name]; h != nil {
				h.addHigh(x)
			}
			return nil
		}
	})
	for i, x := range largest {
		s.inputMax = max(s.inputMax, x)
		s.unspoken += unspoken[i]
	}
	return err
}

// again is a pass over images that were measured: it counts the low bits for some of the
// histograms, nil for all.
func (s *scan) again(ctx context.Context, images []int, wanted map[*histogram]bool) error {
	return s.pass(ctx, images, func(int) func(*ann.Node, []float32) error {
		return func(n *ann.Node, x []float32) error {
			if n == nil {
				return nil
			}
			if h := s.histograms[n.Name]; h != nil {
				for _, h := range h.all() {
					if wanted == nil || wanted[h] {
						h.addLow(x)
					}
				}
			}
			return nil
		}
	})
}

// pass shows every activation on every one of the images to a function, one for each
// worker, that may see several images at once; nil stands for the node of the image.
func (s *scan) pass(ctx context.Context, images []int, start func(worker int) func(*ann.Node, []float32) error) error {
	nodes := s.g.ByName()
	workers := min(s.o.Workers, len(images))
	return parallel.Do(ctx, workers, len(images), func(worker int) func(context.Context, int) error {
		var failed error
		see := start(worker)
		watcher := s.model.NewWatcher(func(node string, x []float32) {
			if failed == nil {
				failed = see(nodes[node], x)
			}
		})
		image := make([]float32, s.g.Input.Shape.Len())
		return func(_ context.Context, i int) error {
			err := s.images.Image(images[i], image)
			if err == nil {
				err = tensor.CheckFinite(image)
			}
			if err == nil {
				failed = nil
				if _, err = watcher.Run(image); err == nil {
					err = failed
				}
			}
			if err != nil {
				return fmt.Errorf("calibrate: image %d: %w", images[i], err)
			}
			return nil
		}
	}, func() {
		s.done++
		if s.o.Progress != nil {
			s.o.Progress(s.done, s.total)
		}
	})
}

// notFinite returns the first NaN or infinity of x, if there is one.
func notFinite(x []float32) (float32, bool) {
	const exponent = 0xff << 23
	for _, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return v, true
		}
	}
	return 0, false
}
