package record_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"sresnet/record"
	"sresnet/snn"
	"sresnet/tensor"
)

// pixels are two images of three pixels.
type pixels [][3]float32

func (p pixels) Len() int                         { return len(p) }
func (p pixels) Image(i int, dst []float32) error { copy(dst, p[i][:]); return nil }

// Spikes and potentials of one neuron a pixel, which takes the pixel as a constant
// current, in a file that h5py and the nir package read:
//
//	h5py.File("rec.h5")["nodes/neurons/observables/spikes/data"][:]
func ExampleWrite() {
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
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	r, err := record.Write(context.Background(), filepath.Join(dir, "rec.h5"), net, pixels{{0.125, 0.5, 0.75}, {1, 0, 0}}, record.Options{
		Format:      record.NIRData,
		Populations: []record.Population{{Layer: 0, Name: "neurons"}},
		Observables: []record.Observable{record.Spikes, record.Potentials},
		Timesteps:   16,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d images, %d timesteps, %d spikes in %d bytes of arrays\n", r.Images, r.Timesteps, r.Spikes[0], r.Bytes)
	// Output:
	// 2 images, 16 timesteps, 38 spikes in 480 bytes of arrays
}
