// Package verify checks that every step from a trained network to its simulation
// keeps the function: that folding batch norm changes no logit, that the
// normalised network computes the trained activations, that normalised weights
// and balanced thresholds are the same network, and that the two engines agree.
// It converts by itself and knows no file and no data set.
package verify

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/internal/parallel"
	"sresnet/sim"
	"sresnet/snn"
)

// MaxRelative bounds differences of float32 results that differ in the order of
// sums and products only, relative to the largest magnitude of what is compared.
const MaxRelative = 1e-4

// Images are normalised images, CHW, safe for concurrent use.
type Images interface {
	Len() int                         // How many there are.
	Image(i int, dst []float32) error // Writes image i, from 0, to dst.
}

// Options adjusts a verification.
type Options struct {
	Convert   convert.Options // ThresholdBalanced is ignored: both forms are built.
	Timesteps int             // Of the comparisons of spikes, at least 1.
	Seed      uint64          // Of the Poisson encoding.
	Workers   int             // Images at a time; defaults to the number of cores.

	// ReferenceImages is on how many images, the first ones, the engines are
	// compared: the reference engine takes far longer than all other comparisons.
	// Defaults to 2.
	ReferenceImages int

	// Original is the trained network as its file has it, where g is a simpler form of
	// it (see [convert.Simplify]), so that the first stage sees all steps. Defaults to g.
	Original *ann.Graph

	Progress func(done, total int)
}

// Stage is the outcome of one comparison.
type Stage struct {
	Name       string  `json:"name"`
	Images     int     `json:"images"`     // On how many.
	Difference float64 `json:"difference"` // The largest, in Unit.
	Unit       string  `json:"unit"`
	Bound      float64 `json:"bound"` // Largest Difference that passes.
	Where      string  `json:"where"` // Layer, and image, of the difference; empty if there is none.
	OK         bool    `json:"ok"`

	Note string `json:"note,omitempty"` // What was not compared and why, as a sentence.
}

// Run compares all stages on all images. If ctx ends, it returns its error together
// with the stages on the images that were finished, without those that none of
// them was compared for; no stages if no image was finished.
func Run(ctx context.Context, g *ann.Graph, s *calibrate.Statistics, images Images, o Options) ([]Stage, error) {
	if images.Len() == 0 {
		return nil, fmt.Errorf("verify: no images")
	}
	forms, err := build(ctx, g, s, o)
	if err != nil {
		return nil, err
	}
	return forms.compare(ctx, images, o)
}

// forms is one network in all the forms that must be equal.
type forms struct {
	input            int // Elements of an image.
	imported, folded *infer.Model
	output           string                          // Of the folded graph.
	perturbed        [2]func() (*infer.Model, error) // Of the imported and the folded network.
	networks
	terms []terms // Of the normalised network.

	roundings []roundings // Of the layers; of [Made].

	most  []float64 // Largest activation of every layer, which a Clip bounds; see [sim.Rates].
	least []float64 // Smallest: zero, or minus infinity where the trained network's values have any sign.

	event, eventBalanced, eventExact, eventExactBalanced, reference *sim.Plan
}

// networks are the spiking networks among them.
type networks struct {
	normalised, balanced           *snn.Network // Both forms, with the calibrated scales.
	exactNormalised, exactBalanced *snn.Network // Both forms, with scales that are powers of two.
}

// build makes all forms of the network, which takes seconds where it is large.
func build(ctx context.Context, g *ann.Graph, s *calibrate.Statistics, o Options) (*forms, error) {
	folded, err := convert.Fold(g)
	if err != nil {
		return nil, err
	}
	nets, err := convertAll(ctx, g, s, o.Convert)
	if err != nil {
		return nil, err
	}
	return compile(ctx, g, folded, nets, o)
}

