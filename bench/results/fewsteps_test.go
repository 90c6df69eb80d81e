package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/energy"
	"sresnet/eval"
	"sresnet/exit"
	"sresnet/experiment"
	"sresnet/snn"
)

// fakeFewSteps makes a made-up run one of few steps. A phased network has 22 windows, and
// first spikes name another class for the second image.
func fakeFewSteps(opt map[string]string, options map[string]any, r *eval.Result) {
	options["preset"], options["refit"], options["exit"] = opt["preset"], opt["refit"] == "true", nil
	options["percentile"], options["v_init"], options["compensation"], options["readout"] = percentile, 0.5, "none", byCount
	maps.Copy(options, presets[opt["preset"]])
	r.DenseMACsPerImage = 100
	for t := range r.Timesteps {
		r.ACsPerImage[t] = float64(10 * (t + 1))
	}
	r.Energy = &energy.Accounts{ANN: &energy.Account{}}
	r.Energy.ANN.MACs, r.Energy.SNN.Updates = 50, 30
	if options["schedule"] == "phased" {
		r.Schedule, r.Coding, r.Latency = "phased", options["coding"].(string), 22*r.Timesteps
		r.SpikingTop1, r.Agreement = []float64{0.91}, []float64{0.5}
	}
	if options["coding"] == "first-spike" {
		r.Predictions.Spiking = []int{0, 1}
	}
	if e := opt["exit"]; e != "" && r.Schedule == "" {
		epsilon := 0.0
		fmt.Sscan(e, &epsilon)
		options["exit"], r.Exit = epsilon, fakeExit(epsilon, r)
	}
}

// fakeExit stops all images of a synchronous run at once.
func fakeExit(epsilon float64, r *eval.Result) *eval.Exit {
	learned := make([]exit.Sample, exit.MinImages)
	for i := range learned {
		learned[i].Gaps = make([]float32, r.Timesteps)
	}
	rule, err := exit.Learn(epsilon, learned)
	if err != nil {
		panic(err)
	}
	stops := make([]int, r.Timesteps)
	stops[3] = r.Images
	answers, _ := json.Marshal(eval.Marks(snn.Synchronous, r.Timesteps))
	x := new(eval.Exit)
	if err := json.Unmarshal(fmt.Appendf(nil, `{"answers_t": %s}`, answers), x); err != nil {
		panic(err)
	}
	x.Rule, x.StopsAt, x.Top1, x.Loss, x.MeanT, x.Quartiles = *rule, stops, 0.1, 0.028, 12.5, [3]int{4, 8, 16}
	x.ACsPerImage, x.SpikesPerImage = 7, 5
	return x
}

