// Package nir reads and writes NIR files, the exchange format of spiking neural
// networks [pedersen2024], and turns spiking networks into NIR graphs and back.
//
// A [Graph] is the file in memory, with nodes of any kind: named nodes with named
// arrays, edges between them, metadata. [ReadFile] and [WriteFile] keep all of it,
// nodes of types that NIR does not know included. [FromNetwork] and [Graph.Network]
// stand between graphs and an snn.Network. This package runs nothing and knows
// nothing of trained networks and images.
//
// # Shapes
//
// Arrays are row-major, without batch or time. Parameters of a population have the
// shape of the population, (C, H, W) or (N).
//
// References:
//
//	[pedersen2024]  Jens E. Pedersen et al. Neuromorphic intermediate representation:
//	                A unified instruction set for interoperable brain-inspired
//	                computing. Nature Communications 15:8122. 2024.
package nir

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"sresnet/tensor"
)

// Graph is a set of nodes and the edges between them.
type Graph struct {
	Version  string // Of the NIR package that the format is; empty if the file does not say. Of the root only.
	Nodes    []*Node
	Edges    []Edge
	Data     Tree  // What else the file has beside nodes and edges; usually empty.
	Metadata *Tree // Nil for none.
}

// Edge carries the output of a node into another. Several edges into one node
// mean the sum of what they carry.
type Edge struct{ From, To string }

// Node is a part of a network: one of the [Primitives], or anything else.
type Node struct {
	Name, Type string
	Data       Tree   // The parameters, under the names that NIR gives them.
	Graph      *Graph // Of a NIRGraph; nil for other types. Data and Metadata are then those of the graph.
	Metadata   *Tree  // Nil for none.
}

// Tree is named arrays and named trees: a group of the file.
type Tree struct {
	Arrays map[string]Array
	Trees  map[string]*Tree
}

// Array is an array of a file.
type Array struct {
	Shape []int // Nil for a scalar.

	// Data has the elements: []float32, []float64, []int64, []uint64, []bool or
	// []string. Narrower numbers of a file are widened to the first that holds them.
	Data any
}

// Primitives maps the types of nodes that NIR defines to the arrays that each must
// have. v_reset and w_in may be missing.
var Primitives = map[string][]string{
	"Affine":    {"weight", "bias"},
	"AvgPool2d": {"kernel_size", "stride", "padding"},
	"Conv1d":    {"input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"},
	"Conv2d":    {"input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"},
	"CubaLI":    {"tau_syn", "tau_mem", "r", "v_leak"},
	"CubaLIF":   {"tau_syn", "tau_mem", "r", "v_leak", "v_threshold"},
	"Delay":     {"delay"},
	"Flatten":   {"start_dim", "end_dim", "input_type"},
	"I":         {"r"},
	"IF":        {"r", "v_threshold"},
	"Input":     {"shape"},
	"LI":        {"tau", "r", "v_leak"},
	"LIF":       {"tau", "r", "v_leak", "v_threshold"},
	"Linear":    {"weight"},
	"NIRGraph":  {},
	"Output":    {"shape"},
	"Scale":     {"scale"},
	"SumPool2d": {"kernel_size", "stride", "padding"},
	"Threshold": {"threshold"},
}

// Floats returns an array of float32.
func Floats(x []float32, shape ...int) Array { return Array{Shape: shape, Data: x} }

// Ints returns a vector of integers.
func Ints(x ...int) Array {
	wide := make([]int64, len(x))
	for i := range x {
		wide[i] = int64(x[i])
	}
	return Array{Shape: []int{len(x)}, Data: wide}
}

// Int returns a scalar.
func Int(x int) Array { return Array{Data: []int64{int64(x)}} }

// Text returns a scalar string.
func Text(s string) Array { return Array{Data: []string{s}} }

// Len returns the number of elements.
func (a Array) Len() int {
	switch x := a.Data.(type) {
	case []float32:
		return len(x)
	case []float64:
		return len(x)
	case []int64:
		return len(x)
	case []uint64:
		return len(x)
	case []bool:
		return len(x)
	case []string:
		return len(x)
	}
	return 0
}

// Float32s returns the elements as float32, rounded where they have to be. It
// shares them with the array if that holds float32.
func (a Array) Float32s() ([]float32, error) {
	switch x := a.Data.(type) {
	case []float32:
		return x, nil
	case []float64:
		return cast[float32](x), nil
	case []int64:
		return cast[float32](x), nil
	case []uint64:
		return cast[float32](x), nil
	}
	return nil, fmt.Errorf("%s where numbers are wanted", a.Kind())
}

func cast[T, S float32 | float64 | int64 | uint64](x []S) []T {
	y := make([]T, len(x))
	for i := range x {
		y[i] = T(x[i])
	}
	return y
}

