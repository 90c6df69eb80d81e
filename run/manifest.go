// Package run keeps runs in folders and reads them back.
//
// A [Folder] writes the [eval.Result] of a run with a [Manifest] of what it was made
// from, and tables that show parts of the result ([Views]). [Read] reads a run back and
// refuses what is not of one run or not of this [Format]; code that wants to know what a
// folder holds asks it. docs/runs.md lists the files and what is in them. This package
// computes nothing and shows nothing.
package run

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"sresnet/internal/regular"
	"sresnet/shard"
)

// Manifest says what a run was made from, so that it can be repeated and two runs
// can be told apart.
type Manifest struct {
	Format   int       `json:"format,omitempty"` // [Format]; a [Folder] fills it.
	Version  string    `json:"version"`          // Of this program.
	Go       string    `json:"go"`
	Platform string    `json:"platform"` // Operating system and architecture.
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Complete bool      `json:"complete"` // Unset if the run was interrupted.
	Images   int       `json:"images"`   // Images that were finished.

	// Purpose says what a run is in a study: "selection" or "confirmation" in a sweep; empty
	// for an evaluation by itself.
	Purpose string `json:"purpose,omitempty"`

	Model       Source `json:"model"`
	Data        Source `json:"data"`
	Calibration Source `json:"calibration"`

	// SpikingSHA256 is the hash of the NIR file that the spiking network was read from, where
	// Model is the trained network beside it.
	SpikingSHA256 string `json:"spiking_sha256,omitempty"`

	Classes []string `json:"classes,omitempty"` // Their names, in the order of the labels.

	// Options are all options with their values, defaults included.
	Options map[string]any `json:"options"`

	// Files holds the SHA-256 of every other file of the folder, in hexadecimal.
	Files map[string]string `json:"files"`
}

// Source is a file or data set that went into a run.
type Source struct {
	Name   string `json:"name"`   // As the user gave it.
	SHA256 string `json:"sha256"` // Of its bytes, in hexadecimal.

	// Skipped is how many images of it could not be read and were left out.
	Skipped int `json:"skipped,omitempty"`

	// Frames is how many frames each image is made of; 0 if it is one by itself.
	Frames int `json:"frames,omitempty"`

	// Resize and Crop are what was asked for image files; see [dataset.Spec].
	Resize int `json:"resize,omitempty"`
	Crop   int `json:"crop,omitempty"`
}

// Format is the form in which this version keeps runs.
const Format = shard.Format

const manifestFile = "manifest.json"

// maxFile bounds the bytes of a file of a run that is read back, a gigabyte: more than
// the predictions of ten million images take.
const maxFile = 1 << 30

// ReadManifest reads the manifest of the run in dir. An error is a [*shard.FormatError]
// if another version of the program kept the run in another form, and otherwise an
// [*Error]; if there is none, that is an fs.ErrNotExist.
func ReadManifest(dir string) (*Manifest, error) {
	b, err := regular.ReadFileIn(dir, manifestFile, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		if g, groupErr := shard.OpenGroup(dir); groupErr == nil && g.Study() != nil {
			return nil, problem(dir, err, "give the folder of one run", "it holds several runs, of a %s", g.Study().Kind)
		}
		return nil, problem(dir, err, anew(dir), "it is incomplete: there is no manifest.json, which a run writes last")
	}
	if err != nil {
		return nil, problem(dir, err, anew(dir), "manifest.json cannot be read: %v", err)
	}
	if err := shard.CheckFormat(dir, b); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // A seed of 64 bits is more than a float64 holds.
	var m Manifest
	if err := d.Decode(&m); err != nil {
		return nil, problem(dir, err, anew(dir), "manifest.json is damaged: %v", err)
	}
	if m.Version == "" || len(m.Files) == 0 {
		return nil, problem(dir, nil, give, "manifest.json is not that of a run: it does not name a version or files")
	}
	return &m, nil
}

// Difference says in a few words what m was made from that other was not: the
// content of the model, an option that is not named in ignore, or the content of the
// images or of the calibration images, wherever they lay. Options come before the
// images, which often differ because of one. It is empty if they are the same.
func (m *Manifest) Difference(other *Manifest, ignore ...string) string {
	source := func(what string, a, b Source) string {
		if a.SHA256 == b.SHA256 {
			return ""
		}
		return fmt.Sprintf("%s %s with SHA-256 %.8s..., not %s with %.8s...", what, a.Name, a.SHA256, b.Name, b.SHA256)
	}
	if d := source("model", m.Model, other.Model); d != "" {
		return d
	}
	if m.Purpose != other.Purpose {
		return fmt.Sprintf("its purpose is %q, not %q", m.Purpose, other.Purpose)
	}
	if m.SpikingSHA256 != other.SpikingSHA256 {
		return fmt.Sprintf("spiking network with SHA-256 %.8s..., not %.8s...", m.SpikingSHA256, other.SpikingSHA256)
	}
	for _, s := range []struct {
		what string
		a, b Source
	}{{"images", m.Data, other.Data}, {"calibration images", m.Calibration, other.Calibration}} {
		if s.a.Resize != s.b.Resize || s.a.Crop != s.b.Crop {
			return fmt.Sprintf("%s are resized to %d and cropped to %d pixels (0: the default), not %d and %d", s.what, s.a.Resize, s.a.Crop, s.b.Resize, s.b.Crop)
		}
	}
	all := maps.Clone(m.Options)
	maps.Copy(all, other.Options)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if a, b := asJSON(m.Options[name]), asJSON(other.Options[name]); a != b && !slices.Contains(ignore, name) {
			return fmt.Sprintf("option %s is %s, not %s", name, a, b)
		}
	}
	return cmp.Or(source("images", m.Data, other.Data), source("calibration images", m.Calibration, other.Calibration))
}

// asJSON writes the value of an option as a manifest does, so that one from a file
// equals one that was never in a file.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
