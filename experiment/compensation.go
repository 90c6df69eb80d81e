package experiment

import (
	"context"
	"fmt"
	"slices"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/snn"
)

// Compensation is which factors synapses are multiplied with, against the loss of spikes
// with depth.
type Compensation uint8

// Compensations.
const (
	NoCompensation Compensation = iota
	GlobalFactor                // One for all layers; see [calibrate.GlobalFactor].
	LayerFactors                // One for each; see [calibrate.LayerFactors].
)

// Compensations lists the names of all compensations, the default first.
func Compensations() []string { return []string{"none", "global", "layer"} }

// String returns "none", "global" or "layer".
func (c Compensation) String() string {
	if names := Compensations(); int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("Compensation(%d)", uint8(c))
}

// CompensationNamed returns the compensation of that name.
func CompensationNamed(word string) (Compensation, error) {
	i := slices.Index(Compensations(), word)
	if i < 0 {
		return 0, fmt.Errorf("experiment: there is no compensation %q, only %v", word, Compensations())
	}
	return Compensation(i), nil
}

// Factors are what a compensation found.
type Factors struct {
	Images   int       // That they were searched on.
	PerLayer []float32 // Nil for none.
	Global   float32   // The one of all layers, or 0.
	Search   []calibrate.FactorPoint
}

// String says what was done in a few words.
func (f *Factors) String() string {
	switch {
	case f.PerLayer == nil:
		return "none"
	case f.Global != 0:
		return fmt.Sprintf("global, factor %v (searched on %d calibration images)", f.Global, f.Images)
	}
	return fmt.Sprintf("layer, factors %.4v to %.4v (found on %d calibration images)", slices.Min(f.PerLayer), slices.Max(f.PerLayer), f.Images)
}

// compensate searches the factors for net on calibration images.
func (e *Experiment) compensate(ctx context.Context, net *snn.Network) (f Factors, err error) {
	if e.Options.Compensation == NoCompensation {
		return f, nil
	}
	readout, err := e.Options.readout()
	if err != nil {
		return f, err
	}
	d, err := e.Calibration.First(min(e.Options.CompensationImages, e.Calibration.Len()))
	if err != nil {
		return f, err
	}
	images, err := dataset.NewImages(d, e.Calibration.Normalization())
	if err != nil {
		return f, err
	}
	update, stop := e.Options.Step("compensating")
	defer stop()
	o := calibrate.Compensation{Sim: e.Options.Sim(), Readout: readout.Class, Workers: e.Options.Workers, Progress: update}
	f.Images = images.Len()
	if e.Options.Compensation == LayerFactors {
		var g *ann.Graph
		if g, err = convert.Populated(e.Graph); err != nil {
			return f, err
		}
		f.PerLayer, err = calibrate.LayerFactors(ctx, g, net, images, o)
		return f, err
	}
	f.Global, f.Search, err = calibrate.GlobalFactor(ctx, e.Graph, net, images, o)
	f.PerLayer = net.UniformFactors(f.Global)
	return f, err
}
