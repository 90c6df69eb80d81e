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
	"sresnet/internal/terminal"
	"sresnet/sim"
	"sresnet/snn"
)

// Trials is what is to be tried, or why that is pointless.
type Trials struct {
	Fault *Finding // A conversion that is wrong; nil as it should be.

	List     []Trial
	Networks []*snn.Network // That are tried; the first is the subject's.
}

// Trial is one thing to try, on all images.
type Trial struct {
	Change    string `json:"change"`
	Layer     string `json:"layer"` // Empty for the whole network.
	Timesteps int    `json:"timesteps"`
	Latency   int    `json:"latency,omitempty"` // Of a phased network.
	Network   int    `json:"network"`           // Index among [Trials].Networks.

	Kind   kindOfTrial `json:"kind"`
	Index  int         `json:"index"`  // Of the layer, or -1.
	Higher bool        `json:"higher"` // Whether a percentile is above the subject's.

	Options map[string]any `json:"options,omitempty"` // What to set for it, see [Counterfactual].
	// Trials that follow each other with the same group, unless it is 0, share work on an image.
	// With n images, m trials of a group whose first is trial k are numbered from k n on, image
	// by image: trial k + j on image i has the number k n + i m + j. Each other is a group of
	// its own.
	Group int `json:"group,omitempty"`
}

// trial is a counterfactual with what is needed to put it into words, and with what came of
// it on each half of the images.
type trial struct {
	Counterfactual
	kind   kindOfTrial
	index  int
	higher bool

	first, second eval.Pairs
}

func (t *trial) all() eval.Pairs {
	return eval.Pairs{Images: t.first.Images + t.second.Images, Gained: t.first.Gained + t.second.Gained, Lost: t.first.Lost + t.second.Lost}
}

type kindOfTrial string

const (
	replaced         kindOfTrial = "replaced"
	lambdaMax        kindOfTrial = "lambda_maximum"
	lambdaPercentile kindOfTrial = "lambda_percentile"
	moreTimesteps    kindOfTrial = "timesteps"
	startPotential   kindOfTrial = "v_init"
	allPercentile    kindOfTrial = "percentile"
	compensation     kindOfTrial = "compensation"
	readout          kindOfTrial = "readout"

	lambdaFactor kindOfTrial = "lambda_factor"
	schedule     kindOfTrial = "schedule"
	scheduleFor  kindOfTrial = "schedule_calibrated" // That calibrated for T, too.
	noLeak       kindOfTrial = "leak"
	wideState    kindOfTrial = "state_bits"
	calibrated   kindOfTrial = "calibrated"
	realWeights  kindOfTrial = "real_weights"

	found kindOfTrial = "found" // Lambdas that were searched.
)

// Groups of trials.
const (
	groupOfLambdas = 1 + iota // They share the layers before.
	groupOfCuts               // They share what the trained network computes.
)

// Percentiles that are tried, for a layer and for all.
const (
	low  = 99
	high = 99.99
)

// Percentiles returns those that are tried. Where Subject.Statistics has them in Also, calibration
// images are not presented again.
func Percentiles() []float64 { return []float64{100, high, low} }

// compensationImages is how many calibration images layer factors are taken from.
const compensationImages = 20

// Plan returns what is to be tried, by what was measured on all images. It calibrates
// again for other percentiles and searches factors for the compensation.
func (d *Diagnoser) Plan(ctx context.Context, m *Measurement) (*Trials, error) {
	fault, err := d.fault(ctx)
	if err != nil || fault != nil {
		return &Trials{Fault: fault}, err
	}
	trials := &Trials{Networks: []*snn.Network{d.Network}}
	plan := d.planConverted
	if d.made() {
		plan = d.planMade
	}
	if err := plan(ctx, m, trials); err != nil {
		return nil, err
	}
	if err := d.addRemedy(ctx, trials); err != nil {
		return nil, err
	}
	for _, i := range d.cuts() {
		what, more := d.Network.Layers[i].Name, len(d.cut(i))-1
		if more > 0 {
			what += fmt.Sprintf(" and what shortcuts bring around it (%s)", terminal.Plural(more, "layer", "layers"))
		}
		d.add(trials, replaced, i, d.Network, "%s replaced by the trained network's", what).Group = groupOfCuts
	}
	return trials, nil
}

