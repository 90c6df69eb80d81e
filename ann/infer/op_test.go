package infer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/tensor"
)

// compute returns op of x, elements in the order of (C, H, W).
func compute(t *testing.T, op ann.Op, in tensor.Shape, x []float32) (tensor.Shape, []float32) {
	t.Helper()
	g := &ann.Graph{Input: ann.Input{Name: "x", Shape: in}, Nodes: []ann.Node{{Name: "y", Inputs: []string{"x"}, Op: op}}, Output: "y"}
	if _, ok := op.(*ann.Add); ok {
		g.Nodes[0].Inputs = []string{"x", "x"}
	}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	m, err := infer.New(g)
	if err != nil {
		t.Fatal(err)
	}
	y, err := m.NewRunner().Run(x)
	if err != nil {
		t.Fatal(err)
	}
	return g.Nodes[0].Shape, slices.Clone(y)
}

// grid draws from a coarse grid, without zeros, so that sums are exact.
func grid(rnd *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(1+rnd.IntN(8)) / 4
		if rnd.IntN(2) == 0 {
			x[i] = -x[i]
		}
	}
	return x
}

// What operators say of themselves is what they compute.
func TestOperatorsAnswer(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	image, vector := tensor.Shape{2, 5, 6}, tensor.Shape{6}
	weights := func(shape ...int) *tensor.Tensor {
		return tensor.Of(grid(rnd, tensor.Shape(shape).Len()), shape...)
	}
	strided := tensor.Window{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pad: [4]int{1, 0, 1, 1}}
	ones, zeros := []float32{1, 1}, []float32{0, 0}
	for _, tt := range []struct {
		op ann.Op
		in tensor.Shape
	}{
		{&ann.Conv{Weight: weights(3, 2, 3, 2), Bias: []float32{1, 2, 3}, Window: strided, Groups: 1}, image},
		{&ann.Conv{Weight: weights(4, 1, 3, 2), Window: strided, Groups: 2}, image},
		{&ann.BatchNormalization{Scale: []float32{2, 1}, Bias: ones, Mean: zeros, Var: ones}, image},
		{&ann.Relu{}, image},
		{&ann.Clip{Max: 0.75}, image},
		{&ann.Add{}, image},
		{&ann.Concat{}, image},
		{&ann.Gather{Index: []int{1, 0, 1}}, image},
		{&ann.LeakyRelu{Slope: []float32{0.25}}, image},
		{&ann.LeakyRelu{Slope: []float32{0.25, -0.5}}, image},
		{&ann.Scale{Factor: -0.5}, image},
		{&ann.MaxPool{Window: tensor.Square(3, 1, 1)}, image},
		{&ann.AveragePool{Window: tensor.Square(4, 1, 1), CountPad: true}, image},
		{&ann.AveragePool{Window: tensor.Square(2, 1, 0)}, image},
		{&ann.GlobalAveragePool{}, tensor.Shape{2, 4, 4}},
		{&ann.Gemm{Weight: weights(3, 6), Bias: []float32{1, 2, 3}}, vector},
		{&ann.Flatten{}, image},
		{&ann.Slice{Start: [3]int{1, 0, 2}, Step: [3]int{1, 2, 3}, Size: [3]int{1, 3, 2}}, image},
		{&ann.Pad{Before: [3]int{1, 0, 2}, After: [3]int{2, 1, 0}}, image},
		{&ann.Softmax{}, vector},
	} {
		t.Run(tt.op.Type(), func(t *testing.T) {
			n := tt.in.Len()
			zero, x, z := make([]float32, n), grid(rnd, n), grid(rnd, n)
			sum := make([]float32, n)
			for i := range sum {
				sum[i] = x[i] + z[i]
			}
			out, at0 := compute(t, tt.op, tt.in, zero)
			_, atX := compute(t, tt.op, tt.in, x)
			_, atZ := compute(t, tt.op, tt.in, z)
			_, atSum := compute(t, tt.op, tt.in, sum)
			linear, rectifies := true, true
			limit := float32(-1)
			r, ok := tt.op.(ann.Rectifier)
			if ok {
				limit = r.Limit()
			}
			for i := range at0 {
				linear = linear && atX[i]+atZ[i] == atSum[i]+at0[i]
				rectifies = rectifies && i < n && atX[i] == min(max(x[i], 0), limit)
			}
			if linear != tt.op.Linear() {
				t.Errorf("Linear: got %v, it computes %v", tt.op.Linear(), linear)
			}
			if ok && !rectifies {
				t.Errorf("Limit: got %v, of %v it computes %v", limit, x, atX)
			}
			if op, ok := tt.op.(ann.Mover); ok {
				for i, want := range atX {
					from, inside := [3]int{}, true
					for axis, index := range []int{i / (out[1] * out[2]), i / out[2] % out[1], i % out[2]} {
						from[axis] = op.Source(axis, index)
						inside = inside && from[axis] >= 0 && from[axis] < tt.in[axis]
					}
					got := float32(0)
					if inside {
						got = x[(from[0]*tt.in[1]+from[1])*tt.in[2]+from[2]]
					}
					if got != want {
						t.Errorf("Source: element %d comes from %v, which is %v, want %v", i, from, got, want)
					}
				}
			}
			if op, ok := tt.op.(ann.Summer); ok {
				f := op.Fan(out)
				taps := f.Taps(tt.in, out)
				total := uint64(0)
				for i := range n {
					impulse := make([]float32, n)
					impulse[i] = 1
					_, at := compute(t, tt.op, tt.in, impulse)
					reached := uint64(0)
					for j := range at {
						if at[j] != at0[j] {
							reached++
						}
					}
					want := uint64(f.Channels)
					if taps != nil {
						want *= taps[i%(tt.in[1]*tt.in[2])]
					}
					if reached != want {
						t.Errorf("Fan: element %d reaches %d elements, want %d", i, reached, want)
					}
					total += reached
				}
				if got := f.Total(tt.in, out); got != total {
					t.Errorf("Fan: a total of %d, want %d", got, total)
				}
			}
			if op, ok := tt.op.(ann.Weighted); ok {
				checkChannels(t, op, tt.in, x)
			}
			if op, ok := tt.op.(ann.Padder); ok {
				checkPadded(t, op, tt.in, x)
			}
		})
	}
}

