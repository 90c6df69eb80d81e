package experiment

import (
	"fmt"
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/dataset"
	"sresnet/snn"
	"sresnet/tensor"
)

// A network may take a vector, Nx784, that its owner made of images before. It is then
// given images that have as many pixels: channels, rows and columns in that order, or where
// the model's option input says rows, columns and channels, in that one.

// takesVector reports whether a network takes a vector rather than an image.
func takesVector(g *ann.Graph) bool { return len(g.Input.Shape) == 1 }

// readVector reads a network that takes a vector as one that takes images of shape; the
// model's option input may name that shape with channels last.
func (m *modelSpec) readVector(g *ann.Graph, shape tensor.Shape) (*ann.Graph, error) {
	if len(m.input) == 3 && m.input.Len() == g.Input.Shape.Len() {
		pixel := func(channels int) bool { return channels == 1 || channels == 3 }
		switch h, w, c := m.input[0], m.input[1], m.input[2]; {
		case shape == nil && pixel(c) && !pixel(h):
			return asImages(g, tensor.Shape{c, h, w}, true)
		case shape == nil || m.input.Equal(shape):
			shape = m.input
		case lastChannels(shape).Equal(m.input):
			return asImages(g, shape, true)
		default:
			return g, nil // Which does not fit the images.
		}
	}
	if shape == nil || shape.Len() != g.Input.Shape.Len() {
		return g, nil
	}
	m.vector = m.input == nil && shape[0] > 1
	return asImages(g, shape, false)
}

// lastChannels returns (H, W, C) of (C, H, W).
func lastChannels(s tensor.Shape) tensor.Shape { return tensor.Shape{s[1], s[2], s[0]} }

// asImages returns g, which takes a vector, with images of that shape as its input. If the
// vector has the channels of a pixel side by side, the columns of the weights are put into
// the order of the image.
func asImages(g *ann.Graph, shape tensor.Shape, last bool) (*ann.Graph, error) {
	g = g.Clone()
	flat := ann.Node{Name: unusedName(g, g.Input.Name+"/flat"), Inputs: []string{g.Input.Name}, Op: &ann.Flatten{}}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for j, in := range n.Inputs {
			if in != g.Input.Name {
				continue
			}
			n.Inputs[j] = flat.Name
			if op, ok := n.Op.(*ann.Gemm); ok && last {
				op.Weight = permuted(op.Weight, shape)
			} else if last {
				return nil, bad("model", "", fmt.Errorf("input=%s: node %q, a %s, takes the vector, so that it stays in its order", lastChannels(shape), n.Name, n.Type()), "give the images in that order")
			}
		}
	}
	if g.Output == g.Input.Name {
		g.Output = flat.Name
	}
	g.Input.Shape, g.Nodes = slices.Clone(shape), append([]ann.Node{flat}, g.Nodes...)
	return g, g.InferShapes()
}

// permuted returns weights (out, in) for vectors of rows, columns, channels as weights for
// channels, rows, columns.
func permuted(w *tensor.Tensor, shape tensor.Shape) *tensor.Tensor {
	c, h, wd := shape.CHW()
	v := tensor.New(w.Shape...)
	for o := range w.Shape[0] {
		from, to := w.Data[o*c*h*wd:][:c*h*wd], v.Data[o*c*h*wd:][:c*h*wd]
		for i := range c {
			for p := range h * wd {
				to[i*h*wd+p] = from[p*c+i]
			}
		}
	}
	return v
}

func unusedName(g *ann.Graph, name string) string {
	for g.Node(name) != nil {
		name += "_"
	}
	return name
}

// squareImages returns the shape of square images, grey or of three colours, that have n
// pixels; nil if there is none. Of image files the network alone says how large they become.
func squareImages(n int) tensor.Shape {
	for _, c := range []int{1, 3} {
		if side := int(math.Sqrt(float64(n / c))); c*side*side == n {
			return tensor.Shape{c, side, side}
		}
	}
	return nil
}

// imagesFor is the same for a spiking network, all of whose synapses from the input must
// then be fully connected.
func imagesFor(net *snn.Network, d *dataset.Dataset) *snn.Network {
	in := net.Input.Shape
	shape := d.Shape()
	if d.Resizable() {
		shape = squareImages(in.Len())
	}
	if in.Equal(shape) || in[1] != 1 || in[2] != 1 || shape == nil || shape.Len() != in.Len() {
		return net
	}
	for i := range net.Layers {
		for _, s := range net.Layers[i].Synapses {
			if _, dense := s.Connection.(*snn.Dense); s.From == snn.FromInput && !dense {
				return net
			}
		}
	}
	of := *net
	of.Input.Shape = shape
	return &of
}
