package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sresnet/diagnose"
	"sresnet/energy"
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
	phased                     bool   // In 5 windows.
	manifest                   func(*run.Manifest)
	diagnosis                  func(*diagnose.Diagnosis)
}

func small() sample {
	return sample{model: "tiny", layers: 4, T: 40, images: 60, classes: 5, side: 8, name: "layer"}
}

// write makes the folder dir.
func (s sample) write(t testing.TB, dir string) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, uint64(s.layers)))
	r := &eval.Result{Model: s.model, Images: s.images, Timesteps: s.T, Complete: true, MACsPerImage: 50, DenseMACsPerImage: 1000, TrainedTop1: 0.9}
	for i := range s.T {
		x := 0.9 * (1 - 1/float64(i+2))
		r.SpikingTop1 = append(r.SpikingTop1, x)
		r.Agreement = append(r.Agreement, x)
		r.SpikesPerImage = append(r.SpikesPerImage, 10.5*float64(i+1))
		r.ACsPerImage = append(r.ACsPerImage, 100*float64(i))
	}
	if r.Latency = s.T; s.phased {
		r.Schedule, r.Coding, r.Latency = "phased", "rate", 5*s.T
		r.SpikingTop1, r.Agreement = r.SpikingTop1[s.T-1:], r.Agreement[s.T-1:]
	}
	for i := range s.layers {
		l := eval.Layer{Name: fmt.Sprintf("%s%d", s.name, i), Kind: "conv", Neurons: 1000, Lambda: 2.5, Rate: rnd.Float64() / 5, SpikesPerImage: 100, ACsPerImage: 1000}
		for range s.T {
			if !s.bare {
				l.SpikesAt = append(l.SpikesAt, 1000*rnd.Float64())
				l.ACsAt = append(l.ACsAt, 10000*rnd.Float64())
			}
		}
		r.Layers = append(r.Layers, l)
	}
	if !s.bare {
		r.Energy = s.energy(r)
	}
	p := &r.Predictions
	for i := range s.images {
		label, class := rnd.IntN(s.classes), rnd.IntN(s.classes)
		if i%3 > 0 {
			class = label
		}
		trained := label
		if i%10 == 9 {
			trained = (label + 1) % s.classes
		}
		p.Image, p.Label, p.Trained, p.Spiking = append(p.Image, i), append(p.Label, label), append(p.Trained, trained), append(p.Spiking, class)
		switch at := 1 + rnd.IntN(max(s.T-2, 1)); {
		case s.bare:
		case s.phased && class == label:
			p.Turns = append(p.Turns, []int{s.T})
		case s.phased || class != label && i%2 == 0:
			p.Turns = append(p.Turns, []int{})
		case class != label:
			p.Turns = append(p.Turns, []int{at, at + 1})
		default:
			p.Turns = append(p.Turns, []int{at})
		}
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
		further = append(further, jsonFile("activations.json", s.activations(rnd)), jsonFile("changed.json", s.changed(rnd, r)))
		d := s.diagnose(rnd, r)
		if s.diagnosis != nil {
			s.diagnosis(d)
		}
		further = append(further, jsonFile("diagnosis.json", d))
	}
	f, err := run.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(m, r, further...); err != nil {
		t.Fatal(err)
	}
	return dir
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
	c := &eval.ChangedFile{Shape: tensor.Shape{3, s.side, s.side}, Timesteps: r.EvidenceAt(), Unit: "spikes"}
	p := &r.Predictions
	for i := range p.Image {
		if p.Trained[i] == p.Spiking[i] || len(c.Images) == 24 {
			continue
		}
		im := eval.Changed{Index: i, Label: p.Label[i], ANN: p.Trained[i], SNN: p.Spiking[i]}
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

func (s sample) diagnose(rnd *rand.Rand, r *eval.Result) *diagnose.Diagnosis {
	right := 0.0
	for _, is := range r.Predictions.Right(s.T) {
		if is {
			right += 1 / float64(s.images)
		}
	}
	d := &diagnose.Diagnosis{Model: s.model, Images: s.images, Timesteps: []int{8, s.T}, ANNTop1: 0.9, SNNTop1: []float64{0.5, right}}
	if s.phased {
		d.Timesteps, d.SNNTop1 = []int{s.T}, []float64{right}
		d.Schedule, d.Coding, d.Latency = r.Schedule, r.Coding, r.Latency
	}
	for _, l := range r.Layers {
		x := diagnose.Layer{Name: l.Name, Kind: l.Kind, Neurons: l.Neurons, Lambda: 2.5, Clipped: 0.01, Dead: 0.1, Saturated: 0.02}
		for _, T := range d.Timesteps {
			size := func() diagnose.Size { return diagnose.Size{Bias: (rnd.Float64() - 0.5) / 10, RMS: rnd.Float64() / 10} }
			e := diagnose.Errors{Timesteps: T, Correlation: 0.98, Total: size(), Clipping: size(), Inherited: size(), Quantisation: size(), Unevenness: size()}
			if s.phased {
				e.Unevenness, e.Shift, e.Vanished, e.Rounding = diagnose.Size{}, size(), size(), size()
			}
			x.At = append(x.At, e)
		}
		for range 500 {
			x.Scatter = append(x.Scatter, [2]float64{rnd.Float64() * 1.2, rnd.Float64()})
		}
		d.Layers = append(d.Layers, x)
	}
	d.Verdict = []diagnose.Finding{{Text: r.Layers[1].Name + ": clipping takes 3.1 points; percentile 99.99 returns 2.8", Layer: r.Layers[1].Name, Cause: "clipping", Points: 3.1}}
	d.Counterfactuals = []diagnose.Counterfactual{{Change: "percentile 99.99", Layer: r.Layers[1].Name, Timesteps: s.T, Latency: d.Latency, Top1: 0.88, Gain: 2.8}}
	after := ""
	for i, l := range r.Layers {
		x := diagnose.Loss{After: after, Layer: l.Name, Top1: 0.8, Points: float64(3 - i), Low: float64(3-i) - 1.5, High: float64(3-i) + 2, P: 0.2, Part: diagnose.CauseClipping, Own: l.Name, Size: 0.01}
		if i > 0 && i%2 == 0 {
			x.With = []string{after}
		}
		d.Losses, after = append(d.Losses, x), l.Name
	}
	return d
}

func (s sample) energy(r *eval.Result) *energy.Accounts {
	mac, ac := 4.6, 0.9
	e := &energy.Accounts{Timesteps: s.T, ANN: &energy.Account{}, NotCounted: []string{"membrane updates"}, Device: &energy.Device{Name: "45nm", Source: "a paper", MAC: &mac, AC: &ac}}
	n := float64(len(r.Layers))
	for _, l := range r.Layers {
		snn := energy.Contribution{Part: "layers", Layer: l.Name, Kind: "conv", Operations: energy.Operations{ACs: r.ACsPerImage[s.T-1] / n, MACs: r.MACsPerImage / n}}
		neurons := energy.Contribution{Part: "neuron updates", Layer: l.Name, Kind: "neurons", Operations: energy.Operations{Updates: 4000}}
		ann := energy.Contribution{Part: "layers", Layer: l.Name, Kind: "conv", Operations: energy.Operations{MACs: r.DenseMACsPerImage / n / 2, DenseMACs: r.DenseMACsPerImage / n}} // Half of its inputs are zero.
		e.SNN.Contributions, e.ANN.Contributions = append(e.SNN.Contributions, snn, neurons), append(e.ANN.Contributions, ann)
	}
	e.SNN.Operations = energy.Operations{ACs: r.ACsPerImage[s.T-1], MACs: r.MACsPerImage, Updates: 4000 * n}
	e.ANN.Operations = energy.Operations{MACs: r.DenseMACsPerImage / 2, DenseMACs: r.DenseMACsPerImage}
	x, _ := e.Device.Joules(&e.SNN.Operations)
	y, _ := e.Device.Joules(&e.ANN.Operations)
	e.SNN.Joules, e.ANN.Joules = &x, &y
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
	if r.Name != "run0" || len(r.Accuracy) != 40 || len(r.Result.Predictions.Image) != 60 || len(r.Result.Layers[3].SpikesAt) != 40 || len(r.Missing) != 0 {
		t.Errorf("got %q, %d timesteps, missing %q", r.Name, len(r.Accuracy), r.Missing)
	}
	if p := r.last(); p.T != 40 || !(p.Low < p.Top1 && p.Top1 < p.High) || joules(p.Joules) != "3.74 nJ" {
		t.Errorf("last timestep: %+v", p)
	}
	if r.Diagnosis == nil || r.Activations == nil || r.Changed == nil {
		t.Error("a file was not read")
	}
}

// A run that lacks what others have is shown without, and the report says so.
func TestReadBare(t *testing.T) {
	s := small()
	s.bare = true
	r := open(t, s).Runs[0]
	missing := strings.Join(r.Missing, " ")
	if len(r.Missing) != 2+len(optional) || !strings.Contains(missing, "did not keep the spikes of layers over time") || !strings.Contains(missing, "changed.json is not there. 'sresnet eval -o") {
		t.Errorf("missing: %q", r.Missing)
	}
	if r.last().Joules.known() {
		t.Error("joules from nowhere")
	}
	var b strings.Builder
	if err := (&Report{Runs: []*Run{r}}).WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "What is missing from this report") {
		t.Error("the page does not say what it lacks")
	}
}

