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

// scan presents all images to the network, pass after pass.
type scan struct {
	g          *ann.Graph
	model      *infer.Model
	images     Images
	o          Options
	nodes      []string     // With a histogram each.
	histograms []*histogram // Of the nodes.

	check    bool // Look for NaN and infinities.
	inputMax float32
	unspoken int // Images without a positive logit.
	done     int // Images, of all passes.
	total    int
}

func newScan(g *ann.Graph, m *infer.Model, images Images, o Options) *scan {
	s := &scan{g: g, model: m, images: images, o: o, nodes: measured(g), check: true}
	for range s.nodes {
		s.histograms = append(s.histograms, new(histogram))
	}
	return s
}

// pass hands the activations of every measured node on every image to add.
func (s *scan) pass(ctx context.Context, add func(*histogram, []float32)) error {
	n := s.images.Len()
	workers := min(s.o.Workers, n)
	largest, unspoken := make([]float32, workers), make([]int, workers)
	logits := Classifier(s.g)
	err := parallel.Do(ctx, workers, n, func(worker int) func(context.Context, int) error {
		runner := s.model.NewRunner()
		image := make([]float32, s.g.Input.Shape.Len())
		return func(_ context.Context, i int) error {
			if err := s.run(runner, i, image); err != nil {
				return err
			}
			for _, x := range image {
				largest[worker] = max(largest[worker], float32(math.Abs(float64(x))))
			}
			if slices.Max(runner.Activation(logits)) <= 0 {
				unspoken[worker]++
			}
			// Each worker starts elsewhere, so that they seldom wait for each other.
			for j := range s.nodes {
				j = (j + worker*len(s.nodes)/workers) % len(s.nodes)
				add(s.histograms[j], runner.Activation(s.nodes[j]))
			}
			return nil
		}
	}, func() {
		s.done++
		if s.o.Progress != nil {
			s.o.Progress(s.done, s.total)
		}
	})
	s.unspoken = 0 // Every pass sees all images.
	for i, x := range largest {
		s.inputMax = max(s.inputMax, x)
		s.unspoken += unspoken[i]
	}
	return err
}

// run presents image i and looks for what no percentile could be taken of.
func (s *scan) run(r *infer.Runner, i int, image []float32) error {
	if err := s.images.Image(i, image); err != nil {
		return fmt.Errorf("calibrate: image %d: %w", i, err)
	}
	if !s.check {
		_, err := r.Run(image)
		return err
	}
	if err := tensor.CheckFinite(image); err != nil {
		return fmt.Errorf("calibrate: image %d: %w", i, err)
	}
	if _, err := r.Run(image); err != nil {
		return fmt.Errorf("calibrate: image %d: %w", i, err)
	}
	for j := range s.g.Nodes {
		n := &s.g.Nodes[j]
		if x, ok := notFinite(r.Activation(n.Name)); ok {
			return fmt.Errorf("calibrate: image %d: %w", i, &ann.NodeError{
				Node: n.Name, Op: n.Op.Type(),
				Err: fmt.Errorf("an activation is %v; check the weights of the model and how images are normalised", x),
			})
		}
	}
	return nil
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
