package main

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sresnet/benchmark"
	"sresnet/dataset"
	"sresnet/diagnose"
	"sresnet/eval"
	"sresnet/models"
	"sresnet/nir"
	"sresnet/tensor"
	"sresnet/verify"
)

// fits complains of lines of more than 80 columns.
func fits(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%s: %d columns: %q", name, n, line)
		}
		if strings.ContainsRune(line, 0x1b) {
			t.Errorf("%s: an escape sequence: %q", name, line)
		}
	}
}

// What commands print fits 80 columns where the width of the terminal is not known.
func TestOutputFits(t *testing.T) {
	dir := t.TempDir()
	writeDigits(t, filepath.Join(dir, "digits"))
	const network, net = "resnet8.onnx", "net.nir"
	if err := os.WriteFile(filepath.Join(dir, network), models.ResNet8MNIST, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir) // Paths are words, which are not broken.
	data := []string{"--data", "mnist:digits", "--calibrate", "mnist:digits?images=10", "-T", "9"}
	with := func(args ...string) []string { return append(args, data...) }
	for _, args := range [][]string{
		with("eval", network, "--images", "4", "--device", "lemaire-45nm"),
		with("eval", network, "--images", "4", "--readout", "count"),
		with("sweep", network, "--selection-images", "3", "--images", "2", "--percentile", "99,99.9", "--reset", "subtract,zero", "--encoding", "direct,poisson", "-o", "sweep"),
		with("diagnose", network, "--images", "3"),
		with("verify", network, "--images", "1"),
		with("record", network, "--images", "1", "-o", "a.npz"),
		with("watch", network, "--image", "7"),
		{"demo", "--images", "3", "--data", "mnist:digits", "-T", "9"},
		{"bench", network, "--images", "2", "-T", "3", "--rounds", "1", "-j", "2"},
		{"inspect", network},
		{"inspect", network, "--plan"},
		{"convert", network, "--calibrate", "mnist:digits?images=5", "--preset", "few-steps", "-T", "4", "--bits", "8", "--target", "speck", "-o", "speck.nir"},
		{"convert", network, "--calibrate", "mnist:digits?images=10", "-o", net},
		{"inspect", net},
		{"inspect", net, "--plan"},
		{"nir", net},
		{"eval", net, "--data", "mnist:digits", "--images", "3", "-T", "9"},
		{"data", "info", "mnist:digits"},
	} {
		code, stdout, stderr := sresnet(t, t.Context(), args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		fits(t, strings.Join(args, " "), stdout)
	}
}

// So do the options that help lists.
func TestOptionsFit(t *testing.T) {
	seen := 0
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		_, flags, ok := strings.Cut(c.UsageString(), "\nFlags:\n")
		if ok {
			flags, _, _ = strings.Cut(flags, "\n\n")
			fits(t, c.CommandPath(), flags)
			seen++
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(newRoot())
	if seen < 10 {
		t.Errorf("only %d commands have options", seen)
	}
}

// Tables fit, too, if names are long and numbers are large.
func TestTablesFit(t *testing.T) {
	const many, huge = math.MaxInt32, 1.234567e17
	long := strings.Repeat("層/\x1b[2Jname ", 20)
	shape := tensor.Shape{65536, 65536, 65536}
	word := strings.Repeat("word ", 30)
	spread := eval.Result{Layers: []eval.Layer{{Name: long, Kind: long, Neurons: many, Lambda: 1.234e-30, Rate: 0.1, SpikesPerImage: huge, ACsPerImage: huge}}}
	classes := &splitInfo{Images: many, Counts: []int{many}}
	layer := diagnose.Layer{Name: long, Lambda: 1.234e-30, At: []diagnose.Errors{{}}}
	layer.At[0].Total.RMS = 1e9
	layer.At[0].Quantisation.RMS = 1e9
	layer.At[0].Shift.RMS = 1e9
	layer.At[0].Rounding.RMS = 1e9
	for name, print := range map[string]func(io.Writer){
		"layers": func(w io.Writer) { printLayers(w, &spread) },
		"inspect": (&inspection{Model: "m", Input: shape, Parameters: many, MACs: math.MaxInt64, Neurons: many, Nodes: []nodeInfo{
			{long, long, shape, many, math.MaxInt64, word}, {long, long, nil, 0, 0, long},
		}}).print,
		"inspect NIR": (&spikingInspection{Model: "m", Input: shape, Encoding: "direct", Weights: many, Neurons: many, Layers: []spikingInfo{
			{long, shape, many, []string{word, word}, many, 1.234e-30, 0.1, "subtract", ""},
		}}).print,
		"nir": (&nirFile{
			File: "net.nir", Version: word, Info: nir.Info{Version: word, Model: word}, Runs: word, Problems: []string{word}, Warnings: []string{word},
			Nodes:   []nirNode{{long, long, shape, map[string]nirArray{long: {"", shape, nil}}, []string{long, long}}},
			Readers: []nirReading{{Reader: long, Why: word}},
		}).print,
		"record": (&recordResult{File: "a.h5", Images: 1, Timesteps: 1, Populations: []recordPopulation{{long, long, shape, many, math.MaxInt64}}}).print,
		"data":   (&dataInfo{measured: new(dataset.Dataset), Spec: "s", Shape: shape, Classes: 1, ClassNames: []string{long}, Train: classes, Test: classes, Missing: []missingSplit{{"test", word}}}).print,
		"plan":   func(w io.Writer) { printPlan(w, []planLayer{{Name: long, Shape: shape, Neurons: many, Method: long}}) },
		"verify": func(w io.Writer) {
			verify.Print(w, []verify.Stage{{Name: word, Difference: 1.23e-300, Unit: word, Bound: 1.23e-300, Where: long, Note: word}})
		},
		"diagnose": func(w io.Writer) {
			(&diagnose.Diagnosis{
				Model: "m", Images: many, Timesteps: []int{many}, SNNTop1: []float64{1}, Layers: []diagnose.Layer{layer},
				Verdict:         []diagnose.Finding{{Text: word}},
				Losses:          []diagnose.Loss{{After: long, Layer: long, With: []string{long}, Points: -100, Low: -100, High: 100, Part: long, Own: long, Size: 100}},
				Counterfactuals: []diagnose.Counterfactual{{Change: long, Timesteps: many, Latency: many, Gain: -100, Low: -100, High: -100, Regained: many, Lost: many}},
			}).Print(w)
		},
		"bench": func(w io.Writer) {
			printBenchmark(w, &benchmark.Result{
				Model: "m", Processor: word, Images: many, Data: "d", Timesteps: many, DenseMillis: huge, ConvGFLOPS: huge, SpikesPerStep: huge, ACsPerStep: huge, PeakMemory: 1e18, Workers: many,
				One: benchmark.Speed{Speed: 1e12, StepMicros: 1e12, SpikeNanos: 1e12, GSynAdd: 1e6, PerDensePass: 1e6, SpeedUp: 1e6},
				All: &benchmark.Speed{}, Shared: &benchmark.Speed{}, Layers: []benchmark.Layer{{Name: long, Method: long, Neurons: many, StepMicros: 1e12, GSynAdd: 1e9}},
			})
		},
	} {
		var b strings.Builder
		print(&b)
		fits(t, name, b.String())
	}
}
