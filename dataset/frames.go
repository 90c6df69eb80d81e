package dataset

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/tensor"
)

// Images may be made of frames that come one after the other, such as the events of a
// camera summed over stretches of time. Their values are no pixels but counts, or 0 and 1,
// and stay as they are. [Dataset.Pixels] gives the mean of an image's frames, which is
// what a network without time sees, and [Dataset.Sequence] the frames.

// Frames returns how many frames an image has: 1 if it is one by itself.
func (d *Dataset) Frames() int { return max(d.frames, 1) }

// Form says what an image is, such as "3x32x32" or "20 frames of 2x128x128".
func (d *Dataset) Form() string {
	if d.Frames() < 2 {
		return d.shape.String()
	}
	return fmt.Sprintf("%d frames of %s", d.Frames(), d.shape)
}

// Sequence stores the frames of image i, each CHW, one after the other in dst, which must
// hold exactly [Dataset.Frames] of them.
func (d *Dataset) Sequence(i int, dst []float32) error {
	if i < 0 || i >= d.Len() {
		return fmt.Errorf("dataset %s: there is no image %d: the images are 0 to %d", d.spec, i, d.Len()-1)
	}
	if n := d.Frames() * d.shape.Len(); len(dst) != n {
		return fmt.Errorf("dataset %s: an image is %d x %s (%d numbers), not %d", d.spec, d.Frames(), d.shape, n, len(dst))
	}
	if err := d.images.pixels(i, dst); err != nil {
		return fmt.Errorf("dataset %s: image %d: %w", d.spec, i, err)
	}
	return nil
}

// mean stores the mean of the frames x in dst.
func mean(dst, x []float32) {
	n := len(dst)
	for i := range dst {
		var sum float64
		for j := i; j < len(x); j += n {
			sum += float64(x[j])
		}
		dst[i] = float32(sum / float64(len(x)/n))
	}
}

// setFrames makes a store of an array of frames: of bytes, if they hold every number.
func (c *arrayContent) setFrames(a *array, last bool) error {
	c.prepared = true
	if a.width == 1 && a.kind != 'i' {
		if last {
			channelsFirst(a.data, c.shape)
		}
		c.store = &byteStore{a.data, c.size()}
		return nil
	}
	x := a.numbers()
	a.data = nil // They are two or more times as large.
	whole := true
	for i, v := range x {
		if v != v || math.IsInf(float64(v), 0) {
			return fmt.Errorf("image %d has a value %v in a frame", i/c.size(), v)
		}
		whole = whole && v == float32(uint8(min(max(v, 0), 255)))
	}
	if last {
		channelsFirst(x, c.shape)
	}
	c.store = &floatStore{x, c.size()}
	if whole {
		b := make([]byte, len(x))
		for i, v := range x {
			b[i] = byte(v)
		}
		c.store = &byteStore{b, c.size()}
	}
	return nil
}

// isArray reports whether a file is named as those are that hold the frames of one image.
func isArray(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".npy", ".npz":
		return true
	}
	return false
}

// sequence is how a file of numpy becomes the frames of an image.
type sequence struct {
	shape  tensor.Shape // Of a frame, (C, H, W).
	frames int          // 0 for none: the files are pictures.
}

// decode stores the frames of a file's content in dst, each CHW.
func (s *sequence) decode(b []byte, dst []float32) error {
	c, err := frameArray(b)
	if err != nil {
		return err
	}
	if c.frames != s.frames || !c.shape.Equal(s.shape) {
		return fmt.Errorf("%d frames of %s, but other files have %d of %s: make all of one size, with the same number of frames", c.frames, c.shape, s.frames, s.shape)
	}
	return c.store.pixels(0, dst)
}

// frameArray reads the one image of a .npy file, or of a .npz file whose only array it is
// or in which it is named frames.
func frameArray(b []byte) (*arrayContent, error) {
	const factor = frameInflation / maxInflation
	limit := max(minInflated, maxInflation*int64(len(b))) * factor
	a, err := readNPYOrNPZ(b, limit)
	if err != nil {
		return nil, err
	}
	if len(a.shape) != 4 {
		return nil, fmt.Errorf("an array of %s: the frames of one image need the axes frame, channel, row, column", a.shape)
	}
	a.shape = append(tensor.Shape{1}, a.shape...)
	c, err := arrayImages(a)
	return &c, err
}

func readNPYOrNPZ(b []byte, limit int64) (*array, error) {
	if !bytes.HasPrefix(b, []byte("PK")) {
		return readNPY(bytes.NewReader(b), limit)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("not an .npz file, or half of one: %v", err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, strings.TrimSuffix(f.Name, ".npy"))
	}
	k := slices.Index(names, "frames")
	if k < 0 && len(names) == 1 {
		k = 0
	}
	if k < 0 {
		return nil, fmt.Errorf("no array frames among %s", some(names))
	}
	r, err := z.File[k].Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readNPY(r, limit)
}

// maxProbed bounds how many damaged files are read to find one that tells what frames are.
const maxProbed = 10

// sequences takes the files of d to hold the frames of an image each, all like those of the
// first one that can be read.
func (d *Dataset) sequences() (*Dataset, error) {
	s := d.images.(*fileStore)
	var first error
	for i := range min(len(s.files), maxProbed) {
		f := &s.files[i]
		b, err := s.content(f)
		if err == nil {
			var c *arrayContent
			if c, err = frameArray(b); err == nil {
				return d.sequencesOf(c.shape, c.frames), nil
			}
		}
		if first == nil {
			first = fmt.Errorf("%s: %w", s.path(f), err)
		}
	}
	return nil, first
}

func (d *Dataset) sequencesOf(shape tensor.Shape, frames int) *Dataset {
	of := *d
	s := d.images.(*fileStore)
	s = s.with(s.files)
	s.sequence, s.picture = sequence{shape, frames}, picture{shape: shape}
	of.images, of.shape, of.frames, of.prepared = s, shape, frames, true
	return &of
}
