// Package dataset reads labelled images: CIFAR-10 and CIFAR-100 in their binary and
// Python forms, MNIST and data sets of its form as idx files, own images as arrays of
// numpy, of frames as well, and as PNG, JPEG, BMP and WebP files, by themselves or in .tar files. It knows no network;
// the first layer's idea of an image enters only as a [Normalization] and a size.
//
// # Units
//
// Pixels are 0..255 as in the file until a Normalization is applied to them. Values that
// are no pixels, as after a normalisation, stay as they are: see [Dataset.Prepared].
//
// # Layout
//
// Images are CHW with a contiguous W axis, grey images have one channel; frames of an image
// come one after the other. Pixels stay
// bytes in memory and become float32 one image at a time. Everything is read when a
// data set is opened, except image files, which are decoded whenever an image is
// asked for; from then on a data set is never written, so any number of goroutines
// may read it.
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"sresnet/tensor"
)

// Dataset is a list of labelled images of one shape. [Open] makes one; it has
// at least one image.
type Dataset struct {
	name    string
	spec    string
	split   Split
	first   int // Where the images begin in the split, of those that are not files.
	shape   tensor.Shape
	classes int
	names   []string // Of the classes, if the data say them.
	ordered bool     // Classes are numbered by the order of the names that this split has.
	notes   []string

	frames           int  // Of every image; 0 if it is one by itself.
	prepared, scaled bool // See arrayContent.

	unlabelled bool // All labels are 0 and mean nothing.

	atLeast bool // There may be more classes than labels show.
	single  bool // Both splits are the same images.
	skipped int
	labels  []uint16
	images  store
}

// Name returns the kind of data, the first word of the spec: "cifar10".
func (d *Dataset) Name() string { return d.name }

// Spec returns the spec that opened d, as it was given.
func (d *Dataset) Spec() string { return d.spec }

// Split returns the split that was opened.
func (d *Dataset) Split() Split { return d.split }

// Len returns the number of images.
func (d *Dataset) Len() int { return len(d.labels) }

// Shape returns the shape (C, H, W) of every image.
func (d *Dataset) Shape() tensor.Shape { return slices.Clone(d.shape) }

// Classes returns the number of classes.
func (d *Dataset) Classes() int { return d.classes }

// ClassesGuessed reports whether the number of classes is only one more than the
// largest label, so that there may be classes without an image.
func (d *Dataset) ClassesGuessed() bool { return d.atLeast }

// Labelled reports whether the data say of which class images are. Otherwise all labels
// are 0, and only work that looks at none makes sense.
func (d *Dataset) Labelled() bool { return !d.unlabelled }

// withoutLabels notes that there are none, and why.
func (d *Dataset) withoutLabels(why error) *Dataset {
	d.unlabelled, d.atLeast, d.classes = true, true, 1
	d.notes = append(d.notes, fmt.Sprintf("they serve what needs no labels: %v", why))
	return d
}

// Single reports whether the spec names one list of images for both splits: those of a
// single file, for example.
func (d *Dataset) Single() bool { return d.single }

// Notes returns what whoever opened d should know, such as files that are left out since
// their format cannot be read: a sentence each, without a full stop.
func (d *Dataset) Notes() []string { return slices.Clone(d.notes) }

// Prepared reports whether values are no pixels 0..255, so that the network is given them
// as they are, which the normalisation "none" does.
func (d *Dataset) Prepared() bool { return d.prepared }

// Unit names what [Dataset.Statistics] are of: "pixels / 255", or "values" if d is prepared.
func (d *Dataset) Unit() string {
	if d.prepared {
		return "values"
	}
	return "pixels / 255"
}

// Scaled reports whether pixels are 0 to 1 in the file, and 255 times that here.
func (d *Dataset) Scaled() bool { return d.scaled }

// Ordered reports whether classes are numbered by the order of the names that this split
// has, those of folders or words, so that another split may number them otherwise: see
// [Dataset.Numbered].
func (d *Dataset) Ordered() bool { return d.ordered }

