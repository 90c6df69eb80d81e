package dataset

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"slices"

	"sresnet/internal/parallel"
	"sresnet/tensor"
)

// fileStore is images in files, which are decoded when they are needed, by whoever
// needs them, so that no more than one image a goroutine is in memory.
type fileStore struct {
	paths []string
	sums  [][sha256.Size]byte // Of the files; nil before [Dataset.Checked].
	picture
}

// newFiles returns a data set of image files, of the size that networks for ImageNet
// take until [Dataset.Resized] gives another.
func newFiles(list []labelled, classes int) *Dataset {
	s := &fileStore{picture: picture{tensor.Shape{3, 224, 224}, 256}}
	d := &Dataset{shape: s.shape, classes: classes, images: s}
	for _, l := range list {
		s.paths = append(s.paths, l.path)
		d.labels = append(d.labels, uint16(l.class))
	}
	return d
}

func (s *fileStore) pixels(i int, dst []float32) error {
	b, err := readImageFile(s.paths[i])
	if err != nil {
		return err
	}
	if err := s.decode(b, dst); err != nil {
		return fmt.Errorf("%s: %w", s.paths[i], err)
	}
	return nil
}

func (s *fileStore) slice(from, to int) store {
	part := *s
	part.paths = s.paths[from:to]
	if s.sums != nil {
		part.sums = s.sums[from:to]
	}
	return &part
}

func (s *fileStore) clone() store {
	c := *s
	c.paths, c.sums = slices.Clone(s.paths), slices.Clone(s.sums)
	return &c
}

func (s *fileStore) what() string { return fmt.Sprintf("image files, resized to %d,", s.resize) }

// writeTo adds the SHA-256 of every file; that of none for one that cannot be read.
func (s *fileStore) writeTo(h hash.Hash) {
	for i, path := range s.paths {
		var sum [sha256.Size]byte
		if s.sums != nil {
			sum = s.sums[i]
		} else if b, err := readImageFile(path); err == nil {
			sum = sha256.Sum256(b)
		}
		h.Write(sum[:])
	}
}

// maxImageFile bounds the bytes of an image file.
const maxImageFile = 1 << 28

func readImageFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxImageFile {
		return nil, fmt.Errorf("%s: not a regular file of at most %d bytes", name, maxImageFile)
	}
	return os.ReadFile(name)
}

// Resizable reports whether the images have no size of their own, so that
// [Dataset.Resized] gives them one: those of image files.
func (d *Dataset) Resizable() bool {
	_, ok := d.images.(*fileStore)
	return ok
}

// Resized returns a resizable data set whose images have the given shape (C, H, W), C
// being 1 for grey or 3 for red, green and blue. The shorter side of an image becomes
// resize pixels long, with bilinear interpolation as Pillow has it, and the middle is
// cut out. A resize of 0 is 8/7 of the larger of H and W, as is usual for ImageNet
// (256 for 224), or of up to 64 pixels just that.
func (d *Dataset) Resized(shape tensor.Shape, resize int) (*Dataset, error) {
	s, ok := d.images.(*fileStore)
	if !ok {
		return nil, fmt.Errorf("dataset %s: the images have a size of their own, %s", d.spec, d.shape)
	}
	if len(shape) != 3 || shape.Check() != nil || shape[0] != 1 && shape[0] != 3 {
		return nil, fmt.Errorf("dataset %s: image files have 1 or 3 channels, rows and columns: they cannot become %s", d.spec, shape)
	}
	size := max(shape[1], shape[2])
	if resize == 0 {
		resize = size
		if size > 64 {
			resize = (8*size + 3) / 7 // Rounded.
		}
	}
	if resize < size || resize > maxImagePixels/size {
		return nil, fmt.Errorf("dataset %s: %d x %d pixels cannot be cut out of images whose shorter side is %d", d.spec, shape[2], shape[1], resize)
	}
	resized, files := *d, *s
	files.picture = picture{slices.Clone(shape), resize}
	resized.shape, resized.images = files.shape, &files
	return &resized, nil
}

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
	sums, bad := make([][sha256.Size]byte, n), make([]*FileError, n)
	done := 0
	err := parallel.Do(ctx, max(min(c.Workers, n), 1), n, func(int) func(context.Context, int) error {
		dst := make([]float32, d.shape.Len())
		return func(_ context.Context, i int) error {
			b, err := readImageFile(s.paths[i])
			if err == nil {
				sums[i] = sha256.Sum256(b)
				if err = s.decode(b, dst); err != nil {
					err = fmt.Errorf("%s: %w", s.paths[i], err)
				}
			}
			if err != nil {
				bad[i] = &FileError{s.paths[i], err}
			}
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
	files := &fileStore{picture: s.picture}
	checked := *d
	checked.labels, checked.images = nil, files
	var skipped []*FileError
	for i, b := range bad {
		if b != nil {
			skipped = append(skipped, b)
			continue
		}
		files.paths, files.sums = append(files.paths, s.paths[i]), append(files.sums, sums[i])
		checked.labels = append(checked.labels, d.labels[i])
	}
	if len(skipped) > max(c.SkipBad, 0) || len(skipped) == n {
		return nil, skipped, &UnreadableError{skipped, n, d.spec}
	}
	checked.skipped = len(skipped)
	return &checked, skipped, nil
}

// Same reports whether two data sets are the same images with the same labels. Of
// image files it reads no more than it must.
func Same(a, b *Dataset) bool {
	if a.Len() != b.Len() || !a.shape.Equal(b.shape) || !slices.Equal(a.labels, b.labels) {
		return false
	}
	s, ok1 := a.images.(*fileStore)
	t, ok2 := b.images.(*fileStore)
	if ok1 != ok2 {
		return false
	}
	if ok1 && s.resize == t.resize {
		if slices.Equal(s.paths, t.paths) {
			return true
		}
		for i, path := range s.paths {
			x, err1 := os.Stat(path)
			y, err2 := os.Stat(t.paths[i])
			if err1 != nil || err2 != nil || x.Size() != y.Size() {
				return false
			}
		}
	}
	return a.Hash() == b.Hash()
}
