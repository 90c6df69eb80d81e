package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/nir"
	"sresnet/onnx"
	"sresnet/snn"
	"sresnet/tensor"
)

// pipeline is the way from a trained network and images to a spiking network.
// Its methods are the steps, in order.
type pipeline struct {
	*settings
	command  string // As the user called it: "sresnet eval".
	model    string // File of the network, or what the demo calls its own.
	progress progress
	glance   bool // Few of the test images will be looked at, so that they are not all checked before.
	pictured bool // An image file is looked at, which --resize and --crop are for whatever the test images are.

	graph       *ann.Graph
	test        *dataset.Images // What is presented.
	calibration *dataset.Images
	statistics  *calibrate.Statistics
	network     *snn.Network
	file        *nir.Graph   // Which the network was read from, in place of the trained one; else nil.
	factors     compensation // Of the network.
	conversion  *conversion  // How an earlier process made the network, or nil.
}

// conversion is what there is to say of how the network was made.
type conversion struct {
	Images       int    `json:"images"`            // Calibration images,
	Skipped      int    `json:"skipped,omitempty"` // and those that could not be read.
	Unspoken     int    `json:"unspoken"`          // Of the images, those on which no logit is positive.
	Compensation string `json:"compensation"`
}

func (p *pipeline) conversionNow() *conversion {
	return &conversion{p.calibration.Len(), p.calibration.Skipped(), p.statistics.Unspoken, p.factors.String()}
}

// openData reads the test and calibration images, all of them. It fills the
// option --calibrate.
func (p *pipeline) openData() (test, train *dataset.Dataset, err error) {
	if test, err = p.openDataset(p.data, dataset.Test, "--data"); err != nil {
		return nil, nil, err
	}
	if err := p.chooseCalibration(test); err != nil {
		return nil, nil, err
	}
	if train, err = p.openDataset(p.calibrate, dataset.Train, "--calibrate"); err != nil {
		return nil, nil, err
	}
	if dataset.Same(train, test) {
		return nil, nil, hinted(fmt.Errorf("the calibration images %s are the test images", p.calibrate),
			"accuracy means nothing on images that shaped the network; give training images with --calibrate")
	}
	return test, train, nil
}

func (p *pipeline) openDataset(spec string, split dataset.Split, flag string) (*dataset.Dataset, error) {
	d, err := dataset.Open(spec, split)
	var bad *dataset.SpecError
	switch {
	case errors.As(err, &bad):
		return nil, &usageError{p.command, hinted(err, "%s takes %s", flag, dataset.Specs)}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, hinted(err, "%s takes %s", flag, dataset.Specs)
	}
	return d, err
}

// chooseCalibration fills --calibrate: the training images that lie beside the
// test images.
func (p *pipeline) chooseCalibration(test *dataset.Dataset) error {
	if p.calibrate != "" {
		return nil
	}
	if test.Single() {
		return hinted(fmt.Errorf("--data %s has no training images beside its images to calibrate on", p.data),
			"give training images with --calibrate, or with --data what holds both")
	}
	p.calibrate = p.data
	return nil
}

// load reads the trained network for images of that shape.
func (p *pipeline) load(model string, d *dataset.Dataset) (err error) {
	if d.Resizable() { // The network says the shape, unless it leaves it open.
		if p.graph, err = p.readModel(model, onnx.Options{}); !errors.Is(err, onnx.ErrOpenShape) {
			return err
		}
		shape := d.Shape()
		if p.crop > 0 {
			shape[1], shape[2] = p.crop, p.crop
		}
		for _, shape[0] = range []int{3, 1} { // Channels are not left open.
			if p.graph, err = p.readModel(model, onnx.Options{InputShape: shape}); err == nil {
				break
			}
		}
		return err
	}
	p.graph, err = p.readModel(model, onnx.Options{InputShape: d.Shape()})
	if err != nil {
		// A file that is sound by itself does not fit the images; fits says so.
		if g, alone := p.readModel(model, onnx.Options{}); alone == nil {
			p.graph, err = g, nil
		}
	}
	return err
}

