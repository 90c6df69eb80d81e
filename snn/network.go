// Package snn describes a spiking neural network: populations of neurons and the
// synapses between them. A Network is a plain value: it holds weights and thresholds
// but no simulation state, and nothing in this package executes it. It has the
// equations, though: what a neuron does in a timestep, and an image on its way in. To
// run a network, see package sim; to obtain one from a trained artificial network, see
// package convert. This package knows nothing of trained networks and files.
//
// # Units
//
// Time is counted in timesteps, not seconds. Potentials, currents and thresholds
// share one arbitrary unit; a spike of a layer carries the charge
// [Layer.Charge] into every synapse that leaves it.
//
// # Layout
//
// A layer's shape is (C, H, W); a vector of n neurons is (n, 1, 1). Weights of
// convolutions are OIHW, of dense synapses (out, in) with the inputs in CHW order.
package snn

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/tensor"
)

// Network is a feed-forward graph of layers.
type Network struct {
	Name   string
	Input  Input
	Layers []Layer // In topological order; the last one is the output.

	Schedule  Schedule // When populations fire.
	Coding    Coding   // What their spikes say.
	TunedFor  int      // The T that lambdas and biases were calibrated for; 0 for none.
	Bits      int      // Of the weights of an integer network, see [Network.Quantised]; 0 for real numbers.
	StateBits int      // Of its potentials; 0 for as many as float32 holds.
}

// FromInput is the [Synapse.From] of synapses that carry the image itself.
const FromInput = -1

// MaxChannels and MaxPositions bound the layers that package sim runs: it notes a
// spike as 16 bits of position, row and column in one, and 16 bits of channel.
const (
	MaxChannels  = 1 << 16
	MaxPositions = 1 << 16
)

// Input is what enters the network at every timestep.
type Input struct {
	Shape    tensor.Shape // (C, H, W)
	Encoding Encoding

	// Amplitude is the magnitude of one signed spike, in the unit of the normalised
	// image: pixels beyond it fire at every timestep. Unused unless spikes enter.
	Amplitude float32

	// Unit, of integer networks, is what pixels are rounded to whole numbers of, which enter in
	// their place, and Levels the largest magnitude of those, to which others are clipped.
	// 0 lets pixels enter as they are.
	Unit   float32 `json:",omitempty"`
	Levels int     `json:",omitempty"`
}

// Layer is one population of neurons with the synapses that end on it. At every
// timestep the current into each of its neurons is
//
//	I = sum over Synapses of their currents + Bias
//
// and the neuron model turns current into spikes. A layer whose only synapse is
// a [*MaxPool] is a gate instead: it has no neurons, and hands spikes on.
type Layer struct {
	Name     string
	Shape    tensor.Shape // (C, H, W)
	Synapses []Synapse
	Bias     []float32 // Constant current per channel, at every timestep; nil for none.
	Neuron   Neuron    // Unused by a gate.

	// Charge is what one spike of this layer carries: 1 where weights are
	// normalised, the threshold where thresholds are balanced instead.
	Charge float32

	// Lambda is the activation of the trained network that a neuron firing at
	// every timestep stands for: activation = Lambda * rate. Lambdas, unless nil, is that
	// of each channel, and Lambda the largest of them.
	Lambda  float32
	Lambdas []float32

	// Calibration for T may have chosen the potential of each neuron before the first
	// timestep, CHW and in the unit of the potential, in place of Neuron.VInit; it may have
	// added Shift, per channel, to Bias, which includes it; and it may have fitted the
	// weights anew to the inputs that arrive.
	Start []float32
	Shift []float32
	Refit bool

	// Rate is the expected mean rate of the neurons, from 0 to 1; 0 if unknown. An
	// engine may choose its ways by it, which changes no spike.
	Rate float32
}

// IsGate reports whether l is a max-pool gate, which has no neurons.
func (l *Layer) IsGate() bool {
	if len(l.Synapses) != 1 {
		return false
	}
	_, ok := l.Synapses[0].Connection.(*MaxPool)
	return ok
}