// add adds a trial of a network, for the subject's T until that is changed.
func (d *Diagnoser) add(trials *Trials, kind kindOfTrial, layer int, net *snn.Network, format string, args ...any) *Trial {
	t := Trial{Kind: kind, Index: layer, Change: fmt.Sprintf(format, args...)}
	if net != d.Network {
		t.Network = len(trials.Networks)
		trials.Networks = append(trials.Networks, net)
	}
	if layer >= 0 {
		t.Layer = d.Network.Layers[layer].Name
	}
	t.lasts(net, d.T)
	trials.List = append(trials.List, t)
	return &trials.List[len(trials.List)-1]
}

// sets says which options make it so.
func (t *Trial) sets(options map[string]any) *Trial {
	t.Options = options
	return t
}

// lasts says how long t takes with that network.
func (t *Trial) lasts(net *snn.Network, T int) {
	t.Timesteps, t.Latency = T, 0
	if net.Schedule != snn.Synchronous {
		t.Latency = net.Latency(T)
	}
}

// planConverted lists what to try for a synchronous network that was converted and no more.
func (d *Diagnoser) planConverted(ctx context.Context, m *Measurement, trials *Trials) error {
	statistics, err := d.percentiles(ctx)
	if err != nil {
		return err
	}
	for _, i := range worst(m.diagnosis(d), d.o.Worst) {
		d.addLambdas(trials, i, statistics)
	}
	if !d.runsOn() && d.runs(d.Network, 2*d.T) { // Else it has been measured.
		d.add(trials, moreTimesteps, -1, d.Network, moreText, 2*d.T, d.T).sets(d.more()).lasts(d.Network, 2*d.T)
	}
	o := d.Convert
	o.VInit = d.otherStart()
	if net, err := d.convert(d.Statistics, o); err == nil {
		d.add(trials, startPotential, -1, net, "V[0] = %v in place of %v", o.VInit, d.Convert.VInit).Options = map[string]any{"v_init": o.VInit}
	}
	d.addPercentiles(trials, statistics)
	d.addNoLeak(trials)
	if err := d.addCompensation(ctx, m, trials); err != nil {
		return err
	}
	return d.addSchedule(ctx, trials)
}

// moreText is the change of [moreTimesteps], and more the option that makes it.
const moreText = "T = %d in place of %d"

func (d *Diagnoser) more() map[string]any { return map[string]any{"timesteps": 2 * d.T} }

// otherStart returns the start potential of the two usual ones that the subject has not.
func (d *Diagnoser) otherStart() float32 {
	if d.Convert.VInit == 0.5 {
		return 0
	}
	return 0.5
}

// addLambdas adds other lambdas of a layer.
func (d *Diagnoser) addLambdas(trials *Trials, i int, statistics []*calibrate.Statistics) {
	l := &d.Network.Layers[i]
	name, scale := l.Name, l.Lambda/float32(l.Neuron.Period()) // As calibration has it.
	for _, s := range statistics {
		node := s.Node(name)
		if node == nil || !(node.Lambda > 0) || node.Lambda == d.Statistics.Node(name).Lambda {
			continue
		}
		net, err := d.convert(d.withLambda(d.Statistics, name, node.Lambda), d.Convert)
		if err != nil {
			continue // A lambda that does not convert does not help.
		}
		kind, what := lambdaPercentile, fmt.Sprintf("percentile %v", s.Percentile)
		if s.Percentile == 100 {
			kind, what = lambdaMax, "the maximum"
		}
		t := d.add(trials, kind, i, net, "lambda of %s from %.4g to %s, %.4g", name, scale, what, node.Lambda)
		t.Higher, t.Group = node.Lambda > d.Statistics.Node(name).Lambda, groupOfLambdas
		t.Options = map[string]any{"lambda": map[string]string{name: fmt.Sprintf("p%v", s.Percentile)}}
	}
}

