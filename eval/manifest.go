package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
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

	// Options are all options with their values, defaults included.
	Options map[string]any `json:"options"`

	// Files holds the SHA-256 of every other file of the folder, in hexadecimal.
	Files map[string]string `json:"files"`
}

// Source is a file or data set that went into a run.
type Source struct {
	Name   string `json:"name"`   // As the user gave it.
	SHA256 string `json:"sha256"` // Of its bytes, in hexadecimal.
}

// ReadManifest reads the manifest of the run in a folder. A folder without one is an
// error that is fs.ErrNotExist.
func ReadManifest(dir string) (*Manifest, error) {
	name := filepath.Join(dir, "manifest.json")
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("eval: no run in %s: %w", dir, err)
	}
	m := &Manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("eval: %s is damaged: %w", name, err)
	}
	return m, nil
}

// HashFile returns the SHA-256 of a file in hexadecimal.
func HashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