// Neurons returns the number of units of l: neurons, or outputs of a gate.
func (l *Layer) Neurons() int { return l.Shape.Len() }

// Synapse is one connection that ends on a layer.
type Synapse struct {
	From       int // Index of the layer whose spikes it carries, or [FromInput].
	Connection Connection
}

// Connection is the kind of a synapse with its weights. The implementations are
// the pointer types of this package: [*Conv], [*Dense], [*Shortcut],
// [*AveragePool] and [*MaxPool].
type Connection interface {
	// Kind returns a word for people, such as "conv".
	Kind() string

	// Out returns the shape that the connection gives to a source of shape in,
	// or an error if the two do not fit.
	Out(in tensor.Shape) (tensor.Shape, error)

	// Fan returns what a spike reaches in a layer of shape out: how many weights it
	// meets, and so how many additions it causes. A gate, which has no weights, has a
	// fan of no channels.
	Fan(out tensor.Shape) tensor.Fan

	// Scaled returns a copy with all weights times factor, rounded once; a gate
	// returns itself.
	Scaled(factor float64) Connection

	// Parameters returns the number of weights; those that stand for many synapses
	// count once.
	Parameters() int
}

// Weighted is a connection that has a weight for each pair of channels or neurons.
// Such ones alone can carry the image itself.
type Weighted interface {
	Connection

	// Weights returns the weights, not a copy.
	Weights() *tensor.Tensor

	// WithWeights returns a copy with other weights of the same shape, which it keeps.
	WithWeights(w *tensor.Tensor) Connection
}

// scaled returns x times factor; nil for nil.
func scaled(x []float32, factor float64) []float32 {
	if x == nil {
		return nil
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(float64(v) * factor)
	}
	return y
}

// scaledTensor returns a copy of t times factor.
func scaledTensor(t *tensor.Tensor, factor float64) *tensor.Tensor {
	return tensor.Of(scaled(t.Data, factor), slices.Clone(t.Shape)...)
}

// ShapeOf returns the shape of layer i, or of the input for [FromInput].
func (n *Network) ShapeOf(i int) tensor.Shape {
	if i == FromInput {
		return n.Input.Shape
	}
	return n.Layers[i].Shape
}

// Output returns the output layer.
func (n *Network) Output() *Layer { return &n.Layers[len(n.Layers)-1] }

// Neurons returns the number of neurons of the network, gates not counted.
func (n *Network) Neurons() int {
	sum := 0
	for i := range n.Layers {
		if !n.Layers[i].IsGate() {
			sum += n.Layers[i].Neurons()
		}
	}
	return sum
}

// Validate returns an error that names the layer unless every synapse comes from
// an earlier layer and fits, parameters are sound and finite, thresholds and
// charges are positive, and the last layer is a vector of neurons.
func (n *Network) Validate() error {
	if len(n.Input.Shape) != 3 {
		return fmt.Errorf("snn: input shape %v is not (C, H, W)", n.Input.Shape)
	}
	if err := n.Input.Shape.Check(); err != nil {
		return fmt.Errorf("snn: input: %w", err)
	}
	if err := n.Input.check(); err != nil {
		return fmt.Errorf("snn: input: %w", err)
	}
	if len(n.Layers) == 0 {
		return fmt.Errorf("snn: the network has no layers")
	}
	names := make(map[string]bool)
	for i := range n.Layers {
		l := &n.Layers[i]
		if l.Name == "" || names[l.Name] {
			return fmt.Errorf("snn: layer %d: name %q is empty or used twice", i, l.Name)
		}
		names[l.Name] = true
		if err := n.validateLayer(i); err != nil {
			return fmt.Errorf("snn: layer %q: %w", l.Name, err)
		}
	}
	if err := n.checkSchedule(); err != nil {
		return err
	}
	if err := n.checkInteger(); err != nil {
		return err
	}
	if n.TunedFor < 0 {
		return fmt.Errorf("snn: calibrated for T = %d, which must not be negative", n.TunedFor)
	}
	if out := n.Output(); out.IsGate() || out.Shape[1] != 1 || out.Shape[2] != 1 {
		return fmt.Errorf("snn: output layer %q of shape %v is not a vector of neurons", out.Name, out.Shape)
	}
	return nil
}

