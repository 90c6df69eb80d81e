package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sresnet/ann"
	"sresnet/dataset"
	"sresnet/internal/hint"
	"sresnet/snn"
	"sresnet/tensor"
)

var errMissing = errors.New("it is missing")

// openSpec opens one split of a data set; option is what named it.
func openSpec(s dataset.Spec, split dataset.Split, option string) (*dataset.Dataset, error) {
	d, err := dataset.Open(s.Source, split)
	var wrong *dataset.SpecError
	switch {
	case errors.As(err, &wrong):
		return nil, bad(option, "", err)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, hint.Error(err, "%s", dataset.Holds(s.Source))
	}
	return d, err
}

// open opens the test and the calibration images, all of them; either may be absent.
// It fills in Calibrate.
func (e *Experiment) open(trained bool) (test, train *dataset.Dataset, err error) {
	o := &e.Options
	if o.Data != "" {
		if test, err = openSpec(e.data, dataset.Test, "data"); err != nil {
			return nil, nil, err
		}
	}
	if !trained || o.Data == "" && o.Calibrate == "" {
		Note(test, &e.Options)
		return test, nil, nil
	}
	if o.Calibrate == "" {
		if test.Single() {
			return nil, nil, hint.Error(fmt.Errorf("data set %s has no separate training images to calibrate on", e.data.Source),
				"give training images with {calibrate}, or with {data} a data set that has both")
		}
		same, _ := dataset.ParseSpec(o.Data)
		same.Images = 0 // Of the test images.
		o.Calibrate = same.String()
		e.calibrate.Source = e.data.Source
	}
	if train, err = openSpec(e.calibrate, dataset.Train, "calibrate"); err != nil {
		return nil, nil, err
	}
	e.shapeAlike(train)
	if test, train, err = e.numberAlike(test, train); err != nil {
		return nil, nil, err
	}
	if test != nil && test.Prepared() != train.Prepared() {
		return nil, nil, fmt.Errorf("values of one of %s and %s are pixels 0 to 255, of the other they are not: prepare both in the same way", test.Spec(), train.Spec())
	}
	if test != nil && test.Spec() == train.Spec() && slices.Equal(test.Notes(), train.Notes()) {
		note("test and training", test, &e.Options) // Once is enough.
	} else {
		Note(test, &e.Options)
		Note(train, &e.Options)
	}
	if test != nil && dataset.Same(train, test) {
		return nil, nil, hint.Error(fmt.Errorf("the calibration images %s are the test images", e.calibrate.Source),
			"accuracy on images that shaped the network means nothing; give training images with {calibrate}")
	}
	return test, train, nil
}

// Note warns of what opening d found; d may be nil.
func Note(d *dataset.Dataset, o *Options) {
	if d == nil {
		return
	}
	kind := "test"
	if d.Split() == dataset.Train {
		kind = "training"
	}
	note(kind, d, o)
}

// note is Note of images of that kind.
func note(kind string, d *dataset.Dataset, o *Options) {
	for _, text := range d.Notes() {
		o.warn(fmt.Sprintf("%s images of %s: %s", kind, d.Spec(), text))
	}
}

// numberAlike has the test images' classes numbered as those of the training images, where
// each would go by the order of its own names. Training images of fewer classes, some
// for calibration alone, follow the test images.
func (e *Experiment) numberAlike(test, train *dataset.Dataset) (*dataset.Dataset, *dataset.Dataset, error) {
	if test == nil || !test.Ordered() || !train.Ordered() || slices.Equal(test.ClassNames(), train.ClassNames()) {
		return test, train, nil
	}
	numbered, err := test.Numbered(train.ClassNames())
	if err == nil {
		e.Options.warn(fmt.Sprintf("classes are numbered as those of %s: %d, of which %s has %d", train.Spec(), train.Classes(), test.Spec(), test.Classes()))
		return numbered, train, nil
	}
	if fewer, fits := train.Numbered(test.ClassNames()); fits == nil {
		e.Options.warn(fmt.Sprintf("classes are numbered as those of %s: %d, of which %s has only %d", test.Spec(), test.Classes(), train.Spec(), train.Classes()))
		return test, fewer, nil
	}
	return nil, nil, hint.Error(fmt.Errorf("data set %s: %w", test.Spec(), err), "give with {calibrate} the images that the network was trained on")
}

// shapeAlike has calibration images that are files resized and cropped as the test images
// are, unless their spec says it.
func (e *Experiment) shapeAlike(train *dataset.Dataset) {
	if c := &e.calibrate; train.Resizable() && c.Resize == 0 && c.Crop == 0 {
		c.Resize, c.Crop = e.data.Resize, e.data.Crop
	}
}

