package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/eval"
	"sresnet/internal/regular"
	"sresnet/run"
)

// Run is what the folder of a run holds. Pointers and slices are nil where the
// folder does not have that file; Missing says so in words.
type Run struct {
	Name     string       `json:"name"` // Of the folder, unique in a report.
	Dir      string       `json:"dir"`
	Manifest run.Manifest `json:"manifest"`

	// Result has its tables over time. Of an image, Predictions only has the class
	// after the last timestep.
	Result eval.Result `json:"result"`

	Accuracy    []Point           `json:"accuracy"` // By timestep.
	Answers     []Answer          `json:"-"`
	Activations *eval.Activations `json:"activations,omitempty"`
	Changed     *eval.ChangedFile `json:"changed,omitempty"`
	Diagnosis   *Diagnosis        `json:"diagnosis,omitempty"`
	Energy      *Energy           `json:"energy,omitempty"`
	Choice      *Choice           `json:"choice,omitempty"`

	Missing []string `json:"missing,omitempty"` // Sentences.
}

// Point is the state after T timesteps. Low, High and Joules are NaN where the run
// does not say.
type Point struct {
	T         int `json:"T"`
	Top1      num `json:"top1"`
	Low       num `json:"low"`  // Of the 95 % interval of Top1.
	High      num `json:"high"` // Likewise.
	Agreement num `json:"agreement"`
	Spikes    num `json:"spikes_per_image"`
	ACs       num `json:"acs_per_image"`
	Joules    num `json:"joules_per_image"`
}

// Answer is what both networks say of an image after the last timestep.
type Answer struct{ Index, Label, ANN, SNN int }

// FolderError says why a folder is no run that can be shown.
type FolderError struct {
	Dir     string
	Problem string
	Remedy  string // What to do about it.
}

func (e *FolderError) Error() string { return "report: " + e.Dir + ": " + e.Problem }

// Hint says what to do about e.
func (e *FolderError) Hint() string { return e.Remedy }

// again is the remedy for a folder that is beyond repair.
const again = "run 'sresnet eval' again with --out and a new folder"

// Read reads the folder of a run. A folder that lacks what every run has, whose
// files are not those of its manifest, or that this program does not understand is
// a [FolderError].
func Read(dir string) (*Run, error) {
	r := &Run{Name: filepath.Base(filepath.Clean(dir)), Dir: dir}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &FolderError{dir, "there is no such folder", "give the folder that 'sresnet eval --out DIR' made"}
	case err != nil:
		return nil, fmt.Errorf("report: %w", err)
	case !info.IsDir():
		return nil, &FolderError{dir, "it is a file; a run is kept in a folder", "give the folder that 'sresnet eval --out DIR' made"}
	}
	if r.Name == "." || r.Name == ".." || r.Name == string(filepath.Separator) {
		if abs, err := filepath.Abs(dir); err == nil {
			r.Name = filepath.Base(abs)
		}
	}
	if err := r.readManifest(); err != nil {
		return nil, err
	}
	files, err := r.load()
	if err != nil {
		return nil, err
	}
	if err := r.parse(files); err != nil {
		return nil, err
	}
	if err := r.consistent(); err != nil {
		return nil, err
	}
	r.note()
	return r, nil
}

func (r *Run) problem(remedy, format string, args ...any) error {
	return &FolderError{r.Dir, fmt.Sprintf(format, args...), remedy}
}

// strange is for a file that is as its run wrote it and not as this program would.
func (r *Run) strange(file string, err error) error {
	return r.problem("report it with the version of sresnet that kept it, or "+again,
		"%s is not what this version of sresnet understands: %v; the run was kept by version %s", file, err, r.Manifest.Version)
}

func (r *Run) readManifest() error {
	b, err := regular.ReadFileIn(r.Dir, "manifest.json", run.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return r.problem(again, "it is incomplete: there is no manifest.json, which a run writes last")
	}
	if err != nil {
		return r.problem(again, "manifest.json cannot be read: %v", err)
	}
	if err := json.Unmarshal(b, &r.Manifest); err != nil {
		return r.problem(again, "manifest.json is damaged: %v", err)
	}
	if r.Manifest.Version == "" || len(r.Manifest.Files) == 0 {
		return r.problem("give the folder that 'sresnet eval --out DIR' made", "manifest.json is not that of a run: it names no version or no files")
	}
	return nil
}

// required are the files of every run.
var required = []string{"accuracy.csv", "layers.csv", "predictions.csv", "result.json"}

