package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sresnet/eval"
	"sresnet/run"
	"sresnet/tensor"
)

// sample describes the folder of a made-up run.
type sample struct {
	model                      string
	layers, T, images, classes int
	side                       int    // Of a picture.
	name                       string // Part of every name of a layer and class.
	bare                       bool   // Only what every run has.
	manifest                   func(*run.Manifest)
	diagnosis                  func(*Diagnosis)
}

func small() sample {
	return sample{model: "tiny", layers: 4, T: 40, images: 60, classes: 5, side: 8, name: "layer"}
}

// write makes the folder dir.
func (s sample) write(t testing.TB, dir string) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, uint64(s.layers)))
	r := &eval.Result{Model: s.model, Images: s.images, Timesteps: s.T, Complete: true, ACsPerImage: 100 * float64(s.T), MACsPerImage: 50, DenseMACsPerImage: 1000}
	r.ANN.Top1 = 0.9
	for i := range s.T {
		x := 0.9 * (1 - 1/float64(i+2))
		r.SNN.Top1 = append(r.SNN.Top1, x)
		r.Agreement = append(r.Agreement, x)
		r.SpikesUpTo = append(r.SpikesUpTo, 10.5*float64(i+1))
		r.ACsUpTo = append(r.ACsUpTo, 100*float64(i))
	}
	for i := range s.layers {
		l := eval.Layer{Name: fmt.Sprintf("%s%d", s.name, i), Kind: "conv", Neurons: 1000, Lambda: 2.5, Rate: rnd.Float64() / 5, SpikesPerImage: 100, ACsPerImage: 1000}
		for range s.T {
			l.SpikesAt = append(l.SpikesAt, 1000*rnd.Float64())
			l.ACsAt = append(l.ACsAt, 10000*rnd.Float64())
		}
		r.Layers = append(r.Layers, l)
	}
	for i := range s.images {
		p := eval.Prediction{Index: i, Label: rnd.IntN(s.classes), Changes: []eval.Change{{Step: 0, Class: int32(rnd.IntN(s.classes))}}}
		p.ANN = p.Label
		if i%3 > 0 {
			p.Changes[0].Class = int32(p.Label)
		}
		r.Predictions = append(r.Predictions, p)
	}
	m := run.Manifest{
		Version: "v1.2.3", Go: "go1.26", Platform: "linux/amd64", Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Model: run.Source{Name: "models/" + s.model + ".onnx", SHA256: "m-" + s.model}, Data: run.Source{Name: "cifar10:d", SHA256: "d"}, Calibration: run.Source{Name: "cifar10:c", SHA256: "c"},
		Options: map[string]any{"data": "cifar10:d", "timesteps": s.T, "percentile": 99.9, "calibration_images": 200, "workers": 2},
	}
	for k := range s.classes {
		m.Classes = append(m.Classes, fmt.Sprintf("%sclass%d", s.name, k))
	}
	if s.manifest != nil {
		s.manifest(&m)
	}
	var further []run.File
	if !s.bare {
		further = append(further, run.File{Name: "spikes.csv", Write: r.WriteSpikes}, jsonFile("activations.json", s.activations(rnd)), jsonFile("changed.json", s.changed(rnd, r)))
		d := s.diagnose(rnd, r)
		if s.diagnosis != nil {
			s.diagnosis(d)
		}
		further = append(further, jsonFile("diagnosis.json", d), jsonFile("energy.json", s.energy(r)))
	}
	f, err := run.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(m, r, further...); err != nil {
		t.Fatal(err)
	}
	if s.bare {
		forget(t, dir, "choice.csv")
	}
	return dir
}

// forget takes a file out of a run, as if an older version had kept it.
func forget(t testing.TB, dir, file string) {
	t.Helper()
	m, err := run.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	delete(m.Files, file)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, file)), os.WriteFile(filepath.Join(dir, "manifest.json"), b, 0o644)); err != nil {
		t.Fatal(err)
	}
}

func jsonFile(name string, v any) run.File {
	return run.File{Name: name, Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(v) }}
}

func (s sample) activations(rnd *rand.Rand) *eval.Activations {
	a := &eval.Activations{}
	for i := range s.layers {
		x := eval.Activation{Name: fmt.Sprintf("%s%d", s.name, i), Lambda: 2.5, Max: 4, Mean: 0.3, Zeros: 0.5, Edges: []float64{0}}
		for k := range 64 {
			x.Edges = append(x.Edges, float64(k+1)/16)
			x.Counts = append(x.Counts, rnd.Uint64N(1<<uint(20-k/4)))
		}
		a.Layers = append(a.Layers, x)
	}
	return a
}