func convertAll(ctx context.Context, g *ann.Graph, s *calibrate.Statistics, o convert.Options) (n networks, err error) {
	neuron := snn.Neuron{Model: o.Neuron}
	exact := roundScales(s, neuron.Period())
	for _, form := range []struct {
		net        **snn.Network
		statistics *calibrate.Statistics
		balanced   bool
	}{
		{&n.normalised, s, false},
		{&n.balanced, s, true},
		{&n.exactNormalised, exact, false},
		{&n.exactBalanced, exact, true},
	} {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		o.ThresholdBalanced = form.balanced
		if *form.net, err = convert.Convert(g, form.statistics, o); err != nil {
			return n, err
		}
	}
	return n, nil
}

func compile(ctx context.Context, g, folded *ann.Graph, nets networks, o Options) (f *forms, err error) {
	f = &forms{input: g.Input.Shape.Len(), output: folded.Output, networks: nets, terms: termsOf(nets.normalised)}
	if o.Original == nil {
		o.Original = g
	}
	if err := f.trained(o.Original, folded); err != nil {
		return nil, err
	}
	var neurons []int // Layers of them.
	for i := range nets.balanced.Layers {
		if !nets.balanced.Layers[i].IsGate() {
			neurons = append(neurons, i)
		}
	}
	for _, c := range []struct {
		plan      **sim.Plan
		net       *snn.Network
		reference bool
		marks     []int
		traced    []int
	}{
		{&f.event, nets.normalised, false, marks(o.Timesteps), nil},
		{&f.reference, nets.normalised, true, nil, nil},
		{&f.eventBalanced, nets.balanced, false, nil, neurons},
		{&f.eventExact, nets.exactNormalised, false, nil, nil},
		{&f.eventExactBalanced, nets.exactBalanced, false, nil, nil},
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if *c.plan, err = sim.Compile(c.net, sim.Options{Timesteps: o.Timesteps, Seed: o.Seed, Reference: c.reference, Marks: c.marks, Traced: c.traced}); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// bounds returns, per layer, the bounds that the trained network has for its activations;
// infinities where it has none. Only those of the output can be below zero, and are where
// it ends in no rectifier.
func bounds(folded *ann.Graph, net *snn.Network) (least, most []float64) {
	nodes := folded.ByName()
	least, most = make([]float64, len(net.Layers)), make([]float64, len(net.Layers))
	for i := range net.Layers {
		l := &net.Layers[i]
		least[i], most[i] = math.Inf(-1), math.Inf(1)
		if n := nodes[l.Name]; n != nil {
			if r, ok := n.Op.(ann.Rectifier); ok {
				least[i], most[i] = 0, float64(r.Limit())
			}
		}
	}
	return least, most
}

// compare runs the images and gathers what they showed.
func (f *forms) compare(ctx context.Context, images Images, o Options) ([]Stage, error) {
	found, err := each(ctx, images.Len(), o, func() comparison { return newWorker(f, images).compare })
	return f.stages(found), err
}

// comparison makes all comparisons on image i, that of the engines if asked to, and
// notes what it showed. It belongs to one goroutine.
type comparison func(ctx context.Context, i int, engines bool, f *findings) error

// each makes comparisons on n images and returns the findings on those that were
// finished: all of them, or if ctx ends, with its error, fewer. There are none with
// other errors.
func each(ctx context.Context, n int, o Options, start func() comparison) ([]findings, error) {
	if o.ReferenceImages < 1 {
		o.ReferenceImages = 2
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	found := make([]findings, n)
	done := 0
	err := parallel.Do(ctx, min(o.Workers, n), n, func(int) func(context.Context, int) error {
		compare := start()
		return func(ctx context.Context, i int) error {
			if err := compare(ctx, i, i < o.ReferenceImages, &found[i]); err != nil {
				return fmt.Errorf("verify: image %d: %w", i, err)
			}
			found[i].image, found[i].finished = i, true
			return nil
		}
	}, func() {
		if done++; o.Progress != nil {
			o.Progress(done, n)
		}
	})
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(x findings) bool { return !x.finished }), err
}
