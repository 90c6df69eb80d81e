package nir

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// errTwo is the reason against two nodes with weights and no neurons between.
var errTwo = errors.New("there are no neurons between it and another node with weights or windows")

// connection returns v as a connection to a layer of shape s.
func (v *linear) connection(s tensor.Shape) (snn.Connection, error) {
	if !v.shape.Equal(s) {
		return nil, fmt.Errorf("a current of shape %v goes into neurons of shape %v", v.shape, s)
	}
	if v.through == nil && v.from != snn.FromInput {
		k := snn.Identity(1, s)
		k.Scale, k.Scales = v.scales()
		return k, nil
	}
	switch v.through.(type) {
	case *snn.Conv, *snn.Dense:
	default:
		if v.from == snn.FromInput {
			return nil, errors.New("the image itself goes into it, but must first pass through a convolution or a fully connected node")
		}
	}
	return v.through, nil
}

// behind returns what v becomes in node n.
func (v *linear) behind(n *Node) (*linear, error) {
	if v.flat && n.Type != "Affine" && n.Type != "Linear" {
		return nil, errors.New("it follows a Flatten node, where only a fully connected one can be simulated")
	}
	switch n.Type {
	case "Flatten":
		return v.flatten(n)
	case "Scale":
		return v.scaled(n)
	case "Affine", "Linear":
		return v.dense(n)
	case "Conv2d":
		return v.conv(n)
	}
	return v.pool(n)
}

// flatten makes a vector of v, which only a fully connected node can take unless
// v has the shape of one.
func (v *linear) flatten(n *Node) (*linear, error) {
	if !n.flattensAll(len(v.shape)) {
		return nil, errors.New("start_dim is not 0, or end_dim is not -1: only the whole can be made a vector")
	}
	c := *v
	c.flat = v.shape[1] != 1 || v.shape[2] != 1
	return &c, nil
}

// flattensAll reports whether a Flatten node makes a vector of all that comes in.
// Dimensions are counted from the first or, below 0, from behind the last one, of
// axes where the node does not say how many there are.
func (n *Node) flattensAll(axes int) bool {
	if in, err := n.Data.Arrays["input_type"].Ints(); err == nil && len(in) > 0 {
		axes = len(in)
	}
	is := func(field string, a, b int) bool {
		d, err := n.Data.Arrays[field].Ints()
		return err == nil && len(d) == 1 && (d[0] == a || d[0] == b)
	}
	return is("start_dim", 0, -axes) && is("end_dim", -1, axes-1)
}

// weightOf returns the weight of a node with that many axes, and its bias.
func (n *Node) weightOf(axes int) (*tensor.Tensor, []float64, error) {
	a := n.Data.Arrays["weight"]
	x, err := a.Float32s()
	if err != nil {
		return nil, nil, fmt.Errorf("weight: %w", err)
	}
	if len(a.Shape) != axes {
		return nil, nil, fmt.Errorf("weight of shape %v", a.Shape)
	}
	w := &tensor.Tensor{Shape: slices.Clone(a.Shape), Data: x}
	if err := w.Check(); err != nil {
		return nil, nil, fmt.Errorf("weight: %w", err)
	}
	if _, ok := n.Data.Arrays["bias"]; !ok {
		return w, nil, nil
	}
	b, err := n.Data.Arrays["bias"].Float32s()
	if err == nil && len(b) != a.Shape[0] {
		err = fmt.Errorf("%d elements for %d outputs", len(b), a.Shape[0])
	}
	if err != nil {
		return nil, nil, fmt.Errorf("bias: %w", err)
	}
	return w, cast[float64](b), nil
}

// dense puts an Affine or Linear node after spikes or a pool of them.
func (v *linear) dense(n *Node) (*linear, error) {
	w, bias, err := n.weightOf(2)
	if err != nil {
		return nil, err
	}
	if w.Shape[1] != v.shape.Len() {
		return nil, fmt.Errorf("weight of shape %v for %d inputs", w.Shape, v.shape.Len())
	}
	c := &linear{from: v.from, shape: tensor.Shape{w.Shape[0], 1, 1}, scale: one, bias: bias}
	switch k := v.through.(type) {
	case nil:
		c.through = &snn.Dense{Weight: v.multiplied(w, func(i int) int { return i % w.Shape[1] / (v.shape[1] * v.shape[2]) })}
		return c, nil
	case *snn.AveragePool:
		c.through, err = spread(w, k, v.source)
		return c, err
	}
	return nil, errTwo
}

