package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/eval"
	"sresnet/internal/parallel"
	"sresnet/sim"
	"sresnet/snn"
)

// trial is a counterfactual: what is changed, and then what came of it.
type trial struct {
	Counterfactual
	kind    kindOfTrial
	index   int // Of the layer, or -1.
	net     *snn.Network
	readout eval.Readout
	force   bool // Whether the layer is replaced by the trained network's.
	higher  bool // Whether a percentile is above the subject's.
}

type kindOfTrial int

const (
	replaced kindOfTrial = iota
	lambdaMax
	lambdaPercentile
	moreTimesteps
	startPotential
	allPercentile
	compensation
	readout
)

// Percentiles that are tried, for a layer and for all.
const (
	low  = 99
	high = 99.99
)

// compensationImages is how many calibration images layer factors are taken from.
const compensationImages = 20

// trialCount returns how many trials there are at most, for the progress.
func (d *diagnoser) trialCount() int {
	return 3*min(d.o.Worst, len(d.Network.Layers)) + 8 + len(d.replaceable())
}

// maxReplaced is how many layers are replaced by the trained network's at most.
const maxReplaced = 8

// replaceable returns layers of neurons that are replaced, evenly spread over the
// depth, the last one before the output among them.
func (d *diagnoser) replaceable() []int {
	var all []int
	for i := range d.Network.Layers[:len(d.Network.Layers)-1] {
		if !d.Network.Layers[i].IsGate() {
			all = append(all, i)
		}
	}
	n := min(len(all), maxReplaced)
	var some []int
	for k := 1; k <= n; k++ {
		some = append(some, all[k*len(all)/n-1])
	}
	return some
}

// tryAll runs all counterfactuals.
func (d *diagnoser) tryAll(ctx context.Context, r *Diagnosis, m *measurement) ([]trial, error) {
	trials, err := d.plan(ctx, r, m.activeRate(d.Network))
	if err != nil {
		return nil, err
	}
	last, n := len(r.Timesteps)-1, float64(r.Images)
	for i := range trials {
		t := &trials[i]
		correct, err := d.correct(ctx, t)
		if err != nil {
			return nil, err
		}
		sum := 0
		for j, ok := range correct {
			before := m.images[j].correct[last]
			if ok {
				sum++
			}
			if ok && !before {
				t.Regained++
			}
			if !ok && before {
				t.Lost++
			}
		}
		t.Top1, t.Gain = float64(sum)/n, 100*float64(t.Regained-t.Lost)/n
	}
	return trials, nil
}

// plan returns what is to be tried. rate is that of active neurons.
func (d *diagnoser) plan(ctx context.Context, r *Diagnosis, rate float64) ([]trial, error) {
	statistics, err := d.percentiles(ctx)
	if err != nil {
		return nil, err
	}
	var trials []trial
	add := func(kind kindOfTrial, layer int, net *snn.Network, format string, args ...any) *trial {
		t := trial{kind: kind, index: layer, net: net, readout: d.o.Readout}
		t.Change, t.Timesteps = fmt.Sprintf(format, args...), d.T
		if layer >= 0 {
			t.Layer = d.Network.Layers[layer].Name
		}
		trials = append(trials, t)
		return &trials[len(trials)-1]
	}
	for _, i := range worst(r, d.o.Worst) {
		name := d.Network.Layers[i].Name
		for _, s := range statistics {
			node := s.Node(name)
			if node == nil || !(node.Lambda > 0) || node.Lambda == d.Statistics.Node(name).Lambda {
				continue
			}
			net, err := d.convert(withLambda(d.Statistics, name, node.Lambda), d.Convert)
			if err != nil {
				continue // A lambda that does not convert is no remedy.
			}
			kind, what := lambdaPercentile, fmt.Sprintf("percentile %v", s.Percentile)
			if s.Percentile == 100 {
				kind, what = lambdaMax, "the maximum"
			}
			add(kind, i, net, "lambda of %s from %.4g to %s, %.4g", name, d.Network.Layers[i].Lambda, what, node.Lambda).higher = node.Lambda > d.Statistics.Node(name).Lambda
		}
	}
	add(moreTimesteps, -1, d.Network, "T = %d in place of %d", 2*d.T, d.T).Timesteps = 2 * d.T
	o := d.Convert
	o.VInit = 0.5
	if d.Convert.VInit == 0.5 {
		o.VInit = 0
	}
	if net, err := d.convert(d.Statistics, o); err == nil {
		add(startPotential, -1, net, "V[0] = %v in place of %v", o.VInit, d.Convert.VInit)
	}
	for _, s := range statistics {
		if net, err := d.convert(s, d.Convert); err == nil {
			add(allPercentile, -1, net, "percentile %v in place of %v in all layers", s.Percentile, d.Statistics.Percentile).higher = s.Percentile > d.Statistics.Percentile
		}
	}
	if d.Factors == nil && d.Calibration != nil {
		net, err := d.compensated(ctx)
		if err != nil {
			return nil, err
		}
		add(compensation, -1, net, "compensation by layer")
	}
	if d.Factors == nil && rate > 0 {
		// What every active neuron is short of on average, if it starts empty [hu2023].
		factor := float32(1 + 1/(2*float64(d.T)*rate))
		net, err := d.Network.Compensated(d.Network.UniformFactors(factor))
		if err != nil {
			return nil, err
		}
		add(compensation, -1, net, "compensation by one factor, %.4f", factor)
	}
	if d.o.Readout != eval.Potential {
		add(readout, -1, d.Network, "read-out by accumulated current").readout = eval.Potential
	}
	for _, i := range d.replaceable() {
		add(replaced, i, d.Network, "%s replaced by the trained network's", d.Network.Layers[i].Name).force = true
	}
	return trials, nil
}

