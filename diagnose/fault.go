package diagnose

import (
	"context"
	"fmt"
	"math"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/sim"
)

// faultTolerance is how far, relative to its largest activation, a layer may be off
// the trained network in the limit of many timesteps. Rounding stays far below it.
const faultTolerance = 1e-3

// fault looks for the first layer that does not compute what the trained network
// computes, however many timesteps it is given; nil if there is none, as it should
// be. Compensation factors are meant to change what a network computes, and so does
// rounding: with factors nothing can be said, and of an integer network that which it was
// before is looked at.
func (d *Diagnoser) fault(ctx context.Context) (*Finding, error) {
	converted := d.Network
	if converted.Integer() {
		converted = d.Real
	}
	if d.Factors != nil || converted == nil {
		return nil, nil
	}
	image := make([]float32, d.Images.Shape().Len())
	if err := d.Images.Image(0, image); err != nil {
		return nil, fmt.Errorf("diagnose: image 0: %w", err)
	}
	model := d.model
	if g := d.Graph.Unrounded(); g != d.Graph { // In the limit, rates have all levels.
		var err error
		if model, err = infer.New(g); err != nil {
			return nil, fmt.Errorf("diagnose: %w", err)
		}
	}
	runner := model.NewRunner()
	if _, err := runner.Run(image); err != nil {
		return nil, fmt.Errorf("diagnose: image 0: trained network: %w", err)
	}
	least, most := make([]float64, len(d.Network.Layers)), make([]float64, len(d.Network.Layers))
	net, refitted := converted.Unshifted(), converted.Refitted()
	for i := range most {
		l := &net.Layers[i]
		least[i], most[i] = math.Inf(-1), math.Inf(1)
		if op, ok := d.Graph.Node(l.Name).Op.(ann.Rectifier); ok { // Rates of the output are not rectified.
			least[i], most[i] = 0, float64(op.Limit())
		}
	}
	rates, err := sim.Rates(ctx, net, image, most)
	if err != nil {
		return nil, err
	}
	for i := range d.Network.Layers {
		l := &net.Layers[i]
		if refitted[i] { // Its weights, or some before it, are others on purpose.
			continue
		}
		a, channels := runner.Activation(l.Name), l.Shape[0]
		positions := len(a) / channels
		var off, largest float64
		for j, r := range rates[i] {
			x := float64(a[j%positions*channels+j/positions]) // Activations are channels last.
			off, largest = max(off, math.Abs(x-max(r, least[i])*float64(l.LambdaOf(j/positions)))), max(largest, math.Abs(x))
		}
		if off > faultTolerance*largest+1e-6 {
			return &Finding{
				Layer: l.Name, Cause: CauseConversion,
				Text: fmt.Sprintf("%s: its conversion is wrong. With any number of timesteps, what its rates stand for differs from the trained network's activations by up to %.3g where those reach %.3g, although its input is correct. A weight, a bias or the scale of a shortcut into it is wrong.", l.Name, off, largest),
			}, nil
		}
	}
	return nil, nil
}