// readModel reads a trained network, whatever kind of file it is in.
func (s *settings) readModel(name string, o onnx.Options) (*ann.Graph, error) {
	if isNIR(name) {
		return nil, wantsTrained(name, "its activations are the measure of scales")
	}
	if s.isWeights(name) {
		return s.readWeights(name, o.InputShape)
	}
	g, err := o.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hinted(err, "give the path of an .onnx file; 'sresnet demo' needs none")
	case errors.Is(err, onnx.ErrOpenShape):
		return nil, hinted(err, "give channels, rows and columns of one image with --input, such as --input 3x32x32")
	}
	return g, err
}

// resized gives images of files the size that the network takes, by --resize and
// --crop.
func (p *pipeline) resized(test, train *dataset.Dataset) (*dataset.Dataset, *dataset.Dataset, error) {
	if !test.Resizable() && !train.Resizable() && !p.pictured && (p.resize > 0 || p.crop > 0) {
		return nil, nil, &usageError{p.command, fmt.Errorf("--resize and --crop are for image files; the images of %s have a size of their own, %s", p.data, test.Shape())}
	}
	_, in, _ := p.takes()
	shape := slices.Clone(in)
	if p.crop > 0 && len(shape) == 3 {
		shape[1], shape[2] = p.crop, p.crop
	}
	for _, d := range []**dataset.Dataset{&test, &train} {
		if !(*d).Resizable() {
			continue
		}
		var err error
		if *d, err = (*d).Resized(shape, p.resize); err != nil {
			return nil, nil, hinted(err, "--resize N gives the length of an image's shorter side, --crop N that of the square cut out of its middle")
		}
	}
	return test, train, nil
}

