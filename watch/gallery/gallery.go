// Package gallery has the networks of an experiment look at images, one after the other: test
// images by their numbers, or a picture. It knows files and options; package watch shows what
// comes of it.
package gallery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/tensor"
	"sresnet/watch"
)

// ErrNoData says that numbers name test images, and that the experiment has none.
var ErrNoData = errors.New("gallery: there are no test images")

// Most is how many images one gallery has at most.
const Most = 64

// Gallery is images that the networks of an experiment look at.
type Gallery struct {
	e       *experiment.Experiment
	shape   tensor.Shape
	numbers []int          // Of test images.
	picture *dataset.Spec  // Else this file,
	invert  bool           // dark and light swapped.
	options *watch.Options // Nil until an image is looked at.
}

// lists are numbers of test images: 7, 0-8, 3,7,12, and these together.
var lists = regexp.MustCompile(`^\d+(-\d+)?(,\d+(-\d+)?)*$`)

// Open returns the images that a text names: the numbers of test images, from 0, such as 7, 0-8
// or 3,7,12, or an image file with options as [dataset.ParsePicture] has them. An error is
// ErrNoData, or an [*experiment.OptionError] of the option "image".
func Open(e *experiment.Experiment, images string) (*Gallery, error) {
	g := &Gallery{e: e}
	_, g.shape, _ = e.Takes()
	number, err := strconv.Atoi(images)
	switch {
	case err == nil:
		g.numbers = []int{number}
	case lists.MatchString(images):
		if g.numbers, err = numbered(images); err != nil {
			return nil, &experiment.OptionError{Option: "image", Value: images, Err: err}
		}
	default:
		return g, g.openPicture(images)
	}
	if e.Test == nil {
		return nil, ErrNoData
	}
	for _, i := range g.numbers {
		if i < 0 || i >= e.Test.Len() {
			err := fmt.Errorf("the test images of %s are 0 to %d", e.Options.Data, e.Test.Len()-1)
			return nil, &experiment.OptionError{Option: "image", Value: images, Err: hint.Error(err, "for a file whose name is a number, write ./%s", images)}
		}
	}
	return g, nil
}

// numbered reads a list of numbers.
func numbered(text string) (list []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, span := strings.Cut(part, "-")
		if !span {
			to = from
		}
		first, err := strconv.Atoi(from)
		if err != nil {
			return nil, err
		}
		last, err := strconv.Atoi(to)
		if err != nil {
			return nil, err
		}
		if last < first {
			return nil, fmt.Errorf("%d is before %d", last, first)
		}
		if last-first >= Most-len(list) {
			return nil, fmt.Errorf("give at most %d images", Most)
		}
		for i := first; i <= last; i++ {
			list = append(list, i)
		}
	}
	return list, nil
}

// openPicture notes what file it is.
func (g *Gallery) openPicture(name string) error {
	file, invert, err := dataset.ParsePicture(name)
	switch {
	case err != nil:
		return &experiment.OptionError{Option: "image", Err: err}
	case file.Crop > 0 && (g.shape[1] != file.Crop || g.shape[2] != file.Crop):
		err := fmt.Errorf("the network takes %d x %d pixels", g.shape[1], g.shape[2])
		return &experiment.OptionError{Option: "image", Value: fmt.Sprintf("%s?crop=%d", file.Source, file.Crop), Err: err}
	}
	g.picture, g.invert = &file, invert
	return nil
}

// Len returns how many images there are.
func (g *Gallery) Len() int { return max(len(g.numbers), 1) }

// Watch has both networks look at image i, from 0.
func (g *Gallery) Watch(ctx context.Context, i int) (*watch.Thought, error) {
	var image *watch.Image
	var err error
	if g.picture != nil {
		image, err = g.readPicture()
	} else {
		image, err = g.test(g.numbers[i])
	}
	if err != nil {
		return nil, err
	}
	return g.look(ctx, image)
}