// Package run tests what it refuses.
func TestReadRefuses(t *testing.T) {
	for name, diagnosis := range map[string]func(*diagnose.Diagnosis){
		`it mixes models: result.json is of "tiny", diagnosis.json of "other"`: func(d *diagnose.Diagnosis) { d.Model = "other" },
		`diagnosis.json has a layer "other"`:                                   func(d *diagnose.Diagnosis) { d.Layers[0].Name = "other" },
	} {
		s := small()
		s.diagnosis = diagnosis
		_, err := Read(s.write(t, t.TempDir()))
		var e *run.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, want %q", err, name)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: got error %v", err)
	}
}

// The runs behind docs/results.md were made by older versions.
func TestReadResults(t *testing.T) {
	dirs, err := filepath.Glob("../bench/results/runs/*")
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
	if !strings.HasPrefix(r.Notes[0], "The runs have different models: ") {
		t.Errorf("notes: %.200q", r.Notes)
	}
}

// What a run says of its timesteps stands beside them.
func TestOverview(t *testing.T) {
	r := open(t, small()).Runs[0]
	r.Choice = eval.Choice{Within: []eval.Within{{Points: 2, T: 6, Sure: 8}, {Points: 1, T: 9, Sure: 20}, {Points: 0.5, T: 20}}, Best: 30, Recommended: 20, Reason: "why", Pareto: []int{8, 30}}
	points, remarks := r.overview()
	var got []string
	for _, p := range points {
		got = append(got, fmt.Sprintf("%d %s", p.T, remarks[p.T]))
	}
	want := "8 surely within 2 points, Pareto; 16 ; 20 surely within 1 point, recommended; 30 best, Pareto; 32 ; 40 "
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if tiles := r.tiles(); tiles[4].Value != "20" || tiles[4].Says != "why" || tiles[5].Name != "Energy" || tiles[5].Value != "0.813" {
		t.Errorf("tiles: %+v", tiles[4:])
	}
	r.Choice.Recommended, r.Choice.Reason = 0, "run longer"
	if _, remarks := r.overview(); r.tiles()[4].Value != "none" || r.tiles()[4].Says != "run longer" || remarks[20] != "surely within 1 point" {
		t.Errorf("without a recommended T: %+v, %v", r.tiles()[4], remarks)
	}
}

