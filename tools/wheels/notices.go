package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// legal are the files of a module that whoever hands it on has to hand on, too.
var legal = regexp.MustCompile(`(?i)^((?:un)?licen[cs]e|copying|notice|patents)(-[^.]+)?(\.(md|txt|rst))?$`)

// notices returns the licences of Go and of all modules in a program.
func notices(ctx context.Context, root string, info *debug.BuildInfo) ([]byte, error) {
	folders, err := moduleFolders(ctx, root)
	if err != nil {
		return nil, err
	}
	goroot, err := exec.CommandContext(ctx, "go", "-C", root, "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("The program in this package is made with what is listed here.\n")
	if err := notice(&b, "Go "+strings.TrimPrefix(info.GoVersion, "go"), strings.TrimSpace(string(goroot))); err != nil {
		return nil, err
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if err := notice(&b, m.Path+" "+m.Version, folders[m.Path]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// notice writes the licence of what is in a folder.
func notice(b *bytes.Buffer, what, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.IsDir() || !legal.MatchString(e.Name()) })
	if len(entries) == 0 {
		fmt.Fprintf(b, "\n==== %s: no licence beside it\n", what)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n==== %s: %s\n\n%s\n", what, e.Name(), bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
	}
	return nil
}

// moduleFolders returns where the modules are that the repository needs.
func moduleFolders(ctx context.Context, root string) (map[string]string, error) {
	out, err := exec.CommandContext(ctx, "go", "-C", root, "list", "-m", "-json=Path,Dir", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m all: %w", err)
	}
	folders := make(map[string]string)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Dir string }
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return folders, nil
		} else if err != nil {
			return nil, err
		}
		folders[m.Path] = m.Dir
	}
}
