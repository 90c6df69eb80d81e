// Package diagnose says why a spiking network is less accurate than the trained one
// it was converted from, and what would recover the accuracy.
//
// [Run] presents images to both networks and splits the error of every neuron into its
// parts, see [Split]. Then it tries what could help, one thing at a time: a layer
// replaced by the trained network's, its lambda raised or lowered, more timesteps,
// other start potentials, compensation. The accuracy that each recovers ranks the
// verdict. A [Diagnoser] does the same in steps, which can be divided among processes.
//
// Memory is bounded by the network and a few numbers per image and layer. Results
// depend neither on the number of workers nor on how the work was divided.
package diagnose

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/eval"
	"sresnet/shard"
	"sresnet/sim"
	"sresnet/snn"
)

// Subject is what is diagnosed: a trained network, its conversion, and images.
type Subject struct {
	Graph      *ann.Graph
	Statistics *calibrate.Statistics // Of the conversion; with Also, of [Percentiles] that then are not measured again.
	Convert    convert.Options       // Of the conversion. ThresholdBalanced must not be set.
	Network    *snn.Network          // The conversion, calibrated for T or not.
	Real       *snn.Network          // Network before its weights were rounded to whole numbers; nil if they were not, or it is not known.
	Factors    []float32             // The compensation factors in it, see snn.Network.Compensated; nil for none.

	Images      eval.Images      // To measure accuracy on.
	Calibration calibrate.Images // To try other percentiles on; nil tries none.

	// Remake makes the network anew with other settings, as it was made but for these; nil
	// where that cannot be done, so that less is tried. Settings that do not go together
	// with how it was made are an error, and are not tried either.
	Remake func(context.Context, Settings) (*snn.Network, error)
}

// Settings are those that [Subject.Remake] takes.
type Settings struct {
	Schedule   snn.Schedule
	Timesteps  int     // T
	VInit      float32 // V[0]
	Calibrated bool    // Lambdas per channel and biases are calibrated for T, if they were not.
	Real       bool    // Weights are real numbers, if they were rounded to whole ones.

	Lambda map[string]string // Of layers by name, a number, or xF for F times what it was; nil for those that they have.
	Bias   bool              // Biases are calibrated for T with the lambdas that layers have.
}

// Options adjusts a diagnosis.
type Options struct {
	// Timesteps are the lengths T at which errors are split, ascending. The last
	// one is that of the verdict.
	Timesteps []int

	Readout eval.Readout
	Seed    uint64 // Of Poisson spikes.

	// Worst is how many layers counterfactuals are run for. Defaults to 3.
	Worst int

	// Remedy searches the lambdas of all layers, on calibration images.
	Remedy bool

	// Workers is how many images run at a time. It never changes a result.
	// Defaults to the number of cores.
	Workers int

	// Step, if set, is called when a longer step begins, such as "measuring". It returns what
	// the step calls to report progress, calls which do not overlap, and at its end.
	Step func(name string) (update func(done, total int), stop func())
}

// step begins a longer step.
func (o *Options) step(name string) (update func(done, total int), stop func()) {
	if o.Step == nil {
		return func(int, int) {}, func() {}
	}
	return o.Step(name)
}

// Diagnosis is what was found. It is plain data with the JSON form that the command
// prints.
type Diagnosis struct {
	Model           string           `json:"model"`
	Images          int              `json:"images"`
	Timesteps       []int            `json:"t"`
	ANNTop1         float64          `json:"trained_top1"`       // Fractions of 1.
	SNNTop1         []float64        `json:"spiking_top1"`       // At each of Timesteps.
	Schedule        string           `json:"schedule,omitempty"` // Of phased networks, as the next two; T is that of a window.
	Coding          string           `json:"coding,omitempty"`
	Latency         int              `json:"latency,omitempty"` // Timesteps from the image to the answer.
	Bits            int              `json:"bits,omitempty"`    // Of the weights of an integer network.
	Layers          []Layer          `json:"layers"`
	Losses          []Loss           `json:"losses,omitempty"` // By depth; their points add up to what is lost.
	Counterfactuals []Counterfactual `json:"counterfactuals"`  // The largest gain comes first.
	Verdict         []Finding        `json:"verdict"`          // The largest gain comes first.

	// Advice is what to set of the options of an experiment, by their keys: for what a search has
	// found, if one was asked for; else for the first change of the verdict that leaves T as it is;
	// else for a larger T.
	Advice map[string]any `json:"advice,omitempty"`
}

// Read reads a Diagnosis from its JSON form.
func Read(b []byte) (*Diagnosis, error) {
	d := new(Diagnosis)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, err
	}
	if len(d.SNNTop1) != len(d.Timesteps) {
		return nil, fmt.Errorf("it has %d lengths and %d accuracies", len(d.Timesteps), len(d.SNNTop1))
	}
	return d, nil
}

