package dataset

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/internal/regular"
	"sresnet/tensor"
)

// maxClasses bounds labels, which are kept in 16 bits.
const maxClasses = 1 << 16

// Names that the arrays of a .npz file may have. The first list holds those of one
// split, with its name in place of the %s, as keras, MedMNIST, torchvision (data, targets),
// Hugging Face (image, img, pixel_values, label, fine_label) and others write them. Of
// CIFAR-100's two labels it is the fine one.
var (
	splitImages = []string{"%s_images", "images_%s", "x_%s", "X_%s", "%s_x", "%s_X", "%s_data", "data_%s", "%s_image", "%s_img", "%s_pixel_values"}
	splitLabels = []string{"%s_labels", "labels_%s", "y_%s", "%s_y", "%s_targets", "targets_%s", "%s_label", "label_%s", "%s_Y", "Y_%s", "%s_fine_label", "%s_fine_labels"}
	wholeImages = []string{"images", "x", "X", "data", "image", "img", "imgs", "pixel_values", "inputs"}
	wholeLabels = []string{"labels", "y", "label", "Y", "targets", "target", "fine_label", "fine_labels"}
)

// openNPZ reads a file that numpy.savez or numpy.savez_compressed wrote.
func openNPZ(path string, split Split) (*Dataset, error) {
	if path == "" {
		return nil, &SpecError{errors.New("a path is needed: the .npz file")}
	}
	f, size, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := zip.NewReader(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: not an .npz file, or half of one: %v", path, err)
	}
	files := make(map[string]*zip.File)
	var names []string
	for _, f := range z.File {
		if name, ok := strings.CutSuffix(f.Name, ".npy"); ok && files[name] == nil {
			files[name] = f
			names = append(names, name)
		}
	}
	find := func(what string, forSplit, whole []string) (name string, single bool, err error) {
		for _, format := range forSplit {
			if name := fmt.Sprintf(format, split); files[name] != nil {
				return name, false, nil
			}
		}
		for _, name := range whole {
			if files[name] != nil {
				return name, true, nil
			}
		}
		return "", false, fmt.Errorf("%s: no array of %s for the %s split among %s: name it %s, or %s for one split", path, what, split,
			some(names), strings.Join(whole, ", "), fmt.Sprintf(forSplit[0], split))
	}
	images, single, err := find("images", splitImages, wholeImages)
	if err != nil {
		return nil, err
	}
	labels, _, err := find("labels", splitLabels, wholeLabels)
	if err != nil {
		return nil, err
	}
	read := func(name string) (*array, error) {
		r, err := files[name].Open()
		if err != nil {
			return nil, fmt.Errorf("%s, array %s: %v", path, name, err)
		}
		defer r.Close()
		a, err := readNPY(r, max(minInflated, maxInflation*size))
		if err != nil {
			return nil, fmt.Errorf("%s, array %s: %w", path, name, err)
		}
		return a, nil
	}
	d, err := fromArrays(read, images, labels)
	if err != nil {
		var e *arrayError
		if errors.As(err, &e) {
			return nil, fmt.Errorf("%s, array %s: %w", path, e.array, e.err)
		}
		return nil, err
	}
	d.single = single
	return d, nil
}

// openNPY reads two .npy files, IMAGES,LABELS. Without LABELS they are beside the
// images: the name of their file with "labels" for "images", or labels.npy.
func openNPY(path string, _ Split) (*Dataset, error) {
	if path == "" {
		return nil, &SpecError{errors.New("a path is needed: the .npy file of the images, then a comma and that of the labels")}
	}
	images, labels, ok := strings.Cut(path, ",")
	if !ok {
		var err error
		if labels, err = labelsBeside(images); err != nil {
			return nil, err
		}
	}
	d, err := fromArrays(readNPYFile, images, labels)
	if err != nil {
		var e *arrayError
		if errors.As(err, &e) {
			return nil, fmt.Errorf("%s: %w", e.array, e.err)
		}
		return nil, err
	}
	d.single = true
	return d, nil
}

func labelsBeside(images string) (string, error) {
	dir, name := filepath.Split(images)
	var tried []string
	for _, beside := range []string{strings.Replace(name, "images", "labels", 1), "labels.npy"} {
		if beside == name {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, beside)); err == nil {
			return filepath.Join(dir, beside), nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		tried = append(tried, beside)
	}
	return "", fmt.Errorf("labels are missing: there is no %s beside %s: give npy:IMAGES,LABELS", strings.Join(tried, " or "), images)
}

