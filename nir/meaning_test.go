package nir

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// value is what a node gives at one timestep.
type value struct {
	shape []int
	x     []float64
}

// meaning computes what NIR means by a graph, node by node, in plain loops and
// float64, from what inputs and populations give.
type meaning struct {
	g     *Graph
	given map[string]value // Of Input and IF nodes.
}

// into returns the sum of what the edges into a node carry.
func (m *meaning) into(name string) (value, error) {
	var sum value
	for _, e := range m.g.Edges {
		if e.To != name {
			continue
		}
		v, err := m.out(e.From)
		if err != nil {
			return sum, err
		}
		if sum.x == nil {
			sum = value{v.shape, slices.Clone(v.x)}
			continue
		}
		if !slices.Equal(sum.shape, v.shape) {
			return sum, fmt.Errorf("node %q: shapes %v and %v meet", name, sum.shape, v.shape)
		}
		for i := range sum.x {
			sum.x[i] += v.x[i]
		}
	}
	return sum, nil
}

func (m *meaning) out(name string) (value, error) {
	if v, ok := m.given[name]; ok {
		return v, nil
	}
	n := m.g.Node(name)
	in, err := m.into(name)
	if err != nil {
		return in, err
	}
	ints := func(field string) []int { v, _ := n.Data.Arrays[field].Ints(); return v }
	floats := func(field string) []float32 { v, _ := n.Data.Arrays[field].Float32s(); return v }
	switch n.Type {
	case "Delay": // Of one timestep among others.
		if !slices.Equal(n.Data.Arrays["delay"].Shape, in.shape) {
			return in, fmt.Errorf("node %q: delay of shape %v for %v", name, n.Data.Arrays["delay"].Shape, in.shape)
		}
		return in, nil
	case "Scale":
		if !slices.Equal(n.Data.Arrays["scale"].Shape, in.shape) {
			return in, fmt.Errorf("node %q: scale of shape %v for %v", name, n.Data.Arrays["scale"].Shape, in.shape)
		}
		for i, s := range floats("scale") {
			in.x[i] *= float64(s)
		}
		return in, nil
	case "Flatten":
		if !slices.Equal(ints("input_type"), in.shape) {
			return in, fmt.Errorf("node %q: input_type %v for %v", name, ints("input_type"), in.shape)
		}
		return value{[]int{len(in.x)}, in.x}, nil
	case "Affine":
		w, b := floats("weight"), floats("bias")
		out := value{[]int{len(b)}, make([]float64, len(b))}
		if len(in.shape) != 1 || len(w) != len(b)*len(in.x) {
			return in, fmt.Errorf("node %q: Affine of shape %v", name, in.shape)
		}
		for o := range b {
			out.x[o] = float64(b[o])
			for i, v := range in.x {
				out.x[o] += float64(w[o*len(in.x)+i]) * v
			}
		}
		return out, nil
	case "Conv2d":
		if !slices.Equal(ints("input_shape"), in.shape[1:]) {
			return in, fmt.Errorf("node %q: input_shape %v for %v", name, ints("input_shape"), in.shape)
		}
		ws, w := n.Data.Arrays["weight"].Shape, floats("weight")
		groups := ints("groups")[0]
		if ws[1]*groups != in.shape[0] {
			return in, fmt.Errorf("node %q: weight %v for %v", name, ws, in.shape)
		}
		return window(in, ws[0], ws[2:], ints("stride"), ints("padding"), ints("dilation"), func(o, ky, kx int, at func(c int) float64) (sum float64) {
			if ky < 0 {
				return float64(floats("bias")[o])
			}
			for i := range ws[1] {
				sum += at(o/(ws[0]/groups)*ws[1]+i) * float64(w[((o*ws[1]+i)*ws[2]+ky)*ws[3]+kx])
			}
			return sum
		}), nil
	case "SumPool2d", "AvgPool2d":
		k, p := ints("kernel_size"), ints("padding")
		if 2*p[0] > k[0] || 2*p[1] > k[1] {
			return in, fmt.Errorf("node %q: padding %v for a kernel %v", name, p, k)
		}
		factor := 1.0
		if n.Type == "AvgPool2d" {
			factor = 1 / float64(k[0]*k[1])
		}
		return window(in, in.shape[0], k, ints("stride"), p, []int{1, 1}, func(o, ky, _ int, at func(c int) float64) float64 {
			if ky < 0 {
				return 0
			}
			return factor * at(o)
		}), nil
	}
	return in, fmt.Errorf("node %q of type %s", name, n.Type)
}

