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
	splitImages = []string{"%s_images", "images_%s", "x_%s", "X_%s", "%s_x", "%s_X", "%s_data", "data_%s", "%s_image", "%s_img", "%s_pixel_values", "%s_frames", "frames_%s"}
	splitLabels = []string{"%s_labels", "labels_%s", "y_%s", "%s_y", "%s_targets", "targets_%s", "%s_label", "label_%s", "%s_Y", "Y_%s", "%s_fine_label", "%s_fine_labels"}
	wholeImages = []string{"images", "x", "X", "data", "image", "img", "imgs", "pixel_values", "inputs", "frames"}
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
	labels, _, missing := find("labels", splitLabels, wholeLabels)
	if missing != nil && slices.ContainsFunc(names, func(s string) bool { return !namesImages(s) }) {
		return nil, missing // One of them may be labels under another name.
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
	if missing != nil {
		d.withoutLabels(missing)
	}
	return d, nil
}

// namesImages reports whether an array of that name is images, of either split or both.
func namesImages(name string) bool {
	for _, split := range []Split{Train, Test} {
		if slices.ContainsFunc(splitImages, func(format string) bool { return name == fmt.Sprintf(format, split) }) {
			return true
		}
	}
	return slices.Contains(wholeImages, name)
}

// openNPY reads two .npy files, IMAGES,LABELS. Without LABELS they are beside the
// images: the name of their file with "labels" for "images", or labels.npy.
func openNPY(path string, _ Split) (*Dataset, error) {
	if path == "" {
		return nil, &SpecError{errors.New("a path is needed: the .npy file of the images, then a comma and that of the labels")}
	}
	var missing error
	images, labels, ok := strings.Cut(path, ",")
	if !ok {
		var err error
		labels, missing, err = labelsBeside(images)
		if err != nil {
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
	if missing != nil {
		d.withoutLabels(missing)
	}
	return d, nil
}

// labelsBeside returns the file of labels beside that of images, or that it is missing.
func labelsBeside(images string) (labels string, missing, err error) {
	dir, name := filepath.Split(images)
	var tried []string
	for _, beside := range []string{strings.Replace(name, "images", "labels", 1), "labels.npy"} {
		if beside == name {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, beside)); err == nil {
			return filepath.Join(dir, beside), nil, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
		tried = append(tried, beside)
	}
	return "", fmt.Errorf("labels are missing: there is no %s beside %s: give npy:IMAGES,LABELS", strings.Join(tried, " or "), images), nil
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

// fromArrays makes a data set of two arrays, or without labels of one. How many classes
// there are is a guess: one more than the largest label.
func fromArrays(read func(name string) (*array, error), images, labels string) (*Dataset, error) {
	d := &Dataset{}
	// Labels first: a mistake in the small array is found before the large one is read.
	if labels != "" {
		a, err := read(labels)
		if err != nil {
			return nil, err
		}
		d.atLeast = !a.oneHot()
		if d.labels, d.classes, err = arrayLabels(a); err != nil {
			return nil, &arrayError{labels, err}
		}
	}
	a, err := read(images)
	if err != nil {
		return nil, err
	}
	f, err := arrayImages(a)
	if err != nil {
		return nil, &arrayError{images, err}
	}
	d.shape, d.frames, d.images, d.prepared, d.scaled = f.shape, f.frames, f.store, f.prepared, f.scaled
	if f.prepared && f.frames == 0 {
		d.notes = append(d.notes, fmt.Sprintf("values go from %v to %v, so that they are no pixels: the network is given them as they are", f.least, f.most))
	}
	if labels == "" {
		d.labels = make([]uint16, a.shape[0])
		return d, nil
	}
	if n := len(d.labels); a.shape[0] != n {
		err := fmt.Errorf("%d images, but %s holds %d labels", a.shape[0], labels, n)
		if f.frames > 0 && f.frames == n {
			err = fmt.Errorf("%w: axes are image, frame, channel, row, column; if frames come first, save numpy.swapaxes(x, 0, 1)", err)
		}
		return nil, &arrayError{images, err}
	}
	return d, nil
}

// oneHot reports whether labels are rows with one element for every class.
func (a *array) oneHot() bool { return len(a.shape) == 2 && a.shape[1] > 1 }

// arrayLabels returns class numbers, of which one-hot rows say how many there are.
func arrayLabels(a *array) (labels []uint16, classes int, err error) {
	switch {
	case len(a.shape) == 2 && a.shape[1] > maxClasses:
		return nil, 0, fmt.Errorf("labels are %v, more than the limit of %d classes", a, maxClasses)
	case a.oneHot():
		labels, err = hotLabels(a)
		return labels, a.shape[1], err
	case a.kind == 'b':
		return nil, 0, fmt.Errorf("labels are %v: save class numbers as integers", a)
	case len(a.shape) > 2:
		return nil, 0, fmt.Errorf("labels are %v: save one class number, or one one-hot row, per image", a)
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

// hotLabels returns where the one 1 of every row is, as Keras' to_categorical writes labels.
func hotLabels(a *array) ([]uint16, error) {
	classes := a.shape[1]
	labels := make([]uint16, 0, a.shape[0])
	row := *a
	for b := range slices.Chunk(a.data, classes*a.width) {
		row.data = b
		ones, others := 0, 0
		for k, x := range row.numbers() {
			switch x {
			case 0:
			case 1:
				if ones++; ones == 1 {
					labels = append(labels, uint16(k))
				}
			default:
				others++
			}
		}
		if ones != 1 || others != 0 {
			return nil, fmt.Errorf("image %d: its row of labels has %d ones and %d numbers other than 0 and 1, so that it is not one-hot: save one class number per image", len(labels)-min(ones, 1), ones, others)
		}
	}
	return labels, nil
}

// arrayContent is the images of an array.
type arrayContent struct {
	shape       tensor.Shape
	frames      int // Of every image; 0 if it is one by itself.
	store       store
	prepared    bool    // They are no pixels 0..255.
	scaled      bool    // They were 0 to 1.
	least, most float32 // If prepared.
}

// size returns how many numbers an image has.
func (c *arrayContent) size() int { return c.shape.Len() * max(c.frames, 1) }

// arrayImages makes a store of an array of images, or of frames if it has five axes. With
// three axes images are grey.
func arrayImages(a *array) (arrayContent, error) {
	var c arrayContent
	last := false // Channels last.
	switch s := a.shape; len(s) {
	case 3:
		c.shape = tensor.Shape{1, s[1], s[2]}
	case 4, 5:
		var ok bool
		if c.shape, last, ok = channelAxis(s[len(s)-3:], len(s) == 5); !ok {
			return c, fmt.Errorf("an array of %s has neither 1 nor 3 channels as its %s or last axis, nor an axis of channels that is shorter than rows and columns", s, map[int]string{4: "second", 5: "third"}[len(s)])
		}
		if len(s) == 5 {
			c.frames = s[1]
		}
	default:
		return c, fmt.Errorf("images are an array of %s: it needs axes image, channel, row, column (or channel last; or none for grey images), or image, frame, channel, row, column", s)
	}
	if c.frames > 0 {
		return c, c.setFrames(a, last)
	}
	if a.kind == 'u' && a.width == 1 {
		if last {
			channelsFirst(a.data, c.shape)
		}
		c.store = &byteStore{a.data, c.shape.Len()}
		return c, nil
	}
	if a.kind == 'b' {
		return c, fmt.Errorf("images are %v: save them as uint8 or float32", a)
	}
	x := a.numbers()
	if err := c.scale(x, a.kind == 'f'); err != nil {
		return c, err
	}
	if last {
		channelsFirst(x, c.shape)
	}
	c.store = &floatStore{x, c.shape.Len()}
	return c, nil
}

// channelAxis returns the shape (C, H, W) of three axes and whether channels are the last of
// them: they are the first one if that is 1 or 3 long, else the last if that is, else
// whichever of both is shorter than all others. Frames have the two channels of an event
// camera if either of both is 2 long.
func channelAxis(s []int, frames bool) (shape tensor.Shape, last, ok bool) {
	is := func(n int) bool { return n == 1 || n == 3 }
	if frames && (s[0] == 2 || s[2] == 2) {
		is = func(n int) bool { return n == 2 }
	}
	switch {
	case is(s[0]) || !is(s[2]) && s[0] < min(s[1], s[2]):
		return tensor.Shape{s[0], s[1], s[2]}, false, true
	case is(s[2]) || s[2] < min(s[0], s[1]):
		return tensor.Shape{s[2], s[0], s[1]}, true, true
	}
	return nil, false, false
}

// scale makes pixels 0..255: floats none of which is above 1 are taken to be 0..1. Values
// below 0 or above 255 are no pixels, nor are those of other than 1 or 3 channels, such
// as counts of events, and stay as they are.
func (c *arrayContent) scale(x []float32, floats bool) error {
	c.least, c.most = x[0], x[0]
	for i, v := range x {
		if v != v || math.IsInf(float64(v), 0) {
			return fmt.Errorf("image %d has a pixel %v", i/c.shape.Len(), v)
		}
		c.least, c.most = min(c.least, v), max(c.most, v)
	}
	switch {
	case c.least < 0 || c.most > 255 || c.shape[0] != 1 && c.shape[0] != 3:
		c.prepared = true
	case floats && c.most <= 1:
		c.scaled = true
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
