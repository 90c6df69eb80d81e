package convert_test

import (
	"errors"
	"fmt"
	"log"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/tensor"
)

// block is a residual block on one pixel of one channel, without batch norm:
//
//	image -> conv0 -> relu0 -> conv1 -> relu1 -> conv2 -> sum -> relu2 -> classifier
//	                    |                                  |
//	                    +----------------------------------+
func block() *ann.Graph {
	conv := func(w float32) *ann.Conv {
		return &ann.Conv{Weight: tensor.Of([]float32{w}, 1, 1, 1, 1), Bias: []float32{1}, Window: tensor.Square(1, 1, 0), Groups: 1}
	}
	g := &ann.Graph{
		Name:  "block",
		Input: ann.Input{Name: "image", Shape: tensor.Shape{1, 1, 1}},
		Nodes: []ann.Node{
			{Name: "conv0", Inputs: []string{"image"}, Op: conv(2)},
			{Name: "relu0", Inputs: []string{"conv0"}, Op: &ann.Relu{}},
			{Name: "conv1", Inputs: []string{"relu0"}, Op: conv(2)},
			{Name: "relu1", Inputs: []string{"conv1"}, Op: &ann.Relu{}},
			{Name: "conv2", Inputs: []string{"relu1"}, Op: conv(2)},
			{Name: "sum", Inputs: []string{"conv2", "relu0"}, Op: &ann.Add{}},
			{Name: "relu2", Inputs: []string{"sum"}, Op: &ann.Relu{}},
			{Name: "flat", Inputs: []string{"relu2"}, Op: &ann.Flatten{}},
			{Name: "classifier", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.Of([]float32{1, -1}, 2, 1)}},
		},
		Output: "classifier",
	}
	if err := g.InferShapes(); err != nil {
		log.Fatal(err)
	}
	return g
}

// A residual block of the trained network becomes three populations. The sum is
// none of them: both branches are currents into relu2, the shortcut with the
// weight lambda(relu0) / lambda(relu2).
func Example() {
	// As calibrate.Run measures them.
	s := &calibrate.Statistics{Percentile: 99.9, Images: 1000, InputMax: 1, Nodes: []calibrate.NodeStatistics{
		{Node: "relu0", Lambda: 4},
		{Node: "relu1", Lambda: 8},
		{Node: "relu2", Lambda: 16},
		{Node: "classifier", Lambda: 20},
	}}
	net, err := convert.Convert(block(), s, convert.DefaultOptions())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(net)
	// Output:
	// block: input 1x1x1, direct encoding, 5 neurons
	// relu0                        1x1x1      lambda 4         IF threshold 1, V[0] 0.5, reset subtract; conv 1x1 from input
	// relu1                        1x1x1      lambda 8         IF threshold 1, V[0] 0.5, reset subtract; conv 1x1 from relu0
	// relu2                        1x1x1      lambda 16        IF threshold 1, V[0] 0.5, reset subtract; conv 1x1 from relu1 + shortcut x0.25 from relu0
	// classifier                   2x1x1      lambda 20        IF threshold 1, V[0] 0.5, reset subtract; dense from relu2
}

// A network with a convolution that no ReLU follows does not convert.
func ExampleUnsupportedError() {
	g := block()
	g.Node("conv2").Inputs[0] = "conv1"
	_, err := convert.Convert(g, &calibrate.Statistics{}, convert.DefaultOptions())
	var unsupported *convert.UnsupportedError
	if errors.As(err, &unsupported) {
		fmt.Println(unsupported.Node)
		fmt.Println(unsupported.Reason)
	}
	// Output:
	// conv1
	// its result goes into Conv "conv2" without a ReLU, and only a ReLU becomes neurons
}
