package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sresnet/diagnose"
	"sresnet/eval"
	"sresnet/run"
)

// Run is a run as a report shows it. What the run lacks is nil; Missing says so in
// words.
type Run struct {
	Name     string        `json:"name"` // Of the folder, unique in a report.
	Dir      string        `json:"dir"`
	Manifest *run.Manifest `json:"manifest"`
	Result   *eval.Result  `json:"result"`

	Choice      eval.Choice         `json:"-"` // In Result, too.
	Accuracy    []Point             `json:"accuracy"`
	Activations *eval.Activations   `json:"activations,omitempty"`
	Changed     *eval.ChangedFile   `json:"changed,omitempty"`
	Diagnosis   *diagnose.Diagnosis `json:"diagnosis,omitempty"`

	Missing []string `json:"missing,omitempty"` // Sentences.
}

// Point is the state after T timesteps. Unknown values are NaN.
type Point struct {
	T         int `json:"t"`
	Top1      num `json:"spiking_top1"`
	Low       num `json:"spiking_top1_low"`  // Of the 95 % interval of Top1.
	High      num `json:"spiking_top1_high"` // Likewise.
	Agreement num `json:"agreement"`
	Spikes    num `json:"spikes_per_image"`
	ACs       num `json:"acs_per_image"`
	Joules    num `json:"joules_per_image"`
}

// num is a float64 that is null in JSON where it is not finite, and that has six
// digits there: more than any axis shows.
type num float64

var nan = num(math.NaN())

func (x num) known() bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// MarshalJSON writes x, or null.
func (x num) MarshalJSON() ([]byte, error) {
	if !x.known() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(x), 'g', 6, 64), nil
}

// Read reads the folder of a run. Errors are those of [run.Read].
func Read(dir string) (*Run, error) {
	kept, err := run.Read(dir)
	if err != nil {
		return nil, err
	}
	r := &Run{Name: filepath.Base(filepath.Clean(dir)), Dir: dir, Manifest: kept.Manifest, Result: kept.Result, Choice: kept.Result.Choose()}
	if r.Name == "." || r.Name == ".." || r.Name == string(filepath.Separator) {
		if abs, err := filepath.Abs(dir); err == nil {
			r.Name = filepath.Base(abs)
		}
	}
	if r.Activations, err = kept.Activations(); err != nil {
		return nil, err
	}
	if r.Changed, err = kept.Changed(); err != nil {
		return nil, err
	}
	if r.Diagnosis, err = kept.Diagnosis(); err != nil {
		return nil, err
	}
	for _, T := range r.Result.Marks() {
		r.Accuracy = append(r.Accuracy, r.point(T))
	}
	r.note(kept)
	return r, nil
}

// point returns the state after T timesteps.
func (r *Run) point(T int) Point {
	p := r.Result.Point(T)
	q := Point{T, num(p.Top1), num(p.Low), num(p.High), r.ofTrained(p.Agreement), num(p.Spikes), num(p.ACs), nan}
	if e := r.Result.Energy; e != nil && e.Device != nil {
		q.Joules = num(p.Joules)
	}
	return q
}

// optional are files that a report shows but not every run has, with the commands that
// make them.
var optional = []struct{ file, shows, from string }{
	{"activations.json", "histograms of activations", "sresnet eval -o"},
	{"changed.json", "the images that changed class", "sresnet eval -o"},
	{"diagnosis.json", "the verdict, the errors of each layer and the scatter of rates", "sresnet diagnose MODEL -o"},
}

// trainedToo are the files of optional that only a run with a trained network has.
var trainedToo = []string{"activations.json", "diagnosis.json"}

// note says what is missing from r.
func (r *Run) note(kept *run.Run) {
	lacks := func(format string, args ...any) { r.Missing = append(r.Missing, fmt.Sprintf(format, args...)) }
	if !r.Result.Complete {
		lacks("The run was interrupted: it holds the %d images that were finished.", r.Result.Images)
	}
	if r.Result.Alone() {
		lacks("The run is of a spiking network alone: comparisons with a trained one are left out.")
	}
	if slices.ContainsFunc(r.Result.Layers, func(l eval.Layer) bool { return l.SpikesAt == nil }) {
		lacks("The version of sresnet that made the run did not keep the spikes of layers over time.")
	}
	if r.Result.Energy == nil {
		lacks("The version of sresnet that made the run did not itemise operations.")
	}
	for _, o := range optional {
		if kept.Has(o.file) || r.Result.Alone() && slices.Contains(trainedToo, o.file) {
			continue
		}
		why := "is not there"
		if _, err := os.Stat(filepath.Join(r.Dir, o.file)); err == nil {
			why = "is there, but manifest.json does not name it, so that it may belong to another run"
		}
		lacks("%s %s. '%s %s' writes it: %s.", o.file, why, o.from, r.Dir, o.shows)
	}
}

// classes returns the number of classes that r knows of.
func (r *Run) classes() int {
	n := len(r.Manifest.Classes)
	p := &r.Result.Predictions
	for _, list := range [][]int{p.Label, p.Trained, p.Spiking} {
		for _, k := range list {
			n = max(n, k+1)
		}
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

// TrainedTop1 returns the accuracy of the trained network, NaN if there is none.
func (r *Run) TrainedTop1() num { return r.ofTrained(r.Result.TrainedTop1) }

// ofTrained returns x, which is about the trained network, or NaN if there is none.
func (r *Run) ofTrained(x float64) num {
	if r.Result.Alone() {
		return nan
	}
	return num(x)
}

// last returns the state after the last timestep.
func (r *Run) last() Point { return r.Accuracy[len(r.Accuracy)-1] }