// addPercentiles adds other percentiles of all layers.
func (d *Diagnoser) addPercentiles(trials *Trials, statistics []*calibrate.Statistics) {
	for _, s := range statistics {
		if net, err := d.convert(s, d.Convert); err == nil {
			t := d.add(trials, allPercentile, -1, net, "percentile %v in place of %v in all layers", s.Percentile, d.Statistics.Percentile)
			t.Higher, t.Options = d.raises(s), map[string]any{"percentile": s.Percentile}
		}
	}
}

// raises reports whether the lambda that s changes most is a higher one.
func (d *Diagnoser) raises(s *calibrate.Statistics) bool {
	most := 0.0
	for i := range s.Nodes {
		if before := d.Statistics.Node(s.Nodes[i].Node); before != nil && before.Lambda > 0 && s.Nodes[i].Lambda > 0 {
			if by := math.Log(float64(s.Nodes[i].Lambda) / float64(before.Lambda)); math.Abs(by) > math.Abs(most) {
				most = by
			}
		}
	}
	return most > 0
}

// addNoLeak adds neurons that do not leak, where some do.
func (d *Diagnoser) addNoLeak(trials *Trials) {
	if !slices.ContainsFunc(d.Network.Layers, func(l snn.Layer) bool { return !l.IsGate() && leaks(&l.Neuron) }) {
		return
	}
	o := d.Convert
	if o.Neuron = nil; d.Convert.Neuron == nil { // The network has others than it was converted for.
		o = d.Convert
	}
	if net, err := d.convert(d.Statistics, o); err == nil {
		d.add(trials, noLeak, -1, net, "neurons without leak").Options = map[string]any{"neuron": "if", "leak": 1, "refractory": 0}
	}
}

// addCompensation adds compensation, unless the subject has some.
func (d *Diagnoser) addCompensation(ctx context.Context, m *Measurement, trials *Trials) error {
	if d.Factors != nil {
		return nil
	}
	if d.Calibration != nil {
		net, err := d.compensated(ctx)
		if err != nil {
			return err
		}
		d.add(trials, compensation, -1, net, "compensation by layer").Options = map[string]any{"compensation": "layer"}
	}
	if rate := m.activeRate(d.Network); rate > 0 {
		// What every active neuron is short of on average, if it starts empty [hu2023].
		factor := float32(1 + 1/(2*float64(d.T)*rate))
		net, err := d.Network.Compensated(d.Network.UniformFactors(factor))
		if err != nil {
			return err
		}
		d.add(trials, compensation, -1, net, "compensation by one factor, %.4f", factor)
	}
	return nil
}

// worst returns the layers with the largest errors of their own, against their activations.
func worst(r *Diagnosis, n int) []int {
	index := make([]int, len(r.Layers))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(a, b int) int {
		x, y := r.Layers[a].last(), r.Layers[b].last()
		return cmp.Compare(y.relative(y.own()), x.relative(x.own()))
	})
	return index[:min(n, len(index))]
}

// last is the error at the last of the lengths.
func (l *Layer) last() *Errors { return &l.At[len(l.At)-1] }

// own returns the size of the error that arises in the layer itself.
func (e *Errors) own() float64 {
	return math.Sqrt(e.Clipping.RMS*e.Clipping.RMS + e.Quantisation.RMS*e.Quantisation.RMS + e.Unevenness.RMS*e.Unevenness.RMS + e.Vanished.RMS*e.Vanished.RMS + e.Rounding.RMS*e.Rounding.RMS + e.Leak.RMS*e.Leak.RMS + e.Saturation.RMS*e.Saturation.RMS)
}

