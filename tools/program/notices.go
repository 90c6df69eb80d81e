package program

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
	"strings"
)

// legal are the files of a module that whoever hands it on has to hand on, too.
var legal = regexp.MustCompile(`(?i)^((?:un)?licen[cs]e|copying|notice|patents)(-[^.]+)?(\.(md|txt|rst))?$`)

// Licence is the text that whoever hands on a part of the program has to hand on, too.
type Licence struct {
	Name, Version string // Of the module; "Go" for what Go itself adds.
	Files         []string
	Texts         [][]byte // Of the files.
}

// Licences returns those of Go and of all modules in the program. One without any is an error.
func (p *Program) Licences(ctx context.Context) ([]Licence, error) {
	folders, err := moduleFolders(ctx, p.root)
	if err != nil {
		return nil, err
	}
	goroot, err := exec.CommandContext(ctx, "go", "-C", p.root, "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	list := []Licence{{Name: "Go", Version: strings.TrimPrefix(p.Info.GoVersion, "go")}}
	dirs := []string{strings.TrimSpace(string(goroot))}
	for _, m := range p.Modules() {
		list, dirs = append(list, Licence{Name: m.Path, Version: m.Version}), append(dirs, folders[m.Path])
	}
	for i := range list {
		if err := list[i].read(dirs[i]); err != nil {
			return nil, fmt.Errorf("licence of %s: %w", list[i].Name, err)
		}
	}
	return list, nil
}

// read reads the licence of what is in a folder.
func (l *Licence) read(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		switch {
		case e.IsDir() && e.Name() == "licenses": // Texts that the licence names.
			texts, err := os.ReadDir(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			for _, t := range texts {
				names = append(names, "licenses/"+t.Name())
			}
		case !e.IsDir() && legal.MatchString(e.Name()):
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		l.Files, l.Texts = append(l.Files, name), append(l.Texts, bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
	}
	if l.Files == nil {
		return errors.New("there is no file of that kind")
	}
	return nil
}

// Notices returns the licences of Go and of all modules in the program as one text.
func (p *Program) Notices(ctx context.Context) ([]byte, error) {
	list, err := p.Licences(ctx)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("The program in this package is made with what is listed here.\n")
	for _, l := range list {
		for i, file := range l.Files {
			fmt.Fprintf(&b, "\n==== %s %s: %s\n\n%s\n", l.Name, l.Version, file, l.Texts[i])
		}
	}
	return b.Bytes(), nil
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
