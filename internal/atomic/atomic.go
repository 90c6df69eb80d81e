// Package atomic writes files that are there either completely or not at all.
package atomic

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes the file name in one step: a reader, or a machine that loses
// power, sees the old file or the new one and never a part. It leaves no other
// file behind unless it is killed. Where name is a link, the link is replaced,
// not what it points to.
func WriteFile(name string, write func(io.Writer) error) error {
	return writeFile(name, write, os.Rename)
}

// CreateFile is WriteFile for a file that must not be there: of several that create
// it at once, one does, and the others get an fs.ErrExist.
func CreateFile(name string, write func(io.Writer) error) error {
	return writeFile(name, write, func(from, to string) error {
		err := os.Link(from, to)
		switch {
		case err == nil || errors.Is(err, fs.ErrExist):
			return errors.Join(err, os.Remove(from))
		case fileExists(to):
			return errors.Join(&fs.PathError{Op: "create", Path: to, Err: fs.ErrExist}, os.Remove(from))
		}
		return os.Rename(from, to) // The file system has no links.
	})
}

func fileExists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

func writeFile(name string, write func(io.Writer) error, rename func(from, to string) error) error {
	var b bytes.Buffer // Everything that can fail but the disk fails here.
	if err := write(&b); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	err := replace(name, b.Bytes(), rename)
	if errors.Is(err, fs.ErrNotExist) && fileExists(filepath.Dir(name)) {
		// Someone who takes it for a leftover removed what was being written: their
		// clock is wrong, or ours.
		err = replace(name, b.Bytes(), rename)
	}
	return err
}

func replace(name string, b []byte, rename func(from, to string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), Unfinished(filepath.Base(name)))
	var path *fs.PathError
	if errors.As(err, &path) { // Which has a name that nobody gave.
		return &fs.PathError{Op: "open", Path: name, Err: path.Err}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil { // CreateTemp makes it private.
		return err
	}
	if err := f.Sync(); err != nil { // Before the name points to it.
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return rename(f.Name(), name)
}

// Unfinished returns the pattern, for [os.CreateTemp], of what the file of that
// name is called while it is written.
func Unfinished(base string) string { return "." + base + ".*.tmp" }

// SyncDir makes renames in dir last. Systems that cannot open a directory for
// that, such as Windows, make them last by themselves.
func SyncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
