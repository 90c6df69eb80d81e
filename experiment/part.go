package experiment

import (
	"context"

	"sresnet/dataset"
	"sresnet/snn"
)

// Part is what one of several processes does of an experiment: it presents images to a
// network that has been made, and needs no others.
type Part struct {
	Network *snn.Network
	Listed  *dataset.Dataset // The images, where they are listed; nil to open those of the options.

	// Training says that the images are training images, From to End-1, rather than test
	// images.
	Training  bool
	From, End int
}

// OpenPart opens a part of the experiment that o describes.
func OpenPart(ctx context.Context, o Options, p Part) (*Experiment, error) {
	e, err := newExperiment(o)
	if err != nil {
		return nil, err
	}
	e.network = p.Network
	spec, split, option := e.data, dataset.Test, "data"
	if p.Training {
		spec, split, option = e.calibrate, dataset.Train, "calibrate"
	}
	d := p.Listed
	if d == nil {
		if d, err = openSpec(spec, split, option); err != nil {
			return nil, err
		}
	}
	if p.Training {
		e.shapeAlike(d)
		spec = e.calibrate
	}
	e.network = imagesFor(e.network, d)
	if !IsNIR(o.Model) {
		if err := e.readTrained(&e.model, d); err != nil {
			return nil, err
		}
	}
	var asked part
	switch {
	case p.Listed != nil: // The list has no more than those.
	case p.Training:
		asked = part{p.From, p.End}
	default:
		if asked, err = e.firstImages(d); err != nil {
			return nil, err
		}
	}
	e.Test, err = e.view(ctx, d, spec, asked, e.Options.Glance)
	return e, err
}

// Has returns the experiment with a network that was made before, what it was before its
// weights were rounded, or nil, and a description of how.
func (e *Experiment) Has(net, real *snn.Network, c *Conversion) *Experiment {
	other := *e
	if e.Test != nil {
		net = imagesFor(net, e.Test.Dataset)
		if real != nil {
			real = imagesFor(real, e.Test.Dataset)
		}
	}
	other.network, other.Real, other.Made = named(net, e.model.file), real, c
	return &other
}