// Layer is one population, or one max-pool gate, over all images.
type Layer struct {
	Name    string  `json:"layer"`
	Kind    string  `json:"kind"` // The connections that end on it.
	Neurons int     `json:"neurons"`
	Lambda  float64 `json:"lambda"` // The largest of its channels.

	// Shares, at the last of the lengths: of neurons on an image whose activation
	// exceeds lambda; of neurons that never fire on any image; of neurons on an
	// image that fire at every timestep.
	Clipped   float64 `json:"clipped"`
	Dead      float64 `json:"dead"`
	Saturated float64 `json:"saturated"`

	// Of phased networks the share of neurons on an image that make no spike although their
	// activation is above zero.
	Vanished float64 `json:"vanished,omitempty"`

	// Of the output the root of the mean square of the logits, in units of lambda, where none of
	// an image is positive: spikes do not show these.
	Unspoken float64 `json:"unspoken,omitempty"`

	At []Errors `json:"at"` // At each of the lengths.

	Channels []Channel `json:"channels,omitempty"` // Of phased networks.

	// Scatter has the activation over lambda and the rate of some neurons, at the
	// last of the lengths.
	Scatter [][2]float64 `json:"scatter"`
}

// Errors is the error of a layer after T timesteps, in units of lambda. A gate hands
// on what its source does, so that all of its error is inherited.
type Errors struct {
	Timesteps    int     `json:"t"`
	Correlation  float64 `json:"correlation"` // Of rate and activation; 0 where one of them is constant.
	Activation   float64 `json:"activation"`  // Root of the mean square of the activations.
	Total        Size    `json:"total"`
	Clipping     Size    `json:"clipping"`
	Inherited    Size    `json:"inherited"`
	Quantisation Size    `json:"quantisation"`
	Unevenness   Size    `json:"unevenness"`
	Shift        Size    `json:"shift,omitzero"`      // Where calibration for T has shifted biases.
	Vanished     Size    `json:"vanished,omitzero"`   // Of phased networks.
	Rounding     Size    `json:"rounding,omitzero"`   // Of integer networks.
	Leak         Size    `json:"leak,omitzero"`       // Of leaky neurons.
	Saturation   Size    `json:"saturation,omitzero"` // Of potentials that have few bits.
}

// Size is how large an error is over all neurons and images.
type Size struct {
	Bias float64 `json:"bias"` // Mean.
	RMS  float64 `json:"rms"`  // Root of the mean square.
}

// Counterfactual is one thing that was tried.
type Counterfactual struct {
	Change    string  `json:"change"`
	Layer     string  `json:"layer"` // Empty for the whole network.
	Timesteps int     `json:"t"`
	Latency   int     `json:"latency,omitempty"` // Of a phased network: timesteps from the image to the answer.
	Top1      float64 `json:"spiking_top1"`
	Gain      float64 `json:"gain"` // In points, over the network as it is.
	Low       float64 `json:"low"`  // Interval of 95 % of it.
	High      float64 `json:"high"`
	Regained  int     `json:"regained"`           // Images that only the change gets right.
	Lost      int     `json:"lost"`               // Images that only the network as it is gets right.
	Replaced  bool    `json:"replaced,omitempty"` // All up to the layer is replaced by the trained network, see [Loss].

	Options map[string]any `json:"options,omitempty"` // What to set for it, by the keys of options; nil where none does.
}

// Finding is one sentence of the verdict. Of what is advised, Points is what it recovers on images
// that did not choose it.
type Finding struct {
	Text   string  `json:"text"`
	Layer  string  `json:"layer"` // Empty for the whole network.
	Cause  string  `json:"cause"` // One of the Cause constants.
	Points float64 `json:"points"`
	Low    float64 `json:"low"` // Interval of 95 % of it; both are 0 where nothing was measured.
	High   float64 `json:"high"`

	Options map[string]any `json:"options,omitempty"` // What to set to follow it, by the keys of options.

	Searched bool `json:"searched,omitempty"` // It is what the search of [Options.Remedy] has found.
}

// Causes of a loss of accuracy.
const (
	CauseConversion   = "conversion" // The spiking network computes something else.
	CauseClipping     = "clipping"
	CauseInherited    = "inherited"
	CauseQuantisation = "quantisation"
	CauseUnevenness   = "unevenness"
	CauseReadout      = "readout"
	CauseShift        = "shift"      // What calibration for T added to biases.
	CauseVanished     = "vanished"   // Activations below the lowest level.
	CauseRounding     = "rounding"   // Of weights to whole numbers.
	CauseLeak         = "leak"       // Of potentials.
	CauseSaturation   = "saturation" // Of potentials that have few bits.
	CauseNone         = "none"       // Nothing is lost.
)

