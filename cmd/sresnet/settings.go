package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/dataset"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/nir"
	"sresnet/resnet"
	"sresnet/sim"
	"sresnet/snn"
)

// settings are the options of every command that converts and simulates.
type settings struct {
	arch, weights                        string // Of weights without operators.
	data, calibrate, normalize           string
	images, calibrationImages, timesteps int
	percentile, vInit                    float64
	sharedLambda                         bool
	compensation                         string
	compensationImages                   int
	encoding, reset, readout, engine     string
	workers                              int
	seed                                 uint64
	resize, crop, skipBad                int // Of image files.
	device                               string
	table                                *energy.Device // Of --device, once check has seen it; nil for none.
	dataOptional                         bool           // The command does something without --data, too.
}

// Words that options take; the first is the default.
var (
	compensations = []string{"none", "global", "layer"}
	encodings     = []string{snn.Direct.String(), snn.Poisson.String()}
	resets        = []string{snn.ResetSubtract.String(), snn.ResetZero.String()}
	engines       = []string{"event", "reference"}
)

// specWords are what a SPEC may begin with.
var specWords = []string{"cifar10:", "cifar100:", "mnist", "fashion-mnist", "kmnist", "npz:", "npy:", "folder:", "files:", "tar:"}

// dataFlags are about images, networkFlags about the conversion, runFlags about
// the simulation.
func (s *settings) dataFlags(f *pflag.FlagSet, images int) {
	f.StringVar(&s.data, "data", s.data, "test images; `SPEC` is "+dataset.Specs)
	f.StringVar(&s.calibrate, "calibrate", "", "calibration images, a `SPEC` like that of --data (default: the training images of a --data folder)")
	f.IntVar(&s.calibrationImages, "calibration-images", 1000, "calibrate on the first `N` of them, or all if there are fewer")
	f.IntVar(&s.images, "images", images, "present the first `N` test images; 0 means all")
	f.StringVar(&s.normalize, "normalize", "", "how pixels were normalised in training; `HOW` is "+dataset.Normalizations+" (default: that of the data set)")
	f.IntVar(&s.resize, "resize", 0, "of image files: make the shorter side `N` pixels long (default: 8/7 of --crop, or up to 64 pixels just that)")
	f.IntVar(&s.crop, "crop", 0, "of image files: cut `N` x N pixels out of the middle (default: what the network takes)")
	f.IntVar(&s.skipBad, "skip-bad", 0, "leave out up to `N` image files that cannot be read, of test and of calibration images each")
}

func (s *settings) networkFlags(f *pflag.FlagSet) {
	f.Float64Var(&s.percentile, "percentile", 99.9, "percentile `P` of a layer's activations that becomes its scale; 100 is the maximum")
	s.sharedLambdaFlag(f)
	f.Float64Var(&s.vInit, "v-init", 0.5, "potential `V` of every neuron before the first timestep, in thresholds, from 0 to below 1")
	f.StringVar(&s.encoding, "encoding", encodings[0], "how pixels enter, a `WORD`: "+strings.Join(encodings, " or "))
	f.StringVar(&s.reset, "reset", resets[0], "what a spike does to the potential, a `WORD`: "+strings.Join(resets, " or "))
}

func (s *settings) sharedLambdaFlag(f *pflag.FlagSet) {
	f.BoolVar(&s.sharedLambda, "shared-lambda", false, "one scale, the largest, for all layers that identity shortcuts join, so that these shortcuts have the weight 1")
}

func (s *settings) compensationFlag(f *pflag.FlagSet) {
	f.StringVar(&s.compensation, "compensation", compensations[0], "factor on synapses, a `WORD`, against the loss of spikes with depth: "+strings.Join(compensations, ", "))
	f.IntVar(&s.compensationImages, "compensation-images", 200, "search the factor on the first `N` calibration images")
}

func (s *settings) runFlags(f *pflag.FlagSet, timesteps int) {
	f.IntVar(&s.timesteps, "timesteps", timesteps, "length `T` of a presentation")
	f.IntVar(&s.workers, "workers", 0, "`N` images run at a time; 0 means one a core; never changes a result")
	f.Uint64Var(&s.seed, "seed", 1, "`SEED` of the random spikes of --encoding poisson")
}

func (s *settings) readoutFlags(f *pflag.FlagSet) {
	f.StringVar(&s.readout, "readout", eval.CountPotential.String(), "how outputs become a class, a `WORD`: "+strings.Join(eval.Readouts(), ", "))
	f.StringVar(&s.engine, "engine", engines[0], "simulator, a `WORD`: "+strings.Join(engines, " or ")+" (slow, for comparison)")
}

func (s *settings) deviceFlag(f *pflag.FlagSet) {
	f.StringVar(&s.device, "device", "", "estimate the energy on a `DEVICE`: "+strings.Join(deviceNames(), ", ")+", or a JSON file with energies (docs/energy.md)")
}

func deviceNames() []string {
	var names []string
	for _, d := range energy.Devices() {
		names = append(names, d.Name)
	}
	return names
}

// completions lets the shell complete what options and arguments of cmd take.
func completions(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return []string{"onnx", "safetensors", "nir"}, cobra.ShellCompDirectiveFilterFileExt
	}
	for flag, words := range map[string][]string{
		"data":         specWords,
		"calibrate":    specWords,
		"normalize":    {"imagenet", "cifar10", "cifar100", "mnist", "none", "unit"},
		"compensation": compensations, "encoding": encodings, "reset": resets,
		"readout": eval.Readouts(), "engine": engines, "device": deviceNames(), "target": nir.Profiles(),
		"arch": resnet.Architectures(),
	} {
		if cmd.Flags().Lookup(flag) == nil {
			continue
		}
		after := cobra.ShellCompDirectiveNoFileComp
		switch flag {
		case "data", "calibrate":
			after = cobra.ShellCompDirectiveNoSpace // A path may follow.
		case "device":
			after = cobra.ShellCompDirectiveDefault // Or a file.
		}
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, after)) // Fails only for unknown flags.
	}
	if cmd.Flags().Lookup("weights") != nil {
		_ = cmd.MarkFlagFilename("weights", "safetensors")
	}
}

