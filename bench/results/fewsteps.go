package main

import (
	"fmt"
	"strconv"
)

// fewCalibrationImages is how many training images a run of few steps is calibrated on.
const fewCalibrationImages = 2000

// fewSteps is how a run of few steps differs from those of the paper at T = 350. The zero
// value is such a run of the paper.
type fewSteps struct {
	preset    string
	timesteps int     // T, of a phased network per window.
	refit     bool    // Weights are fitted anew.
	bits      int     // Of whole weights; 0 for real ones.
	exit      float64 // Epsilon of the early exit; 0 for none.
}

// presets are what the manifest of a run has for the options that are not the paper's.
var presets = map[string]map[string]any{
	"paper":      {"schedule": "synchronous", "coding": "rate", "lambdas": "layer", "match": "none"},
	"calibrated": {"schedule": "synchronous", "coding": "rate", "lambdas": "channel", "match": "bias", "v_init": 0.25},
	"few-steps":  {"schedule": "phased", "coding": "rate", "lambdas": "channel", "match": "bias"},
	"one-spike":  {"schedule": "phased", "coding": "first-spike", "lambdas": "channel", "match": "bias"},
}

// The columns of the tables of accuracy, beside that of the paper.
var fewColumns = []fewSteps{{preset: "calibrated"}, {preset: "few-steps"}, {preset: "few-steps", refit: true}, {preset: "one-spike"}}

// fewTs are the timesteps that have a table of accuracy.
var fewTs = []int{32, 16, 8}

// fewNetworks stand on the page in this order.
var fewNetworks = []network{resnet20, resnet20Projection, resnet44, mnist}

// wholeNetworks also run with whole weights.
var wholeNetworks = []network{resnet20, resnet20Projection, resnet44}

// wholeBits are the bits that the table of whole weights has.
var wholeBits = []int{16, 8, 4}

// wholeRuns are what whole weights are compared in.
var wholeRuns = []fewSteps{{preset: "few-steps", timesteps: 16}, {preset: "calibrated", timesteps: 32}}

// fewRuns lists the runs and their networks, the most telling first.
var fewRuns = []struct {
	fewSteps
	networks []network
}{
	{fewSteps{preset: "few-steps", timesteps: 16}, fewNetworks},
	{fewSteps{preset: "one-spike", timesteps: 16}, fewNetworks},
	{fewSteps{preset: "few-steps", timesteps: 8}, fewNetworks},
	{fewSteps{preset: "few-steps", timesteps: 32}, []network{resnet20, resnet20Projection, resnet44}},
	{fewSteps{preset: "calibrated", timesteps: 32}, []network{resnet20, resnet20Projection, resnet44}},
	{fewSteps{preset: "calibrated", timesteps: 16}, []network{resnet20, resnet44}},
	{fewSteps{preset: "few-steps", timesteps: 16, refit: true}, []network{resnet20, resnet20Projection, resnet44}},
	{fewSteps{preset: "few-steps", timesteps: 16, bits: 16}, wholeNetworks},
	{fewSteps{preset: "few-steps", timesteps: 16, bits: 8}, wholeNetworks},
	{fewSteps{preset: "few-steps", timesteps: 16, bits: 4}, wholeNetworks},
	{fewSteps{preset: "calibrated", timesteps: 32, bits: 16}, []network{resnet20, resnet44}},
	{fewSteps{preset: "calibrated", timesteps: 32, bits: 8}, []network{resnet20, resnet44}},
	{fewSteps{preset: "few-steps", timesteps: 32, exit: 0.01}, []network{resnet20}},
	{fewSteps{preset: "calibrated", timesteps: 32, exit: 0.01}, []network{resnet20}},
	{fewSteps{preset: "paper", timesteps: 128, exit: 0.01}, []network{resnet20}},
}

// fewConfigurations lists the runs of few steps. images is that of the option.
func fewConfigurations(images int) []configuration {
	var list []configuration
	for _, r := range fewRuns {
		for _, n := range r.networks {
			list = append(list, configuration{n, setting{}, r.fewSteps, images})
		}
	}
	return list
}

// String says what the run is, but for its network.
func (f fewSteps) String() string {
	s := fmt.Sprintf("%s, T = %d", f.preset, f.timesteps)
	if f.refit {
		s += ", refit"
	}
	if f.bits > 0 {
		s += fmt.Sprintf(", %d bits", f.bits)
	}
	if f.exit > 0 {
		s += fmt.Sprintf(", exit %v", f.exit)
	}
	return s
}

// name is the part of a run's name after that of its network.
func (f fewSteps) name() string {
	s := fmt.Sprintf("-%s-T%d", f.preset, f.timesteps)
	if f.refit {
		s += "-refit"
	}
	if f.bits > 0 {
		s += fmt.Sprintf("-b%d", f.bits)
	}
	if f.exit > 0 {
		s += fmt.Sprintf("-exit%v", f.exit)
	}
	return s
}

// values are those of [configuration.values] that f decides.
func (f fewSteps) values() map[string]any {
	v := map[string]any{
		"calibration_images": fewCalibrationImages, "timesteps": f.timesteps, "preset": f.preset, "refit": f.refit, "exit": nil,
		"percentile": percentile, "v_init": 0.5, "compensation": "none", "readout": byCount,
	}
	for option, value := range presets[f.preset] {
		v[option] = value
	}
	if f.exit > 0 {
		v["exit"] = f.exit
	}
	if f.bits > 0 { // Runs from before there were bits do not say that they have none.
		v["bits"] = f.bits
	}
	return v
}

// arguments are those of [configuration.arguments] that f decides.
func (f fewSteps) arguments() []string {
	args := []string{"--preset", f.preset, "--timesteps", strconv.Itoa(f.timesteps)}
	if f.exit > 0 {
		args = append(args, "--exit", fmt.Sprint(f.exit))
	}
	if f.refit {
		args = append(args, "--refit")
	}
	if f.bits > 0 {
		args = append(args, "--bits", strconv.Itoa(f.bits))
	}
	return args
}
