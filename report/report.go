// Package report shows runs: it reads the folders that sresnet eval keeps and
// writes one HTML page, or its figures, tables and data alone.
//
// It measures nothing. Every number on a page is from a file of a run; this
// package adds layout, scales of axes and words. Names of layers, models and
// classes come from files that anyone may have written, and reach a page through
// html/template, or in scripts as text nodes, only.
package report

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/run"
)

// Report is one or more runs, shown side by side. It is plain data.
type Report struct {
	Runs  []*Run   `json:"runs"`
	Notes []string `json:"notes"` // What a reader must know before comparing the runs, as sentences.
}

// New puts runs side by side. Runs of different models or data may be compared,
// and Notes says that they are; a run compared with itself is an error.
func New(runs ...*Run) (*Report, error) {
	if len(runs) == 0 {
		return nil, errors.New("report: no runs")
	}
	r := &Report{Runs: runs}
	names := make(map[string]int)
	for i, run := range runs {
		for _, other := range runs[:i] {
			if sameFolder(run.Dir, other.Dir) {
				return nil, twice(run.Dir, "the run is given twice", "give each folder once")
			}
			if run.Manifest.Started.Equal(other.Manifest.Started) && run.Manifest.Files["result.json"] == other.Manifest.Files["result.json"] {
				return nil, twice(run.Dir, "it is a copy of "+other.Dir, "give one of them")
			}
		}
		names[run.Name]++
	}
	for _, run := range runs {
		if names[run.Name] > 1 {
			run.Name = run.Dir // Folders of one name in different places.
		}
	}
	r.Notes = differences(runs)
	return r, nil
}

func twice(dir, problem, remedy string) error {
	return &run.Error{Dir: dir, Problem: problem, Remedy: remedy}
}

func sameFolder(a, b string) bool {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

// aspect is something that runs need to have in common to be compared, beside their settings.
type aspect struct {
	what string
	of   func(*Run) string
	show func(*Run) string
}

// aspects are all of them.
var aspects = []aspect{
	{"models", func(r *Run) string { return r.Manifest.Model.SHA256 }, func(r *Run) string { return r.Result.Model }},
	{"test images", testImages, func(r *Run) string { return fmt.Sprintf("%d of %s", r.Result.Images, r.Manifest.Data.Name) }},
	{"T", func(r *Run) string { return fmt.Sprint(r.Result.Timesteps) }, func(r *Run) string { return fmt.Sprint(r.Result.Timesteps) }},
	{"schedule", func(r *Run) string { return cmp.Or(r.Result.Schedule, "synchronous") + r.Result.Coding }, func(r *Run) string {
		return strings.TrimSpace(cmp.Or(r.Result.Schedule, "synchronous") + " " + r.Result.Coding)
	}},
	{"calibration images", func(r *Run) string {
		return r.Manifest.Calibration.SHA256 + setting(r.Manifest.Options["calibration_images"])
	}, func(r *Run) string {
		if r.Manifest.Calibration.Name == "" {
			return "none"
		}
		return strings.TrimSpace(setting(r.Manifest.Options["calibration_images"]) + " of " + r.Manifest.Calibration.Name)
	}},
	{"versions of sresnet", func(r *Run) string { return r.Manifest.Version }, func(r *Run) string { return r.Manifest.Version }},
}

// testImages tells the images of runs apart: the files, how they were cut, and which of them.
func testImages(r *Run) string {
	d := &r.Manifest.Data
	return fmt.Sprint(d.SHA256, d.Resize, d.Crop, d.Frames, r.Result.Images, r.Result.Predictions.Image)
}

// differs reports whether the runs do not have a in common.
func (a *aspect) differs(runs []*Run) bool {
	return slices.ContainsFunc(runs, func(r *Run) bool { return a.of(r) != a.of(runs[0]) })
}

// differences names what runs do not have in common beside their settings, and diagnoses
// that are not of their runs.
func differences(runs []*Run) []string {
	var notes []string
	for _, x := range aspects {
		if !x.differs(runs) {
			continue
		}
		var seen, shown []string
		for _, r := range runs {
			if v := x.of(r); !slices.Contains(seen, v) {
				seen = append(seen, v)
				shown = append(shown, x.show(r)+" ("+r.Name+")")
			}
		}
		notes = append(notes, "The runs have different "+x.what+": "+strings.Join(shown, ", ")+".")
	}
	if slices.ContainsFunc(runs, func(r *Run) bool { return r.Result.Phased() }) && slices.ContainsFunc(runs, func(r *Run) bool { return !r.Result.Phased() }) {
		notes = append(notes, "Some runs are of phased networks, whose layers have windows of T timesteps one after the other: their latency, not their T, is what the T of others is to be compared with.")
	}
	for _, r := range runs {
		if r.Diagnosis == nil || len(r.Diagnosis.Timesteps) == 0 {
			continue
		}
		if other := r.otherwise(); len(other) > 0 {
			in := "The diagnosis"
			if len(runs) > 1 {
				in += " of " + r.Name
			}
			notes = append(notes, fmt.Sprintf("%s is of %s, %s, and not as the run: %s.", in, images(r.Diagnosis.Images), timing(r.Diagnosis), strings.Join(other, "; ")))
		}
	}
	return notes
}
