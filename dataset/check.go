package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
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
	Progress func(done, total int) // If set, told after every image; calls do not overlap.
}

// Checked reads every image once, so that one that cannot be read is found before
// hours of work rather than in them, and returns a data set without those, and which
// they were. Of images in memory there is nothing to check.
func (d *Dataset) Checked(ctx context.Context, c Check) (*Dataset, []*FileError, error) {
	s, ok := d.images.(*fileStore)
	if !ok {
		return d, nil, nil
	}
	n := d.Len()
	files, bad := slices.Clone(s.files), make([]*FileError, n)
	done := 0
	err := parallel.Do(ctx, max(min(c.Workers, n), 1), n, func(int) func(context.Context, int) error {
		dst := make([]float32, d.shape.Len())
		return func(_ context.Context, i int) error {
			f := &files[i]
			b, err := s.content(f)
			if err == nil {
				if err = s.decode(b, dst); err != nil {
					err = fmt.Errorf("%s: %w", s.where(f), err)
				}
			}
			if err != nil {
				bad[i] = &FileError{s.where(f), err}
				return nil
			}
			f.size, f.sum, f.checked = int64(len(b)), sha256.Sum256(b), true
			return nil
		}
	}, func() {
		done++
		if c.Progress != nil {
			c.Progress(done, n)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	good := &fileStore{root: s.root, picture: s.picture}
	checked := *d
	checked.labels, checked.images = nil, good
	var skipped []*FileError
	for i, b := range bad {
		if b != nil {
			skipped = append(skipped, b)
			continue
		}
		good.files = append(good.files, files[i])
		checked.labels = append(checked.labels, d.labels[i])
	}
	if len(skipped) > max(c.SkipBad, 0) || len(skipped) == n {
		return nil, skipped, &UnreadableError{skipped, n, d.spec}
	}
	checked.skipped = len(skipped)
	return &checked, skipped, nil
}
