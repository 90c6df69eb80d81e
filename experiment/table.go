package experiment

import (
	"fmt"
	"strings"

	"sresnet/dataset"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tune"
)

// Table returns all options, in the order in which help lists them. Flags, checks, JSON
// and the manifests of runs follow from it: an option is added here, and as a field of
// [Options].
func Table() []Option { return table }

// table is made once; nothing changes it.
var table = []Option{
	{
		Name: "data", Help: "test images; `SPEC` is " + dataset.Specs,
		value: text(func(o *Options) *string { return &o.Data }),
	},
	{
		Name: "calibrate", Help: "calibration images, a `SPEC` like that of {data} (default: the training images of {data})",
		Shapes: true, value: text(func(o *Options) *string { return &o.Calibrate }),
	},
	{
		Name: "calibration-images", Default: "1000", Help: "calibrate on the first `N` of them, or all if there are fewer",
		Range: Range{Min: 1, Unbound: true}, Shapes: true, value: integer(func(o *Options) *int { return &o.CalibrationImages }),
	},
	{
		Name: "images", Default: "0", Help: "present the first `N` test images; 0 means all",
		Range: Range{Unbound: true}, value: integer(func(o *Options) *int { return &o.Images }),
	},
	{
		Name: "selection-images", Default: "1000", Help: "choose on `N` training images, those after the calibration images",
		Range: Range{Min: 1, Unbound: true}, value: integer(func(o *Options) *int { return &o.SelectionImages }),
	},
	{
		Name: "normalize", Help: "how pixels were normalised in training; `HOW` is " + dataset.Normalizations + " (default: that of the data set)",
		value: text(func(o *Options) *string { return &o.Normalize }),
	},
	{
		Name: "preset", Default: presets[0].Name, Words: Presets, Help: presetHelp(),
		Shapes: true, Setting: &Setting{},
		value: text(func(o *Options) *string { return &o.Preset }),
	},
	{
		Name: "schedule", Default: snn.Synchronous.String(), Words: snn.Schedules, Help: "when layers fire: all at once, or each in a window of T timesteps, once it has its whole input; `WORD` is " + Either(snn.Schedules()),
		Shapes: true, Setting: &Setting{},
		value: word[snn.Schedule]{func(o *Options) *snn.Schedule { return &o.Schedule }, snn.ScheduleNamed},
	},
	{
		Name: "coding", Default: snn.Rate.String(), Words: snn.Codings, Help: "what is the value of a neuron, the number of its spikes or, if phased, the time of one; `WORD` is " + Either(snn.Codings()),
		Shapes: true, Setting: &Setting{},
		value: word[snn.Coding]{func(o *Options) *snn.Coding { return &o.Coding }, snn.CodingNamed},
	},
	{
		Name: "lambdas", Default: LayerLambdas.String(), Words: func() []string { return lambdas }, Help: "what has a scale of its own: a layer, by {percentile}, or a channel, chosen for T; `WORD` is " + Either(lambdas),
		Shapes: true, Setting: &Setting{},
		value: word[Lambdas]{func(o *Options) *Lambdas { return &o.Lambdas }, LambdasNamed},
	},
	{
		Name: "match", Default: NoMatch.String(), Words: func() []string { return matches }, Help: "what calibration for T changes so that means are the trained network's, biases or start potentials; `WORD` is " + Either(matches),
		Shapes: true, Setting: &Setting{},
		value: word[Match]{func(o *Options) *Match { return &o.Match }, MatchNamed},
	},
	{
		Name: "refit", Default: "false", Help: fmt.Sprintf("fit the weights anew to the spikes that arrive: weights change; takes %d calibration images", tune.MinRefit),
		Shapes: true, Setting: &Setting{},
		value: boolean(func(o *Options) *bool { return &o.Refit }),
	},
	{
		Name: "bits", Default: "0", Help: "round weights to whole numbers of `B` bits, 2 to 16, thresholds and biases to whole numbers, too, as chips have them; 0 for real numbers",
		Range: Range{Max: snn.MaxBits}, Shapes: true, Setting: &Setting{Prefix: "b"},
		value: integer(func(o *Options) *int { return &o.Bits }),
	},
	{
		Name: "state-bits", Default: "0", Help: "for {bits}: let potentials saturate at `B` bits, 8 to 24, as those of chips do; 0 for as many as they need",
		Range: Range{Max: snn.MaxStateBits}, Shapes: true, Setting: &Setting{Prefix: "s"},
		value: integer(func(o *Options) *int { return &o.StateBits }),
	},
	{
		Name: "percentile", Default: "99.9", Help: "percentile `P` of a layer's activations that becomes its scale; 100 is the maximum",
		Range: Range{Max: 100, Above: true}, Shapes: true, Setting: &Setting{Prefix: "p", Always: true, Tried: []string{"99", "99.9", "99.99", "100"}},
		value: number(func(o *Options) *float64 { return &o.Percentile }),
	},
	{
		Name: "lambda", Help: "scale of one layer: `LAYER=L`, or LAYER=p99.99, LAYER=max, LAYER=x1.5 for that much more; or a file of such lines; may be repeated",
		Shapes: true, value: scalesValue{},
	},
	{
		Name: "shared-lambda", Default: "false", Help: "use one scale, the largest, for all layers joined by identity shortcuts, so that these shortcuts have weight 1",
		Shapes: true, value: boolean(func(o *Options) *bool { return &o.SharedLambda }),
	},
	{
		Name: "reset", Default: snn.ResetSubtract.String(), Words: snn.Resets, Help: "what a spike does to the potential; `WORD` is " + Either(snn.Resets()),
		Shapes: true, Setting: &Setting{},
		value: word[snn.Reset]{func(o *Options) *snn.Reset { return &o.Reset }, snn.ResetNamed},
	},
	{
		Name: "encoding", Default: snn.Direct.String(), Words: snn.Encodings, Help: "how pixels enter the network; `WORD` is " + Either(snn.Encodings()),
		Shapes: true, Setting: &Setting{},
		value: word[snn.Encoding]{func(o *Options) *snn.Encoding { return &o.Encoding }, snn.EncodingNamed},
	},
	{
		Name: "neuron", Default: neurons[0], Words: func() []string { return neurons }, Help: "neuron model; `WORD` is " + Either(neurons),
		Shapes: true, Setting: &Setting{},
		value: text(func(o *Options) *string { return &o.Neuron }),
	},
	{
		Name: "leak", Default: "1", Help: "for {neuron} lif: fraction `A` of the potential left after a timestep; 1 means no leak",
		Range: Range{Max: 1, Above: true}, Shapes: true, Setting: &Setting{Prefix: "a"},
		value: number(func(o *Options) *float64 { return &o.Leak }),
	},
	{
		Name: "refractory", Default: "0", Help: "for {neuron} lif: rest `N` timesteps after a spike",
		Range: Range{Max: snn.MaxRefractory}, Shapes: true, Setting: &Setting{Prefix: "r"},
		value: integer(func(o *Options) *int { return &o.Refractory }),
	},
	{
		Name: "v-init", Default: "0.5", Help: "initial potential `V` of every neuron, in thresholds",
		Range: Range{Max: 1, Below: true}, Shapes: true, Setting: &Setting{Prefix: "v", Always: true, Tried: []string{"0", "0.5"}},
		value: number(func(o *Options) *float64 { return &o.VInit }),
	},
	{
		Name: "compensation", Default: NoCompensation.String(), Words: Compensations,
		Help:   "factor on synapses against the loss of spikes with depth; `WORD` is " + Either(Compensations()),
		Shapes: true, Setting: &Setting{Always: true, Tried: Compensations()},
		value: word[Compensation]{func(o *Options) *Compensation { return &o.Compensation }, CompensationNamed},
	},
	{
		Name: "compensation-images", Default: "200", Help: "search for the factor on the first `N` calibration images",
		Range: Range{Min: 1, Unbound: true}, Shapes: true, value: integer(func(o *Options) *int { return &o.CompensationImages }),
	},
	{
		Name: "timesteps", Letter: "T", Default: "350", Help: "present each image for `T` timesteps; of a phased network, T per window",
		Range: Range{Min: 1, Max: sim.MaxTimesteps}, value: integer(func(o *Options) *int { return &o.Timesteps }),
	},
	{
		Name: "readout", Words: eval.Readouts, Help: "how outputs become a class; `WORD` is " + Either(eval.Readouts()) + " (default: " + eval.CountPotential.String() + ", or that of a NIR file)",
		value: text(func(o *Options) *string { return &o.Readout }),
	},
	{
		Name: "exit", Help: "stop an image once its class leads by enough: of the calibration images, at most a share `EPSILON` stops too early (default: no early exit)",
		Range: Range{Max: 1, Below: true}, value: optional(func(o *Options) **float64 { return &o.Exit }),
	},
	{
		Name: "engine", Default: engines[0], Words: func() []string { return engines }, Help: "simulator; `WORD` is " + Either(engines) + " (slow, for comparison)",
		value: text(func(o *Options) *string { return &o.Engine }),
	},
	{
		Name: "seed", Default: "1", Help: "`SEED` for the random spikes of poisson encoding",
		value: unsigned(func(o *Options) *uint64 { return &o.Seed }),
	},
	{
		Name: "device", Help: "estimate the energy on a `DEVICE`: " + strings.Join(energy.DeviceNames(), ", ") + ", or a JSON file with energies (docs/energy.md)",
		value: text(func(o *Options) *string { return &o.Device }),
	},
	{
		Name: "workers", Letter: "j", Default: "0", Help: "run `N` images at a time; 0 means one per core; never changes a result",
		Range: Range{Max: MaxWorkers}, value: integer(func(o *Options) *int { return &o.Workers }),
	},
}

// neurons are the words for neuron models, that of the paper first.
var neurons = []string{snn.IF{}.Kind(), snn.LIF{}.Kind()}

// engines are the words for simulators.
var engines = []string{"event", "reference"}

// MaxWorkers bounds [Options.Workers]: each has a network's activations in memory.
const MaxWorkers = 1024