// window adds up term for every tap, and once with ky = -1, for every output.
func window(in value, channels int, k, stride, pad, dilation []int, term func(o, ky, kx int, at func(c int) float64) float64) value {
	h, w := in.shape[1], in.shape[2]
	oh, ow := (h+2*pad[0]-(k[0]-1)*dilation[0]-1)/stride[0]+1, (w+2*pad[1]-(k[1]-1)*dilation[1]-1)/stride[1]+1
	out := value{[]int{channels, oh, ow}, make([]float64, 0, channels*oh*ow)}
	for o := range channels {
		for r := range oh {
			for c := range ow {
				sum := term(o, -1, -1, nil)
				for ky := range k[0] {
					for kx := range k[1] {
						y, x := r*stride[0]+ky*dilation[0]-pad[0], c*stride[1]+kx*dilation[1]-pad[1]
						if y >= 0 && y < h && x >= 0 && x < w {
							sum += term(o, ky, kx, func(c int) float64 { return in.x[(c*h+y)*w+x] })
						}
					}
				}
				out.x = append(out.x, sum)
			}
		}
	}
	return out
}

// compareCurrents gives every layer random spikes and compares the current that
// enters each layer of the network with what enters its node, both in thresholds,
// for which graphs may have another unit.
func compareCurrents(net *snn.Network, g *Graph, rnd *rand.Rand) error {
	r, err := readRecord(g)
	if err != nil {
		return err
	}
	m := &meaning{g: g, given: make(map[string]value)}
	spikes := func(n *Node, shape []int) value {
		x := make([]float64, tensor.Shape(shape).Len())
		for i := range x {
			x[i] = float64(rnd.IntN(2))
		}
		m.given[n.Name] = value{shape, x}
		return m.given[n.Name]
	}
	image := spikes(g.Node("input"), net.Input.Shape)
	sources := make([]value, len(net.Layers))
	for i, l := range r.Layers {
		n := g.Node(l.Node)
		sources[i] = spikes(n, n.Data.Arrays["v_threshold"].Shape)
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		got, err := m.into(r.Layers[i].Node)
		if err != nil {
			return err
		}
		if !slices.Equal(got.shape, sources[i].shape) {
			return fmt.Errorf("layer %q: current of shape %v into neurons of shape %v", l.Name, got.shape, sources[i].shape)
		}
		want := make([]float64, l.Shape.Len())
		for j := range want {
			if l.Bias != nil {
				want[j] = float64(l.Bias[j/(l.Shape[1]*l.Shape[2])])
			}
		}
		for _, s := range l.Synapses {
			src, q := image, 1.0
			if s.From != snn.FromInput {
				src, q = sources[s.From], float64(net.Layers[s.From].Charge)
			}
			if l.IsGate() {
				q = 1 // Spikes are counted.
			}
			current(want, value{net.ShapeOf(s.From), src.x}, q, s.Connection, l.Shape)
		}
		th, err := g.Node(r.Layers[i].Node).Data.Arrays["v_threshold"].Float32s()
		if err != nil {
			return err
		}
		for j := range want {
			theta := gateThreshold
			if !l.IsGate() {
				theta = float64(l.Neuron.ThresholdOf(j / (l.Shape[1] * l.Shape[2])))
			}
			a, b := got.x[j]/float64(th[j]), want[j]/theta
			if math.Abs(a-b) > 1e-5*(1+math.Abs(b)) {
				return fmt.Errorf("layer %q, neuron %d: current of %v thresholds, want %v", l.Name, j, a, b)
			}
		}
	}
	return nil
}

// current adds what package snn says that a connection carries to sum.
func current(sum []float64, in value, q float64, k snn.Connection, out tensor.Shape) {
	h, w := in.shape[1], in.shape[2]
	each := func(win tensor.Window, r, c int, f func(ky, kx, at int)) {
		for ky := range win.Kernel[0] {
			for kx := range win.Kernel[1] {
				if y, x := win.Row(r, ky), win.Col(c, kx); y >= 0 && y < h && x >= 0 && x < w {
					f(ky, kx, y*w+x)
				}
			}
		}
	}
	for i := range sum {
		o, r, c := i/(out[1]*out[2]), i/out[2]%out[1], i%out[2]
		switch k := k.(type) {
		case *snn.Conv:
			ws := k.Weight.Shape
			each(k.Window, r, c, func(ky, kx, at int) {
				for j := range ws[1] {
					sum[i] += q * in.x[(o/(ws[0]/k.Groups)*ws[1]+j)*h*w+at] * float64(k.Weight.Data[((o*ws[1]+j)*ws[2]+ky)*ws[3]+kx])
				}
			})
		case *snn.Dense:
			for j, z := range in.x {
				sum[i] += q * z * float64(k.Weight.Data[o*len(in.x)+j])
			}
		case *snn.Shortcut:
			if src := o - k.Offset; src >= 0 && src < in.shape[0] {
				sum[i] += q * float64(k.ScaleOf(src)) * in.x[(src*h+k.Start[0]+r*k.Stride[0])*w+k.Start[1]+c*k.Stride[1]]
			}
		case *snn.AveragePool:
			each(k.Window, r, c, func(_, _, at int) { sum[i] += q * float64(k.WeightAt(o, r, c, h, w)) * in.x[o*h*w+at] })
		case *snn.MaxPool:
			each(k.Window, r, c, func(_, _, at int) { sum[i] += in.x[o*h*w+at] })
		}
	}
}
