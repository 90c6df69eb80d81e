package experiment

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/sim"
	"sresnet/snn"
)

// Options says what an experiment is: a network, images, how the one is converted and the
// others are presented. [DefaultOptions] has the method of the paper; what the numbers may
// be and what they mean is in the [Table].
type Options struct {
	// Model is the file of the network: trained (.onnx, or the weights of a well-known
	// architecture, .safetensors, .pt or .pth) or spiking already (.nir). After a question mark it has
	// options: input=3x224x224, the shape of one image where an ONNX file leaves it open;
	// arch=NAME, the architecture of weights (default: the one that they fit).
	Model string

	// Trained is the trained network that Model, a NIR file, was converted from. The
	// experiment then has both.
	Trained string

	// Data is the test images, Calibrate the training images that shape the spiking network:
	// specs, see [dataset.Open] and [dataset.ParseSpec]. Calibrate defaults to the training
	// images of Data; without either there are no images. Resizing and cropping of image
	// files applies to both, unless Calibrate has its own.
	Data, Calibrate string

	Images            int // Test images; 0 for all.
	CalibrationImages int // Training images, from the first.
	SelectionImages   int // Training images after those, for a choice; see [Experiment.Select].

	Normalize string // How pixels were normalised in training; "" for what is usual for Data.

	// The conversion. Preset is the name of the set of options that the others began with,
	// see [Options.Begin]; by itself it sets none.
	Preset             string
	Schedule           snn.Schedule
	Coding             snn.Coding
	Lambdas            Lambdas // With Match and Refit: calibration for Timesteps.
	Match              Match
	Refit              bool
	Percentile         float64 // Of a layer's activations that becomes its lambda.
	SharedLambda       bool
	VInit              float64 // V[0] in thresholds.
	Encoding           snn.Encoding
	Neuron             string  // Of each population: "if", or "lif".
	Leak               float64 // A of a leaky neuron.
	Refractory         int     // Timesteps of rest after a spike of a leaky neuron.
	Reset              snn.Reset
	AskedReset         bool // Reset was asked for, so that neurons of NIR files of other tools have it.
	Bits               int  // Of the weights of an integer network; 0 for real numbers.
	StateBits          int  // Of its potentials; 0 for as many as they need.
	Compensation       Compensation
	CompensationImages int

	// The simulation.
	Timesteps int    // T; of a phased network T per window.
	OwnT      bool   // Timesteps is a default, in place of which a NIR file may have the T that it was calibrated for.
	Readout   string // One of [eval.Readouts]; "" for what a NIR file says, or the first.
	Engine    string // "event", or "reference".
	Seed      uint64
	Device    string // Whose energies to multiply counts by; "" for none.
	Workers   int    // 0 for one per core; never changes a result.

	// Exit is the share of images that may stop before their class is settled; see package
	// exit. Nil presents all of them to the end, and says nothing of stopping.
	Exit *float64

	// Dir is where relative paths begin, "" for the folder that the program is in, and Moved
	// where files lie that were below another folder when the options were written.
	Dir   string
	Moved []Move

	// Glance says that few of the test images will be looked at, so that those that are
	// files are not all read before the work.
	Glance bool

	// Unlabelled says that no label of an image matters, so that the network need not tell
	// the classes of the data apart.
	Unlabelled bool

	// Progress, if set, is called when a longer step begins, such as "calibrating". It returns
	// what the step calls to report progress, and at its end.
	Progress func(step string) (update func(done, total int), stop func())

	// Warn, if set, is told of what a user should know, such as images that are left out.
	Warn func(text string)
}

// DefaultOptions returns the options of the paper, without a model and images.
func DefaultOptions() Options {
	var o Options
	for _, p := range Table() {
		if err := p.value.set(&o, p.Default); err != nil && p.Default != "" {
			panic("experiment: default of " + p.Name + ": " + err.Error()) // A fault of the table, which a test finds.
		}
	}
	return o
}

// Check returns an [*OptionError] for the first option whose value makes no sense by
// itself.
func (o *Options) Check() error {
	for _, p := range Table() {
		if err := p.Check(o); err != nil {
			return err
		}
	}
	for _, s := range []struct{ name, spec string }{{"data", o.Data}, {"calibrate", o.Calibrate}} {
		if _, err := dataset.ParseSpec(s.spec); err != nil {
			return bad(s.name, "", err)
		}
	}
	if o.Neuron == (snn.IF{}).Kind() {
		for _, p := range []*Option{OptionNamed("leak"), OptionNamed("refractory")} {
			if p.Get(o) != p.Default {
				return bad(p.Name, p.Get(o), errors.New("IF neurons have none"), "give {neuron} lif")
			}
		}
	}
	if float32(o.Leak) == 0 {
		return bad("leak", fmt.Sprint(o.Leak), errors.New("that is 0 in the precision of potentials"))
	}
	if err := o.checkTogether(); err != nil {
		return err
	}
	if _, err := o.device(); err != nil {
		return bad("device", "", err)
	}
	_, err := parseModel(o.Model)
	return err
}

