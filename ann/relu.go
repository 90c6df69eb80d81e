package ann

import (
	"fmt"
	"math"
	"slices"

	"sresnet/tensor"
)

// Relu is max(x, 0).
type Relu struct{}

// Type returns "Relu".
func (*Relu) Type() string { return "Relu" }

// Infer implements [Op].
func (*Relu) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("takes one input, not %d", len(in))
	}
	return slices.Clone(in[0]), nil
}

// Linear implements [Op].
func (*Relu) Linear() bool { return false }

// Limit returns infinity.
func (*Relu) Limit() float32 { return float32(math.Inf(1)) }

func (*Relu) clone() Op { return &Relu{} }

// Clip is min(max(x, 0), Max): ONNX's Clip with a minimum of zero, such as ReLU6.
type Clip struct {
	Max float32 // Positive and finite; a Clip without a maximum is a [Relu].

	// Levels is the number of steps between 0 and Max that the result is rounded to, half
	// a step up, as networks trained for conversion (QCFS) and quantised ones have them:
	//
	//	y = Max/Levels floor(Levels x / Max + 1/2)
	//
	// 0 means that it is not rounded. To neurons, which have as many levels as timesteps,
	// it is the bound that counts.
	Levels int
}

// Few reports whether the levels are so few that a spiking network can have them all, one
// for each of as many timesteps. Then its lambda is Max and not a percentile.
func (op *Clip) Few() bool { return op.Levels > 0 && op.Levels <= 32 }

// maxLevels is the largest number up to which float32 has all integers.
const maxLevels = 1 << 24

// Type returns "Clip".
func (*Clip) Type() string { return "Clip" }

// Infer implements [Op].
func (op *Clip) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("takes one input, not %d", len(in))
	}
	if !(op.Max > 0) || tensor.CheckFinite([]float32{op.Max}) != nil {
		return nil, fmt.Errorf("maximum %v must be positive and finite", op.Max)
	}
	if op.Levels < 0 || op.Levels > maxLevels {
		return nil, fmt.Errorf("%d levels are none, or more than %d", op.Levels, maxLevels)
	}
	return slices.Clone(in[0]), nil
}

// Linear implements [Op].
func (*Clip) Linear() bool { return false }

// Limit returns Max.
func (op *Clip) Limit() float32 { return op.Max }

func (op *Clip) clone() Op { c := *op; return &c }

// Unrounded returns g with every [Clip] as if it had no levels: what a spiking network
// comes to with more and more timesteps. It is g itself if none has, and shares its
// weights.
func (g *Graph) Unrounded() *Graph {
	out := *g
	out.Nodes = slices.Clone(g.Nodes)
	rounds := false
	for i := range out.Nodes {
		if op, ok := out.Nodes[i].Op.(*Clip); ok && op.Levels > 0 {
			out.Nodes[i].Op = &Clip{Max: op.Max}
			rounds = true
		}
	}
	if !rounds {
		return g
	}
	return &out
}
