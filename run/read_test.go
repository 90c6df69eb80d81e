package run

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/shard"
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

func TestRead(t *testing.T) {
	for _, complete := range []bool{true, false} {
		dir := kept(t, Manifest{Version: "v1", Options: map[string]any{"seed": uint64(1<<63 + 1)}}, complete)
		r, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		want := tinyResult()
		want.Complete = complete
		if diff := cmp.Diff(want, r.Result); diff != "" {
			t.Errorf("result (-written +read):\n%s", diff)
		}
		if r.Dir != dir || r.Manifest.Complete != complete || fmt.Sprint(r.Manifest.Options["seed"]) != "9223372036854775809" {
			t.Errorf("got %+v", r.Manifest)
		}
		a, err1 := r.Activations()
		c, err2 := r.Changed()
		d, err3 := r.Diagnosis()
		if a != nil || c != nil || d != nil || err1 != nil || err2 != nil || err3 != nil {
			t.Errorf("files that there are not: %v %v %v, errors %v %v %v", a, c, d, err1, err2, err3)
		}
	}
}

// What not every run has is read when it is asked for.
func TestReadOptional(t *testing.T) {
	const (
		activations = `{"layers":[{"layer":"relu","lambda":2,"max":3,"mean":1,"zeros":0.5,"edges":[0,1],"counts":[7]}]}`
		changed     = `{"shape":[1,1,2],"t":[3],"unit":"spikes","changed":[{"image":1,"label":0,"trained_class":1,"spiking_class":0,"pixels":"AAE=","evidence":[[0,1]]}]}`
		diagnosis   = `{"model":"tiny","images":2,"t":[3],"trained_top1":0.5,"spiking_top1":[0.5],"layers":[{"layer":"relu"}]}`
	)
	open := func(files ...File) *Run {
		dir := kept(t, Manifest{Version: "v1"}, true)
		f, err := OpenFolder(dir)
		for _, file := range files {
			err = errors.Join(err, f.Add(file))
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := open(text("activations.json", activations), text("changed.json", changed), text("diagnosis.json", diagnosis))
	if a, err := r.Activations(); err != nil || a.Layers[0].Name != "relu" || a.Layers[0].Counts[0] != 7 {
		t.Errorf("activations %+v, error %v", a, err)
	}
	if c, err := r.Changed(); err != nil || c.Images[0].Index != 1 || c.Images[0].ANN != 1 || c.Images[0].Pixels[1] != 1 || c.Timesteps[0] != 3 {
		t.Errorf("changed %+v, error %v", c, err)
	}
	if d, err := r.Diagnosis(); err != nil || d.Layers[0].Name != "relu" || d.ANNTop1 != 0.5 || d.SNNTop1[0] != 0.5 {
		t.Errorf("diagnosis %+v, error %v", d, err)
	}
	for _, tt := range []struct{ name, file, old, replacement, want string }{
		{"no JSON", "activations.json", "{", "", "activations.json is not what this version of sresnet understands"},
		{"no edges", "activations.json", `"edges":[0,1]`, `"edges":[0]`, `layer "relu" has 1 edges of 1 bins`},
		{"no pixels", "changed.json", `AAE=`, ``, "image 1 has 0 pixels"},
		{"another model", "diagnosis.json", "tiny", "other", `it mixes models: result.json is of "tiny", diagnosis.json of "other"`},
		{"another layer", "diagnosis.json", "relu", "other", `diagnosis.json has a layer "other"`},
		{"no accuracy", "diagnosis.json", `"spiking_top1":[0.5]`, `"spiking_top1":[]`, "it has 1 lengths and 0 accuracies"},
	} {
		content := map[string]string{"activations.json": activations, "changed.json": changed, "diagnosis.json": diagnosis}[tt.file]
		r := open(text(tt.file, strings.Replace(content, tt.old, tt.replacement, 1)))
		_, err1 := r.Activations()
		_, err2 := r.Changed()
		_, err3 := r.Diagnosis()
		var e *Error
		if err := errors.Join(err1, err2, err3); !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || e.Hint() == "" {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
	// A file may change after the run was read.
	if err := os.WriteFile(filepath.Join(r.Dir, "changed.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Changed(); !errors.Is(err, ErrIncomplete) {
		t.Errorf("of another run: got error %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	change := func(name, old, replacement string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			s := read(t, dir, name)
			if !strings.Contains(s, old) {
				t.Fatalf("no %q in %s", old, name)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(s, old, replacement, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { _ = os.RemoveAll(filepath.Join(dir, name)) }
	}
	// rewrite changes result.json and its hash.
	rewrite := func(old, replacement string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			m, err := ReadManifest(dir)
			if err != nil {
				t.Fatal(err)
			}
			before := m.Files["result.json"]
			change("result.json", old, replacement)(t, dir)
			sum := sha256.Sum256([]byte(read(t, dir, "result.json")))
			change("manifest.json", before, hex.EncodeToString(sum[:]))(t, dir)
		}
	}
	for _, tt := range []struct {
		name string
		do   func(*testing.T, string)
		is   error // That the error is; nil for none.
		want string
	}{
		{"no manifest", remove("manifest.json"), fs.ErrNotExist, "it is incomplete: there is no manifest.json"},
		{"no folder", remove("."), fs.ErrNotExist, "there is no such folder"},
		{"a file", func(_ *testing.T, dir string) { _ = os.RemoveAll(dir); _ = os.WriteFile(dir, nil, 0o644) }, nil, "it is a file"},
		{"another manifest", change("manifest.json", `"version": "v1"`, `"version": ""`), nil, "manifest.json is not that of a run"},
		{"half a manifest", change("manifest.json", "{", "{{"), nil, "manifest.json is damaged"},
		{"a view is missing", remove("accuracy.csv"), ErrIncomplete, "it is incomplete: manifest.json names accuracy.csv, which is not there"},
		{"two files are missing", func(t *testing.T, dir string) { remove("spikes.csv")(t, dir); remove("result.json")(t, dir) }, ErrIncomplete, "names result.json, spikes.csv, which"},
		{"no result", change("manifest.json", `"result.json"`, `"results.json"`), ErrIncomplete, "manifest.json does not name result.json; the run was kept by version v1"},
		{"a view of another run", change("predictions.csv", "\n0,", "\n00,"), ErrIncomplete, "predictions.csv is not the file of this run: its SHA-256 differs"},
		{"a result of another run", change("result.json", "tiny", "Tiny"), ErrIncomplete, "result.json is not the file of this run"},
		{"a way out", change("manifest.json", `"spikes.csv"`, `"../spikes.csv"`), ErrIncomplete, `"../spikes.csv" is not a name for a file of a run`},
		{"another number of images", change("manifest.json", `"images": 2`, `"images": 3`), ErrIncomplete, "its files are of different runs: 2 images in result.json, 3 in manifest.json"},
		{"a result that cannot be", rewrite(`"timesteps":3`, `"timesteps":4`), nil, "result.json is not what this version of sresnet understands: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := kept(t, Manifest{Version: "v1"}, true)
			tt.do(t, dir)
			_, err := Read(dir)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || e.Hint() == "" {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
			if incomplete, absent := errors.Is(err, ErrIncomplete), errors.Is(err, fs.ErrNotExist); incomplete != (tt.is == ErrIncomplete) || absent != (tt.is == fs.ErrNotExist) {
				t.Errorf("error %v: incomplete %v, not there %v", err, incomplete, absent)
			}
		})
	}
	for _, tt := range []struct {
		name string
		do   func(*testing.T, string)
		want string
	}{
		{"a manifest of format 1", change("manifest.json", `  "format": 2,`, ``), "was kept by an earlier version of sresnet (format 1); this one reads format 2"},
		{"a manifest of another form", change("manifest.json", "\"format\": 2,\n  \"version\": \"v1\"", "\"format\": 1,\n  \"version\": 1"), "was kept by an earlier version of sresnet (format 1); this one reads format 2"},
		{"a later manifest", change("manifest.json", `"format": 2`, `"format": 3`), "was kept by a later version of sresnet (format 3); this one reads format 2"},
		{"a result of format 1", rewrite(`"format":2,`, ``), "was kept by an earlier version of sresnet (format 1); this one reads format 2"},
	} {
		dir := kept(t, Manifest{Version: "v1"}, true)
		tt.do(t, dir)
		_, err := Read(dir)
		var format *shard.FormatError
		if !errors.As(err, &format) || err.Error() != dir+" "+tt.want {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestDifference(t *testing.T) {
	base := func() Manifest {
		return Manifest{
			Version: "v1", Model: Source{Name: "a.onnx", SHA256: "0123456789"}, Data: Source{Name: "mnist", SHA256: "11"}, Calibration: Source{Name: "mnist", SHA256: "22"},
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