// Film returns a film of all images.
func (g *Gallery) Film(ctx context.Context, speed float64) (*watch.Film, error) {
	f := &watch.Film{Speed: speed, Workers: g.e.Options.WorkerCount()}
	update, stop := g.e.Options.Step("watching")
	defer stop()
	for i := range g.Len() {
		th, err := g.Watch(ctx, i)
		if err != nil {
			return nil, err
		}
		f.Thoughts = append(f.Thoughts, th)
		update(i+1, g.Len())
	}
	return f, nil
}

// Mover returns a function that looks at the image before or after, step being -1 or 1, from
// the first one on: of those in the gallery, or, if that is one, of all test images; nil if
// there is no other.
func (g *Gallery) Mover() func(ctx context.Context, step int) (*watch.Thought, error) {
	if g.picture != nil {
		return nil
	}
	list, at := g.numbers, 0
	if len(list) == 1 {
		list, at = nil, list[0]
	}
	return func(ctx context.Context, step int) (*watch.Thought, error) {
		n := len(list)
		if list == nil {
			n = g.e.Test.Len()
		}
		at = (at + step + n) % n
		i := at
		if list != nil {
			i = list[at]
		}
		image, err := g.test(i)
		if err != nil {
			return nil, err
		}
		return g.look(ctx, image)
	}
}

// test reads a test image.
func (g *Gallery) test(i int) (*watch.Image, error) {
	d := g.e.Test
	image := &watch.Image{
		Name: fmt.Sprintf("image %d of %s", i, experiment.SourceOf(g.e.Options.Data)), Index: i,
		Label: d.Label(i), Pixels: make([]float32, g.shape.Len()), Values: d.Prepared(),
	}
	var err error
	if image.Frames, err = d.AllFrames(i); err != nil {
		return nil, err
	}
	return image, d.Pixels(i, image.Pixels)
}

// readPicture reads the file.
func (g *Gallery) readPicture() (*watch.Image, error) {
	file := g.picture
	image := &watch.Image{Name: file.Source, Label: -1}
	var err error
	if image.Pixels, err = dataset.ReadImageFile(file.Source, g.shape, file.Resize); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			err = hint.Error(err, "give an image file, or the number of a test image; %s?resize=N gives the length of its shorter side", file.Source)
		}
		return nil, err
	}
	if g.invert {
		for i, x := range image.Pixels {
			image.Pixels[i] = 255 - x
		}
	}
	return image, nil
}

// look presents an image to both networks.
func (g *Gallery) look(ctx context.Context, image *watch.Image) (*watch.Thought, error) {
	if g.options == nil {
		if err := g.prepare(ctx); err != nil {
			return nil, err
		}
	}
	norm, err := dataset.ParseNormalization(g.e.Options.Normalize, g.shape[0])
	if err != nil {
		return nil, &experiment.OptionError{Option: "normalize", Err: err}
	}
	image.Input = slices.Clone(image.Pixels)
	norm.Apply(image.Input, g.shape)
	return watch.Run(ctx, *image, *g.options)
}

// prepare makes the networks.
func (g *Gallery) prepare(ctx context.Context) error {
	o := &g.e.Options
	net, err := g.e.Network(ctx)
	if err != nil {
		return err
	}
	if o.Normalize == "" {
		return &experiment.OptionError{Option: "normalize", Err: fmt.Errorf("%s does not say how pixels were normalised; give %s", o.Model, dataset.Normalizations)}
	}
	readout, err := eval.ParseReadout(o.Readout)
	if err != nil {
		return err
	}
	name, _, _ := g.e.Takes()
	w := &watch.Options{Model: name, Graph: g.e.Graph, Network: net, Sim: o.Sim(), Readout: readout}
	w.Sim.Workers = o.WorkerCount()
	if g.e.Test != nil {
		w.ClassName = g.e.Test.ClassName
	}
	g.options = w
	return nil
}
