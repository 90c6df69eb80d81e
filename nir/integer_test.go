package nir

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"sresnet/snn"
)

// TestIntegersComeBack holds that integer networks of every kind of layer are the same when
// they are read again, and that nodes hold whole numbers.
func TestIntegersComeBack(t *testing.T) {
	tried := 0
	for seed := range uint64(60) {
		net := randomNetwork(seed)
		for i := range net.Layers {
			n := &net.Layers[i].Neuron
			n.Model, n.Gain, n.Offset = nil, 0, 0
		}
		if seed%3 == 0 {
			net.Schedule = snn.Phased
			for i := range net.Layers {
				net.Layers[i].Neuron.Reset = snn.ResetSubtract
			}
		}
		net, err := net.Quantised(snn.Integers{Bits: 4 + int(seed%13), StateBits: []int{0, 16, 24}[seed%3], Timesteps: 9, InputMax: 3})
		if err != nil {
			continue // Not in so few bits.
		}
		tried++
		g, warnings, err := FromNetwork(net, Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		told := false
		for _, w := range warnings {
			told = told || w == warnWhole
		}
		if !told {
			t.Errorf("seed %d: nobody is told that pixels are rounded: %q", seed, warnings)
		}
		again, err := g.Network()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if again.Bits != net.Bits || again.StateBits != net.StateBits || !reflect.DeepEqual(again.Input, net.Input) {
			t.Errorf("seed %d: %d bits, %d of potentials, input %+v; want %d, %d, %+v", seed, again.Bits, again.StateBits, again.Input, net.Bits, net.StateBits, net.Input)
		}
		for i := range net.Layers {
			a, b := net.Layers[i], again.Layers[i]
			if len(a.Bias) == 0 && len(b.Bias) == 0 {
				a.Bias, b.Bias = nil, nil
			}
			if !reflect.DeepEqual(a, b) {
				t.Errorf("seed %d: layer %+v came back as %+v", seed, a, b)
			}
		}
		for _, n := range g.Nodes {
			for _, key := range []string{"weight", "bias", "v_threshold"} {
				x, err := n.Data.Arrays[key].Float32s()
				if err != nil { // It has none.
					continue
				}
				for _, v := range x {
					if float64(v) != math.Round(float64(v)) && !isPool(net, n.Name) {
						t.Fatalf("seed %d: node %q has %s %v, no whole number", seed, n.Name, key, v)
					}
				}
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d of 60 networks had so few bits", tried)
	}
}

// isPool reports whether a node is of a layer with a pool: weights of a mean are a share, and
// what stands for a gate fires at a half.
func isPool(net *snn.Network, node string) bool {
	for i := range net.Layers {
		for _, s := range net.Layers[i].Synapses {
			if snn.IsPool(s.Connection) && strings.Contains(node, strings.Trim(strings.NewReplacer("/", "_", ".", "_").Replace(net.Layers[i].Name), "_")) {
				return true
			}
		}
	}
	return false
}
