package eval

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeFile writes the file name in one step: a reader, or a machine that loses
// its power, sees the old file or the new one and never a part. It leaves no
// other file behind unless it is killed.
func writeFile(name string, write func(io.Writer) error) (err error) {
	var b bytes.Buffer // Everything that can fail but the disk fails here.
	if err := write(&b); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), unfinished(filepath.Base(name)))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(b.Bytes()); err != nil {
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
	return os.Rename(f.Name(), name)
}

// unfinished returns the pattern, for [os.CreateTemp], of what the file of that
// name is called while it is written.
func unfinished(base string) string { return "." + base + ".*.tmp" }

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// syncDir makes renames in dir last. Systems that cannot open a directory for
// that, such as Windows, make them last by themselves.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
