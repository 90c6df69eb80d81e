package sim_test

import (
	"context"
	"fmt"
	"log"
	"math/bits"
	"strings"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/models"
	"sresnet/onnx"
	"sresnet/sim"
	"sresnet/snn"
)

// digits returns the spiking network of the demo and test images for it.
func digits() (*snn.Network, *dataset.Images, error) {
	g, err := onnx.Parse(models.ResNet8MNIST)
	if err != nil {
		return nil, nil, err
	}
	train, err := dataset.OpenImages("mnist", dataset.Train, "mnist", 100)
	if err != nil {
		return nil, nil, err
	}
	s, err := calibrate.Run(context.Background(), g, train, calibrate.Options{})
	if err != nil {
		return nil, nil, err
	}
	net, err := convert.Convert(g, s, convert.DefaultOptions())
	if err != nil {
		return nil, nil, err
	}
	test, err := dataset.OpenImages("mnist", dataset.Test, "mnist", 50)
	return net, test, err
}

// One layer of a converted network, watched while it sees a digit: how many of its
// neurons fire at each timestep, and which channel fires most.
func ExampleEngine() {
	net, images, err := digits()
	if err != nil {
		log.Fatal(err)
	}
	plan, err := sim.Compile(net, sim.Options{Timesteps: 32})
	if err != nil {
		log.Fatal(err)
	}

	layer := 0
	for net.Layers[layer].Name != "block2/relu2/Relu" {
		layer++
	}
	channels, rows, cols := net.Layers[layer].Shape.CHW()
	var perStep [32]int
	perChannel := make([]int, channels)
	e := plan.NewEngine()
	e.Probe = func(s sim.Spikes) {
		if s.Layer != layer {
			return
		}
		for i, word := range s.Bits { // The channels of a position begin with a new word.
			perStep[s.Step] += bits.OnesCount64(word)
			for ; word != 0; word &= word - 1 {
				perChannel[i%s.Words*64+bits.TrailingZeros64(word)]++
			}
		}
	}

	image := make([]float32, images.Shape().Len())
	if err := images.Image(0, image); err != nil {
		log.Fatal(err)
	}
	if _, err := e.Run(context.Background(), image, 0); err != nil {
		log.Fatal(err)
	}

	fmt.Printf("%s: %d channels of %dx%d\n", net.Layers[layer].Name, channels, rows, cols)
	for t := 0; t < 32; t += 4 {
		fmt.Printf("t = %2d: %4d spikes %s\n", t, perStep[t], strings.Repeat("*", perStep[t]/16))
	}
	most := 0
	for c, n := range perChannel {
		if n > perChannel[most] {
			most = c
		}
	}
	fmt.Printf("channel %d fires most, %d times\n", most, perChannel[most])
	// Output:
	// block2/relu2/Relu: 32 channels of 14x14
	// t =  0:  331 spikes ********************
	// t =  4:  296 spikes ******************
	// t =  8:  352 spikes **********************
	// t = 12:  339 spikes *********************
	// t = 16:  466 spikes *****************************
	// t = 20:  371 spikes ***********************
	// t = 24:  419 spikes **************************
	// t = 28:  409 spikes *************************
	// channel 25 fires most, 822 times
}

// A read-out of one's own: the spikes of the first 32 timesteps do not count, as most
// of them come before the layers have settled.
func ExampleRecord() {
	net, images, err := digits()
	if err != nil {
		log.Fatal(err)
	}
	const T, skip = 64, 32
	plan, err := sim.Compile(net, sim.Options{Timesteps: T})
	if err != nil {
		log.Fatal(err)
	}
	e := plan.NewEngine()
	image := make([]float32, images.Shape().Len())
	all, late := 0, 0 // Images classified correctly.
	for i := range images.Len() {
		if err := images.Image(i, image); err != nil {
			log.Fatal(err)
		}
		rec, err := e.Run(context.Background(), image, i)
		if err != nil {
			log.Fatal(err)
		}
		counts, _, _ := rec.At(T - 1)
		early, _, _ := rec.At(skip - 1)
		if eval.Count.Class(counts, nil, nil) == images.Label(i) {
			all++
		}
		for k := range counts {
			counts[k] -= early[k]
		}
		if eval.Count.Class(counts, nil, nil) == images.Label(i) {
			late++
		}
	}
	fmt.Printf("all spikes: %d of %d\n", all, images.Len())
	fmt.Printf("those after t = %d: %d of %d\n", skip, late, images.Len())
	// Output:
	// all spikes: 44 of 50
	// those after t = 32: 49 of 50
}
