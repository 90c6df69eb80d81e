package record

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"sresnet/internal/hint"
	"sresnet/snn"
)

// LayerError is a pattern that no layer matches.
type LayerError struct {
	Network string
	Pattern string
}

// Error says that the network has no such layer; the pattern is known to who gave it.
func (e *LayerError) Error() string { return e.Network + " has no such layer" }

// Choose returns the populations of net that patterns name, by their layers' names or by
// nodes, the names that they have in files; "all" is all, * stands for anything. Max-pool
// gates have spikes alone: where no spikes are observed a pattern passes over them, but to
// name one, or nothing else, is an error. A pattern that nothing matches is a
// [*LayerError].
func Choose(net *snn.Network, nodes, patterns []string, observables []Observable) ([]Population, error) {
	chosen := make([]bool, len(nodes))
	for _, pattern := range patterns {
		found := false
		for i, node := range nodes {
			l := &net.Layers[i]
			if !matches(pattern, l.Name, node) {
				continue
			}
			found = true
			switch {
			case !l.IsGate() || slices.Contains(observables, Spikes):
				chosen[i] = true
			case pattern == l.Name || pattern == node:
				return nil, hint.Error(fmt.Errorf("layer %s: a max-pool gate has spikes and no %s", pattern, words(observables)), "leave it out, or record its spikes, too: {what}")
			}
		}
		if !found {
			return nil, &LayerError{net.Name, pattern}
		}
	}
	var list []Population
	for i, node := range nodes {
		if chosen[i] {
			list = append(list, Population{Layer: i, Name: node})
		}
	}
	if list == nil {
		return nil, hint.Error(errors.New("only max-pool gates are chosen, which have nothing but spikes"), "record spikes, too: {what}")
	}
	return list, nil
}

// matches reports whether a pattern names a layer, or the node that it is in files. What
// is no pattern matches nothing.
func matches(pattern, layer, node string) bool {
	if pattern == "all" || pattern == layer {
		return true
	}
	for _, name := range []string{node, strings.ReplaceAll(layer, "/", "_")} {
		if ok, _ := path.Match(strings.ReplaceAll(pattern, "/", "_"), name); ok {
			return true
		}
	}
	return false
}

// words lists observables: "potentials and currents".
func words(observables []Observable) string {
	var list []string
	for _, o := range observables {
		list = append(list, o.String())
	}
	return strings.Join(list, " and ")
}