// checkChannels multiplies all weights of one input channel by 2, which is as good as
// multiplying that channel of x.
func checkChannels(t *testing.T, op ann.Weighted, in tensor.Shape, x []float32) {
	t.Helper()
	const channels = 2
	w, bias := op.Weights()
	for c := range channels {
		more, larger := w.Clone(), slices.Clone(x)
		for i := range more.Data {
			if op.Channel(i, channels) == c {
				more.Data[i] *= 2
			}
		}
		per := len(x) / channels
		for i := range per {
			larger[c*per+i] *= 2
		}
		_, got := compute(t, op.WithWeights(more, bias), in, x)
		if _, want := compute(t, op, in, larger); !slices.Equal(got, want) {
			t.Errorf("Channel %d: twice the weights give %v, want %v", c, got, want)
		}
	}
}

// checkPadded compares an operator with padding of its own with zeros put there.
func checkPadded(t *testing.T, op ann.Padder, in tensor.Shape, x []float32) {
	t.Helper()
	pad := &ann.Pad{Before: [3]int{0, 1, 0}, After: [3]int{0, 0, 1}}
	for _, nonNegative := range []bool{false, true} {
		if nonNegative {
			for i := range x {
				x[i] = max(x[i], 0)
			}
		}
		merged, ok := pad.Into(op, in, nonNegative)
		if !ok {
			if a, average := op.(*ann.AveragePool); nonNegative && !(average && !a.CountPad && a.Window.Pad != [4]int{}) {
				t.Errorf("no operator pads %v", op)
			}
			continue
		}
		shape, padded := compute(t, pad, in, x)
		_, want := compute(t, op, shape, padded)
		if _, got := compute(t, merged, in, x); !slices.Equal(got, want) {
			t.Errorf("%v: with the padding in it %v, want %v", fmt.Sprint(op), got, want)
		}
	}
}
