// Package run keeps runs in folders and reads them back.
//
// A [Folder] writes the [eval.Result] of a run with a [Manifest] of what it was made
// from; [ReadManifest] and [ReadResult] read both, and refuse what is not of one run.
// This package computes nothing and shows nothing.
package run

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"sresnet/internal/regular"
)

// Manifest says what a run was made from, so that it can be repeated and two runs
// can be told apart.
type Manifest struct {
	Version  string    `json:"version"` // Of this program.
	Go       string    `json:"go"`
	Platform string    `json:"platform"` // Operating system and architecture.
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Complete bool      `json:"complete"` // Unset if the run was interrupted.
	Images   int       `json:"images"`   // Images that were finished.

	Model       Source `json:"model"`
	Data        Source `json:"data"`
	Calibration Source `json:"calibration"`

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
}

// MaxFile bounds the bytes of a file of a run that is read back, a gigabyte: more than
// the predictions of ten million images take.
const MaxFile = 1 << 30

// ReadManifest reads the manifest of the run in dir. If there is none, the error is
// an fs.ErrNotExist.
func ReadManifest(dir string) (*Manifest, error) {
	name := filepath.Join(dir, "manifest.json")
	b, err := regular.ReadFileIn(dir, "manifest.json", MaxFile)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // A seed of 64 bits is more than a float64 holds.
	var m Manifest
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("run: %s is not the manifest of a run: %w", name, err)
	}
	return &m, nil
}

// Check returns an ErrIncomplete if a file of the run in dir is not the one that m
// was written with.
func (m *Manifest) Check(dir string) error {
	for name := range m.Files {
		if _, err := m.read(dir, name); err != nil {
			return err
		}
	}
	return nil
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