// part is images From to End-1 of a data set.
type part struct{ from, end int }

// first is the first n of d, or all for 0.
func first(n int) part { return part{0, n} }

// view makes of images that were opened those that the network is given: resized, if they
// are files, and cut; the asked-for part of them; all read once unless unchecked; seen
// through the normalisation. This is the one place where it happens.
func (e *Experiment) view(ctx context.Context, d *dataset.Dataset, s dataset.Spec, p part, unchecked bool) (*dataset.Images, error) {
	d, err := e.fitting(d, s)
	if err != nil {
		return nil, err
	}
	if p.from != 0 || p.end != 0 {
		if d, err = d.Slice(p.from, p.end); err != nil {
			return nil, err
		}
	}
	if !unchecked {
		if d, err = Checked(ctx, d, s.SkipBad, &e.Options); err != nil {
			return nil, err
		}
	}
	c, _, _ := d.Shape().CHW()
	if e.Options.Normalize == "" {
		e.Options.Normalize = defaultNormalization(d, c)
	}
	norm, err := dataset.ParseNormalization(e.Options.Normalize, c)
	if err != nil {
		return nil, bad("normalize", "", err)
	}
	if d.Prepared() && !norm.Raw {
		return nil, bad("normalize", e.Options.Normalize, fmt.Errorf("values of %s are no pixels 0 to 255", d.Spec()), "give none, which takes them as they are")
	}
	if d.Scaled() && norm.Raw {
		e.Options.warn(fmt.Sprintf("pixels of %s go from 0 to 1 and become 0 to 255 with the normalisation none; unit leaves them as they are", d.Spec()))
	}
	return dataset.NewImages(d, norm)
}

// checkFrames says how images that are made of frames are presented, and refuses an
// encoding that cannot present them.
func (e *Experiment) checkFrames(d *dataset.Dataset) error {
	n, T := d.Frames(), e.Options.Timesteps
	if n < 2 {
		return nil
	}
	encoding := e.Options.Encoding
	if e.network != nil {
		encoding = e.network.Input.Encoding
	}
	if encoding.Spikes() {
		return bad("encoding", encoding.String(), fmt.Errorf("images of %s are made of frames, which enter as they are, spikes or numbers", d.Spec()), "give "+snn.Direct.String())
	}
	then := fmt.Sprintf("then the first again, up to T = %d", T)
	switch {
	case T < n:
		then = fmt.Sprintf("of which T = %d takes no more", T)
	case T == n:
		then = fmt.Sprintf("all by T = %d", T)
	}
	e.Options.warn(fmt.Sprintf("images of %s are made of %d frames each, one a timestep, %s; the trained network and calibration get their mean", d.Spec(), n, then))
	return nil
}

// Enters says how images enter the spiking network, in a few words.
func (e *Experiment) Enters() string {
	if e.Test != nil && e.Test.Frames() > 1 {
		return fmt.Sprintf("%d frames, one a timestep", e.Test.Frames())
	}
	return e.Options.Encoding.String() + " encoding"
}

// fitting gives images of files the size that the network takes, as the spec says, and
// checks that it takes them and tells their classes apart.
func (e *Experiment) fitting(d *dataset.Dataset, s dataset.Spec) (*dataset.Dataset, error) {
	if !d.Resizable() {
		if s.Resize > 0 || s.Crop > 0 {
			option := "data"
			if s == e.calibrate && s != e.data {
				option = "calibrate"
			}
			return nil, bad(option, s.Source, fmt.Errorf("resize and crop are for image files; these images have a size of their own, %s", d.Shape()))
		}
		return d, e.fits(d)
	}
	_, in, _ := e.Takes()
	shape := slices.Clone(in)
	if s.Crop > 0 && len(shape) == 3 {
		shape[1], shape[2] = s.Crop, s.Crop
	}
	d, err := d.Resized(shape, s.Resize)
	if err != nil {
		return nil, hint.Error(err, "%s?resize=N gives the length of an image's shorter side, crop=N that of the square cut out of its middle", s.Source)
	}
	return d, e.fits(d)
}

