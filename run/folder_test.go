package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sresnet/energy"
	"sresnet/eval"
	"sresnet/internal/atomic"
)

// tinyResult is of two layers, two images and three timesteps.
func tinyResult() *eval.Result {
	return &eval.Result{
		Model: "tiny", Images: 2, Timesteps: 3, Latency: 3, Complete: true, Seconds: 3,
		TrainedTop1: 0.5, SpikingTop1: []float64{0.5, 0.5, 0.5}, Agreement: []float64{0, 1, 1},
		SpikesPerImage: []float64{1, 4, 9}, ACsPerImage: []float64{11, 33, 66}, MACsPerImage: 7, DenseMACsPerImage: 70,
		Layers: []eval.Layer{
			{Name: "relu", Kind: "conv+shortcut", Neurons: 4, Lambda: 2, Rate: 0.5, SpikesPerImage: 6, ACsPerImage: 60, SpikesAt: []float64{1, 2, 3}, ACsAt: []float64{10, 20, 30}},
			{Name: "fc", Kind: "dense", Neurons: 2, Lambda: 3, Rate: 0.5, SpikesPerImage: 3, ACsPerImage: 6, SpikesAt: []float64{0, 1, 2}, ACsAt: []float64{1, 2, 3}},
		},
		Energy:      &energy.Accounts{Images: 2, Timesteps: 3},
		Predictions: eval.Predictions{Image: []int{0, 1}, Label: []int{1, 0}, Trained: []int{1, 1}, Spiking: []int{1, 1}},
	}
}

// text is a file of a run that holds s.
func text(name, s string) File {
	return File{name, func(w io.Writer) error { _, err := io.WriteString(w, s); return err }}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "run")
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := tinyResult()
	if err := f.Write(Manifest{Version: "v1"}, r, text("compensation.csv", "layer,factor\n")); err != nil {
		t.Fatal(err)
	}
	want := []string{"accuracy.csv", "compensation.csv", "energy.json", "layers.csv", "manifest.json", "predictions.csv", "result.json", "spikes.csv"}
	if names := list(t, dir); !slices.Equal(names, want) {
		t.Errorf("files in the folder: %v, want %v", names, want)
	}
	if got := read(t, dir, "compensation.csv"); got != "layer,factor\n" {
		t.Errorf("the further file: %q", got)
	}
	for _, v := range Views(r) {
		var b strings.Builder
		if err := v.Write(&b); err != nil {
			t.Fatal(err)
		}
		if got := read(t, dir, v.Name); got != b.String() {
			t.Errorf("%s: got\n%swant\n%s", v.Name, got, &b)
		}
	}
	var m Manifest
	if err := json.Unmarshal([]byte(read(t, dir, "manifest.json")), &m); err != nil {
		t.Fatal(err)
	}
	if m.Version != "v1" || m.Format != 2 || !m.Complete || m.Images != 2 || len(m.Files) != 7 {
		t.Errorf("manifest: got %+v", m)
	}
	for name, want := range m.Files {
		sum := sha256.Sum256([]byte(read(t, dir, name)))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("hash of %s: manifest has %s, file %s", name, want, got)
		}
	}
}

// A file that is added, or written anew, is in the manifest, and no other changes.
func TestAdd(t *testing.T) {
	dir := kept(t, Manifest{Version: "v1"}, true)
	before, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"one", "two"} {
		if err := f.Add(text("notes.txt", content)); err != nil {
			t.Fatal(err)
		}
		r, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := r.ReadFile("notes.txt"); string(b) != content || err != nil {
			t.Errorf("got %q, error %v", b, err)
		}
		delete(r.Manifest.Files, "notes.txt")
		if diff := cmp.Diff(before, r.Manifest); diff != "" {
			t.Errorf("manifest (-before +after):\n%s", diff)
		}
	}
	for _, name := range []string{"../x", ".x", "a/b", ""} {
		if err := f.Add(text(name, "x")); err == nil {
			t.Errorf("a file %q: no error", name)
		}
	}
}

func TestOpenFolderRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "run")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(file); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("a file: got error %v", err)
	}
	if _, err := OpenFolder(filepath.Join(file, "below")); err == nil {
		t.Error("a folder below a file: no error")
	}
	if os.Getuid() == 0 {
		t.Skip("the superuser may write into a read-only folder")
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(closed); err == nil || !strings.Contains(err.Error(), "cannot write into") {
		t.Errorf("a read-only folder: got error %v", err)
	}
}

// Only unfinished files of a run are removed, and only old ones.
func TestOpenFolderRemovesLeftovers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run[1]") // A pattern, were it taken for one.
	kept := map[string]time.Duration{
		".layers.csv.3.tmp": 59 * time.Minute, // Of a run that may be at it.
		".layers.csv.4.tmp": 0,
		"layers.csv.5.tmp":  2 * time.Hour, // All others are not ours.
		".layers.csv.x.tmp": 2 * time.Hour,
		".layers.csv.6.bak": 2 * time.Hour,
		".csv.7.tmp":        2 * time.Hour,
		".notes.8.tmp":      2 * time.Hour,
		"mine.tmp":          2 * time.Hour,
	}
	removed := map[string]time.Duration{
		".layers.csv.1.tmp":         2 * time.Hour,
		".manifest.json.2345.tmp":   61 * time.Minute,
		"..probe.1.tmp":             2 * time.Hour,
		".compensation.csv.123.tmp": 2 * time.Hour,
	}
	age := func(name string, age time.Duration) {
		then := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, ".folder.csv.9.tmp"), 0o755); err != nil { // No file.
		t.Fatal(err)
	}
	age(".folder.csv.9.tmp", 2*time.Hour)
	want := []string{".folder.csv.9.tmp"}
	for _, files := range []map[string]time.Duration{kept, removed} {
		for name, old := range files {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			age(name, old)
		}
	}
	for name := range kept {
		want = append(want, name)
	}
	slices.Sort(want)
	if _, err := OpenFolder(dir); err != nil {
		t.Fatal(err)
	}
	if got := list(t, dir); !slices.Equal(got, want) {
		t.Errorf("left: %v, want %v", got, want)
	}
}

// The names that leftovers are told by are those that atomic.WriteFile gives.
func TestLeftoverNames(t *testing.T) {
	for _, base := range []string{"accuracy.csv", "result.json", ".probe"} {
		f, err := os.CreateTemp(t.TempDir(), atomic.Unfinished(base))
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		if name := filepath.Base(f.Name()); !leftover.MatchString(name) {
			t.Errorf("%s is not told to be a leftover", name)
		}
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
