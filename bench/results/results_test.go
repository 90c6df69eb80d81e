package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/run"
)

// fake, if set, makes this test binary a program that stands for sresnet: it keeps
// a made-up run, or fails if the value is "fail".
const fake = "RESULTS_TEST_FAKE"

func TestMain(m *testing.M) {
	switch os.Getenv(fake) {
	case "":
		os.Exit(m.Run())
	case "fail":
		fmt.Fprintln(os.Stderr, "sresnet: error: no | spikes\nsresnet: hint: none")
		os.Exit(1)
	}
	if err := fakeRun(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// fakeRun keeps a run in which the spiking network is right at step t with
// frequency t/1000.
func fakeRun(args []string) error {
	opt := make(map[string]string)
	for i := 2; i < len(args); i++ {
		name := strings.TrimPrefix(args[i], "--")
		opt[name] = "true"
		if i+1 < len(args) && !strings.HasPrefix(args[i+1], "--") {
			i++
			opt[name] = args[i]
		}
	}
	opt["calibrate"], opt["calibration-images"], _ = strings.Cut(opt["calibrate"], "?images=")
	opt["compensation-images"] = fmt.Sprint(compensationImages)
	number := func(name string) (n float64) {
		fmt.Sscan(opt[name], &n)
		return n
	}
	m := run.Manifest{
		Version: "v1", Go: "go", Platform: "here/there", Started: time.Unix(0, 0), Finished: time.Unix(10, 0),
		Model: run.Source{Name: args[1], SHA256: newHashes().file(args[1])},
		Data:  run.Source{SHA256: newHashes().images(opt["data"], dataset.Test, int(number("images")))},
		Calibration: run.Source{
			SHA256: newHashes().images(opt["calibrate"], dataset.Train, int(number("calibration-images"))),
		},
		Options: map[string]any{
			"images": number("images"), "calibration_images": number("calibration-images"), "timesteps": number("timesteps"),
			"percentile": number("percentile"), "normalize": opt["normalize"], "v_init": number("v-init"),
			"compensation": opt["compensation"], "compensation_images": number("compensation-images"),
			"encoding": "direct", "reset": "subtract", "readout": opt["readout"], "engine": "event",
		},
	}
	T := int(number("timesteps"))
	r := &eval.Result{Images: int(number("images")), Timesteps: T, Complete: true, Seconds: 3, Latency: T, Layers: []eval.Layer{{Name: "relu"}}}
	r.TrainedTop1 = 0.915
	for t := range T {
		r.SpikingTop1 = append(r.SpikingTop1, float64(t+1)/1000)
		r.Agreement = append(r.Agreement, 0.5)
		r.SpikesPerImage, r.ACsPerImage = append(r.SpikesPerImage, 0), append(r.ACsPerImage, 0)
	}
	none := make([]int, r.Images)
	r.Predictions = eval.Predictions{Image: none, Label: none, Trained: none, Spiking: none}
	if opt["preset"] != "" {
		fakeFewSteps(opt, m.Options, r)
	}
	f, err := run.OpenFolder(opt["out"])
	if err != nil {
		return err
	}
	var further []run.File
	if r.Exit != nil { // A file of the plan that stays with the run.
		further = append(further, run.File{Name: "exit.json", Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(&r.Exit.Rule) }})
	}
	return f.Write(m, r, further...)
}

// files makes a folder of data with CIFAR-10 files of blank images and networks
// that are none, and returns options that use it.
func files(t *testing.T) options {
	t.Helper()
	o := options{data: t.TempDir(), runs: t.TempDir(), workers: 1, images: 2}
	o.page = filepath.Join(o.runs, "results.md")
	write := func(name string, n int) {
		name = filepath.Join(o.data, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("cifar10/test_batch.bin", 2*3073)
	write("cifar10/data_batch_1.bin", max(calibrationImages, fewCalibrationImages)*3073)
	for _, n := range networks {
		write(n.File, 8)
	}
	o.program = os.Args[0]
	return o
}

// runThem runs the configuration of that name and returns the text of the page.
func runThem(t *testing.T, o options, name, mode string) string {
	t.Helper()
	t.Setenv(fake, mode)
	all := slices.Concat(configurations(o.images), fewConfigurations(o.images))
	if err := runAll(context.Background(), o, all, regexp.MustCompile("^"+name+"$")); err != nil {
		t.Fatal(err)
	}
	if err := writePages(o); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(o.page)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestConfigurations(t *testing.T) {
	all := configurations(0)
	names := make(map[string]bool)
	for _, c := range all {
		if names[c.name()] {
			t.Errorf("two configurations are called %s", c.name())
		}
		names[c.name()] = true
	}
	if all[0] != check {
		t.Errorf("the check runs as number %d, want 0", slices.Index(all, check))
	}
	// The check; five networks with four settings, three with one, one with one; the
	// file with batch norm.
	if want := 1 + 4*5 + 3 + 1 + 1; len(all) != want {
		t.Errorf("%d configurations, want %d", len(all), want)
	}
}

func TestRunsAreKept(t *testing.T) {
	const name = "resnet20_akamaster-v0.5-none-first-2"
	o := files(t)
	stamp := func() time.Time {
		info, err := os.Stat(filepath.Join(o.runs, name, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	page := runThem(t, o, name, "run")
	if want := "| ResNet-20, option-A shortcuts | 91.50 | 3.20 | 6.40 | 12.80 | 25.60 | 35.00 | 50.00 | 0.0 | 0.0 | 0.0 |"; !strings.Contains(page, want) {
		t.Errorf("page lacks the line %q:\n%s", want, page)
	}
	if want := "| ResNet-8 | not run |"; !strings.Contains(page, want) {
		t.Errorf("page lacks %q", want)
	}
	first := stamp()

	runThem(t, o, name, "fail")
	if !stamp().Equal(first) {
		t.Error("a finished run was done again")
	}

	// Another network under the same name makes it another run.
	if err := os.WriteFile(filepath.Join(o.data, filepath.FromSlash(resnet20.File)), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	page = runThem(t, o, name, "fail")
	if want := `| ResNet-20, option-A shortcuts | failed: no \| spikes | |`; !strings.Contains(page, want) {
		t.Errorf("page lacks the failure %q:\n%s", want, page)
	}
	runThem(t, o, name, "run")
	stamp() // There again.
}

func TestLoad(t *testing.T) {
	o := files(t)
	c := configurations(o.images)[1]
	dir := filepath.Join(o.runs, c.name())
	runThem(t, o, c.name(), "run")
	if _, err := load(o, c); err != nil {
		t.Fatal(err)
	}
	// edit changes the run in place.
	edit := func(change func(r *run.Run)) {
		t.Helper()
		r, err := run.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		f, err := run.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write(*r.Manifest, r.Result); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		change func()
		want   string
	}{
		{func() { edit(func(r *run.Run) { r.Result.Complete = false }) }, "not finished"},
		{func() { edit(func(r *run.Run) { r.Result.Complete, r.Manifest.Options["v_init"] = true, 0.25 }) }, "run with v_init 0.25 instead of 0.5"},
		{func() {
			edit(func(r *run.Run) { r.Manifest.Options["v_init"] = 0.5 })
			if err := os.WriteFile(filepath.Join(dir, "accuracy.csv"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "run: " + dir + ": accuracy.csv is not the file of this run"},
		{func() { os.RemoveAll(dir) }, "not run"},
	} {
		tt.change()
		if _, err := load(o, c); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("load: error %v, want %q", err, tt.want)
		}
	}
}

func TestSearchLines(t *testing.T) {
	r := &outcome{Run: &run.Run{Dir: t.TempDir()}}
	if err := os.WriteFile(filepath.Join(r.Dir, "compensation_search.csv"), []byte("factor,agreement,rate_error\n1.01,0.5,0.25\n1,0.25,0.5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(searchLines(nil, r))
	if want := "[{1.000 [– – 25.00 0.5000]} {1.010 [– – 50.00 0.2500]}]"; got != want {
		t.Errorf("searchLines: %s, want %s", got, want)
	}
}

// TestPartialRuns shows that a run on the first images stands in, marked, for one
// on all of them that is not there.
func TestPartialRuns(t *testing.T) {
	o := files(t)
	o.images = checked
	runThem(t, o, "resnet8_mlperftiny-v0-none-first-1000", "run")
	o.images = 0
	page := runThem(t, o, "none", "run")
	for _, want := range []string{
		"| ResNet-8 (first 1000 images) | 91.50 | 3.20 |",
		"| ResNet-8 | – | not run | not run | 3.20 * | not run |",
		"| resnet8_mlperftiny-v0-none-first-1000 | 1970-01-01 00:00 | 1000 |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q:\n%s", want, page)
		}
	}
}

// TestKept reads the runs behind docs/results.md, whose tables follow from their
// results to the byte.
func TestKept(t *testing.T) {
	dirs, err := filepath.Glob("runs/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no runs: %v", err)
	}
	for _, dir := range dirs {
		r, err := run.Read(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, v := range run.Views(r.Result) {
			var again bytes.Buffer
			if err := v.Write(&again); err != nil {
				t.Fatal(err)
			}
			if kept, err := r.ReadFile(v.Name); err != nil || !bytes.Equal(kept, again.Bytes()) {
				t.Errorf("%s in %s is not what its result says, error %v", v.Name, dir, err)
			}
		}
	}
}