// worst returns the layers with the largest errors of their own.
func worst(r *Diagnosis, n int) []int {
	index := make([]int, len(r.Layers))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(a, b int) int {
		return cmp.Compare(r.Layers[b].last().own(), r.Layers[a].last().own())
	})
	return index[:min(n, len(index))]
}

// last is the error at the last of the lengths.
func (l *Layer) last() *Errors { return &l.At[len(l.At)-1] }

// own returns the size of the error that arises in the layer itself.
func (e *Errors) own() float64 {
	return math.Sqrt(e.Clipping.RMS*e.Clipping.RMS + e.Quantisation.RMS*e.Quantisation.RMS + e.Unevenness.RMS*e.Unevenness.RMS)
}

// percentiles calibrates anew, where the subject has other percentiles.
func (d *diagnoser) percentiles(ctx context.Context) ([]*calibrate.Statistics, error) {
	if d.Calibration == nil {
		return nil, nil
	}
	var list []*calibrate.Statistics
	for _, p := range []float64{100, high, low} {
		if p == d.Statistics.Percentile {
			continue
		}
		s, err := calibrate.Run(ctx, d.Graph, d.Calibration, calibrate.Options{Percentile: p, Workers: d.o.Workers})
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// withLambda returns s with another lambda of one node.
func withLambda(s *calibrate.Statistics, node string, lambda float32) *calibrate.Statistics {
	c := *s
	c.Nodes = slices.Clone(s.Nodes)
	c.Node(node).Lambda = lambda
	return &c
}

// convert converts as the subject was.
func (d *diagnoser) convert(s *calibrate.Statistics, o convert.Options) (*snn.Network, error) {
	net, err := convert.Convert(d.Graph, s, o)
	if err != nil || d.Factors == nil {
		return net, err
	}
	return net.Compensated(d.Factors)
}

// firstImages are a few of many.
type firstImages struct {
	calibrate.Images
	n int
}

func (f firstImages) Len() int { return f.n }

func (d *diagnoser) compensated(ctx context.Context) (*snn.Network, error) {
	images := firstImages{d.Calibration, min(compensationImages, d.Calibration.Len())}
	factors, err := calibrate.LayerFactors(ctx, d.Graph, d.Network, images, calibrate.Compensation{Sim: d.simulation(d.T), Workers: d.o.Workers})
	if err != nil {
		return nil, err
	}
	return d.Network.Compensated(factors)
}

// correct returns on which images the network names the label.
func (d *diagnoser) correct(ctx context.Context, t *trial) ([]bool, error) {
	plan, err := sim.Compile(t.net, d.simulation(t.Timesteps))
	if err != nil {
		return nil, err
	}
	n := d.Images.Len()
	correct := make([]bool, n)
	workers := min(d.o.Workers, n)
	err = parallel.Do(ctx, workers, n, func(int) func(context.Context, int) error {
		engine, pixels := plan.NewEngine(), make([]float32, d.Images.Shape().Len())
		var runner *infer.Runner
		if t.force {
			runner = d.model.NewRunner()
		}
		return func(ctx context.Context, i int) error {
			if err := d.Images.Image(i, pixels); err != nil {
				return fmt.Errorf("diagnose: image %d: %w", i, err)
			}
			if t.force {
				if _, err := runner.Run(pixels); err != nil {
					return fmt.Errorf("diagnose: image %d: trained network: %w", i, err)
				}
				if err := engine.Force(t.index, d.currents(t.index, runner)); err != nil {
					return err
				}
			}
			rec, err := engine.Run(ctx, pixels, i)
			if err != nil {
				return fmt.Errorf("diagnose: image %d: %w", i, err)
			}
			lo, hi := (t.Timesteps-1)*rec.Classes, t.Timesteps*rec.Classes
			correct[i] = t.readout.Class(rec.Counts[lo:hi], rec.Potential[lo:hi], rec.Current[lo:hi]) == d.Images.Label(i)
			return nil
		}
	}, d.progress)
	return correct, err
}

// currents returns what makes a layer fire at the rates that the trained network's
// activations stand for, CHW.
func (d *diagnoser) currents(layer int, runner *infer.Runner) []float32 {
	l := &d.Network.Layers[layer]
	a, channels := runner.Activation(l.Name), l.Shape[0]
	positions := len(a) / channels
	c := make([]float32, len(a))
	for i, x := range a {
		ch := i % channels
		c[ch*positions+i/channels] = x / l.Lambda * l.Neuron.ThresholdOf(ch)
	}
	return c
}
