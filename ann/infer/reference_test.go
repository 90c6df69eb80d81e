package infer

import (
	"fmt"
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// reference computes every node of g with the plainest loops, all in CHW order,
// in the order of sums that the package promises.
func reference(g *ann.Graph, image []float32) map[string]*tensor.Tensor {
	vals := map[string]*tensor.Tensor{g.Input.Name: {Shape: g.Input.Shape, Data: image}}
	for _, n := range g.Nodes {
		var in []*tensor.Tensor
		for _, name := range n.Inputs {
			in = append(in, vals[name])
		}
		vals[n.Name] = referenceOp(n.Op, n.Shape, in)
	}
	return vals
}

// at returns an element of an image, and whether it lies inside.
func at(x *tensor.Tensor, c, y, k int) (float32, bool) {
	_, h, w := x.Shape.CHW()
	if y < 0 || y >= h || k < 0 || k >= w {
		return 0, false
	}
	return x.Data[(c*h+y)*w+k], true
}

func referenceOp(op ann.Op, shape tensor.Shape, in []*tensor.Tensor) *tensor.Tensor {
	y := tensor.New(shape...)
	x := in[0]
	pixels := func(f func(c, r, k int) float32) {
		n, h, w := shape.CHW()
		for c := range n {
			for r := range h {
				for k := range w {
					y.Data[(c*h+r)*w+k] = f(c, r, k)
				}
			}
		}
	}
	elements := func(f func(i int, v float32) float32) {
		for i, v := range x.Data {
			y.Data[i] = f(i, v)
		}
	}
	switch op := op.(type) {
	case *ann.Conv:
		j, o := op.Weight.Shape[1], shape[0]/op.Groups
		pixels(func(c, r, k int) float32 {
			var acc float32
			for ky := range op.Window.Kernel[0] {
				for kx := range op.Window.Kernel[1] {
					for i := range j {
						if v, ok := at(x, c/o*j+i, op.Window.Row(r, ky), op.Window.Col(k, kx)); ok {
							acc += float32(v * op.Weight.Data[((c*j+i)*op.Window.Kernel[0]+ky)*op.Window.Kernel[1]+kx])
						}
					}
				}
			}
			if op.Bias != nil {
				acc += op.Bias[c]
			}
			return acc
		})
	case *ann.BatchNormalization:
		area := len(x.Data) / x.Shape[0]
		elements(func(i int, v float32) float32 {
			c := i / area
			scale := float64(op.Scale[c]) / math.Sqrt(float64(op.Var[c])+float64(op.Epsilon))
			shift := float64(op.Bias[c]) - float64(op.Mean[c])*scale
			return float32(v*float32(scale)) + float32(shift)
		})
	case *ann.Relu:
		elements(func(_ int, v float32) float32 { return max(v, 0) })
	case *ann.Clip:
		elements(func(_ int, v float32) float32 { return min(max(v, 0), op.Max) })
	case *ann.Add:
		for i := range y.Data {
			sum := in[0].Data[i]
			for _, t := range in[1:] {
				sum += t.Data[i]
			}
			y.Data[i] = sum
		}
	case *ann.LeakyRelu:
		area := len(x.Data) / x.Shape[0]
		elements(func(i int, v float32) float32 {
			if v < 0 {
				v = float32(v * op.Slope[i/area%len(op.Slope)])
			}
			return v
		})
	case *ann.Scale:
		elements(func(_ int, v float32) float32 { return float32(v * op.Factor) })
	case *ann.Concat:
		y.Data = y.Data[:0]
		for _, t := range in {
			y.Data = append(y.Data, t.Data...)
		}
	case *ann.Gather:
		area := len(x.Data) / x.Shape[0]
		elements(func(i int, _ float32) float32 { return x.Data[op.Index[i/area]*area+i%area] })
	case *ann.MaxPool:
		pixels(func(c, r, k int) float32 {
			best := float32(math.Inf(-1))
			for ky := range op.Window.Kernel[0] {
				for kx := range op.Window.Kernel[1] {
					if v, ok := at(x, c, op.Window.Row(r, ky), op.Window.Col(k, kx)); ok {
						best = max(best, v)
					}
				}
			}
			return best
		})
	case *ann.AveragePool:
		pixels(func(c, r, k int) float32 {
			var sum float32
			n := 0
			for ky := range op.Window.Kernel[0] {
				for kx := range op.Window.Kernel[1] {
					v, ok := at(x, c, op.Window.Row(r, ky), op.Window.Col(k, kx))
					sum += v
					if ok || op.CountPad {
						n++
					}
				}
			}
			return sum / float32(n)
		})
	case *ann.GlobalAveragePool:
		area := x.Shape[1] * x.Shape[2]
		pixels(func(c, _, _ int) float32 {
			var sum float32
			for _, v := range x.Data[c*area:][:area] {
				sum += v
			}
			return sum / float32(area)
		})
	case *ann.Flatten:
		copy(y.Data, x.Data)
	case *ann.Slice:
		pixels(func(c, r, k int) float32 {
			v, _ := at(x, op.Start[0]+c*op.Step[0], op.Start[1]+r*op.Step[1], op.Start[2]+k*op.Step[2])
			return v
		})
	case *ann.Pad:
		pixels(func(c, r, k int) float32 {
			if c -= op.Before[0]; c < 0 || c >= x.Shape[0] {
				return 0
			}
			v, _ := at(x, c, r-op.Before[1], k-op.Before[2])
			return v
		})
	case *ann.Gemm:
		// In CHW order, unlike the package's: equal only up to rounding.
		for o := range y.Data {
			var sum float64
			for i, v := range x.Data {
				sum += float64(v) * float64(op.Weight.Data[o*len(x.Data)+i])
			}
			if op.Bias != nil {
				sum += float64(op.Bias[o])
			}
			y.Data[o] = float32(sum)
		}
	case *ann.Softmax:
		// y = exp(x[i] - m) / sum over j of exp(x[j] - m), m the largest x. Without m
		// the sum overflows where logits are more than 709 apart.
		m := float64(slices.Max(x.Data))
		var sum float64
		for _, u := range x.Data {
			sum += math.Exp(float64(u) - m)
		}
		elements(func(_ int, v float32) float32 {
			if op.Log {
				return float32(float64(v) - m - math.Log(sum))
			}
			return float32(math.Exp(float64(v)-m) / sum)
		})
	default:
		panic(fmt.Sprintf("no reference for %T", op))
	}
	return y
}
