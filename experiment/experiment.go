// Package experiment is the way from a network and data sets, named as a user names
// them, to everything that the other packages need: the trained network, its images,
// what calibration measures, and the spiking network. [Open] is the only way; a
// command line, a run in shards and your own program all use it, with the same
// [Options].
//
// It decides nothing about results: steps are those of packages onnx, calibrate, convert
// and eval. Errors name options as the [Table] does, and hints put braces around them
// (see package internal/hint).
package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/exit"
	"sresnet/internal/hint"
	"sresnet/nir"
	"sresnet/snn"
	"sresnet/tune"
)

// Experiment is a network and images, opened. What takes long is made when it is asked
// for, once: [Experiment.Statistics], [Experiment.Network].
type Experiment struct {
	// Options are those that it was opened with, with defaults filled in.
	Options Options

	Graph       *ann.Graph      // The trained network; nil beside a NIR file alone.
	Original    *ann.Graph      // The trained network as its file has it; Graph may be a simpler form that converts.
	File        *nir.Graph      // The NIR file that the spiking network was read from, or nil.
	Test        *dataset.Images // The images presented; nil without Data.
	Calibration *dataset.Images // The images that shape the spiking network; nil if nothing is converted.
	Device      *energy.Device  // Of Options.Device; nil for none.

	// Made says how the network was made, once it has been; nil for that of a NIR file.
	Made *Conversion

	// Real is an integer network before its weights were rounded, once it has been made; nil
	// for others, and where it is not known, as of a NIR file.
	Real *snn.Network

	model, trained  modelSpec // With paths where the files are, as those below.
	data, calibrate dataset.Spec
	train           *dataset.Dataset // That Calibration is the first images of.

	// Also are percentiles that calibration measures beside that of the options, see
	// [calibrate.Statistics].Also; to be set before anything is calibrated.
	Also []float64

	made    *made
	network *snn.Network
	factors Factors
	tuning  *Tuning
}

// Conversion describes how a network was made.
type Conversion struct {
	Images       int    `json:"images"`            // Calibration images,
	Skipped      int    `json:"skipped,omitempty"` // and those that could not be read.
	Unspoken     int    `json:"unspoken"`          // Of the images, those on which no logit is positive.
	Compensation string `json:"compensation"`

	Tuning *Tuning `json:"calibrated_for_t,omitempty"` // What calibration for T found; nil if there was none.

	Seconds float64 `json:"seconds,omitempty"` // That all of it took: calibration, conversion, searches. What several networks share counts for each.
}

// Took returns the seconds that it took to make the network, 0 for one from a file.
func (c *Conversion) Took() float64 {
	if c == nil {
		return 0
	}
	return c.Seconds
}

// made is what experiments that differ only in how they convert share.
type made struct {
	statistics map[float64]*calibrate.Statistics // By percentile,
	took       map[float64]float64               // with the seconds that they took.
	factors    map[string]Factors                // By all options that a network depends on,
	tuned      map[string]tunedNetwork           // and these,
	rules      map[string]*exit.Rule             // and by those and Exit.
}

// Open opens the network and the images that o names, and checks that they fit and that
// the network converts. Without Data and Calibrate it opens the network alone. Options
// that make no sense give an [*OptionError].
func Open(ctx context.Context, o Options) (*Experiment, error) {
	e, err := newExperiment(o)
	if err != nil {
		return nil, err
	}
	if IsNIR(o.Model) {
		if err := e.openNIR(); err != nil {
			return nil, err
		}
	} else if o.Trained != "" {
		return nil, bad("trained", "", fmt.Errorf("%s is the trained network; the option is for NIR files", o.Model))
	}
	e.Options.Readout = cmp.Or(e.Options.Readout, eval.Readouts()[0])
	test, train, err := e.open(e.File == nil || o.Trained != "")
	if err != nil {
		return nil, err
	}
	if e.File != nil && test != nil {
		e.network = imagesFor(e.network, test)
	}
	if e.File == nil {
		d := test
		if d == nil {
			d = train
		}
		if err := e.readTrained(&e.model, d); err != nil {
			return nil, err
		}
	} else if o.Trained != "" {
		if err := e.readTrained(&e.trained, test); err != nil {
			return nil, err
		}
	}
	if err := e.takeImages(ctx, test, train); err != nil {
		return nil, err
	}
	if err := e.checkExit(); err != nil {
		return nil, err
	}
	if e.Graph == nil || e.Calibration == nil {
		return e, nil
	}
	if err := e.checkScales(); err != nil {
		return nil, err
	}
	if n := e.Calibration.Len(); o.Refit && n < tune.MinRefit {
		return nil, tooFew(&tune.FewImagesError{Images: n, Want: tune.MinRefit})
	}
	return e, convert.Check(e.Original)
}