// check returns a usage error for the first option that makes no sense.
func (s *settings) check(command string) error {
	bad := func(format string, args ...any) error { return &usageError{command, fmt.Errorf(format, args...)} }
	switch {
	case s.data == "" && !s.dataOptional:
		return bad("--data is missing: give %s", dataset.Specs)
	case s.images < 0:
		return bad("--images %d: give a number of images, or 0 for all", s.images)
	case s.resize < 0 || s.crop < 0:
		return bad("--resize %d, --crop %d: give numbers of pixels", s.resize, s.crop)
	case s.skipBad < 0:
		return bad("--skip-bad %d: give a number of images", s.skipBad)
	case s.calibrationImages < 1:
		return bad("--calibration-images %d: calibration takes at least one image", s.calibrationImages)
	case s.compensation != "" && s.compensationImages < 1:
		return bad("--compensation-images %d: the search takes at least one image", s.compensationImages)
	case s.timesteps < 1 || s.timesteps > sim.MaxTimesteps:
		return bad("--timesteps %d: a presentation takes from 1 to %d timesteps", s.timesteps, sim.MaxTimesteps)
	case s.workers < 0 || s.workers > maxWorkers:
		return bad("--workers %d: give up to %d workers, or 0 for one a core", s.workers, maxWorkers)
	case !(s.percentile > 0 && s.percentile <= 100): // Also NaN.
		return bad("--percentile %v: give a number above 0, up to 100", s.percentile)
	case !(s.vInit >= 0 && float32(s.vInit) < 1):
		return bad("--v-init %v: give a number from 0 to below 1, in thresholds", s.vInit)
	}
	if s.device != "" {
		var err error
		if s.table, err = energy.OpenDevice(s.device); err != nil {
			return bad("--device: %w", err)
		}
	}
	for _, o := range []struct {
		flag, value string
		words       []string
	}{
		{"compensation", s.compensation, compensations},
		{"encoding", s.encoding, encodings},
		{"reset", s.reset, resets},
		{"readout", s.readout, eval.Readouts()},
		{"engine", s.engine, engines},
	} {
		if o.value != "" && !slices.Contains(o.words, o.value) { // Empty where the command has no such option.
			return bad("--%s %q: give %s", o.flag, o.value, strings.Join(o.words, ", "))
		}
	}
	return nil
}

// scales says how scales come from activations.
func (s *settings) scales() string {
	words := fmt.Sprintf("percentile %v", s.percentile)
	if s.sharedLambda {
		words += ", one lambda along identity shortcuts"
	}
	return words
}

// maxWorkers bounds --workers: each has a network's activations in memory.
const maxWorkers = 1024

// workerCount returns how many images run at a time.
func (s *settings) workerCount() int {
	if s.workers > 0 {
		return s.workers
	}
	return runtime.GOMAXPROCS(0)
}

// fields are the options that make a result, under their names in a manifest, as
// pointers to their values. The last ones are left out of a manifest where they are
// not set.
func (s *settings) fields() map[string]any {
	return map[string]any{
		"data": &s.data, "calibrate": &s.calibrate, "normalize": &s.normalize,
		"images": &s.images, "calibration_images": &s.calibrationImages, "timesteps": &s.timesteps,
		"percentile": &s.percentile, "v_init": &s.vInit, "compensation": &s.compensation, "compensation_images": &s.compensationImages,
		"encoding": &s.encoding, "reset": &s.reset, "readout": &s.readout, "engine": &s.engine,
		"seed": &s.seed, "device": &s.device,
		"resize": &s.resize, "crop": &s.crop, "skip_bad": &s.skipBad, "arch": &s.arch,
		"shared_lambda": &s.sharedLambda,
	}
}

// values returns every option with its value, for the manifest of a run.
func (s *settings) values() map[string]any {
	values := map[string]any{"workers": s.workerCount()}
	for name, field := range s.fields() {
		v := reflect.ValueOf(field).Elem()
		if slices.Contains([]string{"resize", "crop", "skip_bad", "arch", "shared_lambda"}, name) && v.IsZero() {
			continue // Runs were made before these were there.
		}
		values[name] = v.Interface()
	}
	return values
}

// defaultSettings returns what eval has where no option is given.
func defaultSettings() *settings {
	s, f := new(settings), pflag.NewFlagSet("", pflag.ContinueOnError)
	s.dataFlags(f, 0)
	s.networkFlags(f)
	s.compensationFlag(f)
	s.runFlags(f, 350)
	s.readoutFlags(f)
	return s
}

// unrestored are the options in a manifest that restore leaves out: every machine has
// its own number of workers, and the others say what a run is in a sweep or a diagnosis.
var unrestored = []string{"workers", "purpose", "selection_images", "nir_sha256"}

// restore sets every option as in a manifest.
func (s *settings) restore(values map[string]any) error {
	fields := s.fields()
	for name, v := range values {
		field, ok := fields[name]
		switch {
		case slices.Contains(unrestored, name):
			continue
		case !ok:
			return fmt.Errorf("there is no option %q", name)
		}
		b, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(b, field)
		}
		if err != nil {
			return fmt.Errorf("option %q: %w", name, err)
		}
	}
	return nil
}