// spread returns the fully connected synapse that equals one after a pool: each
// weight goes, divided among them, to all neurons under the window.
func spread(w *tensor.Tensor, k *snn.AveragePool, in tensor.Shape) (snn.Connection, error) {
	out, err := k.Out(in)
	if err != nil {
		return nil, err
	}
	n := tensor.Shape{w.Shape[0], in.Len()}
	if err := n.Check(); err != nil {
		return nil, err
	}
	if n.Len() > maxSpread {
		return nil, fmt.Errorf("after a pool it has %d synapses, more than %d", n.Len(), maxSpread)
	}
	sum := make([]float64, n.Len())
	for i, x := range w.Data {
		o, c, r, col := i/out.Len(), i/(out[1]*out[2])%out[0], i/out[2]%out[1], i%out[2]
		weight := float64(x) * float64(k.WeightAt(c, r, col, in[1], in[2]))
		top, bottom := k.Window.Inside(0, r, in[1])
		left, right := k.Window.Inside(1, col, in[2])
		for ky := top; ky < bottom; ky++ {
			for kx := left; kx < right; kx++ {
				sum[o*in.Len()+(c*in[1]+k.Window.Row(r, ky))*in[2]+k.Window.Col(col, kx)] += weight
			}
		}
	}
	d := tensor.New(n...)
	for i, x := range sum {
		d.Data[i] = float32(x)
	}
	return &snn.Dense{Weight: d}, nil
}

// maxSpread bounds the weights of fully connected synapses after pools, which are
// more than the file has.
const maxSpread = 1 << 25

// pairField returns an array of two integers, or of one that stands for both.
func (n *Node) pairField(field string) ([2]int, error) {
	x, err := n.Data.Arrays[field].Ints()
	switch {
	case err != nil:
		return [2]int{}, fmt.Errorf("%s: %w", field, err)
	case len(x) == 1:
		return [2]int{x[0], x[0]}, nil
	case len(x) == 2:
		return [2]int{x[0], x[1]}, nil
	}
	return [2]int{}, fmt.Errorf("%s of %d elements", field, len(x))
}

// padField returns the padding of a window whose kernel and dilation are known.
func (n *Node) padField(w tensor.Window) (pad [4]int, err error) {
	if text, err := n.Data.Arrays["padding"].Text(); err == nil {
		switch text {
		case "valid":
			return pad, nil
		case "same":
			for a := range 2 {
				all := (w.Kernel[a] - 1) * w.Dilation[a]
				pad[a], pad[a+2] = all/2, all-all/2
			}
			return pad, nil
		}
		return pad, fmt.Errorf("padding %q", text)
	}
	p, err := n.pairField("padding")
	return [4]int{p[0], p[1], p[0], p[1]}, err
}

// convWindow returns the window of a Conv2d node.
func (n *Node) convWindow() (w tensor.Window, err error) {
	s := n.Data.Arrays["weight"].Shape
	if len(s) != 4 {
		return w, fmt.Errorf("weight of shape %v", s)
	}
	w.Kernel = [2]int{s[2], s[3]}
	if w.Stride, err = n.pairField("stride"); err != nil {
		return w, err
	}
	if w.Dilation, err = n.pairField("dilation"); err != nil {
		return w, err
	}
	w.Pad, err = n.padField(w)
	return w, err
}

// conv puts a Conv2d node after spikes or a pool of them.
func (v *linear) conv(n *Node) (*linear, error) {
	w, bias, err := n.weightOf(4)
	if err != nil {
		return nil, err
	}
	k := &snn.Conv{Weight: w, Groups: 1}
	if k.Window, err = n.convWindow(); err != nil {
		return nil, err
	}
	if g, err := n.Data.Arrays["groups"].Ints(); err != nil || len(g) != 1 {
		return nil, errors.New("groups is not one number")
	} else {
		k.Groups = g[0]
	}
	shape, err := k.Out(v.shape)
	if err != nil {
		return nil, err
	}
	c := &linear{from: v.from, shape: shape, scale: one, bias: bias, through: k}
	switch pool := v.through.(type) {
	case nil:
		k.Weight = v.multiplied(w, func(i int) int { return sourceChannel(k, i) })
		return c, nil
	case *snn.AveragePool:
		c.through, err = merge(k, pool, v.source, v.shape)
		return c, err
	}
	return nil, errTwo
}