// newExperiment checks and reads the options.
func newExperiment(o Options) (*Experiment, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Model == "" {
		return nil, bad("model", "", hint.Error(errMissing, "give an .onnx or .nir file, or weights: %s", weightsNamed))
	}
	e := &Experiment{Options: o, made: &made{make(map[float64]*calibrate.Statistics), make(map[float64]float64), make(map[string]Factors), make(map[string]tunedNetwork), make(map[string]*exit.Rule)}}
	at := o.located()
	e.model, _ = parseModel(at.Model) // Check has seen these.
	e.trained, _ = parseModel(at.Trained)
	e.data, _ = dataset.ParseSpec(at.Data)
	e.calibrate, _ = dataset.ParseSpec(at.Calibrate)
	if o.Calibrate == "" {
		e.calibrate = e.data
		e.calibrate.Images = 0
	}
	if e.calibrate.Images > 0 {
		e.Options.CalibrationImages = e.calibrate.Images
	}
	switch {
	case e.data.Images == 0:
	case o.AtMost: // What the data set is asked for goes before a default.
		e.Options.Images, e.Options.AtMost = e.data.Images, false
	default:
		e.Options.Images = cmp.Or(o.Images, e.data.Images)
	}
	e.Device, _ = o.device()
	return e, nil
}

// readTrained reads the trained network for the images of d; nil is for those it takes.
func (e *Experiment) readTrained(m *modelSpec, d *dataset.Dataset) (err error) {
	crop := e.data.Crop
	if d == nil || e.Options.Data == "" {
		crop = e.calibrate.Crop
	}
	if e.Original, err = m.readFor(d, crop); err == nil {
		e.Graph, err = convert.Simplify(e.Original)
	} else if e.Options.Dir != "" && errors.Is(err, fs.ErrNotExist) {
		return hint.Error(err, "the run was planned with this file: put it back there, or say where it has moved with 'sresnet eval RUN {map} FROM=TO'")
	}
	if m == &e.model && e.model.isWeights() { // They have said what they are.
		named, _ := parseModel(e.Options.Model)
		named.arch = m.arch
		e.Options.Model = named.String()
	}
	return err
}

// takeImages takes the images that are asked for. It fills in Normalize.
func (e *Experiment) takeImages(ctx context.Context, test, train *dataset.Dataset) (err error) {
	var asked part
	if test != nil {
		// Before the training images, of which there may be many to read.
		sized, err := e.fitting(test, e.data)
		if err != nil {
			return err
		}
		if asked, err = e.firstImages(test); err != nil {
			return err
		}
		if c, _, _ := sized.Shape().CHW(); e.Options.Normalize == "" {
			e.Options.Normalize = defaultNormalization(test, c)
		}
	}
	if train != nil {
		e.train = train
		n := min(e.Options.CalibrationImages, train.Len())
		if e.Calibration, err = e.view(ctx, train, e.calibrate, first(n), false); err != nil {
			return err
		}
	}
	if test != nil {
		if e.Test, err = e.view(ctx, test, e.data, asked, e.Options.Glance); err == nil {
			err = e.checkFrames(test)
		}
	} else if train != nil && train.Frames() > 1 {
		e.Options.warn(fmt.Sprintf("images of %s are made of %d frames each: calibration takes their mean", train.Spec(), train.Frames()))
	}
	return err
}

// Select divides the training images: the first CalibrationImages of them shape networks,
// and the SelectionImages after them, which it returns with their place, choose among
// these. If there are fewer, all are divided in that proportion.
func (e *Experiment) Select(ctx context.Context) (images *dataset.Images, from, end int, err error) {
	if !e.train.Labelled() {
		return nil, 0, 0, hint.Error(fmt.Errorf("training images of %s have no labels, so that nothing can be chosen on them", e.train.Spec()), "give labelled ones with {calibrate}")
	}
	n, m, err := divide(e.train.Len(), e.Options.CalibrationImages, e.Options.SelectionImages)
	if err != nil {
		return nil, 0, 0, hint.Error(fmt.Errorf("%s: %w", e.calibrate.Source, err), "give more training images with {calibrate}")
	}
	if n < e.Calibration.Len() {
		if e.Calibration, err = e.view(ctx, e.train, e.calibrate, first(n), false); err != nil {
			return nil, 0, 0, err
		}
	}
	e.Options.CalibrationImages, e.Options.SelectionImages = n, m
	images, err = e.view(ctx, e.train, e.calibrate, part{n, n + m}, false)
	return images, n, n + m, err
}