// optional are further files that a report shows, with what makes them.
var optional = []struct{ file, shows, from string }{
	{"choice.csv", "the 95 % interval of the accuracy and the energy at every T", "sresnet eval --out"},
	{"spikes.csv", "spikes over time", "sresnet eval --out"},
	{"activations.json", "histograms of activations", "sresnet eval --out"},
	{"changed.json", "the images that changed class", "sresnet eval --out"},
	{"energy.json", "the energy by layer", "sresnet eval --out"},
	{"diagnosis.json", "the verdict, the errors of each layer and the scatter of rates", "sresnet diagnose MODEL --data SPEC --out"},
}

// trainedToo are the files of optional that only a run with a trained network has.
var trainedToo = []string{"activations.json", "diagnosis.json"}

// load reads the files that the manifest names and compares their hashes.
func (r *Run) load() (map[string][]byte, error) {
	want := slices.Clone(required)
	for _, o := range optional {
		want = append(want, o.file)
	}
	for _, name := range required {
		if r.Manifest.Files[name] == "" {
			return nil, r.problem(again, "it is incomplete: manifest.json does not name %s; the run was kept by version %s", name, r.Manifest.Version)
		}
	}
	files := make(map[string][]byte)
	var absent, changed []string
	for _, name := range slices.Sorted(maps.Keys(r.Manifest.Files)) {
		if name != filepath.Base(name) || !slices.Contains(want, name) {
			continue
		}
		b, err := regular.ReadFileIn(r.Dir, name, run.MaxFile)
		if errors.Is(err, fs.ErrNotExist) {
			absent = append(absent, name)
			continue
		}
		if err != nil {
			return nil, r.problem("copy the whole folder, with files and not links, or "+again, "%s cannot be read: %v", name, err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != r.Manifest.Files[name] {
			changed = append(changed, name)
		}
		files[name] = b
	}
	if len(absent) > 0 {
		return nil, r.problem("copy the whole folder, or "+again, "it is incomplete: manifest.json names %s, which is not there", strings.Join(absent, ", "))
	}
	if len(changed) > 0 {
		return nil, r.problem("restore the file, or "+again,
			"%s is not the file of this run: its SHA-256 differs from that in manifest.json; it was changed, belongs to another run, or a run is being written", strings.Join(changed, ", "))
	}
	return files, nil
}

// parse fills r from the files.
func (r *Run) parse(files map[string][]byte) error {
	parts := []struct {
		file  string
		parse func([]byte) error
	}{
		{"result.json", r.parseResult},
		{"accuracy.csv", r.parseAccuracy},
		{"predictions.csv", r.parseAnswers},
		{"choice.csv", r.parseChoice},
		{"spikes.csv", r.parseSpikes},
		{"activations.json", into(&r.Activations)},
		{"changed.json", into(&r.Changed)},
		{"energy.json", into(&r.Energy)},
		{"diagnosis.json", into(&r.Diagnosis)},
	}
	for _, p := range parts {
		if b, ok := files[p.file]; ok {
			if err := p.parse(b); err != nil {
				return r.strange(p.file, err)
			}
		}
	}
	return nil
}

func into[T any](dst **T) func([]byte) error {
	return func(b []byte) error { return json.Unmarshal(b, dst) }
}

func (r *Run) parseResult(b []byte) error {
	if err := json.Unmarshal(b, &r.Result); err != nil {
		return err
	}
	var with struct {
		Choice *Choice
		ANN    *eval.ANN
	}
	if err := json.Unmarshal(b, &with); err != nil {
		return err
	}
	r.Choice = with.Choice
	r.Result.Alone = with.ANN == nil
	if r.Result.Timesteps < 1 || len(r.Result.SNN.Top1) != r.Result.Timesteps || !r.Result.Alone && len(r.Result.Agreement) != r.Result.Timesteps || r.Result.Images < 1 {
		return errors.New("it has no accuracy at every timestep")
	}
	return nil
}

// consistent checks that all files are about one network.
func (r *Run) consistent() error {
	const remedy = "write each run into a folder of its own: " + again
	res := &r.Result
	if len(r.Accuracy) != res.Timesteps || len(r.Answers) != res.Images || res.Images != r.Manifest.Images {
		return r.problem(remedy, "its files are of different runs: %d timesteps and %d images in result.json, %d lines in accuracy.csv, %d in predictions.csv, %d images in manifest.json",
			res.Timesteps, res.Images, len(r.Accuracy), len(r.Answers), r.Manifest.Images)
	}
	if d := r.Diagnosis; d != nil {
		if d.Model != "" && d.Model != res.Model {
			return r.problem("diagnose the model of the run again: 'sresnet diagnose MODEL --data SPEC --out "+r.Dir+"'",
				"it mixes models: result.json is of %q, diagnosis.json of %q", res.Model, d.Model)
		}
		for _, l := range d.Layers {
			if !r.hasLayer(l.Name) {
				return r.problem("diagnose the model of the run again: 'sresnet diagnose MODEL --data SPEC --out "+r.Dir+"'",
					"it mixes models: diagnosis.json has a layer %q, result.json has none", l.Name)
			}
		}
	}
	if c := r.Changed; c != nil {
		if err := drawable(c); err != nil {
			return r.strange("changed.json", err)
		}
	}
	if a := r.Activations; a != nil {
		for _, l := range a.Layers {
			if len(l.Counts) > 0 && len(l.Edges) != len(l.Counts)+1 {
				return r.strange("activations.json", fmt.Errorf("layer %q has %d edges of %d bins", l.Name, len(l.Edges), len(l.Counts)))
			}
		}
	}
	return nil
}

// drawable returns an error unless pictures and evidence are as large as c says.
func drawable(c *eval.ChangedFile) error {
	const most = 1 << 14 // A side, so that a product cannot overflow.
	if len(c.Shape) != 3 || slices.Min(c.Shape) < 1 || slices.Max(c.Shape) > most {
		return fmt.Errorf("its images have the shape %v", c.Shape)
	}
	if len(c.Timesteps) == 0 || !slices.IsSorted(c.Timesteps) || c.Timesteps[0] < 1 {
		return errors.New("its timesteps are not ascending from 1")
	}
	classes := 0
	for _, im := range c.Images {
		if n := c.Shape.Len(); len(im.Pixels) != n || len(im.Evidence) != len(c.Timesteps) {
			return fmt.Errorf("image %d has %d pixels and evidence at %d timesteps, not %d and %d", im.Index, len(im.Pixels), len(im.Evidence), n, len(c.Timesteps))
		}
		for _, e := range im.Evidence {
			if classes == 0 {
				classes = len(e)
			}
			if len(e) != classes || classes == 0 || max(im.Label, im.ANN, im.SNN) >= classes || min(im.Label, im.ANN, im.SNN) < 0 {
				return fmt.Errorf("image %d has evidence of %d classes", im.Index, len(e))
			}
		}
	}
	return nil
}

func (r *Run) hasLayer(name string) bool {
	return slices.ContainsFunc(r.Result.Layers, func(l eval.Layer) bool { return l.Name == name })
}

// note says what a reader of r has to do without.
func (r *Run) note() {
	if !r.Result.Complete {
		r.Missing = append(r.Missing, fmt.Sprintf("The run was interrupted: it holds the %d images that were finished.", r.Result.Images))
	}
	if r.Result.Alone {
		r.Missing = append(r.Missing, "The run is of a spiking network by itself: what compares it with a trained one is left out.")
	}
	for _, o := range optional {
		if r.Manifest.Files[o.file] != "" || r.Result.Alone && slices.Contains(trainedToo, o.file) {
			continue
		}
		why := "is not there"
		if _, err := os.Stat(filepath.Join(r.Dir, o.file)); err == nil {
			why = "is there, but manifest.json does not name it, so that it may be of another run"
		}
		r.Missing = append(r.Missing, fmt.Sprintf("%s %s: no %s. '%s %s' writes it.", o.file, why, strings.TrimPrefix(o.shows, "the "), o.from, r.Dir))
	}
}

// classes returns the number of classes that r knows of.
func (r *Run) classes() int {
	n := len(r.Manifest.Classes)
	for _, a := range r.Answers {
		n = max(n, a.Label+1, a.ANN+1, a.SNN+1)
	}
	return n
}

// class returns the name of class k.
func (r *Run) class(k int) string {
	if k >= 0 && k < len(r.Manifest.Classes) {
		return r.Manifest.Classes[k]
	}
	return fmt.Sprint(k)
}

// ANNTop1 returns the accuracy of the trained network, NaN if there is none.
func (r *Run) ANNTop1() num { return r.ofTrained(r.Result.ANN.Top1) }

// ofTrained returns x, which is about the trained network, or NaN if there is none.
func (r *Run) ofTrained(x float64) num {
	if r.Result.Alone {
		return nan
	}
	return num(x)
}

// last returns the state after the last timestep.
func (r *Run) last() Point { return r.Accuracy[len(r.Accuracy)-1] }
