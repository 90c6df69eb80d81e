package hdf5

import (
	"errors"
	"fmt"
)

// charge names something that is paid for once: a part of the object at a
// place. An object with several names is paid for under each, so that a small
// file cannot make a large one of it.
type charge struct {
	place
	part part
}

// place is where an object is found: its name and the address of its group,
// which is found in one place only.
type place struct {
	group uint64
	name  string
}

type part uint8

const (
	partHeader part = iota
	partLinks
	partAttributes
	partIndex
)

// spend counts n bytes of structures. Valid structures do not overlap, so that
// all of a file's together are no longer than the file; what is read for each
// of them beside its bytes is counted by a constant. Beyond that the file is
// one that leads a reader in circles.
func (f *File) spend(n uint64) error {
	f.spent += n + 8
	if f.spent > 4*f.size+1<<16 {
		return errors.New("its structures overlap")
	}
	return nil
}

// once runs fn; what it spends counts only the first time that c succeeds, so
// that a caller may read an object as often as it likes.
func (f *File) once(c charge, fn func() error) error {
	before := f.spent
	if err := fn(); err != nil {
		return err
	}
	if f.paid[c] {
		f.spent = before
	}
	f.paid[c] = true
	return nil
}

// allow counts n decoded bytes of the dataset at a place.
func (f *File) allow(p place, n uint64) error {
	before := f.decoded[p]
	if n <= before {
		return nil
	}
	if n-before > f.max-f.data {
		return fmt.Errorf("its %d bytes are too many: the file may hold %d (MaxBytes), %d of them taken; should it be sound, write it without compression", n, f.max, f.data)
	}
	f.data += n - before
	f.decoded[p] = n
	return nil
}
