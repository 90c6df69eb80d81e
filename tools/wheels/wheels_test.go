package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPythonVersion(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"(devel)", "0.0.0.dev0"},
		{"v1.2.3", "1.2.3"},
		{"v1.2.3+dirty", "1.2.3+dirty"},
		{"v1.2.0-rc.1", "1.2.0rc1"},
		{"v1.2.0-beta2", "1.2.0b2"},
		{"v0.0.0-20260102030405-0123456789ab", "0.0.0.dev20260102030405+g0123456789ab"},
		{"v0.0.0-20260102030405-0123456789ab+dirty", "0.0.0.dev20260102030405+g0123456789ab.dirty"},
		{"v1.2.4-0.20260102030405-0123456789ab", "1.2.4.dev20260102030405+g0123456789ab"},
		{"v1.2.0-rc.1.0.20260102030405-0123456789ab", "1.2.0rc1.post1.dev20260102030405+g0123456789ab"},
	} {
		if got, err := pythonVersion(tt.in); err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	for _, v := range []string{"v1.2", "v1.2.3-nightly.4", "main", "v1.2.0-nightly.1.0.20260102030405-0123456789ab"} {
		if got, err := pythonVersion(v); err == nil {
			t.Errorf("%s: got %s, want an error", v, got)
		}
	}
}

// sample returns a wheel of a small package.
func sample(t *testing.T) *wheel {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.py": "B = 1\n", "__init__.py": "", "py.typed": "", "notes.txt": "x", "_version.py": "old",
		"_bin/sresnet": "old", "__pycache__/b.cpython-311.pyc": "x", "sub/c.py": "C = 1\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(binary, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &wheel{version: "1.2.3", tag: "manylinux2014_x86_64.musllinux_1_1_x86_64"}
	if err := w.addFolder(dir, "sresnet"); err != nil {
		t.Fatal(err)
	}
	w.add("sresnet/_version.py", versionFile("1.2.3", "v1.2.3"))
	if err := w.addFile("sresnet/_bin/sresnet", binary, 0o755); err != nil {
		t.Fatal(err)
	}
	w.describe([]byte("# In Python\n\nSee [runs](runs.md) and [PEP 440](https://peps.python.org/pep-0440/).\n"))
	return w
}

// A wheel has the sources and the program, which is executable, and a RECORD that is right;
// its bytes depend on neither time nor place.
func TestWheel(t *testing.T) {
	dir := t.TempDir()
	name, size, err := sample(t).write(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := "sresnet-1.2.3-py3-none-manylinux2014_x86_64.musllinux_1_1_x86_64.whl"; filepath.Base(name) != want {
		t.Errorf("got %s, want %s", filepath.Base(name), want)
	}
	data, err := os.ReadFile(name)
	if err != nil || int64(len(data)) != size {
		t.Fatalf("%d bytes, %v; said %d", len(data), err, size)
	}
	r, err := zip.NewReader(bytes.NewReader(data), size)
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	var names []string
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		names, texts[f.Name] = append(names, f.Name), string(text)
		if want := strings.Contains(f.Name, "_bin/"); f.Mode().IsRegular() != true || (f.Mode()&0o111 != 0) != want {
			t.Errorf("%s: mode %v", f.Name, f.Mode())
		}
		if !f.Modified.Equal(moment) {
			t.Errorf("%s: changed at %v", f.Name, f.Modified)
		}
	}
	info := "sresnet-1.2.3.dist-info/"
	want := []string{
		"sresnet/__init__.py", "sresnet/b.py", "sresnet/py.typed", "sresnet/sub/c.py", "sresnet/_version.py", "sresnet/_bin/sresnet",
		info + "METADATA", info + "WHEEL", info + "entry_points.txt", info + "top_level.txt", info + "RECORD",
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	rows, err := csv.NewReader(strings.NewReader(texts[info+"RECORD"])).ReadAll()
	if err != nil || len(rows) != len(names) {
		t.Fatalf("RECORD: %d rows, %v", len(rows), err)
	}
	for i, row := range rows {
		sum := sha256.Sum256([]byte(texts[names[i]]))
		hash, length := "sha256="+base64.RawURLEncoding.EncodeToString(sum[:]), fmt.Sprint(len(texts[names[i]]))
		if names[i] == info+"RECORD" {
			hash, length = "", ""
		}
		if row[0] != names[i] || row[1] != hash || row[2] != length {
			t.Errorf("RECORD has %v for %s", row, names[i])
		}
	}
	if !strings.HasSuffix(texts[info+"WHEEL"], "Tag: py3-none-manylinux2014_x86_64\nTag: py3-none-musllinux_1_1_x86_64\n") {
		t.Errorf("WHEEL is %s", texts[info+"WHEEL"])
	}
	if !strings.HasSuffix(texts[info+"METADATA"], "See runs and [PEP 440](https://peps.python.org/pep-0440/).\n") {
		t.Errorf("METADATA is %s", texts[info+"METADATA"])
	}
	again, _, err := sample(t).write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if other, err := os.ReadFile(again); err != nil || !bytes.Equal(data, other) {
		t.Errorf("a second wheel is another one, %v", err)
	}
}

// The package of this repository has what a wheel takes.
func TestSources(t *testing.T) {
	w := &wheel{version: "1.2.3"}
	if err := w.addFolder("../../python/sresnet", "sresnet"); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range w.files {
		names = append(names, f.name)
	}
	for _, name := range []string{"sresnet/__init__.py", "sresnet/__main__.py", "sresnet/py.typed", "sresnet/_program.py"} {
		if !slices.Contains(names, name) {
			t.Errorf("no %s in %v", name, names)
		}
	}
}