func readNPYFile(name string) (*array, error) {
	f, size, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a, err := readNPY(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

// arrayError says which array is wrong.
type arrayError struct {
	array string
	err   error
}

func (e *arrayError) Error() string { return e.array + ": " + e.err.Error() }

// fromArrays makes a data set of two arrays. How many classes there are is a guess:
// one more than the largest label.
func fromArrays(read func(name string) (*array, error), images, labels string) (*Dataset, error) {
	// Labels first: a mistake in the small array is found before the large one is read.
	a, err := read(labels)
	if err != nil {
		return nil, err
	}
	d := &Dataset{atLeast: true}
	if d.labels, d.classes, err = arrayLabels(a); err != nil {
		return nil, &arrayError{labels, err}
	}
	if a, err = read(images); err != nil {
		return nil, err
	}
	f, err := arrayImages(a)
	if err != nil {
		return nil, &arrayError{images, err}
	}
	d.shape, d.images, d.prepared, d.scaled = f.shape, f.store, f.prepared, f.scaled
	if f.prepared {
		d.notes = append(d.notes, fmt.Sprintf("values go from %v to %v, so that they are no pixels: the network is given them as they are", f.least, f.most))
	}
	if a.shape[0] != len(d.labels) {
		return nil, &arrayError{images, fmt.Errorf("%d images, but %s holds %d labels", a.shape[0], labels, len(d.labels))}
	}
	return d, nil
}

func arrayLabels(a *array) (labels []uint16, classes int, err error) {
	if a.kind == 'b' {
		return nil, 0, fmt.Errorf("labels are %v: save class numbers as integers", a)
	}
	if len(a.shape) > 2 || len(a.shape) == 2 && a.shape[1] != 1 {
		return nil, 0, fmt.Errorf("labels are %v: save one class number per image (the argmax of one-hot rows)", a)
	}
	if a.kind == 'f' {
		for i, x := range a.floats() { // As pandas has columns that were once incomplete.
			if x != float32(math.Trunc(float64(x))) || x < 0 || x >= maxClasses {
				return nil, 0, fmt.Errorf("image %d: label %v is not a class number from 0 to %d", i, x, maxClasses-1)
			}
			labels = append(labels, uint16(x))
		}
		return labels, int(slices.Max(labels)) + 1, nil
	}
	list := a.ints()
	labels = make([]uint16, len(list))
	for i, l := range list {
		if l < 0 || l >= maxClasses {
			return nil, 0, fmt.Errorf("image %d: label %d is out of range 0 to %d", i, l, maxClasses-1)
		}
		labels[i] = uint16(l)
	}
	return labels, int(slices.Max(labels)) + 1, nil
}

// frames are the images of an array.
type frames struct {
	shape       tensor.Shape
	store       store
	prepared    bool    // They are no pixels 0..255.
	scaled      bool    // They were 0 to 1.
	least, most float32 // If prepared.
}

// arrayImages makes a store of an array of images. With four axes, channels are the
// second one if it is 1 or 3 long, else the last if that is, else whichever of both is
// shorter than all others; with three axes, images are grey.
func arrayImages(a *array) (frames, error) {
	var f frames
	last := false // Channels last.
	is := func(axis int) bool { return a.shape[axis] == 1 || a.shape[axis] == 3 }
	switch s := a.shape; {
	case len(s) == 3:
		f.shape = tensor.Shape{1, s[1], s[2]}
	case len(s) == 4 && (is(1) || !is(3) && s[1] < min(s[2], s[3])):
		f.shape = tensor.Shape{s[1], s[2], s[3]}
	case len(s) == 4 && (is(3) || s[3] < min(s[1], s[2])):
		f.shape, last = tensor.Shape{s[3], s[1], s[2]}, true
	case len(s) == 4:
		return f, fmt.Errorf("an array of %s has neither 1 nor 3 channels as its second or last axis, nor an axis of channels that is shorter than rows and columns", s)
	default:
		return f, fmt.Errorf("images are an array of %s: it needs axes image, channel, row, column (or channel last; or none for grey images)", s)
	}
	if a.kind == 'u' && a.width == 1 {
		if last {
			channelsFirst(a.data, f.shape)
		}
		f.store = &byteStore{a.data, f.shape.Len()}
		return f, nil
	}
	var x []float32
	switch a.kind {
	case 'f':
		x = a.floats()
	case 'u', 'i':
		x = a.intsAsFloats()
	default:
		return f, fmt.Errorf("images are %v: save them as uint8 or float32", a)
	}
	if err := f.scale(x, a.kind == 'f'); err != nil {
		return f, err
	}
	if last {
		channelsFirst(x, f.shape)
	}
	f.store = &floatStore{x, f.shape.Len()}
	return f, nil
}

// scale makes pixels 0..255: floats none of which is above 1 are taken to be 0..1. Values
// below 0 or above 255 are no pixels, nor are those of other than 1 or 3 channels, such
// as counts of events, and stay as they are.
func (f *frames) scale(x []float32, floats bool) error {
	f.least, f.most = x[0], x[0]
	for i, v := range x {
		if v != v || math.IsInf(float64(v), 0) {
			return fmt.Errorf("image %d has a pixel %v", i/f.shape.Len(), v)
		}
		f.least, f.most = min(f.least, v), max(f.most, v)
	}
	switch {
	case f.least < 0 || f.most > 255 || f.shape[0] != 1 && f.shape[0] != 3:
		f.prepared = true
	case floats && f.most <= 1:
		f.scaled = true
		for i := range x {
			x[i] *= 255
		}
	}
	return nil
}

// channelsFirst turns images of rows, columns, channels into the given shape (C, H, W).
func channelsFirst[T byte | float32](x []T, shape tensor.Shape) {
	c, h, w := shape.CHW()
	hwc := make([]T, shape.Len())
	for image := range slices.Chunk(x, len(hwc)) {
		copy(hwc, image)
		for i := range c {
			plane := image[i*h*w : (i+1)*h*w]
			for j := range plane {
				plane[j] = hwc[j*c+i]
			}
		}
	}
}