// Run diagnoses s.
func Run(ctx context.Context, s Subject, o Options) (*Diagnosis, error) {
	d, err := New(s, o)
	if err != nil {
		return nil, err
	}
	m, err := all(ctx, d.Measuring(), &o, "measuring errors")
	if err != nil {
		return nil, err
	}
	t, err := d.Plan(ctx, m)
	if err != nil {
		return nil, err
	}
	w, err := d.Trying(t.List, func(i int) (*snn.Network, error) { return t.Networks[i], nil })
	if err != nil {
		return nil, err
	}
	outcomes, err := all(ctx, w, &o, "trying changes")
	if err != nil {
		return nil, err
	}
	return d.Diagnosis(m, t, outcomes), nil
}

// all does all of w, a step of that name.
func all[S shard.Sum[S]](ctx context.Context, w shard.Work[S], o *Options, name string) (S, error) {
	update, stop := o.step(name)
	defer stop()
	sum, i, done := w.New(), -1, 0
	next := func() (int, bool, error) { i++; return i, i < w.Images, nil }
	err := w.Present(ctx, w.Images, next, func(part S) error {
		sum.Merge(part)
		done++
		update(done, w.Images)
		return nil
	})
	return sum, err
}

// Diagnoser is a subject made ready. It measures ([Diagnoser.Measuring]), plans by what
// it has measured what to try ([Diagnoser.Plan]), tries it ([Diagnoser.Trying]), and
// sums up ([Diagnoser.Diagnosis]). It is safe for concurrent use.
type Diagnoser struct {
	Subject
	o     Options
	T     int // The last of the lengths.
	model *infer.Model

	rounding *snn.Network // What rounding has changed of the weights; nil for nothing that is known.
}

// New checks that the parts of s fit. What only Plan uses may be missing if it is not
// called: Statistics, Convert, Factors and Calibration.
func New(s Subject, o Options) (*Diagnoser, error) {
	if s.Images.Len() == 0 {
		return nil, errors.New("diagnose: no images")
	}
	if len(o.Timesteps) == 0 || !slices.IsSorted(o.Timesteps) {
		return nil, fmt.Errorf("diagnose: timesteps %v: give at least one length, ascending", o.Timesteps)
	}
	if s.Network.Schedule == snn.Phased && len(o.Timesteps) > 1 {
		return nil, fmt.Errorf("diagnose: timesteps %v: a phased network answers after one number of timesteps; give that alone", o.Timesteps)
	}
	if s.Convert.ThresholdBalanced {
		return nil, errors.New("diagnose: the network has balanced thresholds; diagnose the one with normalised weights, which spikes identically")
	}
	for i := range s.Network.Layers {
		l := &s.Network.Layers[i]
		if !l.IsGate() && l.Neuron.Reset != snn.ResetSubtract {
			return nil, fmt.Errorf("diagnose: layer %q resets to zero, which loses charge; the error can be split only for reset by subtraction", l.Name)
		}
		if shape, ok := s.Graph.Shape(l.Name); !ok || shape.Len() != l.Neurons() {
			return nil, fmt.Errorf("diagnose: layer %q of the spiking network is not in the trained network %q", l.Name, s.Graph.Name)
		}
	}
	if !s.Images.Shape().Equal(s.Graph.Input.Shape) {
		return nil, fmt.Errorf("diagnose: images are %v, network %q takes %v", s.Images.Shape(), s.Graph.Name, s.Graph.Input.Shape)
	}
	model, err := infer.New(s.Graph)
	if err != nil {
		return nil, err
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Worst == 0 {
		o.Worst = 3
	}
	d := &Diagnoser{Subject: s, o: o, T: o.Timesteps[len(o.Timesteps)-1], model: model}
	if s.Real != nil {
		if d.rounding, err = s.Network.RoundingError(s.Real); err != nil {
			return nil, fmt.Errorf("diagnose: %w", err)
		}
	}
	return d, nil
}

// Diagnosis sums up what was measured on all images and what came of the trials, all of
// them; with a fault there are none, and o may be nil.
func (d *Diagnoser) Diagnosis(m *Measurement, t *Trials, o *Outcomes) *Diagnosis {
	r := m.diagnosis(d)
	if t.Fault != nil {
		fault := *t.Fault
		lost := lossOf(m.right(d), m.trained())
		fault.Points = gain(lost)
		fault.Low, fault.High = gainInterval(lost)
		r.Verdict = []Finding{fault}
		return r
	}
	trials := d.tried(m, t.List, o)
	trained := m.trained()
	cuts, right := d.rightBehind(len(trained), t.List, o)
	r.Losses = d.losses(r, m.right(d), cuts, right, trained)
	r.Verdict = verdict(r, trials, lossOf(m.right(d), trained))
	r.Advice = advised(r.Verdict)
	slices.SortStableFunc(trials, func(a, b trial) int { return cmp.Compare(b.Gain, a.Gain) })
	for i := range trials {
		r.Counterfactuals = append(r.Counterfactuals, trials[i].Counterfactual)
	}
	return r
}

// simulation returns the options of a simulation of T timesteps.
func (d *Diagnoser) simulation(T int) sim.Options {
	return sim.Options{Timesteps: T, Seed: d.o.Seed}
}
