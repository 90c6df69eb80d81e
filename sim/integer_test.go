package sim

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"sresnet/internal/spiking"
	"sresnet/snn"
)

// TestWhole holds what makes an integer network one: every potential that occurs is a whole
// number, and within what the network says its potentials can reach.
func TestWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") }
		real := spiking.Scheduled(choose, rnd)
		T := 1 + choose(20)
		net := spiking.Integers(func(n int) int { return choose(n) * min(n-3, 1) }, real, T)
		if !net.Integer() {
			rt.Fatal("the network is no integer one")
		}
		most := float64(net.Saturates())
		for i, reach := range net.Reaches(T) {
			for c, v := range reach {
				if net.Schedule == snn.Phased && net.StateBits == 0 && v > most {
					rt.Fatalf("layer %q, channel %d: potentials reach %v", net.Layers[i].Name, c, v)
				}
			}
		}
		for i := range net.Layers {
			if l := &net.Layers[i]; !l.IsGate() {
				for c := range l.Shape[0] {
					v, want := float64(l.Neuron.VInitOf(c)), float64(real.Layers[i].Neuron.VInitOf(c)/real.Layers[i].Neuron.ThresholdOf(c))*float64(l.Neuron.ThresholdOf(c))
					if math.Abs(v-want) > 4 {
						rt.Fatalf("layer %q, channel %d: V[0] is %v units in place of %v", l.Name, c, v, want)
					}
				}
			}
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
		if _, err := e.Run(rt.Context(), spiking.Frames(net.Input.Shape, 1, rnd), 3); err != nil {
			rt.Fatal(err)
		}
	})
}