func (s sample) changed(rnd *rand.Rand, r *eval.Result) *eval.ChangedFile {
	c := &eval.ChangedFile{Shape: tensor.Shape{3, s.side, s.side}, Timesteps: eval.EvidenceAt(s.T), Unit: "spikes"}
	for i := range r.Predictions {
		p := &r.Predictions[i]
		if p.ANN == p.SNN() || len(c.Images) == 24 {
			continue
		}
		im := eval.Changed{Index: i, Label: p.Label, ANN: p.ANN, SNN: p.SNN()}
		for range 3 * s.side * s.side {
			im.Pixels = append(im.Pixels, byte(rnd.Uint32()))
		}
		for range c.Timesteps {
			e := make([]float32, s.classes)
			for k := range e {
				e[k] = float32(rnd.IntN(30))
			}
			im.Evidence = append(im.Evidence, e)
		}
		c.Images = append(c.Images, im)
	}
	return c
}

func (s sample) diagnose(rnd *rand.Rand, r *eval.Result) *Diagnosis {
	d := &Diagnosis{Model: s.model, Images: 10, Timesteps: []int{8, s.T}, ANNTop1: 0.9, SNNTop1: []num{0.5, 0.8}}
	for _, l := range r.Layers {
		x := Diagnosed{Name: l.Name, Kind: l.Kind, Neurons: l.Neurons, Lambda: 2.5, Clipped: 0.01, Dead: 0.1, Saturated: 0.02}
		for _, T := range d.Timesteps {
			size := func() Size { return Size{num(rnd.Float64()-0.5) / 10, num(rnd.Float64()) / 10} }
			x.At = append(x.At, Split{T, 0.98, size(), size(), size(), size(), size()})
		}
		for range 500 {
			x.Scatter = append(x.Scatter, [2]num{num(rnd.Float64() * 1.2), num(rnd.Float64())})
		}
		d.Layers = append(d.Layers, x)
	}
	d.Verdict = []Finding{{Text: r.Layers[1].Name + ": clipping takes 3.1 points; percentile 99.99 returns 2.8", Layer: r.Layers[1].Name, Cause: "clipping", Points: 3.1}}
	d.Counterfactuals = []Counterfactual{{Change: "percentile 99.99", Layer: r.Layers[1].Name, Timesteps: s.T, Top1: 0.88, Gain: 2.8}}
	return d
}

func (s sample) energy(r *eval.Result) *Energy {
	e := &Energy{Timesteps: s.T, ANN: &Account{}, NotCounted: []string{"membrane updates"}}
	x, y := num(3e-6), num(6e-6)
	e.SNN.Joules, e.ANN.Joules = &x, &y
	e.Device = &struct {
		Name   string `json:"name"`
		Source string `json:"source"`
	}{"45nm", "a paper"}
	for _, l := range r.Layers {
		c := Contribution{Part: "layers", Layer: l.Name, Kind: "conv", Operations: Operations{ACs: 1000, MACs: 3}, Joules: &x}
		e.SNN.Contributions = append(e.SNN.Contributions, c, Contribution{Part: "neuron updates", Layer: l.Name, Kind: "neurons", Operations: Operations{Updates: 4000}})
		e.ANN.Contributions = append(e.ANN.Contributions, c)
	}
	return e
}

