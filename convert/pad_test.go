package convert_test

import (
	"testing"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/tensor"
)

// Branches that are padded together and taken by two sums in different widths: each node
// that padding becomes part of has its own input.
func TestPaddedBranches(t *testing.T) {
	weights := func(out, in, k int) *ann.Conv {
		w := tensor.New(out, in, k, k)
		for i := range w.Data {
			w.Data[i] = float32(i%7-3) / 8
		}
		return &ann.Conv{Weight: w, Window: tensor.Square(k, 1, k/2), Groups: 1}
	}
	each := weights(4, 1, 3)
	each.Groups = 4
	norm := func(n int) *ann.BatchNormalization {
		bn := &ann.BatchNormalization{}
		for i := range n {
			bn.Scale, bn.Bias = append(bn.Scale, 1+float32(i)/8), append(bn.Bias, 0.25)
			bn.Mean, bn.Var = append(bn.Mean, 0.125), append(bn.Var, 1)
		}
		return bn
	}
	g := graph(t, tensor.Shape{2, 4, 4},
		node("c1", weights(3, 2, 3), "x"), node("a", &ann.Relu{}, "c1"),
		node("c2", weights(2, 2, 1), "x"), node("b", &ann.Relu{}, "c2"),
		node("side", &ann.Concat{}, "a", "b"),
		node("pad", &ann.Pad{Before: [3]int{0, 1, 0}, After: [3]int{0, 0, 1}}, "side"),
		node("some", &ann.Gather{Index: []int{1, 2, 3, 4}}, "pad"),
		node("n1", norm(4), "some"), node("r1", &ann.Relu{}, "n1"), node("c3", each, "r1"),
		node("sum", &ann.Add{}, "some", "c3"),
		node("n2", norm(4), "sum"), node("l2", &ann.LeakyRelu{Slope: []float32{0.1}}, "n2"), node("c4", weights(4, 4, 3), "l2"),
		node("sum2", &ann.Add{}, "sum", "c4"),
		node("n3", norm(4), "sum2"), node("r3", &ann.Relu{}, "n3"),
		node("mean", &ann.GlobalAveragePool{}, "r3"), node("flat", &ann.Flatten{}, "mean"), node("fc", &ann.Gemm{Weight: tensor.New(2, 4)}, "flat"),
	)
	if _, err := convert.Simplify(g); err != nil {
		t.Fatal(err)
	}
}
