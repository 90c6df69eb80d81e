package convert

import (
	"errors"
	"fmt"
	"math"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/snn"
	"sresnet/tensor"
)

// scale gives every population its lambda and every synapse its weights.
func scale(g *ann.Graph, list []population, s *calibrate.Statistics, o Options) (*snn.Network, error) {
	c, h, w := g.Input.Shape.CHW()
	net := &snn.Network{Name: g.Name, Layers: make([]snn.Layer, len(list))}
	net.Input = snn.Input{Shape: tensor.Shape{c, h, w}, Encoding: o.Encoding}
	if o.Encoding.Spikes() {
		if !(s.InputMax > 0) {
			return nil, fmt.Errorf("convert: input: the calibration images are all zero, so %s have no magnitude", o.Encoding.Note())
		}
		net.Input.Amplitude = s.InputMax
	}
	lambdas, err := scales(list, s, o)
	if err != nil {
		return nil, err
	}
	if o.Unit {
		for i := range lambdas {
			lambdas[i] = 1
		}
	}
	model := o.model()
	var rates *curve
	if model != nil {
		rates = newCurve(model, o.Reset)
	}
	for i := range list {
		p := &list[i]
		l := &net.Layers[i]
		l.Name, l.Shape, l.Lambda = p.node.Name, p.shape, lambdas[i]
		if p.neurons {
			l.Rate = float32(min(max(s.Node(p.node.Name).Mean/float64(l.Lambda), 0), 1))
		} else {
			l.Rate = net.Layers[p.terms[0].from].Rate
		}
		l.Charge = 1
		if o.ThresholdBalanced {
			l.Charge = l.Lambda
		}
		if _, gate := p.node.Op.(*ann.MaxPool); !gate {
			l.Neuron = snn.Neuron{Model: model, Threshold: []float32{l.Charge}, Reset: o.Reset}
			if rates != nil && !o.Unscaled {
				l.Neuron.Gain, l.Neuron.Offset = rates.line(p, s.Node(source(list, i).node.Name), l.Lambda)
			}
			if o.VInit != 0 {
				l.Neuron.VInit = []float32{o.VInit}
			}
		}
		gain, offset := l.Neuron.Line()
		for _, t := range p.terms {
			factor := gain
			if !o.ThresholdBalanced {
				factor = gain / float64(l.Lambda)
				if t.from != snn.FromInput {
					factor = gain * (float64(net.Layers[t.from].Lambda) / float64(l.Lambda))
				}
			}
			l.Synapses = append(l.Synapses, snn.Synapse{From: t.from, Connection: t.connection.Scaled(factor)})
		}
		l.Bias = bias(p, l, gain, offset, o)
		if err := overflow(net, l); err != nil {
			return nil, err
		}
	}
	if o.Unit { // Whoever scales it counts means in its own way.
		return net, nil
	}
	return net.WholePools(), nil
}

// source returns population i, or the one that its pools take from.
func source(list []population, i int) *population {
	for !list[i].neurons {
		i = list[i].terms[0].from
	}
	return &list[i]
}

// scales returns the lambda of every population. Pools have their source's. One that was
// silent has the largest of those that do the work of the same node. Neurons that rest
// cannot fire at every timestep; the activation that this would stand for is larger by as
// much.
func scales(list []population, s *calibrate.Statistics, o Options) ([]float32, error) {
	lambdas, silent, most := make([]float32, len(list)), make([]error, len(list)), make(map[string]float32)
	for i := range list {
		p := &list[i]
		if !p.neurons {
			continue
		}
		lambdas[i], silent[i] = lambda(s, p.node.Name)
		if d := (*DeadLayerError)(nil); silent[i] != nil && !errors.As(silent[i], &d) {
			return nil, silent[i]
		}
		if on := p.on; on >= 0 {
			lambdas[i] = max(lambdas[i], lambdas[on])
			lambdas[on] = lambdas[i]
		}
		most[p.node.Of] = max(most[p.node.Of], lambdas[i])
	}
	for i := range list {
		p := &list[i]
		if !p.neurons {
			lambdas[i] = lambdas[p.terms[0].from]
			continue
		}
		if lambdas[i] == 0 && p.node.Of != "" {
			lambdas[i] = most[p.node.Of]
		}
		if lambdas[i] == 0 {
			return nil, silent[i]
		}
	}
	if o.SharedLambda {
		share(list, lambdas)
	}
	n := snn.Neuron{Model: o.model()}
	for i := range lambdas {
		lambdas[i] = float32(float64(lambdas[i]) * float64(n.Period()))
	}
	return lambdas, nil
}

