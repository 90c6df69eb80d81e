// Package calibrate measures the activations of a trained network on calibration
// images: the percentile that becomes the scale lambda of a layer. It also
// searches the factors that make up for the spikes a spiking network loses with
// depth, for which it simulates. It converts nothing and knows no data set.
//
// # Exactness and memory
//
// [Run] finds percentiles exactly, by radix selection: it counts activations by the
// high 16 bits of their ordered bits, and then by the low 16 bits those that share the
// high bits of the percentile. The latter takes no second pass over the images: after
// the first few it is known about where the percentile will be, and what is near that is
// kept; only those few are presented again. (All are if the guess was wrong, or if
// there are just a few.) For any number of images, that takes about a megabyte per layer,
// shared by all workers, and one infer.Watcher per worker. Counts are integers, and so
// are the sums behind a mean, so that the result depends on nothing but the set of
// images: not on their order, the workers or a restart.
package calibrate

import (
	"context"
	"fmt"
	"runtime"

	"sresnet/ann"
	"sresnet/ann/infer"
)

// Images are normalised images, CHW. All methods are safe for concurrent use.
type Images interface {
	Len() int                         // How many there are.
	Image(i int, dst []float32) error // Writes image i, from 0, to dst.
}

// Options adjusts a calibration.
type Options struct {
	// Percentile of a layer's activations that becomes its lambda, above 0 and up
	// to 100, the maximum. Defaults to 99.9.
	Percentile float64

	// Also are further percentiles, which hardly take time beside the first: see
	// [Statistics].Also.
	Also []float64

	// Workers is how many images run at a time. It never changes a result.
	// Defaults to the number of cores.
	Workers int

	// Progress, if set, is told after every image how many are done, those that are
	// presented again counted apart. Calls do not overlap; total may grow.
	Progress func(done, total int)
}

func (o Options) withDefaults() (Options, error) {
	if o.Percentile == 0 {
		o.Percentile = 99.9
	}
	for _, p := range append([]float64{o.Percentile}, o.Also...) {
		if !(p > 0 && p <= 100) { // Also rejects NaN.
			return o, fmt.Errorf("calibrate: percentile %v is outside (0, 100]", p)
		}
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return o, nil
}

// Run measures the activations of every rectifier of g and of its classifier,
// the node whose output are the logits. A NaN or an infinity anywhere in the
// network is an error that names the node and the image. If ctx ends, Run returns
// its error after the images at work.
func Run(ctx context.Context, g *ann.Graph, images Images, o Options) (*Statistics, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	n := images.Len()
	if n == 0 {
		return nil, fmt.Errorf("calibrate: no images; a calibration takes at least one")
	}
	model, err := infer.New(g)
	if err != nil {
		return nil, err
	}
	s := newScan(g, model, images, o)
	if err := s.run(ctx, n); err != nil {
		return nil, err
	}
	st := s.statistics(o.Percentile, n, func(h *histogram) *histogram { return h })
	for k, p := range o.Also {
		st.Also = append(st.Also, s.statistics(p, n, func(h *histogram) *histogram { return h.also[k] }))
	}
	return st, nil
}

// statistics returns those of one percentile, which of picks from a node's histograms.
func (s *scan) statistics(percentile float64, images int, of func(*histogram) *histogram) *Statistics {
	st := &Statistics{Percentile: percentile, Images: images, InputMax: s.inputMax, Unspoken: s.unspoken}
	for _, name := range Layers(s.g) {
		n := of(s.histograms[name]).statistics(name)
		if op, ok := s.g.Node(n.Node).Op.(*ann.Clip); ok && op.Few() && n.Lambda > 0 {
			n.Lambda = op.Max // Its levels are the rates of that, not of a percentile.
		}
		st.Nodes = append(st.Nodes, n)
	}
	return st
}

// first returns how many of n images are presented before it is known what to keep of the
// others.
func first(n int) int {
	if n < 64 {
		return n
	}
	return max(8, min(n/64, 32))
}

// run takes the percentiles of n images.
func (s *scan) run(ctx context.Context, n int) error {
	k := first(n)
	few, rest := make([]int, 0, k), make([]int, 0, n-k)
	for i := range n {
		if len(few) < k && i == len(few)*n/k { // Spread, since images may be sorted.
			few = append(few, i)
		} else {
			rest = append(rest, i)
		}
	}
	highest := s.o.Percentile == 100 // The maximum, of which nothing is to be kept.
	for _, p := range s.o.Also {
		highest = highest && p == 100
	}
	s.total = n + k
	if highest {
		s.total = n
	}
	if err := s.measure(ctx, few); err != nil {
		return err
	}
	if len(rest) > 0 {
		for _, first := range s.histograms {
			for _, h := range first.all() {
				if h.percentile < 100 {
					h.aim(h.percentile)
				}
			}
		}
		if err := s.measure(ctx, rest); err != nil {
			return err
		}
	}
	lost := make(map[*histogram]bool)
	for _, first := range s.histograms {
		for _, h := range first.all() {
			h.chooseHigh(h.percentile)
			if !h.recall() {
				lost[h] = true
			}
		}
	}
	if highest {
		return nil
	}
	if len(rest) > 0 && len(lost) > 0 {
		s.total = 2 * n
	}
	if err := s.again(ctx, few, nil); err != nil || len(lost) == 0 || len(rest) == 0 {
		return err
	}
	return s.again(ctx, rest, lost)
}

// Layers returns the names of the nodes of g that have a lambda of their own, its rectifiers
// and the classifier, in the order of the graph.
func Layers(g *ann.Graph) []string {
	last := Classifier(g)
	var names []string
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if _, ok := n.Op.(ann.Rectifier); ok || n.Name == last {
			names = append(names, n.Name)
		}
	}
	return names
}

// Classifier returns the name of the node that computes the logits: the output,
// or what stands before a softmax and a flattening at the end.
func Classifier(g *ann.Graph) string {
	name := g.Output
	for {
		n := g.Node(name)
		switch n.Op.(type) {
		case *ann.Softmax, *ann.Flatten:
			if g.Node(n.Inputs[0]) == nil {
				return name
			}
			name = n.Inputs[0]
		default:
			return name
		}
	}
}
