package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"sresnet/internal/parallel"
)

// FileError is an image file that cannot be read.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

// UnreadableError is returned by [Dataset.Checked] if more images cannot be read than
// may be left out, or none can.
type UnreadableError struct {
	Files []*FileError // Which they are, in order.
	Of    int          // How many images there are.
	spec  string
}

func (e *UnreadableError) Error() string {
	var list []string
	for _, f := range e.Files {
		list = append(list, f.Error())
	}
	return fmt.Sprintf("dataset %s: %d of %d images cannot be read: %s", e.spec, len(e.Files), e.Of, some(list))
}

// Check adjusts [Dataset.Checked].
type Check struct {
	SkipBad  int                   // How many images that cannot be read are left out; one more is an error.
	Workers  int                   // Goroutines, each of which decodes an image at a time. Defaults to 1.
	Progress func(done, total int) // If set, told how many images are done; calls do not overlap.

	// A folder that remembers which files were read and what was in them, so that those
	// that are as they were need not be read again. It is made when it is needed, and
	// one that cannot be used only costs time. Defaults to none.
	Cache string
}

// Checked reads every image once, so that one that cannot be read is found before
// hours of work rather than during them, and returns a data set without those, and
// which they were. From then on, a file with other content is an error when its
// pixels are asked for. Images in memory, or checked before, are not checked.
func (d *Dataset) Checked(ctx context.Context, c Check) (*Dataset, []*FileError, error) {
	s, ok := d.images.(*fileStore)
	if !ok || !slices.ContainsFunc(s.files, func(f imageFile) bool { return !f.checked }) {
		return d, nil, nil
	}
	n := d.Len()
	k := &checker{
		fileStore: s.with(slices.Clone(s.files)), cache: openCache(c.Cache, s.root),
		findings: make([]finding, n), settled: make([]bool, n), bad: make([]*FileError, n),
	}
	err := k.lookUp(ctx)
	if err == nil {
		err = k.read(ctx, c)
	}
	k.remember() // Also of a check that was interrupted.
	if err == nil {
		err = k.unchanged()
	}
	if err != nil {
		return nil, nil, err
	}
	checked := *d
	checked.labels = nil
	var good []imageFile
	var skipped []*FileError
	for i, b := range k.bad {
		if b != nil {
			skipped = append(skipped, b)
			continue
		}
		good = append(good, k.files[i])
		checked.labels = append(checked.labels, d.labels[i])
	}
	if len(skipped) > max(c.SkipBad, 0) || len(skipped) == n {
		return nil, skipped, &UnreadableError{skipped, n, d.spec}
	}
	checked.skipped += len(skipped)
	store := s.with(good)
	store.cache = k.cache.file
	checked.images = store
	return &checked, skipped, nil
}

// checker checks the files of a store, of which it has a copy of its own.
type checker struct {
	*fileStore
	cache    *cache
	findings []finding // Of files that were read.
	settled  []bool    // Whether they may be remembered.
	bad      []*FileError
}

// lookers is how many files are asked for their identity at a time, which is waiting on
// a network file system.
const lookers = 16

// lookUp finds out which files are known already.
func (k *checker) lookUp(ctx context.Context) error {
	return parallel.Do(ctx, min(lookers, len(k.files)), len(k.files), func(int) func(context.Context, int) error {
		return func(_ context.Context, i int) error {
			f := &k.files[i]
			if f.checked {
				return nil
			}
			where, archived := k.archives[f.name]
			if !archived {
				var err error
				if where.identity, where.settled, err = identify(k.path(f)); err != nil {
					return nil // Reading it says what is wrong.
				}
				f.size = where.size
			}
			k.findings[i].identity, k.settled[i] = where.identity, where.settled
			found, ok := k.cache.find(place{f.name, f.offset}, where.identity)
			if ok && found.length == f.size && k.check(found.width, found.height) == nil {
				f.sum, f.checked = found.sum, true
			}
			return nil
		}
	}, func() {})
}

// read reads and decodes the files that are not known.
func (k *checker) read(ctx context.Context, c Check) error {
	var todo []int
	for i := range k.files {
		if !k.files[i].checked {
			todo = append(todo, i)
		}
	}
	done := len(k.files) - len(todo)
	progress := func() {
		if c.Progress != nil {
			c.Progress(done, len(k.files))
		}
	}
	if done > 0 {
		progress()
	}
	ahead := &readAhead{
		n:    len(todo),
		size: func(job int) int64 { return k.files[todo[job]].size },
		read: func(job int) ([]byte, error) { return k.content(&k.files[todo[job]]) },
	}
	err := parallel.Do(ctx, max(min(c.Workers, len(todo)), 1), len(todo), func(int) func(context.Context, int) error {
		dst := make([]float32, k.shape.Len()*max(k.sequence.frames, 1))
		return func(_ context.Context, job int) error {
			i := todo[job]
			f := &k.files[i]
			b, err := ahead.get(job)
			if err == nil {
				if err = k.decode(b, dst); err != nil {
					err = fmt.Errorf("%s: %w", k.where(f), err)
				}
			}
			if err != nil {
				k.bad[i] = &FileError{k.where(f), err}
				return nil
			}
			found := &k.findings[i]
			found.length, found.sum = int64(len(b)), sha256.Sum256(b)
			found.width, found.height, _ = k.dimensions(b)
			return nil
		}
	}, func() {
		done++
		progress()
	})
	for _, i := range todo { // Not before, as sizes are asked for of those to come.
		if found := k.findings[i]; found.width > 0 {
			f := &k.files[i]
			f.size, f.sum, f.checked = found.length, found.sum, true
		}
	}
	return err
}

// remember adds to the cache what was read of files that were at rest.
func (k *checker) remember() {
	for i, found := range k.findings {
		if found.width > 0 && k.settled[i] {
			k.cache.news[place{k.files[i].name, k.files[i].offset}] = found
		}
	}
	_ = k.cache.write() // It only costs time.
}

// unchanged returns an error if a .tar file is another one than when it was opened.
func (k *checker) unchanged() error {
	for _, name := range slices.Sorted(maps.Keys(k.archives)) {
		path := k.path(&imageFile{name: name})
		if id, _, err := identify(path); err != nil {
			return err
		} else if id != k.archives[name].identity {
			return fmt.Errorf("%s changed while it was read: start again when it is complete", path)
		}
	}
	return nil
}
