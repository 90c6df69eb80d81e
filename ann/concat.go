package ann

import (
	"fmt"
	"slices"

	"sresnet/tensor"
)

// Concat puts images of the same rows and columns side by side along their channels,
// or vectors one behind the other:
//
//	y[c] = x0[c] for c < C0, x1[c - C0] for C0 <= c < C0 + C1, ...
type Concat struct{}

// Type returns "Concat".
func (*Concat) Type() string { return "Concat" }

// Infer implements [Op].
func (*Concat) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) < 1 {
		return nil, fmt.Errorf("takes inputs, and has none")
	}
	out := slices.Clone(in[0])
	for _, s := range in[1:] {
		if len(s) != len(out) || !slices.Equal(s[1:], out[1:]) {
			return nil, fmt.Errorf("joins shapes %v and %v", in[0], s)
		}
		if s[0] > tensor.MaxLen-out[0] {
			return nil, fmt.Errorf("joins too many channels")
		}
		out[0] += s[0]
	}
	return out, nil
}

// Linear implements [Op].
func (*Concat) Linear() bool { return true }

func (*Concat) clone() Op { return &Concat{} }
