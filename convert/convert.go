// Package convert turns a trained network, an [ann.Graph], into a spiking one, an
// snn.Network, after "Spiking Deep Residual Network" [hu2023].
//
// [Simplify] gives the graph a form that converts, where it has none, and computes the
// same; calibration works with it, too. [Fold] rewrites the graph until it holds only what
// has a spiking counterpart.
// [Convert] then makes a population of neurons of every ReLU, a gate of every max
// pool and synapses of everything between them, and scales them by the activations
// that package calibrate measured. This package runs nothing and reads no files.
//
// # Scale
//
// Lambda of a layer is the activation that a spike at every timestep stands for.
// With lambda_in of the layer that a synapse comes from, 1 for the image,
//
//	W~ = W lambda_in / lambda_out     b~ = sum of b / lambda_out     threshold 1
//
// and the shortcut of a residual block is a synapse like others, with W = 1. Sums
// have no scale of their own: all branches arrive in the scale of the ReLU after
// the sum. Pools keep the scale of their source. The other form,
// [Options.ThresholdBalanced], leaves W and b alone and gives a layer the
// threshold lambda and its spikes the charge lambda: the same network. Means are counted in
// whole numbers; see snn.Network.WholePools.
//
// Neurons that are not integrate-and-fire get another current than that for the same
// rate: W~ is multiplied by a gain, and an offset is added to b~; see [Options.Neuron].
// If they rest after a spike, lambda is that of the calibration times their period.
//
// # Names
//
// Rewriting keeps names and what they stand for, see [Fold]. A layer is named
// after the ReLU, the pool or the classifier that it stands for, so that lambda
// times the rate of layer x approximates the activation of node x. No rate exceeds
// 1, so the approximation ends at lambda: where lambda is the bound of a Clip, that
// is as in the trained network.
//
// References:
//
//	[hu2023]  Yangfan Hu, Huajin Tang, Gang Pan. Spiking Deep Residual Networks.
//	          IEEE Transactions on Neural Networks and Learning Systems 34(8). 2023.
package convert

import (
	"fmt"
	"strconv"
	"strings"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/snn"
)

// Options adjusts a conversion. The paper's values are those of [DefaultOptions];
// the zero value differs from them in VInit alone.
type Options struct {
	// VInit is the potential of every neuron before the first timestep, in units
	// of the threshold, in [0, 1). The paper's scripts use 0.5.
	VInit float32

	// Neuron is the model of every neuron; nil is snn.IF, which a model without leak
	// and rest becomes. Of others, weights and biases are scaled and shifted by the line
	// that is nearest to their rate curve, layer by layer, at the rates that the
	// calibration images lead to.
	Neuron snn.Model

	// Unscaled leaves that out: the weights are those for snn.IF.
	Unscaled bool

	// Reset of every neuron. snn.ResetSubtract loses no charge.
	Reset snn.Reset

	// Encoding of the image. Spikes have the magnitude of the largest calibration
	// pixel.
	Encoding snn.Encoding

	// SharedLambda gives the populations that identity shortcuts join one lambda, the
	// largest of theirs, so that these shortcuts have the weight 1. A file for other
	// tools can then do without their scales; the rates of all but the busiest of
	// these populations sink. Where a Clip is among them, its bound is no longer that
	// of the rate.
	SharedLambda bool

	// Unit leaves activations as they are: every lambda is 1, and weights and biases are
	// those of the trained network, as package tune takes them.
	Unit bool

	// ThresholdBalanced scales thresholds in place of weights.
	ThresholdBalanced bool
}

// DefaultOptions returns the paper's: V[0] of half a threshold, reset by
// subtraction, the image as a constant current, scaled weights.
func DefaultOptions() Options { return Options{VInit: 0.5} }

func (o Options) check() error {
	if !(o.VInit >= 0 && o.VInit < 1) { // Also rejects NaN.
		return fmt.Errorf("convert: V[0] of %v thresholds is outside [0, 1)", o.VInit)
	}
	n := snn.Neuron{Model: o.Neuron, Threshold: []float32{1}, Reset: o.Reset}
	if err := n.Check(1); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if !o.Encoding.Valid() {
		return fmt.Errorf("convert: unknown encoding %v", o.Encoding)
	}
	return nil
}

// model returns the model of the neurons, nil for one that is snn.IF in all but name.
func (o Options) model() snn.Model {
	n := snn.Neuron{Model: o.Neuron}
	if a, ok := n.Decay(); ok && a == 1 {
		return nil
	}
	return o.Neuron
}

// Convert returns the spiking network of g, which is simple (see [Simplify]), scaled by
// the activations s of g. It modifies neither, and the result shares nothing with them.
//
// Nodes that have no spiking counterpart are an error that holds an
// [*UnsupportedError] for each; a layer that was silent on the calibration images
// is a [*DeadLayerError].
func Convert(g *ann.Graph, s *calibrate.Statistics, o Options) (*snn.Network, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	folded, err := Fold(g)
	if err != nil {
		return nil, err
	}
	p := populate(folded)
	if err := join(p.bad); err != nil {
		return nil, err
	}
	net, err := scale(folded, p.list, s, o)
	if err != nil {
		return nil, err
	}
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("convert: internal error: %w", err)
	}
	return net, nil
}

// Check returns the error that [Convert] gives for g with any statistics: one that
// holds an [*UnsupportedError] for each node without a spiking counterpart. It saves
// calibrating a network that does not convert.
func Check(g *ann.Graph) error {
	bad, err := Unsupported(g)
	if err != nil {
		return err
	}
	return join(bad)
}

// Unsupported returns all nodes of g that keep it from being converted; none if
// it converts. It needs no calibration. An error means that g is not valid.
func Unsupported(g *ann.Graph) ([]*UnsupportedError, error) {
	f, err := fold(g)
	if err != nil {
		return nil, err
	}
	var bad []*UnsupportedError
	named := make(map[string]bool)
	for _, e := range populate(f.Graph).bad { // In the names of g, where several do the work of one.
		if e.Node = f.does(e.Node); named[e.Node] {
			continue
		}
		named[e.Node] = true
		for part, of := range f.owner {
			e.Reason = strings.ReplaceAll(e.Reason, strconv.Quote(part), strconv.Quote(of))
		}
		bad = append(bad, e)
		if n := g.Node(e.Node); n != nil {
			e.Op = n.Type()
		}
	}
	return bad, nil
}
