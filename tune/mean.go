package tune

import (
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// maxComposed bounds the weights of a mean composed with what follows it.
const maxComposed = 1 << 20

// composeMeans leaves out the populations of means that only fully connected synapses take,
// such as the global average pool in front of a classifier: the synapses that follow take
// the spikes in front of it, each with its share of their weight. A mean is linear, so that
// its neurons do nothing but round it once more, to levels that are coarse for what is
// small and the same everywhere. Few spikes come there, so that more synapses for each
// cost little; where the weights would be many, the population stays. It returns the
// network and the lambdas of its layers.
func composeMeans(net *snn.Network, o *Options) (*snn.Network, []float32) {
	out := *net
	out.Layers = slices.Clone(net.Layers)
	lambda := slices.Clone(o.Lambda)
	for i := len(out.Layers) - 2; i >= 0; i-- {
		if o.Activations[out.Layers[i].Name].Max != 0 || !composes(&out, i) {
			continue
		}
		mean := out.Layers[i].Synapses[0]
		for j := i + 1; j < len(out.Layers); j++ {
			l := &out.Layers[j]
			l.Synapses = slices.Clone(l.Synapses)
			for k, s := range l.Synapses {
				if s.From == i {
					l.Synapses[k] = snn.Synapse{From: mean.From, Connection: composed(mean.Connection.(*snn.AveragePool), s.Connection.(*snn.Dense), out.ShapeOf(mean.From), out.Layers[i].Shape)}
				} else if s.From > i {
					l.Synapses[k].From--
				}
			}
		}
		out.Layers, lambda = slices.Delete(out.Layers, i, i+1), slices.Delete(lambda, i, i+1)
	}
	return &out, lambda
}

// composes reports whether layer i is a mean that goes into fully connected synapses alone.
func composes(net *snn.Network, i int) bool {
	l := &net.Layers[i]
	if len(l.Synapses) != 1 || l.Synapses[0].From == snn.FromInput || slices.ContainsFunc(l.Bias, func(b float32) bool { return b != 0 }) {
		return false
	}
	if _, ok := l.Synapses[0].Connection.(*snn.AveragePool); !ok {
		return false
	}
	weights := 0
	for j := i + 1; j < len(net.Layers); j++ {
		for _, s := range net.Layers[j].Synapses {
			if s.From != i {
				continue
			}
			if _, ok := s.Connection.(*snn.Dense); !ok {
				return false
			}
			weights += net.Layers[j].Neurons() * net.ShapeOf(l.Synapses[0].From).Len()
		}
	}
	return weights <= maxComposed
}

// composed returns the weights d behind the mean k of a source of shape in, whose result
// has the shape mid. Each is rounded once.
func composed(k *snn.AveragePool, d *snn.Dense, in, mid tensor.Shape) *snn.Dense {
	outputs, n := d.Weight.Shape[0], in.Len()
	sum := make([]float64, n)
	w := tensor.New(outputs, n)
	for o := range outputs {
		clear(sum)
		for c := range mid[0] {
			for r := range mid[1] {
				for col := range mid[2] {
					share := float64(d.Weight.Data[o*mid.Len()+(c*mid[1]+r)*mid[2]+col]) * float64(k.WeightAt(c, r, col, in[1], in[2]))
					forWindow(k.Window, in, r, col, func(p int) { sum[c*in[1]*in[2]+p] += share })
				}
			}
		}
		for j, x := range sum {
			w.Data[o*n+j] = float32(x)
		}
	}
	return &snn.Dense{Weight: w}
}
