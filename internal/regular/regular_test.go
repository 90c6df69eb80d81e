package regular

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name string, n int) string {
	t.Helper()
	if err := os.WriteFile(name, bytes.Repeat([]byte("x"), n), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{0, 1, 511, 512, 100000} {
		name := write(t, filepath.Join(dir, "file"), n)
		b, err := ReadFile(name, int64(n))
		if err != nil || len(b) != n {
			t.Errorf("%d bytes: got %d, %v", n, len(b), err)
		}
		if _, err := ReadFile(name, int64(n)-1); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), name) {
			t.Errorf("%d bytes, one less allowed: %v", n, err)
		}
	}
	if _, err := ReadFile(dir, 1); !errors.Is(err, ErrNot) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := ReadFile(os.DevNull, 1); !errors.Is(err, ErrNot) {
		t.Errorf("a device: %v", err)
	}
	if _, err := ReadFile(filepath.Join(dir, "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// A file may grow while it is read.
func TestRead(t *testing.T) {
	if b, err := read(strings.NewReader(strings.Repeat("x", 5000)), "name", 10, 5000); err != nil || len(b) != 5000 {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
	if _, err := read(strings.NewReader(strings.Repeat("x", 5001)), "name", 10, 5000); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestReadFileIn(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "secret"), 3)
	write(t, filepath.Join(inner, "file"), 5)
	for name, to := range map[string]string{"near": "file", "out": "../secret", "absolute": filepath.Join(dir, "secret")} {
		if err := os.Symlink(to, filepath.Join(inner, name)); err != nil {
			t.Skip(err)
		}
	}
	for _, name := range []string{"file", "near"} {
		if b, err := ReadFileIn(inner, name, 5); err != nil || len(b) != 5 {
			t.Errorf("%s: got %d bytes, %v", name, len(b), err)
		}
	}
	for _, name := range []string{"out", "absolute", "../secret", "none", "."} {
		_, err := ReadFileIn(inner, name, 5)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if name != "." && !strings.Contains(err.Error(), filepath.Join(inner, name)) {
			t.Errorf("%s: the error does not name it: %v", name, err)
		}
	}
	if _, err := ReadFileIn(inner, "none", 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