// merge returns the convolution that equals k after a pool. Padding of k must lie
// outside the source: under windows side by side that end where the source does.
func merge(k *snn.Conv, pool *snn.AveragePool, in, pooled tensor.Shape) (snn.Connection, error) {
	w := tensor.Window{Dilation: [2]int{1, 1}}
	for a := range 2 {
		size, step := pool.Window.Kernel[a], pool.Window.Stride[a]
		padded := k.Window.Pad[a] > 0 || k.Window.Pad[a+2] > 0
		if pool.Window.Pad[a] != 0 || pool.Window.Pad[a+2] != 0 || pool.Window.Dilation[a] != 1 || padded && (size > step || pooled[a+1]*step != in[a+1]) {
			return nil, errors.New("it is padded after a pool whose windows overlap or leave a remainder, with no neurons between")
		}
		w.Kernel[a] = (k.Window.Kernel[a]-1)*k.Window.Dilation[a]*step + size
		w.Stride[a] = k.Window.Stride[a] * step
		w.Pad[a], w.Pad[a+2] = k.Window.Pad[a]*step, k.Window.Pad[a+2]*step
	}
	ws := k.Weight.Shape
	n := tensor.Shape{ws[0], ws[1], w.Kernel[0], w.Kernel[1]}
	if err := n.Check(); err != nil {
		return nil, err
	}
	if n.Len() > maxSpread {
		return nil, fmt.Errorf("after a pool it has %d weights, more than %d", n.Len(), maxSpread)
	}
	sum := make([]float64, n.Len())
	taps := float64(pool.Window.Kernel[0] * pool.Window.Kernel[1])
	for i, x := range k.Weight.Data {
		share := float64(pool.ScaleOf(sourceChannel(k, i))) / taps
		oi, ky, kx := i/(ws[2]*ws[3]), i/ws[3]%ws[2], i%ws[3]
		for dy := range pool.Window.Kernel[0] {
			for dx := range pool.Window.Kernel[1] {
				y, x0 := ky*k.Window.Dilation[0]*pool.Window.Stride[0]+dy, kx*k.Window.Dilation[1]*pool.Window.Stride[1]+dx
				sum[(oi*w.Kernel[0]+y)*w.Kernel[1]+x0] += float64(x) * share
			}
		}
	}
	c := &snn.Conv{Weight: tensor.New(n...), Window: w, Groups: k.Groups}
	for i, x := range sum {
		c.Weight.Data[i] = float32(x)
	}
	return c, nil
}

// pool puts a SumPool2d or AvgPool2d node after spikes.
func (v *linear) pool(n *Node) (*linear, error) {
	if v.through != nil {
		return nil, errTwo
	}
	k := &snn.AveragePool{CountPad: true}
	var err error
	if k.Window.Kernel, err = n.pairField("kernel_size"); err != nil {
		return nil, err
	}
	if k.Window.Stride, err = n.pairField("stride"); err != nil {
		return nil, err
	}
	k.Window.Dilation = [2]int{1, 1}
	if k.Window.Pad, err = n.padField(k.Window); err != nil {
		return nil, err
	}
	if max(k.Window.Kernel[0], k.Window.Kernel[1]) > maxKernel {
		return nil, fmt.Errorf("kernel_size %v is too large", k.Window.Kernel)
	}
	shape, err := k.Out(v.shape)
	if err != nil {
		return nil, err
	}
	k.Scale, k.Scales = v.scales()
	if n.Type == "SumPool2d" {
		k = k.Scaled(float64(k.Window.Kernel[0] * k.Window.Kernel[1])).(*snn.AveragePool)
	}
	return &linear{from: v.from, source: v.shape, shape: shape, through: k}, nil
}