// relative returns the size of an error against that of the activations of the layer, so that
// layers can be compared: how large lambda is depends on whether it is right. Where there are no
// activations it is against the error itself.
func (e *Errors) relative(size float64) float64 {
	switch scale := cmp.Or(e.Activation, e.Total.RMS); {
	case size == 0:
		return 0
	case scale == 0: // Parts that cancel each other.
		return 1
	default:
		return size / scale
	}
}

// percentiles calibrates again, if the subject has other percentiles.
func (d *Diagnoser) percentiles(ctx context.Context) ([]*calibrate.Statistics, error) {
	if d.Calibration == nil {
		return nil, nil
	}
	all := d.Statistics.Also
	known := func(p float64) int {
		return slices.IndexFunc(all, func(s *calibrate.Statistics) bool { return s.Percentile == p })
	}
	var wanted, missing []float64
	for _, p := range Percentiles() {
		if p == d.Statistics.Percentile {
			continue
		}
		if wanted = append(wanted, p); known(p) < 0 {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		s, err := calibrate.Run(ctx, d.Graph, d.Calibration, calibrate.Options{Percentile: missing[0], Also: missing[1:], Workers: d.o.Workers})
		if err != nil {
			return nil, err
		}
		all = append(append(slices.Clone(all), s), s.Also...)
	}
	var list []*calibrate.Statistics
	for _, p := range wanted {
		list = append(list, all[known(p)])
	}
	return list, nil
}

// withLambda returns s with another lambda of one node, and of the one that has the same.
func (d *Diagnoser) withLambda(s *calibrate.Statistics, node string, lambda float32) *calibrate.Statistics {
	c := *s
	c.Nodes = slices.Clone(s.Nodes)
	for _, name := range append(convert.SameScale(d.Graph, node), node) {
		c.Node(name).Lambda = lambda
	}
	return &c
}

// convert converts as the subject was, for its schedule.
func (d *Diagnoser) convert(s *calibrate.Statistics, o convert.Options) (*snn.Network, error) {
	net, err := convert.Convert(d.Graph, s, o)
	if err != nil {
		return nil, err
	}
	net.Schedule, net.Coding = d.Network.Schedule, d.Network.Coding
	if d.Factors == nil {
		return net, nil
	}
	return net.Compensated(d.Factors)
}

// firstImages are a few of many.
type firstImages struct {
	calibrate.Images
	n int
}

func (f firstImages) Len() int { return f.n }

// firstSequences are those of images that are made of frames.
type firstSequences struct {
	firstImages
	all sim.Sequences
}

func (f firstSequences) Frames() int                         { return f.all.Frames() }
func (f firstSequences) Sequence(i int, dst []float32) error { return f.all.Sequence(i, dst) }

func (d *Diagnoser) compensated(ctx context.Context) (*snn.Network, error) {
	var images calibrate.Images = firstImages{d.Calibration, min(compensationImages, d.Calibration.Len())}
	if s, ok := d.Calibration.(sim.Sequences); ok {
		images = firstSequences{images.(firstImages), s}
	}
	factors, err := calibrate.LayerFactors(ctx, d.Graph, d.Network, images, calibrate.Compensation{Sim: d.simulation(d.T), Workers: d.o.Workers})
	if err != nil {
		return nil, err
	}
	return d.Network.Compensated(factors)
}

// rates returns the rates that the trained network's activations of a layer stand for, CHW.
func (d *Diagnoser) rates(layer int, runner *infer.Runner) []float32 {
	l := &d.Network.Layers[layer]
	a, channels := runner.Activation(l.Name), l.Shape[0]
	positions := len(a) / channels
	r := make([]float32, len(a))
	for i, x := range a {
		c := i % channels
		r[c*positions+i/channels] = max(x/l.LambdaOf(c), 0)
	}
	return r
}