// fewText is the page of few steps beside that of o.
func fewText(t *testing.T, o options) string {
	t.Helper()
	b, err := os.ReadFile(strings.TrimSuffix(o.page, ".md") + "-few-steps.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFewConfigurations(t *testing.T) {
	names := make(map[string]bool)
	for _, c := range slices.Concat(configurations(0), fewConfigurations(0)) {
		if names[c.name()] {
			t.Errorf("two configurations are called %s", c.name())
		}
		names[c.name()] = true
	}
	for _, name := range []string{
		"resnet20_akamaster-few-steps-T16", "resnet44_akamaster-calibrated-T32", "resnet8_mnist-one-spike-T16",
		"resnet20_chenyaofo-few-steps-T16-refit", "resnet20_akamaster-paper-T128-exit0.01",
	} {
		if !names[name] {
			t.Errorf("there is no configuration %s", name)
		}
	}
}

// The presets are those of the program, and so is everything else that a preset sets.
func TestPresets(t *testing.T) {
	for _, r := range fewRuns {
		p := experiment.PresetNamed(r.preset)
		if p == nil {
			t.Errorf("there is no preset %q", r.preset)
			continue
		}
		for key, want := range r.values() {
			option := strings.ReplaceAll(key, "_", "-")
			if key == "timesteps" || key == "preset" || experiment.OptionNamed(option) == nil || !slices.Contains(experiment.Settings(), option) || option == "refit" || option == "bits" {
				continue
			}
			if got := p.Value(option); got != fmt.Sprint(want) {
				t.Errorf("%s: %s is %s, want %v", r.preset, option, got, want)
			}
		}
	}
}

// With no runs the page says so in every table, and has the paper's once they are there.
func TestFewPageMissing(t *testing.T) {
	o := files(t)
	runThem(t, o, "resnet20_akamaster-v0.5-none-first-2", "run")
	page := fewText(t, o)
	for _, want := range []string{
		"| ResNet-20, option-A shortcuts | CIFAR-10 | 91.50 | 0.0 | – | – |\n",
		"| ResNet-20, option-A shortcuts | 91.50 | 3.20 (88.30) | not run | not run | – | – | – |\n",
		"| ResNet-8 of the demo | – | not run | – | not run | – | not run | – |\n",
		"| ResNet-44, option-A shortcuts | one-spike, T = 16 | not run | | | | | | | |\n",
		"| ResNet-44, option-A shortcuts | 16 | not run | | |\n",
		"| ResNet-20, option-A shortcuts | few-steps, T = 32, exit 0.01 | not run | | | | | | |\n",
		"| resnet20_akamaster-few-steps-T16-first-2 | not run | | |\n",
		"--images 2 --preset few-steps --timesteps 16\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "failed") {
		t.Errorf("a run failed:\n%s", page)
	}
}

func TestFewPage(t *testing.T) {
	o := files(t)
	runThem(t, o, "resnet20_akamaster-.*T(16|32).*", "run")
	page := fewText(t, o)
	for _, want := range []string{
		"| ResNet-20, option-A shortcuts | CIFAR-10 | 91.50 | 100.0 | 50.0 | 22 |\n",
		"| ResNet-20, option-A shortcuts | 91.50 | not run | 3.20 (88.30) | 91.00 (0.50) | – | – | 704 |\n",
		"| ResNet-20, option-A shortcuts | 91.50 | not run | 1.60 (89.90) | 91.00 (0.50) | 91.00 (0.50) | 91.00 (0.50) | 352 |\n",
		"| ResNet-20, option-A shortcuts | few-steps, T = 16, refit | 352 | 0.0 | 160.0 | 1.60 | 3.20 | 30.0 | 1.5 s | 7 s |\n",
		"| ResNet-20, option-A shortcuts | calibrated, T = 16 | 16 | 0.0 | 160.0 | 1.60 | 3.20 | 30.0 | 1.5 s | 7 s |\n",
		"| ResNet-20, option-A shortcuts | 16 | 1 of 2 | 0.0 | 0.0 |\n",
		"| ResNet-20, option-A shortcuts | calibrated, T = 32, exit 0.01 | 3.20 | 10.00 | 2.80 | 12.5 | 4, 8, 16 | 5.0 | 7.0 |\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q:\n%s", want, page)
		}
	}

	// What is finished is not done again, and a run of other options is none.
	runThem(t, o, "resnet20_akamaster-few-steps-T16-first-2", "fail")
	if page := fewText(t, o); strings.Contains(page, "failed") {
		t.Errorf("a finished run was done again:\n%s", page)
	}
	one, other := filepath.Join(o.runs, "resnet20_akamaster-few-steps-T16-first-2"), filepath.Join(o.runs, "resnet20_akamaster-few-steps-T16-refit-first-2")
	if err := os.RemoveAll(one); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, one); err != nil {
		t.Fatal(err)
	}
	c := fewConfigurations(o.images)[0]
	if _, err := load(o, c); err == nil || err.Error() != "run with refit true instead of false" {
		t.Errorf("load: error %v", err)
	}
}

// A run that goes on from another process says nothing of the time that calibration took.
func TestResumed(t *testing.T) {
	o := files(t)
	dir := filepath.Join(o.runs, "resnet20_akamaster-few-steps-T16-first-2")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, planFile), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	runThem(t, o, "resnet20_akamaster-few-steps-T16-first-2", "run")
	if want, page := "| few-steps, T = 16 | 352 | 0.0 | 160.0 | 1.60 | 3.20 | 30.0 | 1.5 s | – |\n", fewText(t, o); !strings.Contains(page, want) {
		t.Errorf("page lacks %q:\n%s", want, page)
	}
}

// Runs that are kept name their files relative to the repository, as on any machine.
func TestKeptRunsNameNoMachine(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("runs", "*", "manifest.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d runs, error %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Model, Data, Calibration struct{ Name string }
			Options                  map[string]any
		}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		names := []any{m.Model.Name, m.Data.Name, m.Calibration.Name}
		for _, v := range m.Options {
			names = append(names, v)
		}
		for _, v := range names {
			s, _ := v.(string)
			_, path, found := strings.Cut(s, ":")
			if strings.HasPrefix(s, "/") || found && strings.HasPrefix(path, "/") {
				t.Errorf("%s names %q, a path of one machine: run with --data relative to the repository", file, s)
			}
		}
	}
}