// A phased run has one accuracy, at its latency, and recommends nothing: on a figure with
// others it is a point.
func TestReadPhased(t *testing.T) {
	s := small()
	s.phased, s.bare = true, true
	r := open(t, small(), s)
	run := r.Runs[1]
	if len(run.Accuracy) != 1 || run.last().T != 40 {
		t.Fatalf("states %+v", run.Accuracy)
	}
	points, remarks := run.overview()
	if len(points) != 1 || !strings.Contains(remarks[40], "at the end of its window") {
		t.Errorf("overview %+v, %v", points, remarks)
	}
	var tiles []string
	for _, x := range run.tiles() {
		tiles = append(tiles, x.Name+" "+x.Value+" "+x.Says)
	}
	if s := strings.Join(tiles, "; "); strings.Contains(s, "Recommended") || !strings.Contains(s, "Latency 200 from the image to the answer; T = 40 per window") || !strings.Contains(s, "phased, rate coding, T = 40 per window, latency 200 timesteps") {
		t.Errorf("tiles %s", s)
	}
	for _, c := range r.curves() {
		values := func(i int) (n int, at num) {
			for k, y := range c.Lines[i].Y {
				if y.known() {
					n, at = n+1, c.At[k]
				}
			}
			return n, at
		}
		first, _ := values(0)
		last := len(c.Lines) - 1
		if c.ID == "accuracy" {
			last = 3 // After a line and two bounds of the first run; the trained network's comes last.
		}
		n, at := values(last)
		switch c.ID {
		case "accuracy", "agreement":
			if first != 40 || n != 1 || at != 200 || !strings.Contains(c.X, "latency") {
				t.Errorf("%s over %q: %d and %d values, the last at %v", c.ID, c.X, first, n, at)
			}
		case "timesteps":
			if first != 40 || n != 1 || at != 40 || !strings.Contains(c.X, "window") {
				t.Errorf("accuracy over %q: %d and %d values, the last at %v", c.X, first, n, at)
			}
		case "operations":
			n, at = values(1) // The trained network comes last.
			if n != 1 || at != 3950 {
				t.Errorf("operations: %d values, the last at %v", n, at)
			}
		case "spikes":
			if first != 40 || n != 40 || !strings.Contains(c.X, "window") {
				t.Errorf("spikes over %q: %d and %d values", c.X, first, n)
			}
		}
	}
	if _, err := r.Figures(); err != nil {
		t.Error(err)
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
	if want := "The runs have different models: tiny (run0), other (run1)."; len(r.Notes) != 2 || r.Notes[0] != want || !strings.HasPrefix(r.Notes[1], "The runs have different versions of sresnet: v1.2.3 (run0), v2") {
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
