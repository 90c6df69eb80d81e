// Package calibrate measures the activations of a trained network on calibration
// images: the percentile that becomes the scale lambda of a layer. It also
// searches the factors that make up for the spikes a spiking network loses with
// depth, for which it simulates. It converts nothing and knows no data set.
//
// # Exactness and memory
//
// [Run] finds percentiles exactly, by radix selection in two passes over the
// images: the first counts activations by the high 16 bits of their ordered bits,
// the second counts by the low 16 bits those that share the high bits of the
// percentile. For any number of images, that takes a table of 512 KiB per layer,
// shared by all workers, and the buffers of one infer.Runner per worker. Counts
// are integers, and so are the sums behind a mean, so that the result depends on
// nothing but the set of images: not on their order, the workers or a restart.
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

	// Workers is how many images run at a time. It never changes a result.
	// Defaults to the number of cores.
	Workers int

	// Progress, if set, is told after every image how many are done, each pass
	// counted apart. Calls do not overlap.
	Progress func(done, total int)
}

func (o Options) withDefaults() (Options, error) {
	if o.Percentile == 0 {
		o.Percentile = 99.9
	}
	if !(o.Percentile > 0 && o.Percentile <= 100) { // Also rejects NaN.
		return o, fmt.Errorf("calibrate: percentile %v is outside (0, 100]", o.Percentile)
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
	passes := 2
	if o.Percentile == 100 {
		passes = 1 // The first pass sees the maximum.
	}
	s.total = passes * n
	if err := s.pass(ctx, (*histogram).addHigh); err != nil {
		return nil, err
	}
	for _, h := range s.histograms {
		h.chooseHigh(o.Percentile)
	}
	if passes == 2 {
		s.check = false // The same images again.
		if err := s.pass(ctx, (*histogram).addLow); err != nil {
			return nil, err
		}
	}
	st := &Statistics{Percentile: o.Percentile, Images: n, InputMax: s.inputMax, Unspoken: s.unspoken}
	for i, h := range s.histograms {
		n := h.statistics(s.nodes[i])
		if op, ok := g.Node(n.Node).Op.(*ann.Clip); ok && op.Few() && n.Lambda > 0 {
			n.Lambda = op.Max // Its levels are the rates of that, not of a percentile.
		}
		st.Nodes = append(st.Nodes, n)
	}
	return st, nil
}

// measured returns the names of the nodes that have a scale of their own, in the
// order of the graph.
func measured(g *ann.Graph) []string {
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
