package atomic

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// writeForever is the environment variable that makes the test binary replace the
// file it names for as long as it lives.
const writeForever = "ATOMIC_TEST_WRITE_FOREVER"

func TestMain(m *testing.M) {
	if name := os.Getenv(writeForever); name != "" {
		for i := byte(0); ; i++ {
			_ = WriteFile(name, func(w io.Writer) error {
				_, err := w.Write(bytes.Repeat([]byte{'a' + i%26}, 1<<20))
				return err
			})
		}
	}
	os.Exit(m.Run())
}

// A process killed at any moment leaves a file that is whole.
func TestWriteFileKilled(t *testing.T) {
	name := filepath.Join(t.TempDir(), "accuracy.csv")
	self, err := os.Executable()
	if err != nil {
		t.Skipf("no path of the test binary: %v", err)
	}
	for i := range 8 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), writeForever+"="+name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(name); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nothing was written")
			}
		}
		time.Sleep(time.Duration(3+7*i) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // Says that it was killed.
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) != 1<<20 || !bytes.Equal(b, bytes.Repeat(b[:1], len(b))) {
			t.Fatalf("kill %d left a torn file of %d bytes", i, len(b))
		}
	}
}

// A file that cannot be finished leaves the old one and no other.
func TestWriteFileKeepsOld(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "accuracy.csv")
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	if err := WriteFile(name, text("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := WriteFile(name, func(w io.Writer) error {
		_ = text("half of the n")(w)
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
	if got := read(t, dir, "accuracy.csv"); got != "old" {
		t.Errorf("after a failed write: got %q", got)
	}
	if err := WriteFile(name, text("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir, "accuracy.csv"); got != "new" {
		t.Errorf("after a write: got %q", got)
	}
	if err := WriteFile(filepath.Join(dir, "none", "x"), text("")); err == nil {
		t.Error("into a missing folder: no error")
	}
	// Onto a folder, the rename fails after everything else went well.
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "taken"), text("x")); err == nil {
		t.Error("onto a folder: no error")
	}
	if got, want := list(t, dir), []string{"accuracy.csv", "taken"}; !slices.Equal(got, want) {
		t.Errorf("left behind: %v, want %v", got, want)
	}
}

// Of many that create a file at once, one does.
func TestCreateFile(t *testing.T) {
	dir := t.TempDir()
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = CreateFile(filepath.Join(dir, "plan.json"), func(w io.Writer) error {
				_, err := fmt.Fprint(w, i)
				return err
			})
		})
	}
	wg.Wait()
	first := -1
	for i, err := range errs {
		switch {
		case err == nil && first >= 0:
			t.Errorf("both %d and %d created the file", first, i)
		case err == nil:
			first = i
		case !errors.Is(err, fs.ErrExist):
			t.Errorf("%d: got error %v", i, err)
		}
	}
	if got := read(t, dir, "plan.json"); got != fmt.Sprint(first) {
		t.Errorf("%d created the file, and it holds %s", first, got)
	}
	if got := list(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v", got)
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
