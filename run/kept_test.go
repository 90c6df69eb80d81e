package run

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// kept writes a run into a new folder and returns the folder.
func kept(t *testing.T, m Manifest, complete bool) string {
	t.Helper()
	dir := t.TempDir()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := tinyResult()
	r.Complete = complete
	if err := f.Write(m, r); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReadResult(t *testing.T) {
	dir := kept(t, Manifest{}, true)
	m, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadResult(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	want := tinyResult()
	want.Predictions = nil
	for i := range want.Layers {
		want.Layers[i].SpikesAt, want.Layers[i].ACsAt = nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestReadResultIncomplete(t *testing.T) {
	for name, spoil := range map[string]func(dir string){
		"interrupted":           nil,
		"a file of another run": func(dir string) { _ = os.WriteFile(filepath.Join(dir, "accuracy.csv"), []byte("t\n"), 0o644) },
		"a file is missing":     func(dir string) { _ = os.Remove(filepath.Join(dir, "result.json")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := kept(t, Manifest{}, spoil != nil)
			if spoil != nil {
				spoil(dir)
			}
			m, err := ReadManifest(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ReadResult(dir, m); !errors.Is(err, ErrIncomplete) {
				t.Errorf("got error %v, want %v", err, ErrIncomplete)
			}
		})
	}
}

func TestReadManifestErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadManifest(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of an empty folder: got error %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadManifest(dir); err == nil || !strings.Contains(err.Error(), "manifest.json is not the manifest of a run") {
		t.Errorf("of a damaged file: got error %v", err)
	}
}

func TestDifference(t *testing.T) {
	base := func() Manifest {
		return Manifest{
			Model: Source{Name: "a.onnx", SHA256: "0123456789"}, Data: Source{Name: "mnist", SHA256: "11"}, Calibration: Source{Name: "mnist", SHA256: "22"},
			Options: map[string]any{"seed": uint64(1<<63 + 1), "percentile": 99.9, "reset": "subtract", "workers": 2},
		}
	}
	for _, tt := range []struct {
		name   string
		change func(m *Manifest)
		want   string
	}{
		{"nothing", func(*Manifest) {}, ""},
		{"where the model lies", func(m *Manifest) { m.Model.Name = "b.onnx" }, ""},
		{"an option of no matter", func(m *Manifest) { m.Options["workers"] = 3 }, ""},
		{"the model", func(m *Manifest) { m.Model = Source{Name: "b.onnx", SHA256: "9876543210"} }, "model a.onnx with SHA-256 01234567..., not b.onnx with 98765432..."},
		{"the images", func(m *Manifest) { m.Data.SHA256 = "33" }, "images mnist with SHA-256 11..., not mnist with 33..."},
		{"the calibration images", func(m *Manifest) { m.Calibration.SHA256 = "33" }, "calibration images mnist with SHA-256 22..., not mnist with 33..."},
		{"an option, and so the images", func(m *Manifest) { m.Data.SHA256, m.Options["percentile"] = "33", 99.0 }, "option percentile is 99.9, not 99"},
		{"an option", func(m *Manifest) { m.Options["percentile"] = 99.0 }, "option percentile is 99.9, not 99"},
		{"the last digit of a seed", func(m *Manifest) { m.Options["seed"] = uint64(1 << 63) }, "option seed is 9223372036854775809, not 9223372036854775808"},
		{"a new option", func(m *Manifest) { m.Options["new"] = "x" }, `option new is null, not "x"`},
	} {
		m, err := ReadManifest(kept(t, base(), true))
		if err != nil {
			t.Fatal(err)
		}
		other := base()
		tt.change(&other)
		if got := m.Difference(&other, "workers"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
