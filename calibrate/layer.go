package calibrate

import (
	"context"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/sim"
	"sresnet/snn"
)

// Bounds of a layer's factor: beyond them it would not make up for lost spikes but
// for something else, such as a layer that hardly fires.
const minLayerFactor, maxLayerFactor = 0.5, 2

// LayerFactors returns one factor per layer, taken from the input on with the
// corrected layers below:
//
//	c = sum of a / sum of r
//
// over all neurons and images, with r the rate of a neuron and a the trained
// network's activation over lambda, clipped to the rates that neurons can have, [0, 1]
// unless they rest. Factors lie between 0.5 and 2; a gate's, and that of a layer that
// should be or is silent, are 1. See snn.Network.Compensated.
func LayerFactors(ctx context.Context, g *ann.Graph, net *snn.Network, images Images, o Compensation) ([]float32, error) {
	c, err := newCompensator(g, net, images, o)
	if err != nil {
		return nil, err
	}
	factors := make([]float32, len(net.Layers))
	for i := range factors {
		factors[i] = 1
		if !net.Layers[i].IsGate() {
			c.total += images.Len()
		}
	}
	for i := range factors {
		if net.Layers[i].IsGate() {
			continue
		}
		corrected, err := net.Compensated(factors)
		if err != nil {
			return nil, err
		}
		a, r, err := c.sums(ctx, corrected, i)
		if err != nil {
			return nil, err
		}
		if a > 0 && r > 0 {
			factors[i] = float32(min(max(a/r, minLayerFactor), maxLayerFactor))
		}
	}
	return factors, nil
}

// sums returns the sum of the activations over lambda and that of the rates of
// layer i.
func (c *compensator) sums(ctx context.Context, net *snn.Network, i int) (a, r float64, err error) {
	n := c.images.Len()
	as, rs := c.activations, make([]float64, n)
	if as == nil {
		as = make([][]float64, n)
	}
	err = c.run(ctx, net, i+1, func(image int, trained *infer.Runner, rec *sim.Record) {
		if as[image] == nil {
			as[image] = sumsOf(net, trained)
		}
		for _, spikes := range rec.Spikes[i] {
			rs[image] += float64(spikes)
		}
	})
	if err != nil {
		return 0, 0, err
	}
	c.activations = as
	for j := range n {
		a += as[j][i]
		r += rs[j] / float64(c.o.Sim.Timesteps)
	}
	return a, r, nil
}

// sumsOf returns the sum of the activations over lambda of every layer, as rates can show them.
func sumsOf(net *snn.Network, trained *infer.Runner) []float64 {
	sums := make([]float64, len(net.Layers))
	for j := range sums {
		for _, x := range trained.Activation(net.Layers[j].Name) {
			sums[j] += clipped(x, &net.Layers[j])
		}
	}
	return sums
}
