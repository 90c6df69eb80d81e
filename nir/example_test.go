package nir_test

import (
	"fmt"
	"os"
	"path/filepath"

	"sresnet/nir"
	"sresnet/snn"
	"sresnet/tensor"
)

// A network goes into a file and comes back.
func Example() {
	net := &snn.Network{Name: "tiny", Input: snn.Input{Shape: tensor.Shape{2, 1, 1}}, Layers: []snn.Layer{{
		Name: "fc", Shape: tensor.Shape{3, 1, 1}, Charge: 1, Lambda: 1,
		Neuron:   snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}},
		Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2)}}},
	}}}
	g, warnings, err := nir.FromNetwork(net, nir.Generic, nir.Info{Readout: "count"})
	if err != nil {
		panic(err)
	}
	for _, w := range warnings {
		fmt.Println("warning:", w)
	}

	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "tiny.nir")
	if err := nir.WriteFile(name, g); err != nil {
		panic(err)
	}
	if g, err = nir.ReadFile(name); err != nil {
		panic(err)
	}
	for _, n := range g.Nodes {
		fmt.Println(n.Name, n.Type, n.Shape())
	}
	again, err := g.Network()
	if err != nil {
		panic(err)
	}
	fmt.Print(again)
	// Output:
	// warning: neurons reset by subtraction, which NIR cannot say: readers that reset to zero lose charge with every spike
	// warning: neurons begin with a potential above 0, which NIR cannot say: readers begin at 0
	// warning: neurons fire when the potential reaches the threshold (>=), those of NIR when it is above (>)
	// fc IF [3]
	// fc_affine Affine [3]
	// fc_flatten Flatten [2]
	// input Input [2 1 1]
	// output Output [3]
	// tiny: input 2x1x1, direct encoding, 3 neurons
	// fc                           3x1x1      lambda 1         IF threshold 1, V[0] 0.5, reset subtract; dense from input
}

// A network goes into a file for one tool.
func ExampleProfileNamed() {
	in := tensor.Shape{1, 2, 2}
	layer := func(name string, s tensor.Shape, from int, k snn.Connection) snn.Layer {
		return snn.Layer{
			Name: name, Shape: s, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}},
			Synapses: []snn.Synapse{{From: from, Connection: k}},
		}
	}
	net := &snn.Network{Name: "tiny", Input: snn.Input{Shape: in}, Layers: []snn.Layer{
		layer("relu", in, snn.FromInput, &snn.Conv{Groups: 1, Window: tensor.Square(1, 1, 0), Weight: tensor.Of([]float32{2}, 1, 1, 1, 1)}),
		layer("pool", tensor.Shape{1, 1, 1}, 0, &snn.AveragePool{Window: tensor.Square(2, 2, 0), Scale: 1}),
	}}
	p, err := nir.ProfileNamed("sinabs") // Which has sums, but no averages.
	if err != nil {
		panic(err)
	}
	g, warnings, err := nir.FromNetwork(net, p, nir.Info{})
	if err != nil {
		panic(err)
	}
	for _, n := range g.Nodes {
		fmt.Println(n.Name, n.Type)
	}
	fmt.Println("threshold behind the sum of four:", g.Node("pool").Data.Arrays["v_threshold"].Data)
	fmt.Println(warnings[0])
	// Output:
	// input Input
	// relu_conv Conv2d
	// relu IF
	// pool_pool SumPool2d
	// pool IF
	// output Output
	// threshold behind the sum of four: [4]
	// Sinabs, Speck: IF becomes IAFSqueeze: subtracts its threshold, fires several times per timestep if it can, goes no lower than minus its threshold, unless set up otherwise; r and v_reset are ignored
}