// With returns the experiment with other options for the conversion and the simulation,
// and other images to present: otherwise the networks and images are the same, and
// nothing is measured twice. Options are taken as they are: see [Options.Check].
func (e *Experiment) With(o Options, test *dataset.Images) *Experiment {
	was := &e.Options // Which has what o leaves open.
	o.Calibrate, o.Normalize, o.Readout = cmp.Or(o.Calibrate, was.Calibrate), cmp.Or(o.Normalize, was.Normalize), cmp.Or(o.Readout, was.Readout)
	other := *e
	other.Options, other.Test = o, test
	if o.Device != was.Device {
		other.Device, _ = o.device() // Nil for one that Check refuses.
	}
	if e.File == nil {
		other.network, other.factors, other.tuning, other.Made, other.Real = nil, Factors{}, nil, nil, nil
	}
	return &other
}

// Statistics returns what calibration measures of the trained network, with the lambdas that
// [Options.Lambda] sets.
func (e *Experiment) Statistics(ctx context.Context) (*calibrate.Statistics, error) {
	s, err := e.measured(ctx, e.Options.Percentile)
	if err != nil {
		return nil, err
	}
	return e.withScales(ctx, s)
}

// measured returns what calibration measures, with a percentile for lambdas.
func (e *Experiment) measured(ctx context.Context, percentile float64) (*calibrate.Statistics, error) {
	if s := e.made.statistics[percentile]; s != nil {
		return s, nil
	}
	if e.Calibration == nil {
		return nil, bad("calibrate", "", hint.Error(errMissing, "give training images: %s", dataset.Specs))
	}
	err := e.calibrateFor(ctx, percentile, e.Calibration)
	return e.made.statistics[percentile], err
}

// CalibrateOn bases [Experiment.Statistics] on images other than the calibration images
// of the options, such as random ones.
func (e *Experiment) CalibrateOn(ctx context.Context, images calibrate.Images) error {
	return e.calibrateFor(ctx, e.Options.Percentile, images)
}

// percentiles returns those that lambdas are taken from.
func (e *Experiment) percentiles() []float64 {
	list := []float64{e.Options.Percentile}
	for _, s := range e.Options.Lambda {
		if s.Percentile > 0 && !slices.Contains(list, s.Percentile) {
			list = append(list, s.Percentile)
		}
	}
	return list
}

// calibrateFor measures images for a percentile.
func (e *Experiment) calibrateFor(ctx context.Context, percentile float64, images calibrate.Images) error {
	o := &e.Options
	c := calibrate.Options{Percentile: percentile, Workers: o.WorkerCount()}
	for _, p := range append(slices.Clone(e.Also), e.percentiles()...) { // Of the same pass.
		if p != percentile && !slices.Contains(c.Also, p) {
			c.Also = append(c.Also, p)
		}
	}
	var stop func()
	c.Progress, stop = o.Step("calibrating")
	defer stop()
	began := time.Now()
	s, err := calibrate.Run(ctx, e.Graph, images, c)
	var node *ann.NodeError
	if errors.As(err, &node) {
		return hint.Error(fmt.Errorf("%s: %w", e.model.file, err), "give with {normalize} how pixels were normalised in training; if %s is right, export the model again", o.Normalize)
	}
	if err == nil {
		e.made.statistics[percentile], e.made.took[percentile] = s, time.Since(began).Seconds()
		for _, other := range s.Also {
			e.made.statistics[other.Percentile] = other
		}
	}
	return err
}

