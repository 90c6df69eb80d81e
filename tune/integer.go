package tune

import (
	"context"
	"math"

	"sresnet/snn"
)

// integers makes an integer network of the one that is calibrated. The weights of a layer are
// rounded before its biases are matched and before the layers behind it are looked at, so
// that these see what rounding does.
type integers struct {
	*snn.Quantiser
	th   [][]int64       // Per layer and channel.
	real [][]snn.Synapse // Per layer, scaled, before they were rounded; nil of gates.
}

// newIntegers returns nil for real weights.
func (t *tuner) newIntegers() (*integers, error) {
	if t.o.Bits == 0 {
		return nil, nil
	}
	q, err := t.net.Quantiser(snn.Integers{
		Bits: t.o.Bits, StateBits: t.o.StateBits, Timesteps: t.o.Timesteps, InputMax: t.o.InputMax,
		Power: func(layer, c int) float64 { return t.trained[layer].squareA(c) / square(float64(t.lambda[layer][c])) },
	})
	n := len(t.net.Layers)
	return &integers{q, make([][]int64, n), make([][]snn.Synapse, n)}, err
}

func square(x float64) float64 { return x * x }

// enter rounds pixels as those of an integer network are.
func (t *tuner) enter(pixels []float32) {
	if t.integers == nil {
		return
	}
	in := t.integers.Input()
	in.Encode(pixels, pixels, nil)
	for j := range pixels {
		pixels[j] *= in.Unit
	}
}

// roundWeights rounds the weights of layer i to whole numbers, and measures again what it
// gets.
func (t *tuner) roundWeights(ctx context.Context, i int) ([]*histogram, error) {
	t.scale(i)
	l := &t.out.Layers[i]
	th, lost, err := t.integers.Thresholds(i, l)
	if err != nil {
		return nil, err
	}
	whole, err := t.integers.Layer(i, l, th)
	if err != nil {
		return nil, err
	}
	t.integers.th[i], t.integers.real[i] = th, l.Synapses
	t.report.Rounded = append(t.report.Rounded, rounding(l.Name, lost))
	t.unround(i, &whole)
	t.passes[i] = newCurrents(t.net, i)
	return t.currentsInto(ctx, i)
}

// unround gives the unscaled layer i the weights of the whole one.
func (t *tuner) unround(i int, whole *snn.Layer) {
	l, out := &t.net.Layers[i], make([]float32, len(t.lambda[i]))
	for c, lambda := range t.lambda[i] {
		out[c] = whole.Neuron.ThresholdOf(c) / lambda
	}
	for j, s := range whole.Synapses {
		in := []float32{1 / t.integers.Input().Unit}
		if s.From != snn.FromInput {
			in = make([]float32, len(t.lambda[s.From]))
			for c, lambda := range t.lambda[s.From] {
				in[c] = 1 / lambda
			}
		}
		l.Synapses[j].Connection = scaled(s.Connection, t.net.ShapeOf(s.From), in, out)
	}
}

// roundBias makes shift one with which the biases of layer i are whole numbers.
func (t *tuner) roundBias(i int, shift []float64) {
	if t.integers == nil {
		return
	}
	for c := range shift {
		b, unit := 0.0, float64(t.lambda[i][c])/float64(t.integers.th[i][c])
		if bias := t.net.Layers[i].Bias; bias != nil {
			b = float64(bias[c])
		}
		shift[c] = math.RoundToEven((b+shift[c])/unit)*unit - b
	}
}

// toIntegers returns the calibrated network in whole numbers.
func (t *tuner) toIntegers() (*snn.Network, error) {
	q, err := t.out.Quantiser(snn.Integers{Bits: t.o.Bits, StateBits: t.o.StateBits, Timesteps: t.o.Timesteps, InputMax: t.o.InputMax})
	if err != nil {
		return nil, err
	}
	layers := make([]snn.Layer, len(t.out.Layers))
	for i := range layers {
		if layers[i], err = q.Layer(i, &t.out.Layers[i], t.integers.th[i]); err != nil {
			return nil, err
		}
	}
	return q.Network(layers), nil
}

// real returns the calibrated network with the weights that were rounded as they were before:
// biases and all else are those that were chosen for the rounded ones.
func (t *tuner) real() *snn.Network {
	net := cloned(t.out)
	for i, s := range t.integers.real {
		if s != nil {
			net.Layers[i].Synapses = s
		}
	}
	if net.Schedule == snn.Phased {
		net = net.Exact()
	}
	return net
}

// Rounding is what rounding the weights of a layer to whole numbers costs: the mean square of
// the error of its currents as a share of that of the currents, on average over the channels.
type Rounding struct {
	Layer string
	Lost  float64
}

func rounding(layer string, lost []float64) Rounding {
	sum := 0.0
	for _, x := range lost {
		sum += x
	}
	return Rounding{layer, sum / float64(len(lost))}
}