// share gives all populations that identity shortcuts join the largest of their
// lambdas. A pool goes with its source, whose scale it has.
func share(list []population, lambdas []float32) {
	joined := make([]int, len(list)) // To an earlier population of the same set; the first to itself.
	first := func(i int) int {
		for joined[i] != i {
			i = joined[i]
		}
		return i
	}
	join := func(i, j int) {
		a, b := first(i), first(j)
		joined[max(a, b)] = min(a, b)
	}
	for i := range list {
		joined[i] = i
		if on := list[i].on; on >= 0 {
			join(on, i)
		}
		for _, t := range list[i].terms {
			if t.from != snn.FromInput && (!list[i].neurons || identity(t.connection, list[t.from].shape)) {
				join(t.from, i)
			}
		}
	}
	for i, l := range lambdas {
		lambdas[first(i)] = max(lambdas[first(i)], l)
	}
	for i := range lambdas {
		lambdas[i] = lambdas[first(i)]
	}
}

// identity reports whether k, not yet scaled, hands on every spike of a source of shape
// in, or takes it away.
func identity(k snn.Connection, in tensor.Shape) bool {
	s, ok := k.(*snn.Shortcut)
	return ok && math.Abs(float64(s.Scale)) == 1 && s.Stride == [2]int{1, 1} && s.Start == [2]int{} && s.Offset == 0 && s.Shape.Equal(in)
}

// lambda returns the scale of the named layer.
func lambda(s *calibrate.Statistics, name string) (float32, error) {
	n := s.Node(name)
	if n == nil {
		return 0, fmt.Errorf("convert: layer %q: the statistics do not include it; were they taken from another network?", name)
	}
	if !(n.Lambda > 0) || math.IsInf(float64(n.Lambda), 0) {
		return 0, &DeadLayerError{NodeStatistics: *n, Percentile: s.Percentile, Images: s.Images}
	}
	return n.Lambda, nil
}

// bias returns the sum of the biases of all branches, in the scale of the layer, and
// the offset of its line; nil if no branch has a bias and the line no offset.
func bias(p *population, l *snn.Layer, gain, offset float64, o Options) []float32 {
	var sum []float64
	if offset != 0 {
		sum = make([]float64, p.shape[0])
	}
	for _, t := range p.terms {
		if t.bias == nil {
			continue
		}
		if sum == nil {
			sum = make([]float64, len(t.bias))
		}
		for c, b := range t.bias {
			sum[c] += float64(b)
		}
	}
	if sum == nil {
		return nil
	}
	b := make([]float32, len(sum))
	for c := range b {
		if o.ThresholdBalanced {
			b[c] = float32(plus(sum[c]*gain, offset*float64(l.Lambda)))
		} else {
			b[c] = float32(plus(sum[c]/float64(l.Lambda)*gain, offset))
		}
	}
	return b
}

// plus returns x + y, where a y of zero leaves the sign of a zero alone.
func plus(x, y float64) float64 {
	if y == 0 {
		return x
	}
	return x + y
}

// overflow returns an error if scaling overflowed: a lambda near zero does that.
// Whether shapes fit is known already, so that only the numbers can be faulty.
func overflow(net *snn.Network, l *snn.Layer) error {
	bad := tensor.CheckFinite(l.Bias)
	for _, s := range l.Synapses {
		if _, err := s.Connection.Out(net.ShapeOf(s.From)); err != nil {
			bad = err
		}
	}
	if bad != nil {
		return fmt.Errorf("convert: layer %q: its weights overflow when divided by its scale %v; raise the percentile or calibrate on more images", l.Name, l.Lambda)
	}
	return nil
}