// MarshalJSON writes the options of the [Table], which make a result with the model: all
// of them except the number of workers.
func (o Options) MarshalJSON() ([]byte, error) {
	m := make(map[string]any)
	for _, p := range Table() {
		if p.Name != "workers" {
			m[p.Key()] = p.value.raw(&o)
		}
	}
	return json.Marshal(m)
}

// Move says that what lay below From lies below To. Both are absolute.
type Move struct{ From, To string }

// Path returns where a file that the options name is.
func (o *Options) Path(name string) string {
	if name == "" {
		return ""
	}
	if o.Dir != "" && !filepath.IsAbs(name) {
		name = filepath.Join(o.Dir, name)
	}
	for _, m := range o.Moved {
		if rel, err := filepath.Rel(m.From, name); err == nil && (rel == "." || filepath.IsLocal(rel)) {
			return filepath.Join(m.To, rel)
		}
	}
	return name
}

// located returns o with every path where its file is.
func (o Options) located() Options {
	for _, at := range []*string{&o.Model, &o.Trained} {
		if m, err := parseModel(*at); err == nil && m.file != Builtin {
			m.file = o.Path(m.file)
			*at = m.String()
		}
	}
	for _, at := range []*string{&o.Data, &o.Calibrate} {
		if s, err := dataset.ParseSpec(*at); err == nil {
			*at = s.Map(o.Path).String()
		}
	}
	if o.Device != "" && !slices.Contains(energy.DeviceNames(), o.Device) {
		o.Device = o.Path(o.Device)
	}
	return o
}

// HasMoved reports whether images that the options name lie elsewhere than when they were
// written.
func (o *Options) HasMoved() bool {
	still := *o
	still.Moved = nil
	a, b := o.located(), still.located()
	return a.Data != b.Data || a.Calibrate != b.Calibrate
}

// device returns the device whose energies are asked for; nil for none.
func (o *Options) device() (*energy.Device, error) {
	if o.Device == "" {
		return nil, nil
	}
	at := o.located()
	return energy.OpenDevice(at.Device)
}

// WorkerCount returns how many images run at a time.
func (o *Options) WorkerCount() int {
	return cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
}

// readout returns the read-out that is asked for.
func (o *Options) readout() (eval.Readout, error) {
	return eval.ParseReadout(cmp.Or(o.Readout, eval.Readouts()[0]))
}

// Sim returns the options of the simulation.
func (o *Options) Sim() sim.Options {
	return sim.Options{Timesteps: o.Timesteps, Seed: o.Seed, Reference: o.Engine == "reference"}
}

// Convert returns the options of the conversion.
func (o *Options) Convert() convert.Options {
	c := convert.DefaultOptions()
	c.VInit, c.SharedLambda, c.Reset, c.Encoding = float32(o.VInit), o.SharedLambda, o.Reset, o.Encoding
	c.Neuron = o.NeuronModel()
	return c
}

// setNeuron takes the options of a model from it.
func (o *Options) setNeuron(m snn.Model) {
	if m, ok := m.(snn.LIF); ok {
		o.Neuron, o.Leak, o.Refractory = m.Kind(), float64(m.Leak), m.Refractory
	}
}

// NeuronModel returns the model of the neurons.
func (o *Options) NeuronModel() snn.Model {
	if o.Neuron == (snn.LIF{}).Kind() {
		return snn.LIF{Leak: float32(o.Leak), Refractory: o.Refractory}
	}
	return snn.IF{}
}

// Step begins a longer step of the work: it returns what the step calls to report
// progress, and at its end.
func (o *Options) Step(name string) (update func(done, total int), stop func()) {
	if o.Progress == nil {
		return func(int, int) {}, func() {}
	}
	return o.Progress(name)
}

func (o *Options) warn(text string) {
	if o.Warn != nil {
		o.Warn(text)
	}
}

// noImages is the error of work that takes test images where there are none.
func noImages() error {
	return bad("data", "", hint.Error(errMissing, "give %s", dataset.Specs))
}
