package ann

import (
	"fmt"
	"slices"

	"sresnet/tensor"
)

// LeakyRelu is, per channel c,
//
//	y = x where x >= 0, Slope[c] x elsewhere
//
// ONNX's LeakyRelu with one slope for all channels, else its PRelu.
type LeakyRelu struct {
	Slope []float32 // Length C, or 1 for all channels.
}

// Type returns "LeakyRelu", or "PRelu" with a slope for each channel.
func (op *LeakyRelu) Type() string {
	if len(op.Slope) > 1 {
		return "PRelu"
	}
	return "LeakyRelu"
}

// Infer implements [Op].
func (op *LeakyRelu) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("takes one input, not %d", len(in))
	}
	n := 1
	if len(op.Slope) != 1 {
		n = in[0][0]
	}
	if err := checkVector("slope", op.Slope, n, false); err != nil {
		return nil, err
	}
	return slices.Clone(in[0]), nil
}

// Linear implements [Op].
func (*LeakyRelu) Linear() bool { return false }

func (op *LeakyRelu) parameters() int { return len(op.Slope) }

func (op *LeakyRelu) clone() Op { return &LeakyRelu{slices.Clone(op.Slope)} }

// Scale is Factor x. No file has it: conversion makes it of signs and slopes.
type Scale struct {
	Factor float32 // Finite.
}

// Type returns "Mul".
func (*Scale) Type() string { return "Mul" }

// Infer implements [Op].
func (op *Scale) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("takes one input, not %d", len(in))
	}
	if err := tensor.CheckFinite([]float32{op.Factor}); err != nil {
		return nil, fmt.Errorf("factor: %w", err)
	}
	return slices.Clone(in[0]), nil
}

// Linear implements [Op].
func (*Scale) Linear() bool { return true }

func (op *Scale) clone() Op { c := *op; return &c }
