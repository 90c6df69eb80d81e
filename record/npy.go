package record

import (
	"archive/zip"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// npyFile is a file of numpy in the making, which has another name until it is whole.
type npyFile struct {
	*os.File
	name  string // What it will be called.
	start int64  // Of the elements.
	shape []int
	size  int // Of an element.
}

// createNPY makes a file beside that name, for elements of a type as numpy names it.
func createNPY(name, typ string, size int, shape ...int) (*npyFile, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.tmp")
	if err != nil {
		return nil, err
	}
	var dims strings.Builder
	for _, n := range shape {
		fmt.Fprintf(&dims, "%d, ", n)
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", typ, strings.TrimSuffix(dims.String(), " "))
	const align = 64
	pad := align - (10+len(header)+1)%align
	header += strings.Repeat(" ", pad%align) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	b = append(b, header...)
	if _, err := f.Write(b); err != nil {
		f.Close()
		_ = os.Remove(f.Name())
		return nil, err
	}
	return &npyFile{File: f, name: name, start: int64(len(b)), shape: shape, size: size}, nil
}

func (f *npyFile) pack(data any) ([]byte, error) {
	return binary.Append(nil, binary.LittleEndian, data)
}

func (f *npyFile) put(offset []int, b []byte) error {
	at := int64(0)
	for d, n := range f.shape {
		at = at*int64(n) + int64(offset[d])
	}
	_, err := f.WriteAt(b, f.start+at*int64(f.size))
	return err
}

// npyType returns the type of an observable's elements as numpy names it.
func npyType(o Observable) string {
	if o == Spikes {
		return "|b1"
	}
	return "<f4"
}

// fileName returns what a population and an observable are called in folders and
// archives, without characters that systems do not take.
func fileName(p Population, o Observable) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, p.Name) + "." + o.String()
}

// npy is numpy files, one per array: in a folder, or one by itself.
type npy struct {
	n       int
	o       Options
	name    string
	folder  bool // Name is that of a folder,
	created bool // which was not there.
	files   []*npyFile
	done    bool
}

// createFiles begins files in a folder, or the one of that name if it ends in .npy.
func createFiles(name string, n int, o Options) (*npy, error) {
	f := &npy{n: n, o: o, name: name, folder: !strings.EqualFold(filepath.Ext(name), ".npy")}
	if !f.folder {
		return f, nil
	}
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		if err := os.Mkdir(name, 0o755); err != nil {
			return nil, err
		}
		f.created = true
	}
	return f, f.labels()
}

// labels writes those of the images.
func (f *npy) labels() error {
	if f.o.Labels == nil {
		return nil
	}
	l, err := f.file("labels", "<i8", 8, f.n)
	if err != nil {
		return err
	}
	wide := make([]int64, f.n)
	for i, label := range f.o.Labels {
		wide[i] = int64(label)
	}
	b, err := l.pack(wide)
	if err != nil {
		return err
	}
	return l.put([]int{0}, b)
}

// file makes a file for an array.
func (f *npy) file(array, typ string, size int, shape ...int) (*npyFile, error) {
	name := f.name
	if f.folder {
		name = filepath.Join(f.name, array+".npy")
	} else if len(f.files) > 0 {
		return nil, fmt.Errorf("%s has room for one array", f.name)
	}
	for _, other := range f.files {
		if strings.EqualFold(other.name, name) {
			return nil, fmt.Errorf("two arrays would be %s", name)
		}
	}
	file, err := createNPY(name, typ, size, shape...)
	if err == nil {
		f.files = append(f.files, file)
	}
	return file, err
}

func (f *npy) grid(p Population, o Observable, neurons, _ int) (array, error) {
	return f.file(fileName(p, o), npyType(o), o.size(), f.n, f.o.steps, neurons)
}

func (f *npy) events(Population, int) (idx, time array, err error) {
	return nil, nil, errors.ErrUnsupported // Options do not get here.
}

func (f *npy) finish(context.Context, []int, func(int64)) error {
	for _, file := range f.files {
		if err := errors.Join(file.Chmod(0o644), file.Close()); err != nil { // CreateTemp made it private.
			return err
		}
	}
	for _, file := range f.files {
		if err := os.Rename(file.Name(), file.name); err != nil {
			return err
		}
	}
	f.done = true
	return nil
}

func (f *npy) abort() {
	if f.done {
		return
	}
	f.done = true
	for _, file := range f.files {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
	if f.created {
		_ = os.Remove(f.name) // Unless something else is in it.
	}
}

// npz is an archive of numpy. Its arrays come about side by side, in files, and lie in
// it one after the other.
type npz struct {
	npy
	target string
}

func createNPZ(name string, n int, o Options) (*npz, error) {
	dir, err := os.MkdirTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.tmp")
	if err != nil {
		return nil, err
	}
	f := &npz{npy: npy{n: n, o: o, name: dir, folder: true, created: true}, target: name}
	return f, f.labels()
}

func (f *npz) finish(ctx context.Context, _ []int, wrote func(int64)) (err error) {
	out, err := os.CreateTemp(filepath.Dir(f.target), "."+filepath.Base(f.target)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = os.Remove(out.Name())
		}
	}()
	z := zip.NewWriter(out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, file := range f.files {
		// Floats hardly get shorter, unless they stay as they are for windows.
		h := &zip.FileHeader{Name: filepath.Base(file.name), Method: zip.Store}
		if file.size == Spikes.size() || f.o.steps > f.o.Timesteps {
			h.Method = zip.Deflate
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(w, &watched{ctx, file, wrote}); err != nil {
			return err
		}
	}
	if err := errors.Join(z.Close(), out.Chmod(0o644), out.Close()); err != nil {
		return err
	}
	if err := os.Rename(out.Name(), f.target); err != nil {
		return err
	}
	f.abort() // The files of the arrays.
	return nil
}

// watched is a reader that ends with its context and tells how far it is.
type watched struct {
	ctx   context.Context
	r     io.Reader
	wrote func(int64)
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.r.Read(p)
	w.wrote(int64(n))
	return n, err
}
