package sim_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// A probe sees every spike. Here one neuron per pixel, with threshold 1 and
// V[0] 0.5, takes the pixel as a constant current: it fires at the rate of the
// pixel.
func ExampleProbe() {
	net := &snn.Network{
		Name:  "three pixels",
		Input: snn.Input{Shape: tensor.Shape{3, 1, 1}},
		Layers: []snn.Layer{{
			Name:     "neurons",
			Shape:    tensor.Shape{3, 1, 1},
			Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: tensor.Of([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3)}}},
			Neuron:   snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}},
			Charge:   1,
			Lambda:   1,
		}},
	}
	const T = 16
	plan, err := sim.Compile(net, sim.Options{Timesteps: T})
	if err != nil {
		log.Fatal(err)
	}
	var raster [3][T]byte
	e := plan.NewEngine()
	e.Probe = func(s sim.Spikes) {
		for c := range raster {
			raster[c][s.Step] = ".|"[s.Bits[0]>>c&1]
		}
	}
	pixels := []float32{0.125, 0.5, 0.75}
	rec, err := e.Run(context.Background(), pixels, 0)
	if err != nil {
		log.Fatal(err)
	}
	for c, x := range pixels {
		fmt.Printf("%5.3f %s %2d spikes\n", x, raster[c][:], rec.Counts[(T-1)*rec.Classes+c])
	}
	// Output:
	// 0.125 ...|.......|....  2 spikes
	// 0.500 |.|.|.|.|.|.|.|.  8 spikes
	// 0.750 ||.|||.|||.|||.| 12 spikes
}
