package onnx

import (
	"math"

	"sresnet/ann"
)

func (im *importer) relu(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	return im.elementwise(n, &ann.Relu{}, e)
}

// clip translates Clip, whose bounds are attributes up to operator set 10 and
// inputs from 11 on.
func (im *importer) clip(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	least, err := bound(n, in, "min", 1, -math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	most, err := bound(n, in, "max", 2, math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	if least < 0 && im.nonNegative(e.node) { // As old exporters write ReLU6: Relu, then Clip from above.
		least = 0
		if most >= math.MaxFloat32 {
			return e, nil
		}
	}
	open := most >= math.MaxFloat32 // Infinity, or the largest number.
	switch {
	case least <= -math.MaxFloat32 && open:
		return e, nil
	case least != 0:
		return nil, unsupported("clips below at %v; only Clip from 0 has a spiking counterpart", least)
	case open:
		return im.elementwise(n, &ann.Relu{}, e)
	case !(most > 0):
		return nil, unsupported("clips above at %v, which must be positive", most)
	}
	return im.elementwise(n, &ann.Clip{Max: most}, e)
}

func bound(n *node, in []*edge, name string, i int, def float32) (float32, error) {
	v, err := optional(in, i, name)
	if err != nil {
		return 0, err
	}
	if v != nil {
		return v.scalar()
	}
	return n.float(name, def)
}

// nonNegative reports whether a node's output is known to be.
func (im *importer) nonNegative(name string) bool {
	_, ok := im.ops[name].(ann.Rectifier)
	return ok
}