// Numbered returns d with its classes numbered as in the list of their names. It is an
// error, which names them, if an image is of a class that is not in the list.
func (d *Dataset) Numbered(names []string) (*Dataset, error) {
	if slices.Equal(names, d.names) {
		return d, nil
	}
	number := make(map[string]int)
	for k, name := range names {
		number[name] = k
	}
	counts := d.Counts()
	var unknown []string
	for k, name := range d.names {
		if _, ok := number[name]; !ok && counts[k] > 0 {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("class numbers are those of the training images, which have no %s: correct the name, take its images away, or if the network was trained with it, give it an image or an empty folder there", some(unknown))
	}
	numbered := *d
	numbered.classes, numbered.names, numbered.labels = len(names), slices.Clone(names), make([]uint16, len(d.labels))
	for i, l := range d.labels {
		numbered.labels[i] = uint16(number[d.names[l]])
	}
	if absent := numbered.absent(); len(absent) > 0 {
		numbered.notes = append(d.Notes(), fmt.Sprintf("%d of the %d classes have no images here: %s", len(absent), len(names), some(absent)))
	}
	return &numbered, nil
}

// absent returns the names of the classes without an image.
func (d *Dataset) absent() []string {
	var list []string
	for k, n := range d.Counts() {
		if n == 0 {
			list = append(list, d.ClassName(k))
		}
	}
	return list
}

// Skipped returns how many images [Dataset.Checked] left out of d, or of what d is a
// part of.
func (d *Dataset) Skipped() int { return d.skipped }

// Label returns the class of image i, in [0, Classes). It panics unless i is in
// [0, Len).
func (d *Dataset) Label(i int) int { return int(d.labels[i]) }

// Pixels stores image i, CHW and 0..255, in dst, which must hold exactly one image. Of
// several frames it is the mean.
func (d *Dataset) Pixels(i int, dst []float32) error {
	if i < 0 || i >= d.Len() {
		return fmt.Errorf("dataset %s: there is no image %d: the images are 0 to %d", d.spec, i, d.Len()-1)
	}
	n := d.shape.Len()
	if len(dst) != n {
		return fmt.Errorf("dataset %s: an image is %s (%d pixels), not %d", d.spec, d.shape, n, len(dst))
	}
	all := dst
	if d.Frames() > 1 {
		all = make([]float32, d.Frames()*n)
	}
	if err := d.images.pixels(i, all); err != nil {
		return fmt.Errorf("dataset %s: image %d: %w", d.spec, i, err)
	}
	if len(all) > n {
		mean(dst, all)
	}
	return nil
}

// First returns the first n images of d. Few of many are copied, so that the rest
// can leave memory.
func (d *Dataset) First(n int) (*Dataset, error) {
	if n < 1 || n > d.Len() {
		return nil, fmt.Errorf("dataset %s: cannot take the first %d images: give a number from 1 to %d", d.spec, n, d.Len())
	}
	first := d.slice(0, n)
	if n < d.Len()/2 {
		first.images, first.labels = first.images.clone(), slices.Clone(first.labels)
	}
	return first, nil
}

// Slice returns images from to to-1 of d, which share its memory.
func (d *Dataset) Slice(from, to int) (*Dataset, error) {
	if from < 0 || from >= to || to > d.Len() {
		return nil, fmt.Errorf("dataset %s: there are no images %d to %d: the images are 0 to %d", d.spec, from, to-1, d.Len()-1)
	}
	return d.slice(from, to), nil
}

func (d *Dataset) slice(from, to int) *Dataset {
	part := *d
	part.images, part.labels, part.first = d.images.slice(from, to), d.labels[from:to], d.first+from
	return &part
}

// Hash returns the SHA-256, in hexadecimal digits, of the shape, pixels and labels of
// all images. It does not depend on where and how they were stored.
func (d *Dataset) Hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s of %s\n", d.Len(), d.images.what(), d.shape)
	if d.frames > 0 {
		fmt.Fprintf(h, "in %d frames\n", d.frames)
	}
	d.images.writeTo(h)
	size := 1 // Bytes a label, little-endian.
	if d.classes > 256 {
		size = 2
	}
	b := make([]byte, 0, size*d.Len()+1)
	for _, l := range d.labels {
		b = append(b, byte(l), byte(l>>8))[:len(b)+size]
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