// open writes and reads runs.
func open(t *testing.T, samples ...sample) *Report {
	t.Helper()
	var runs []*Run
	for i, s := range samples {
		run, err := Read(s.write(t, filepath.Join(t.TempDir(), fmt.Sprintf("run%d", i))))
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	r, err := New(runs...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRead(t *testing.T) {
	r := open(t, small()).Runs[0]
	if r.Name != "run0" || len(r.Accuracy) != 40 || len(r.Answers) != 60 || len(r.Result.Layers[3].SpikesAt) != 40 || len(r.Missing) != 0 {
		t.Errorf("got %q, %d timesteps, %d answers, missing %q", r.Name, len(r.Accuracy), len(r.Answers), r.Missing)
	}
	if p := r.last(); p.T != 40 || !(p.Low < p.Top1 && p.Top1 < p.High) || p.Joules.known() { // No device was chosen.
		t.Errorf("last timestep: %+v", p)
	}
	if r.Diagnosis == nil || r.Energy == nil || r.Activations == nil || r.Changed == nil {
		t.Error("a file was not read")
	}
}

// A run of an older version has fewer files; the report does without them and says
// which.
func TestReadBare(t *testing.T) {
	s := small()
	s.bare = true
	r := open(t, s).Runs[0]
	if len(r.Missing) != len(optional) || !strings.Contains(strings.Join(r.Missing, " "), "spikes.csv is not there: no spikes over time.") {
		t.Errorf("missing: %q", r.Missing)
	}
	if r.last().Low.known() {
		t.Error("an interval from nowhere")
	}
	var b strings.Builder
	if err := (&Report{Runs: []*Run{r}}).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "What this report lacks") {
		t.Error("the page does not say what it lacks")
	}
}

func TestReadRefuses(t *testing.T) {
	change := func(name, old, replacement string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			name := filepath.Join(dir, name)
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(b), old) {
				t.Fatalf("no %q in %s", old, name)
			}
			if err := os.WriteFile(name, []byte(strings.Replace(string(b), old, replacement, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name   string
		sample func(*sample)
		do     func(*testing.T, string)
		want   string
	}{
		{"no manifest", nil, remove("manifest.json"), "it is incomplete: there is no manifest.json"},
		{"no folder", nil, func(t *testing.T, dir string) { _ = os.RemoveAll(dir) }, "there is no such folder"},
		{"another manifest", nil, change("manifest.json", `"version": "v1.2.3"`, `"version": ""`), "manifest.json is not that of a run"},
		{"half a manifest", nil, change("manifest.json", "{", "{{"), "manifest.json is damaged"},
		{"no table", nil, remove("accuracy.csv"), "it is incomplete: manifest.json names accuracy.csv, which is not there"},
		{"a file that no run lacks", nil, change("manifest.json", `"result.json"`, `"results.json"`), "manifest.json does not name result.json; the run was kept by version v1.2.3"},
		{"tampered", nil, change("predictions.csv", "\n0,", "\n00,"), "predictions.csv is not the file of this run: its SHA-256 differs"},
		{"tampered twice", nil, func(t *testing.T, dir string) {
			change("predictions.csv", "\n0,", "\n00,")(t, dir)
			change("energy.json", "{", "{ ")(t, dir)
		}, "energy.json, predictions.csv is not the file"},
		{"another model's diagnosis", func(s *sample) { s.diagnosis = func(d *Diagnosis) { d.Model = "other" } }, nil, `it mixes models: result.json is of "tiny", diagnosis.json of "other"`},
		{"another model's layers", func(s *sample) { s.diagnosis = func(d *Diagnosis) { d.Layers[0].Name = "other" } }, nil, `diagnosis.json has a layer "other"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := small()
			if tt.sample != nil {
				tt.sample(&s)
			}
			dir := s.write(t, filepath.Join(t.TempDir(), "run"))
			if tt.do != nil {
				tt.do(t, dir)
			}
			_, err := Read(dir)
			var folder *FolderError
			if !errors.As(err, &folder) || !strings.Contains(err.Error(), tt.want) || folder.Remedy == "" {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

// The runs behind docs/results.md are those of an older version.
func TestReadResults(t *testing.T) {
	dirs, err := filepath.Glob("../docs/results/runs/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no runs: %v", err)
	}
	var runs []*Run
	for _, dir := range dirs {
		r, err := Read(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		runs = append(runs, r)
	}
	r, err := New(runs...)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WriteHTML(io.Discard); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(r.Notes[0], "The runs are of different models: ") {
		t.Errorf("notes: %.200q", r.Notes)
	}
}

// What a run says of its timesteps stands beside them.
func TestOverview(t *testing.T) {
	r := open(t, small()).Runs[0]
	c := `{"within": [{"points": 2, "timesteps": 8}, {"points": 1, "timesteps": 20}, {"points": 0.5, "timesteps": 0}],
		"best": 30, "recommended": 20, "reason": "why", "pareto": [{"timesteps": 8}, {"timesteps": 30}]}`
	if err := json.Unmarshal([]byte(c), &r.Choice); err != nil {
		t.Fatal(err)
	}
	points, remarks := r.overview()
	var got []string
	for _, p := range points {
		got = append(got, fmt.Sprintf("%d %s", p.T, remarks[p.T]))
	}
	want := "8 within 2 points, Pareto; 16 ; 20 within 1 point, recommended; 30 best, Pareto; 32 ; 40 "
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if tiles := r.tiles(); tiles[4].Value != "20" || tiles[4].Says != "why" || tiles[5].Name != "Energy" || tiles[5].Value != "0.5" {
		t.Errorf("tiles: %+v", tiles[4:])
	}
}

// Files that are whole and not understood are of another version, which is named.
func TestReadOtherVersion(t *testing.T) {
	dir := t.TempDir()
	f, err := run.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &eval.Result{Model: "m", Images: 1, Timesteps: 1, SNN: eval.SNN{Top1: []float64{1}}, Agreement: []float64{1}, SpikesUpTo: []float64{1}, ACsUpTo: []float64{1}}
	spikes := run.File{Name: "spikes.csv", Write: func(w io.Writer) error { _, err := io.WriteString(w, "layer,t\n"); return err }}
	if err := f.Write(run.Manifest{Version: "v9"}, r, spikes); err != nil {
		t.Fatal(err)
	}
	_, err = Read(dir)
	if want := "spikes.csv is not what this version of sresnet understands: there is no column timestep, only layer, t; the run was kept by version v9"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}

// Pictures that are not as large as the file says would be read past their end.
func TestDrawable(t *testing.T) {
	good := func() *eval.ChangedFile {
		return &eval.ChangedFile{
			Shape: tensor.Shape{1, 2, 2}, Timesteps: []int{1, 3},
			Images: []eval.Changed{{Label: 1, Pixels: make([]byte, 4), Evidence: [][]float32{{0, 1}, {1, 1}}}},
		}
	}
	if err := drawable(good()); err != nil {
		t.Error(err)
	}
	for i, spoil := range []func(*eval.ChangedFile){
		func(c *eval.ChangedFile) { c.Shape = nil },
		func(c *eval.ChangedFile) { c.Shape = tensor.Shape{1, 2, 3} },
		func(c *eval.ChangedFile) { c.Shape, c.Images[0].Pixels = tensor.Shape{0, 2, 2}, nil },
		func(c *eval.ChangedFile) { c.Shape, c.Images[0].Pixels = tensor.Shape{1, 1 << 32, 1 << 32}, nil },
		func(c *eval.ChangedFile) { c.Timesteps = nil; c.Images[0].Evidence = nil },
		func(c *eval.ChangedFile) { c.Timesteps = []int{0, 1} },
		func(c *eval.ChangedFile) { c.Images[0].Evidence = c.Images[0].Evidence[1:] },
		func(c *eval.ChangedFile) { c.Images[0].Evidence[1] = nil },
		func(c *eval.ChangedFile) { c.Images[0].Evidence = [][]float32{{}, {}} },
		func(c *eval.ChangedFile) { c.Images[0].SNN = 2 },
		func(c *eval.ChangedFile) { c.Images[0].ANN = -1 },
	} {
		c := good()
		spoil(c)
		if drawable(c) == nil {
			t.Errorf("case %d: no error", i)
		}
	}
}

// A diagnosis that the manifest does not name may be of anything.
func TestReadStray(t *testing.T) {
	s := small()
	s.bare = true
	dir := s.write(t, t.TempDir())
	if err := os.WriteFile(filepath.Join(dir, "diagnosis.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Diagnosis != nil || !strings.Contains(strings.Join(r.Missing, " "), "diagnosis.json is there, but manifest.json does not name it") {
		t.Errorf("diagnosis %v, missing %q", r.Diagnosis, r.Missing)
	}
}

func TestNew(t *testing.T) {
	other := small()
	other.model = "other"
	other.manifest = func(m *run.Manifest) { m.Version = "v2"; m.Options["percentile"] = 99 }
	r := open(t, small(), other)
	if want := "The runs are of different models: tiny (run0), other (run1)."; len(r.Notes) != 2 || r.Notes[0] != want || !strings.HasPrefix(r.Notes[1], "The runs are of different versions of sresnet: v1.2.3 (run0), v2") {
		t.Errorf("notes: %q", r.Notes)
	}
	if got := r.differ(); len(got) != 1 || got[0] != "percentile" {
		t.Errorf("settings that differ: %q", got)
	}
	if _, err := New(r.Runs[0], r.Runs[0]); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("a run twice: got error %v", err)
	}
	copied := *r.Runs[0]
	copied.Dir = "elsewhere"
	if _, err := New(r.Runs[0], &copied); err == nil || !strings.Contains(err.Error(), "it is a copy of") {
		t.Errorf("a copy: got error %v", err)
	}
	if _, err := New(); err == nil {
		t.Error("no runs: no error")
	}
}