// checked reads all images that are files, or knows them from before, and leaves out what
// --skip-bad allows.
func (p *pipeline) checked(ctx context.Context, d *dataset.Dataset) (*dataset.Dataset, error) {
	update, stop := p.progress.bar("reading images")
	defer stop()
	d, bad, err := d.Checked(ctx, dataset.Check{SkipBad: p.skipBad, Workers: p.workerCount(), Progress: update, Cache: cacheFolder()})
	var unreadable *dataset.UnreadableError
	if errors.As(err, &unreadable) {
		return nil, hinted(err, "repair or remove them, or let --skip-bad %d leave them out", len(bad))
	}
	if err == nil {
		for _, f := range bad {
			fmt.Fprintf(p.progress.w, "sresnet: warning: left out: %s\n", clean(f.Error()))
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

// chooseImages checks that the data fit the network, and takes the images that
// are asked for. It fills the option --normalize.
func (p *pipeline) chooseImages(ctx context.Context, test, train *dataset.Dataset) error {
	for _, d := range []*dataset.Dataset{test, train} {
		if err := p.fits(d); err != nil {
			return err
		}
	}
	test, err := p.firstImages(test)
	if err != nil {
		return err
	}
	c, _, _ := test.Shape().CHW()
	if p.normalize == "" {
		p.normalize = defaultNormalization(test.Name(), c)
	}
	if err := p.chooseCalibrationImages(ctx, train); err != nil {
		return err
	}
	p.test, err = p.testImages(ctx, test)
	return err
}

// firstImages returns the test images that --images asks for.
func (p *pipeline) firstImages(test *dataset.Dataset) (*dataset.Dataset, error) {
	if p.images > test.Len() {
		return nil, hinted(fmt.Errorf("--images %d: %s only has %d images", p.images, p.data, test.Len()), "give at most --images %d", test.Len())
	}
	if p.images == 0 {
		return test, nil
	}
	return test.First(p.images)
}

// testImages returns test as --normalize says.
func (p *pipeline) testImages(ctx context.Context, test *dataset.Dataset) (_ *dataset.Images, err error) {
	if !p.glance {
		if test, err = p.checked(ctx, test); err != nil {
			return nil, err
		}
	}
	return p.normalized(test)
}

// chooseCalibrationImages takes the calibration images that are asked for. It
// fills the option --normalize.
func (p *pipeline) chooseCalibrationImages(ctx context.Context, train *dataset.Dataset) error {
	train, err := train.First(min(p.calibrationImages, train.Len()))
	if err != nil {
		return err
	}
	if train, err = p.checked(ctx, train); err != nil {
		return err
	}
	c, _, _ := train.Shape().CHW()
	if p.normalize == "" {
		p.normalize = defaultNormalization(train.Name(), c)
	}
	p.calibration, err = p.normalized(train)
	return err
}

// normalized returns the images of d, normalised as --normalize says.
func (p *pipeline) normalized(d *dataset.Dataset) (*dataset.Images, error) {
	c, _, _ := d.Shape().CHW()
	norm, err := dataset.ParseNormalization(p.normalize, c)
	if err != nil {
		return nil, &usageError{p.command, fmt.Errorf("--normalize: %w", err)}
	}
	return dataset.NewImages(d, norm)
}

// defaultNormalization is the one that networks for a data set, of that many channels,
// are most often trained with.
func defaultNormalization(data string, channels int) string {
	switch data {
	case "cifar10", "cifar100", "mnist":
		return data
	case "folder", "files", "tar":
		if channels == 3 {
			return "imagenet"
		}
	}
	return "unit"
}

// takes returns the name of the network, the shape of the images it takes and the
// number of its outputs.
func (p *pipeline) takes() (name string, in tensor.Shape, outputs int) {
	if p.graph == nil { // Of a NIR file.
		return p.network.Name, p.network.Input.Shape, p.network.Output().Neurons()
	}
	out, _ := p.graph.Shape(p.graph.Output)
	return p.graph.Name, p.graph.Input.Shape, out.Len()
}

// fits returns an error unless the network takes the images of d and tells its
// classes apart.
func (p *pipeline) fits(d *dataset.Dataset) error {
	const hint = "'sresnet inspect' shows what the network takes and gives; choose --data accordingly"
	name, in, outputs := p.takes()
	name = strconv.Quote(name)
	if p.model != "" {
		name = p.model
	}
	if !in.Equal(d.Shape()) {
		return hinted(fmt.Errorf("network %s takes images of %v, those of %s are %v", name, in, d.Spec(), d.Shape()), "%s", hint)
	}
	if d.ClassesGuessed() {
		for i := range d.Len() {
			if label := d.Label(i); label >= outputs {
				return hinted(fmt.Errorf("network %s has %d outputs, for labels from 0 on; image %d of %s has the label %d", name, outputs, i, d.Spec(), label), "%s", hint)
			}
		}
		return nil // Of classes above its largest label it has no image.
	}
	if outputs != d.Classes() {
		return hinted(fmt.Errorf("network %s has %d outputs, %s has %d classes", name, outputs, d.Spec(), d.Classes()), "%s", hint)
	}
	return nil
}

// open is all steps before the work: the data, then the network unless the caller
// has one, then whether they fit and the network converts.
func (p *pipeline) open(ctx context.Context, model string) error {
	p.model = model
	test, train, err := p.openData()
	if err != nil {
		return err
	}
	if p.graph == nil {
		if err := p.load(model, test); err != nil {
			return err
		}
	}
	if test, train, err = p.resized(test, train); err != nil {
		return err
	}
	if err := p.chooseImages(ctx, test, train); err != nil {
		return err
	}
	return convert.Check(p.graph)
}

// calibrateGraph measures the activations of the trained network.
func (p *pipeline) calibrateGraph(ctx context.Context) (err error) {
	update, stop := p.progress.bar("calibrating")
	defer stop()
	p.statistics, err = calibrate.Run(ctx, p.graph, p.calibration, calibrate.Options{
		Percentile: p.percentile, Workers: p.workerCount(), Progress: update,
	})
	var node *ann.NodeError
	if errors.As(err, &node) {
		return hinted(fmt.Errorf("%s: %w", p.model, err), "give with --normalize how pixels were normalised in training; if %s is right, export the model again", p.normalize)
	}
	return err
}

// convertOptions are the options of the conversion that the user asked for.
func (p *pipeline) convertOptions() convert.Options {
	o := convert.DefaultOptions()
	o.VInit, o.SharedLambda = float32(p.vInit), p.sharedLambda
	if p.reset == snn.ResetZero.String() {
		o.Reset = snn.ResetZero
	}
	if p.encoding == snn.Poisson.String() {
		o.Encoding = snn.Poisson
	}
	return o
}

// convertGraph makes the spiking network.
func (p *pipeline) convertGraph() (err error) {
	p.network, err = convert.Convert(p.graph, p.statistics, p.convertOptions())
	return err
}