func (n *Network) validateLayer(i int) error {
	l := &n.Layers[i]
	if len(l.Shape) != 3 {
		return fmt.Errorf("shape %v is not (C, H, W)", l.Shape)
	}
	if err := l.Shape.Check(); err != nil {
		return err
	}
	if len(l.Synapses) == 0 {
		return fmt.Errorf("no synapses")
	}
	for j, s := range l.Synapses {
		if s.From < FromInput || s.From >= i {
			return fmt.Errorf("synapse %d comes from layer %d, which is not an earlier one", j, s.From)
		}
		if s.Connection == nil {
			return fmt.Errorf("synapse %d has no connection", j)
		}
		if s.From == FromInput {
			if _, ok := s.Connection.(Weighted); !ok {
				return fmt.Errorf("synapse %d: %s cannot carry the image itself", j, s.Connection.Kind())
			}
		}
		out, err := s.Connection.Out(n.ShapeOf(s.From))
		if err != nil {
			return fmt.Errorf("synapse %d (%s): %w", j, s.Connection.Kind(), err)
		}
		if !out.Equal(l.Shape) {
			return fmt.Errorf("synapse %d (%s) gives shape %v, the layer has %v", j, s.Connection.Kind(), out, l.Shape)
		}
	}
	if !(l.Charge > 0) || !(l.Lambda > 0) || tensor.CheckFinite([]float32{l.Charge, l.Lambda}) != nil {
		return fmt.Errorf("charge %v and lambda %v must be positive and finite", l.Charge, l.Lambda)
	}
	if err := l.checkCalibrated(); err != nil {
		return err
	}
	if l.IsGate() {
		if l.Bias != nil {
			return fmt.Errorf("a max-pool gate has no bias")
		}
		from := l.Synapses[0].From
		if l.Charge != n.Layers[from].Charge {
			return fmt.Errorf("charge %v of a max-pool gate differs from its source's, %v", l.Charge, n.Layers[from].Charge)
		}
		return nil
	}
	for j, s := range l.Synapses {
		if _, ok := s.Connection.(*MaxPool); ok {
			return fmt.Errorf("synapse %d: max pooling hands spikes on and must be a layer's only synapse", j)
		}
	}
	if l.Bias != nil && len(l.Bias) != l.Shape[0] {
		return fmt.Errorf("bias has %d elements for %d channels", len(l.Bias), l.Shape[0])
	}
	if err := tensor.CheckFinite(l.Bias); err != nil {
		return fmt.Errorf("bias: %w", err)
	}
	return l.Neuron.Check(l.Shape[0])
}

// String returns the network as a table: layer, shape, neurons, scale, and the
// synapses with where they come from.
func (n *Network) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: input %v, %v encoding, %d neurons\n", n.Name, n.Input.Shape, n.Input.Encoding, n.Neurons())
	for i := range n.Layers {
		l := &n.Layers[i]
		var syn []string
		for _, s := range l.Synapses {
			from := "input"
			if s.From != FromInput {
				from = n.Layers[s.From].Name
			}
			syn = append(syn, fmt.Sprintf("%v from %s", s.Connection, from))
		}
		kind := l.Neuron.String()
		if l.IsGate() {
			kind = "gate"
		}
		fmt.Fprintf(&b, "%-28s %-10v lambda %-9.4g %s; %s\n", l.Name, l.Shape, l.Lambda, kind, strings.Join(syn, " + "))
	}
	return b.String()
}
