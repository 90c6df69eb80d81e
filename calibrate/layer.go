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
	as, rs := make([]float64, n), make([]float64, n)
	l := &net.Layers[i]
	err = c.run(ctx, net, i+1, func(image int, trained *infer.Runner, rec *sim.Record) {
		for _, x := range trained.Activation(l.Name) {
			as[image] += clipped(x, l)
		}
		for _, spikes := range rec.Spikes[i] {
			rs[image] += float64(spikes)
		}
	})
	for j := range n {
		a += as[j]
		r += rs[j] / float64(c.o.Sim.Timesteps)
	}
	return a, r, err
}