// fits returns an error unless the network takes the images of d and tells its
// classes apart.
func (e *Experiment) fits(d *dataset.Dataset) error {
	const advice = "'sresnet inspect' shows what the network takes and gives; choose {data} accordingly"
	name, in, outputs := e.Takes()
	name = cmp.Or(e.model.file, name)
	if !in.Equal(d.Shape()) {
		return hint.Error(fmt.Errorf("network %s takes images of %v, but those of %s are %v", name, in, d.Spec(), d.Shape()), advice)
	}
	switch {
	case e.Options.Unlabelled || !d.Labelled() && d.Split() == dataset.Train:
		return nil
	case !d.Labelled():
		return hint.Error(fmt.Errorf("images of %s have no labels, so that none can be right or wrong", d.Spec()), "give labels; %s. 'sresnet verify', 'sresnet record', 'sresnet convert' and 'sresnet bench' need none", dataset.Holds(d.Spec()))
	}
	if d.ClassesGuessed() {
		for i := range d.Len() {
			if label := d.Label(i); label >= outputs {
				return hint.Error(fmt.Errorf("network %s has %d outputs, for labels from 0 on, but image %d of %s has label %d", name, outputs, i, d.Spec(), label), advice)
			}
		}
		return nil // Of classes above its largest label it has no image.
	}
	if outputs == d.Classes() {
		return nil
	}
	err := fmt.Errorf("network %s has %d outputs, but %s has %d classes", name, outputs, d.Spec(), d.Classes())
	if !e.classifies() {
		return hint.Error(err, "%s; if they are classes, choose {data} accordingly", features)
	}
	return hint.Error(err, advice)
}

// features says what to do with a network that names no classes.
const features = "if its outputs are no classes but features, none of them is right or wrong: 'sresnet verify' compares both networks without labels, 'sresnet record' writes what the spiking one does, and 'sresnet convert' takes it"

// classifies reports whether the network ends in a fully connected layer, as those that
// name classes mostly do.
func (e *Experiment) classifies() bool {
	if e.Graph == nil {
		return slices.ContainsFunc(e.network.Output().Synapses, func(s snn.Synapse) bool { _, dense := s.Connection.(*snn.Dense); return dense })
	}
	n := e.Graph.Node(e.Graph.Output)
	for n != nil {
		switch n.Op.(type) {
		case *ann.Gemm:
			return true
		case *ann.Flatten, *ann.Softmax:
			n = e.Graph.Node(n.Inputs[0])
		default:
			return false
		}
	}
	return false
}

// Takes returns the name of the network, the shape of the images it takes and the
// number of its outputs.
func (e *Experiment) Takes() (name string, in tensor.Shape, outputs int) {
	if e.Graph == nil {
		return e.network.Name, e.network.Input.Shape, e.network.Output().Neurons()
	}
	out, _ := e.Graph.Shape(e.Graph.Output)
	return e.Graph.Name, e.Graph.Input.Shape, out.Len()
}

// Checked reads all images that are files, except those known from before, and leaves
// out up to skip images that cannot be read.
func Checked(ctx context.Context, d *dataset.Dataset, skip int, o *Options) (*dataset.Dataset, error) {
	update, stop := o.Step("reading images")
	defer stop()
	d, broken, err := d.Checked(ctx, dataset.Check{SkipBad: skip, Workers: o.WorkerCount(), Progress: update, Cache: cacheFolder()})
	var unreadable *dataset.UnreadableError
	if errors.As(err, &unreadable) {
		return nil, hint.Error(err, "repair or remove them, or leave them out with ?skip-bad=%d after the data set", len(broken))
	}
	if err == nil {
		for _, f := range broken {
			o.warn("left out: " + f.Error())
		}
	}
	return d, err
}

// cacheFolder returns the user's folder for what can be computed again; "" without one.
func cacheFolder() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "sresnet")
}

// defaultNormalization is the one that networks for a data set, of that many channels,
// are most often trained with.
func defaultNormalization(d *dataset.Dataset, channels int) string {
	if d.Prepared() {
		return "none"
	}
	switch data := d.Name(); data {
	case "cifar10", "cifar100", "mnist":
		return data
	case "folder", "files", "tar":
		if channels == 3 {
			return "imagenet"
		}
	}
	return "unit"
}

// firstImages returns how many test images are asked for; 0 for all.
func (e *Experiment) firstImages(test *dataset.Dataset) (part, error) {
	n := e.Options.Images
	switch {
	case n > test.Len() && e.Options.AtMost:
		e.Options.Images = 0
		return first(0), nil
	case n > test.Len():
		return part{}, bad("images", fmt.Sprint(n), fmt.Errorf("%s has only %d images", e.data.Source, test.Len()), fmt.Sprintf("give at most %d", test.Len()))
	}
	return first(n), nil
}

// divide returns how many of n training images shape networks and how many after them
// choose among these: as many as asked for, or where there are fewer, all of them in
// that proportion.
func divide(n, calibration, selection int) (int, int, error) {
	switch {
	case n < 2:
		return 0, 0, errors.New("one training image cannot both shape the networks and choose among them")
	case calibration <= n-selection:
		return calibration, selection, nil
	}
	share := float64(calibration) / (float64(calibration) + float64(selection))
	calibration = min(max(int(share*float64(n)+0.5), 1), n-1)
	return calibration, n - calibration, nil
}
