package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sresnet/run"
)

// FuzzRun looks for a file of a run that makes reading or showing it panic.
func FuzzRun(f *testing.F) {
	dir := small().write(f, f.TempDir())
	m, err := run.ReadManifest(dir)
	if err != nil {
		f.Fatal(err)
	}
	files := make(map[string][]byte)
	names := []string{"manifest.json", "result.json"}
	for _, o := range optional {
		names = append(names, o.file)
	}
	for i, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		files[name] = b
		f.Add(uint8(i), b)
	}
	maps.DeleteFunc(m.Files, func(name, _ string) bool { return !slices.Contains(names, name) })
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		name := names[int(which)%len(names)]
		changed, of := maps.Clone(files), *m
		sum := sha256.Sum256(b)
		of.Files = maps.Clone(m.Files)
		of.Files[name] = hex.EncodeToString(sum[:])
		delete(of.Files, "manifest.json")
		var err error
		if changed["manifest.json"], err = json.Marshal(&of); err != nil {
			t.Fatal(err)
		}
		changed[name] = b
		dir := t.TempDir()
		for name, b := range changed {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Read(dir)
		if err != nil {
			return
		}
		report, err := New(r)
		if err != nil {
			return
		}
		for _, write := range []func(io.Writer) error{report.WriteHTML, report.WriteJSON, report.WriteCSV, report.WriteMarkdown} {
			_ = write(io.Discard)
		}
	})
}
