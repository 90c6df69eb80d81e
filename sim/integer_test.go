package sim

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"sresnet/snn"
)

// integers makes an integer network of one network in three, for T timesteps. Where a channel
// cannot be told in so few bits it has more.
func integers(choose func(n int) int, net *snn.Network, T int) *snn.Network {
	if choose(3) > 0 {
		return net
	}
	for i := range net.Layers {
		net.Layers[i].Neuron.Model = nil
	}
	for bits := snn.MinBits + choose(snn.MaxBits-1); ; bits++ {
		q, err := net.Quantised(snn.Integers{Bits: bits, Timesteps: T, InputMax: 2})
		if err == nil || bits == snn.MaxBits {
			if err != nil {
				panic(err)
			}
			return q
		}
	}
}

// TestWhole holds what makes an integer network one: every potential that occurs is a whole
// number, and within what the network says its potentials can reach.
func TestWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") }
		net := randomScheduled(choose, rnd)
		T := 1 + choose(20)
		net = integers(func(n int) int { return choose(n) * min(n-3, 1) }, net, T)
		if !net.Integer() {
			rt.Fatal("the network is no integer one")
		}
		most, _, _ := net.Reach(T)
		if most >= snn.MaxPotential {
			rt.Fatalf("potentials reach %v", most)
		}
		p, err := Compile(net, Options{Timesteps: T, Marks: []int{T}})
		if err != nil {
			rt.Fatal(err)
		}
		e := p.NewEngine()
		e.Potentials = func(p Potentials) {
			for _, v := range p.V {
				if float64(v) != math.Round(float64(v)) || math.Abs(float64(v)) > most {
					rt.Errorf("a potential of layer %q is %v, no whole number up to %v", net.Layers[p.Layer].Name, v, most)
				}
			}
		}
		if _, err := e.Run(rt.Context(), randomFrames(net.Input.Shape, 1, rnd), 3); err != nil {
			rt.Fatal(err)
		}
	})
}
