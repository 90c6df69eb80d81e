package onnx

import (
	"slices"
	"strings"
)

// Operator is an operator that is read, and in which places of a network.
type Operator struct {
	Name        string
	Activations bool // It computes an activation from others, in some form at least.
	Constants   bool // It is computed from constants and shapes.
	End         bool // It is dropped at the end of the network, where it decides nothing.
}

// Operators returns all operators that are read, by name.
func Operators() []Operator {
	all := map[string]*Operator{}
	at := func(name string) *Operator {
		if all[name] == nil {
			all[name] = &Operator{Name: name}
		}
		return all[name]
	}
	for name := range translations {
		at(name).Activations = true
	}
	for name := range folds {
		at(name).Constants = true
	}
	for name := range monotone {
		at(name).End = true
	}
	for _, name := range []string{"Log", "ArgMax", "TopK", "Elu", "Selu", "Celu", "Sub", "Div", "Clip", "QuantizeLinear", "DequantizeLinear"} { // See trim.
		at(name).End = true
	}
	var list []Operator
	for _, o := range all {
		list = append(list, *o)
	}
	slices.SortFunc(list, func(a, b Operator) int { return strings.Compare(a.Name, b.Name) })
	return list
}
