package dataset

import (
	"fmt"
	"slices"
)

// Images is a data set seen through a normalisation: what a network is given.
// Any number of goroutines may read it.
type Images struct {
	*Dataset
	norm Normalization
}

// NewImages returns the images of d, normalised. For the first few only, pass
// [Dataset.First] of them.
func NewImages(d *Dataset, norm Normalization) (*Images, error) {
	c, _, _ := d.shape.CHW()
	if d.prepared && !norm.Raw {
		return nil, fmt.Errorf("dataset %s: values are no pixels 0 to 255, so that normalization %s makes no sense: give none, which takes them as they are", d.spec, norm)
	}
	if err := norm.check(c); err != nil {
		return nil, fmt.Errorf("dataset %s: normalization %s: %w", d.spec, norm, err)
	}
	return &Images{d, norm}, nil
}

// OpenImages combines [Open], [ParseNormalization] and [NewImages]: the first n
// images of a split, or all if n is 0, normalised as they were in training. Image
// files of any size need [Dataset.Resized] between.
func OpenImages(spec string, split Split, normalization string, n int) (*Images, error) {
	d, err := Open(spec, split)
	if err != nil {
		return nil, err
	}
	if n != 0 {
		if d, err = d.First(n); err != nil {
			return nil, err
		}
	}
	c, _, _ := d.shape.CHW()
	norm, err := ParseNormalization(normalization, c)
	if err != nil {
		return nil, fmt.Errorf("dataset %s: %w", spec, err)
	}
	return NewImages(d, norm)
}

// Image stores image i, CHW and normalised, in dst, which must hold exactly one
// image.
func (im *Images) Image(i int, dst []float32) error {
	if err := im.Pixels(i, dst); err != nil {
		return err
	}
	im.norm.Apply(dst, im.shape)
	return nil
}

// Sequence stores the frames of image i, CHW and normalised, one after the other in dst,
// which must hold exactly [Dataset.Frames] of them.
func (im *Images) Sequence(i int, dst []float32) error {
	if err := im.Dataset.Sequence(i, dst); err != nil {
		return err
	}
	for frame := range slices.Chunk(dst, im.shape.Len()) {
		im.norm.Apply(frame, im.shape)
	}
	return nil
}

// AllFrames returns the frames of image i, as Sequence stores them; nil if it is one by itself.
func (im *Images) AllFrames(i int) ([]float32, error) {
	if im.Frames() < 2 {
		return nil, nil
	}
	x := make([]float32, im.Frames()*im.shape.Len())
	return x, im.Sequence(i, x)
}

// Normalization returns the normalisation that the images are seen through.
func (im *Images) Normalization() Normalization { return im.norm }