// Network returns the spiking network: that of the NIR file, or the trained one converted
// and compensated.
func (e *Experiment) Network(ctx context.Context) (*snn.Network, error) {
	if e.network != nil && (e.File == nil || e.Graph == nil || e.Made != nil) {
		return e.network, nil
	}
	s, err := e.Statistics(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if e.File != nil {
		return e.network, e.reconvert(s)
	}
	net, err := e.convert(ctx, s)
	if err != nil {
		return nil, err
	}
	if net, err = e.rescaled(net); err != nil {
		return nil, err
	}
	key := e.shape(searched...)
	f, known := e.made.factors[key]
	if !known {
		if f, err = e.compensate(ctx, net); err != nil {
			return nil, err
		}
		e.made.factors[key] = f
	}
	if f.PerLayer != nil {
		if net, err = net.Compensated(f.PerLayer); err != nil {
			return nil, err
		}
	}
	if o := &e.Options; o.Bits > 0 && !net.Integer() {
		e.Real = net
		if net, err = net.Quantised(snn.Integers{Bits: o.Bits, StateBits: o.StateBits, Timesteps: o.Timesteps, InputMax: s.InputMax}); err != nil {
			return nil, fmt.Errorf("%s: %w", e.model.file, err)
		}
	}
	e.network, e.factors = net, f
	e.converted(s)
	e.Made.Seconds = e.made.took[e.Options.Percentile] + time.Since(began).Seconds()
	return net, nil
}

// scheduled returns a network as it was converted with a schedule and a coding.
func scheduled(net *snn.Network, s snn.Schedule, c snn.Coding) *snn.Network {
	net.Schedule, net.Coding = s, c
	if s == snn.Phased {
		return net.Exact()
	}
	return net
}

// convert converts the trained network, with its schedule, and calibrates it for T if that
// is asked for.
func (e *Experiment) convert(ctx context.Context, s *calibrate.Statistics) (*snn.Network, error) {
	o := &e.Options
	if o.Tuned() {
		return e.tuned(ctx, s)
	}
	net, err := convert.Convert(e.Graph, s, o.Convert())
	if err != nil {
		return nil, err
	}
	net = scheduled(net, o.Schedule, o.Coding)
	return net, net.Validate()
}

// converted notes how the network was made.
func (e *Experiment) converted(s *calibrate.Statistics) {
	e.Made = &Conversion{Images: s.Images, Unspoken: s.Unspoken, Compensation: e.factors.String(), Tuning: e.tuning}
	if e.Calibration != nil {
		e.Made.Skipped = e.Calibration.Skipped()
	}
}

// shape is all options that a network depends on, as text: those that shape one and some
// others.
func (e *Experiment) shape(others ...string) string {
	var s string
	for _, p := range Table() {
		if (p.Shapes || slices.Contains(others, p.Name)) && p.Name != "preset" { // Which only names what it began with.
			s += p.Get(&e.Options) + "\x00"
		}
	}
	return s
}

// searched are the options that shape no network by themselves, but that the search for
// compensation factors depends on: it simulates.
var searched = []string{"timesteps", "readout", "seed", "engine"}

// Rectifiers returns how many nodes of the trained network become populations, at the
// least: those that rectify, and the output.
func (e *Experiment) Rectifiers() int {
	n := 1
	for i := range e.Graph.Nodes {
		if _, ok := e.Graph.Nodes[i].Op.(ann.Rectifier); ok {
			n++
		}
	}
	return n
}

// Factors returns what the compensation found, once there is a network.
func (e *Experiment) Factors() *Factors { return &e.factors }

// Evaluation returns the options of an evaluation.
func (e *Experiment) Evaluation() (eval.Options, error) {
	readout, err := e.Options.readout()
	return eval.Options{Sim: e.Options.Sim(), Readout: readout, Device: e.Device, Workers: e.Options.Workers}, err
}

// Evaluate presents the test images to both networks. As [eval.Run], it may return a
// result together with an error.
func (e *Experiment) Evaluate(ctx context.Context) (*eval.Result, error) {
	return e.evaluate(ctx, false)
}

// EvaluateLast is Evaluate for an experiment whose spiking network serves for nothing else,
// which takes less memory. Whoever asks for the network again has it made again.
func (e *Experiment) EvaluateLast(ctx context.Context) (*eval.Result, error) {
	// Simulations leave next to no garbage, so that looking for it more often costs nothing.
	defer debug.SetGCPercent(debug.SetGCPercent(30))
	return e.evaluate(ctx, e.File == nil && !e.Options.Tuned())
}

func (e *Experiment) evaluate(ctx context.Context, last bool) (*eval.Result, error) {
	if e.Test == nil {
		return nil, noImages()
	}
	net, err := e.Network(ctx)
	if err != nil {
		return nil, err
	}
	o, err := e.Evaluation()
	if err != nil {
		return nil, err
	}
	if o.Exit, err = e.ExitRule(ctx); err != nil {
		return nil, err
	}
	if o.First, err = e.First(ctx); err != nil {
		return nil, err
	}
	var stop func()
	o.Progress, stop = e.Options.Step("simulating")
	defer stop()
	if o.Last = last; last {
		e.network, e.Real = nil, nil
		runtime.GC() // What calibration and conversion have left.
	}
	r, err := eval.Run(ctx, e.Graph, net, e.Test, o)
	if last {
		runtime.GC() // The engines, before [Experiment.Doubts] runs the trained network again.
	}
	if r != nil {
		r.Skipped, r.CalibrationSeconds = e.Test.Skipped(), e.Made.Took()
	}
	return r, err
}
