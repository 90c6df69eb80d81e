package main

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sresnet/tools/program"
)

// A release for this machine: the same bytes twice, checksums of all files, an archive whose
// program runs, and a list of all that is in it.
func TestRelease(t *testing.T) {
	ctx := t.Context()
	if !slices.Contains(platforms, program.Host) {
		t.Skipf("no release for %v", program.Host)
	}
	dir, again := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, again} {
		if err := run(ctx, "host", d); err != nil {
			t.Fatal(err)
		}
	}
	names := list(t, dir)
	if len(names) != 3 || !slices.Equal(names, list(t, again)) {
		t.Fatalf("files %v and %v", names, list(t, again))
	}
	sums := string(read(t, filepath.Join(dir, "SHA256SUMS")))
	for _, name := range names {
		data := read(t, filepath.Join(dir, name))
		if !bytes.Equal(data, read(t, filepath.Join(again, name))) {
			t.Errorf("%s differs from one time to the next", name)
		}
		if name != "SHA256SUMS" && !strings.Contains(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)) {
			t.Errorf("no checksum of %s in\n%s", name, sums)
		}
	}
	base, ok := strings.CutSuffix(names[2], ".tar.gz") // After SHA256SUMS and the list.
	if !ok {
		t.Fatalf("files %v", names)
	}
	unpacked := t.TempDir()
	files := untar(t, read(t, filepath.Join(dir, names[2])), unpacked)
	folder := filepath.Join(unpacked, base)
	if want := []string{"", "CHANGELOG.md", "Containerfile", "LICENSE", "README.md", "THIRD-PARTY", "sresnet"}; !slices.Equal(files, want) {
		t.Errorf("the archive has %q, want %q", files, want)
	}
	binary := filepath.Join(folder, "sresnet")
	if out, err := exec.Command(binary, "--version").Output(); err != nil || !strings.HasPrefix(string(out), "sresnet version ") {
		t.Errorf("the program says %q, %v", out, err)
	}
	checkBOM(t, read(t, filepath.Join(dir, base+".cdx.json")), binary)
	checkContainer(t, folder)
}

// checkBOM checks that a list of parts has what the Go tool finds in the program.
func checkBOM(t *testing.T, b []byte, binary string) {
	t.Helper()
	type component struct {
		Name, Version, Purl string
		Hashes              []struct{ Content string }
		Licenses            []struct{ License struct{ ID string } }
	}
	var bom struct {
		BOMFormat, SpecVersion string
		Metadata               struct{ Component component }
		Components             []component
	}
	if err := json.Unmarshal(b, &bom); err != nil || bom.BOMFormat != "CycloneDX" || bom.SpecVersion != "1.6" || bom.Metadata.Component.Name != "sresnet" {
		t.Fatalf("got %.300s, %v", b, err)
	}
	out, err := exec.Command("go", "version", "-m", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, line := range strings.Split(string(out), "\n") {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "dep" {
			want = append(want, f[1]+" "+f[2])
		}
	}
	for _, c := range bom.Components[1:] {
		got = append(got, c.Name+" "+c.Version)
		if len(c.Hashes) != 1 || len(c.Hashes[0].Content) != 64 || c.Purl != "pkg:golang/"+c.Name+"@"+c.Version {
			t.Errorf("%s: hashes %v, purl %s", c.Name, c.Hashes, c.Purl)
		}
	}
	for _, c := range append(bom.Components, bom.Metadata.Component) {
		if len(c.Licenses) != 1 || c.Licenses[0].License.ID == "" {
			t.Errorf("%s has the licences %v", c.Name, c.Licenses)
		}
	}
	if len(want) < 10 || !slices.Equal(got, want) || bom.Components[0].Name != "std" {
		t.Errorf("the list has\n%q\nthe program\n%q", got, want)
	}
}

// checkContainer checks that the container file asks for nothing that is not in the folder: no other
// image, no command, no network.
func checkContainer(t *testing.T, folder string) {
	t.Helper()
	copies := 0
	for s := bufio.NewScanner(bytes.NewReader(read(t, filepath.Join(folder, "Containerfile")))); s.Scan(); {
		f := strings.Fields(s.Text())
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "#"):
		case f[0] == "FROM":
			if f[1] != "scratch" {
				t.Errorf("it is made from %s", f[1])
			}
		case f[0] == "COPY":
			copies++
			for _, name := range f[1 : len(f)-1] {
				if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
					t.Error(err)
				}
			}
		case f[0] != "ENTRYPOINT" && f[0] != "ENV":
			t.Errorf("it has %s", s.Text())
		}
	}
	if copies == 0 {
		t.Error("it copies nothing")
	}
}

// Zip files hold the same, and say which file is a program.
func TestZip(t *testing.T) {
	var b bytes.Buffer
	at := time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)
	if err := writeZip(&b, "sresnet-1.2.3-windows-amd64", at, []file{{"LICENSE", []byte("text"), 0o644}, {"sresnet.exe", []byte("program"), 0o755}}); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.File {
		o, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(o)
		if err != nil || !f.Modified.Equal(at) {
			t.Errorf("%s: %v, of %v", f.Name, err, f.Modified)
		}
		got = append(got, fmt.Sprintf("%s %v %s", f.Name, f.Mode(), data))
	}
	if want := []string{"sresnet-1.2.3-windows-amd64/LICENSE -rw-r--r-- text", "sresnet-1.2.3-windows-amd64/sresnet.exe -rwxr-xr-x program"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNameOf(t *testing.T) {
	linux := program.Platform{OS: "linux", Arch: "arm64"}
	for version, want := range map[string]string{"v1.2.3": "sresnet-1.2.3-linux-arm64", "(devel)": "sresnet-devel-linux-arm64"} {
		if got := nameOf(version, linux); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
}

func TestSPDX(t *testing.T) {
	for text, want := range map[string]string{
		"MIT License\n\nPermission is hereby granted, free of\ncharge, to any person obtaining a copy of": "MIT",
		"Apache License\n                           Version 2.0, January 2004":                            "Apache-2.0",
		"Redistribution and use in source and binary forms, with or without\nmodification":                "BSD-2-Clause",
		"Redistribution and use in source and\nbinary forms ... Neither the name of Google":               "BSD-3-Clause",
	} {
		if got, err := spdx([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", text, got, err, want)
		}
	}
	if got, err := spdx([]byte("Do as you like.")); err == nil || !regexp.MustCompile(`"Do as you like\."`).MatchString(err.Error()) {
		t.Errorf("got %s, %v", got, err)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// untar unpacks an archive and returns the names in its one folder.
func untar(t *testing.T, b []byte, dir string) (names []string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(h.Name, "/")
		names = append(names, name)
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if name == "" {
			err = os.Mkdir(path, os.FileMode(h.Mode))
		} else {
			data, readErr := io.ReadAll(r)
			if readErr != nil {
				t.Fatal(readErr)
			}
			err = os.WriteFile(path, data, os.FileMode(h.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
