// Package regular opens regular files and nothing else, so that the name of a
// pipe or a device does not make a program wait or read forever.
package regular

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNot is the error of a name that is not that of a regular file.
var ErrNot = errors.New("not a regular file")

// ErrTooLarge is the error of a file with more bytes than are read.
var ErrTooLarge = errors.New("too large")

// Open opens the file of that name for reading and returns its size in bytes. What is
// not a regular file is an [ErrNot] in a [fs.PathError], and is not opened, as opening
// a pipe waits for its other end.
func Open(name string) (*os.File, int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, opening(err, name)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: ErrNot}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// ReadFile returns the content of the file of that name. One of more than most bytes
// is an [ErrTooLarge] in a [fs.PathError].
func ReadFile(name string, most int64) ([]byte, error) {
	f, size, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, name, size, most)
}

// ReadFileIn is [ReadFile] for the file of that name in the folder dir. A link that
// leads out of the folder is not followed.
func ReadFileIn(dir, name string, most int64) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	path := filepath.Join(dir, name)
	info, err := root.Stat(name)
	if err != nil {
		return nil, opening(err, path)
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNot}
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, opening(err, path)
	}
	defer f.Close()
	return read(f, path, info.Size(), most)
}

// opening makes err, of a step of opening, that of the whole.
func opening(err error, path string) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return &fs.PathError{Op: "open", Path: path, Err: p.Err}
	}
	return err
}

// read reads a file that may have grown since its size was known.
func read(f io.Reader, name string, size, most int64) ([]byte, error) {
	large := &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%w: more than %d bytes", ErrTooLarge, most)}
	if size > most {
		return nil, large
	}
	b := make([]byte, 0, size+1) // The last byte shows the end without growing.
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > most:
			return nil, large
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// Hash returns the SHA-256 of a file in hexadecimal.
func Hash(name string) (string, error) {
	f, _, err := Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