// Ints returns the elements as integers; all must be whole and fit an int32,
// which sizes and strides do.
func (a Array) Ints() ([]int, error) {
	var wide []float64
	switch x := a.Data.(type) {
	case []float32:
		wide = cast[float64](x)
	case []float64:
		wide = x
	case []int64:
		wide = cast[float64](x)
	case []uint64:
		wide = cast[float64](x)
	default:
		return nil, fmt.Errorf("%s where integers are wanted", a.Kind())
	}
	list := make([]int, len(wide))
	for i, v := range wide {
		if v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 { // Also rejects NaN.
			return nil, fmt.Errorf("%v where a size is wanted", v)
		}
		list[i] = int(v)
	}
	return list, nil
}

// Text returns the only element of an array of strings.
func (a Array) Text() (string, error) {
	if x, ok := a.Data.([]string); ok && len(x) == 1 {
		return x[0], nil
	}
	return "", fmt.Errorf("%s of shape %v where one string is wanted", a.Kind(), tensor.Shape(a.Shape))
}

// Float64 returns the only element of an array of floats.
func (a Array) Float64() (float64, error) {
	switch x := a.Data.(type) {
	case []float32:
		if len(x) == 1 {
			return float64(x[0]), nil
		}
	case []float64:
		if len(x) == 1 {
			return x[0], nil
		}
	}
	return 0, fmt.Errorf("%s of shape %v where one float is wanted", a.Kind(), tensor.Shape(a.Shape))
}

// Kind is the type of the elements: "float32", "string" and so on.
func (a Array) Kind() string {
	if a.Data == nil {
		return "nothing"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", a.Data), "[]")
}

// check returns an error unless the array has as many elements as its shape says.
func (a Array) check() error {
	n := 1
	for _, d := range a.Shape {
		if d < 0 || d > 0 && n > tensor.MaxLen/d {
			return fmt.Errorf("shape %v is impossible", a.Shape)
		}
		n *= d
	}
	if a.Data == nil || a.Len() != n {
		return fmt.Errorf("%d elements of %s for shape %v", a.Len(), a.Kind(), a.Shape)
	}
	return nil
}

// Set gives the tree an array.
func (t *Tree) Set(name string, a Array) {
	if t.Arrays == nil {
		t.Arrays = make(map[string]Array)
	}
	t.Arrays[name] = a
}

// SetTree gives the tree a tree.
func (t *Tree) SetTree(name string, sub *Tree) {
	if t.Trees == nil {
		t.Trees = make(map[string]*Tree)
	}
	t.Trees[name] = sub
}

// Text returns the string of that name, or "" if there is none; t may be nil.
func (t *Tree) Text(name string) string {
	if t == nil {
		return ""
	}
	s, _ := t.Arrays[name].Text()
	return s
}

// Empty reports whether there is nothing in the tree.
func (t *Tree) Empty() bool { return t == nil || len(t.Arrays) == 0 && len(t.Trees) == 0 }

// Node returns the node of that name, nil if there is none.
func (g *Graph) Node(name string) *Node {
	for _, n := range g.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// elements returns the number of elements of all parameters of the graph's nodes.
func (g *Graph) elements() (n int) {
	for _, node := range g.Nodes {
		for _, a := range node.Data.Arrays {
			n += a.Len()
		}
	}
	return n
}

// bytes returns what the arrays of the graph take in memory.
func (g *Graph) bytes() int64 {
	n := g.Data.bytes() + g.Metadata.bytes()
	for _, node := range g.Nodes {
		n += node.Data.bytes() + node.Metadata.bytes()
		if node.Graph != nil {
			n += node.Graph.bytes()
		}
	}
	return n
}

func (t *Tree) bytes() (n int64) {
	if t == nil {
		return 0
	}
	for _, a := range t.Arrays {
		width := 8
		switch a.Data.(type) {
		case []float32:
			width = 4
		case []string:
			width = 16
		}
		n += int64(width) * int64(a.Len())
	}
	for _, sub := range t.Trees {
		n += sub.bytes()
	}
	return n
}

// Known reports whether the type of the node is one that NIR defines.
func (n *Node) Known() bool { _, ok := Primitives[n.Type]; return ok }

// Check returns all that is wrong with the graph as NIR, one sentence each: edges
// that name no node, nodes of types that NIR does not know, missing parameters.
// Such a graph is still read and written.
func (g *Graph) Check() []string { return g.check("") }

func (g *Graph) check(prefix string) []string {
	var bad []string
	names := make(map[string]bool)
	for _, n := range g.Nodes {
		names[n.Name] = true
		path := prefix + n.Name
		if !n.Known() {
			bad = append(bad, fmt.Sprintf("node %q is of type %q, which NIR does not know", path, n.Type))
		}
		for _, f := range Primitives[n.Type] {
			if _, ok := n.Data.Arrays[f]; !ok {
				bad = append(bad, fmt.Sprintf("node %q (%s) has no %s", path, n.Type, f))
			}
		}
		if n.Graph != nil {
			bad = append(bad, n.Graph.check(path+"/")...)
		}
	}
	for _, e := range g.Edges {
		for _, end := range []string{e.From, e.To} {
			if !names[end] {
				bad = append(bad, fmt.Sprintf("edge %q to %q: there is no node %q", prefix+e.From, prefix+e.To, prefix+end))
			}
		}
	}
	return bad
}

// sorted returns the keys of m in order of bytes.
func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
