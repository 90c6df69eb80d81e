package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"sresnet/eval"
)

// manifestOf is the manifest of one run of the sweep, of selection or of
// confirmation.
func (sw *sweep) manifestOf(p *pipeline, purpose string, started time.Time) eval.Manifest {
	m := p.manifest(sw.model, started)
	m.Options["purpose"], m.Options["selection_images"] = purpose, sw.selectionImages
	return m
}

// Purposes of a run.
const forSelection, forConfirmation = "selection", "confirmation"

// confirmation is the folder of the test run.
const confirmation = "confirmed"

// resume reads what an earlier call has finished, and refuses a folder of another
// sweep before any work.
func (sw *sweep) resume() error {
	if _, err := eval.OpenFolder(sw.out); err != nil {
		return hinted(err, "give another folder with --out, or make room in this one")
	}
	names := []string{confirmation}
	for _, v := range sw.variants {
		names = append(names, v.name())
	}
	for _, name := range names {
		dir := filepath.Join(sw.out, name)
		if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return hinted(fmt.Errorf("%s is a link, which would lead what is kept elsewhere", dir), "remove it, or give another folder with --out")
		}
	}
	for i, v := range sw.variants {
		m := sw.manifestOf(sw.of(v, sw.selection, sw.selectionName), forSelection, time.Now())
		r, err := readRun(filepath.Join(sw.out, v.name()), &m)
		if err != nil {
			return err
		}
		sw.results[i] = r
	}
	m := sw.manifestOf(sw.of(sw.variants[0], sw.test, sw.data), forConfirmation, time.Now())
	_, err := readRun(filepath.Join(sw.out, confirmation), &m, variantOptions...)
	return err
}

// variantOptions are the names in a manifest of what a sweep varies.
var variantOptions = []string{"percentile", "v_init", "compensation", "reset", "encoding"}

// readRun returns the result in a folder, nil if there is none that is complete. It
// is an error if the run there was not made as want says.
func readRun(dir string, want *eval.Manifest, ignore ...string) (*eval.Result, error) {
	m, err := eval.ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, hinted(err, "remove %s to run that setting again", dir)
	}
	// Where the images lay is of no matter, nor how many workers there were.
	if d := m.Difference(want, append(slices.Clone(ignore), "data", "calibrate", "workers")...); d != "" {
		return nil, hinted(fmt.Errorf("%s holds another run: %s", dir, d), "give another folder with --out, or the options and files that this one was made with")
	}
	r, err := eval.ReadResult(dir, m)
	if errors.Is(err, eval.ErrIncomplete) {
		return nil, nil
	}
	return r, err
}

// keepRun writes a run into its folder, if runs are kept.
func (sw *sweep) keepRun(p *pipeline, r *eval.Result, purpose, name string, started time.Time) error {
	if sw.out == "" {
		return nil
	}
	folder, err := eval.OpenFolder(filepath.Join(sw.out, name))
	if err != nil {
		return err
	}
	if err := p.keep(folder, sw.manifestOf(p, purpose, started), r); err != nil {
		return err
	}
	r.Predictions = nil // One an image and setting: enough to matter, and now on disk.
	return nil
}

// keepTable writes sweep.csv: one line for every timestep of every run, with the
// images it was measured on.
func (sw *sweep) keepTable() error {
	if sw.out == "" {
		return nil
	}
	folder, err := eval.OpenFolder(sw.out)
	if err != nil {
		return err
	}
	rows := [][]string{{
		"setting", "percentile", "v_init", "compensation", "reset", "encoding", "measured_on", "images", "chosen",
		"t", "ann_top1", "snn_top1", "agreement", "spikes_per_image", "operations_per_image",
	}}
	best := sw.chosen()
	add := func(i int, on string, r *eval.Result) {
		if r == nil {
			return
		}
		v := sw.variants[i]
		for t := range r.SNN.Top1 {
			rows = append(rows, []string{
				v.name(), float(v.Percentile, 64), float(v.VInit, 64), v.Compensation, v.Reset, v.Encoding,
				on, strconv.Itoa(r.Images), strconv.FormatBool(i == best),
				strconv.Itoa(t + 1), float(r.ANN.Top1, 64), float(r.SNN.Top1[t], 64), float(r.Agreement[t], 64),
				float(r.SpikesUpTo[t], 64), float(r.Candidate(t+1).Operations, 64),
			})
		}
	}
	for i, r := range sw.results {
		add(i, forSelection, r)
	}
	if best >= 0 {
		add(best, forConfirmation, sw.confirmed)
	}
	return folder.Keep(csvFile("sweep.csv", rows))
}
