package convert_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/tensor"
)

// images are images in memory.
type images [][]float32

func (im images) Len() int { return len(im) }

func (im images) Image(i int, dst []float32) error {
	copy(dst, im[i])
	return nil
}

// A trained network with one residual block becomes a spiking one. Its sum
// disappears, and the identity shortcut gets the weight lambda(first) /
// lambda(second) = 4 / 8.
func Example() {
	unit := &ann.Conv{Weight: tensor.Of([]float32{1}, 1, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
	g := &ann.Graph{
		Name:  "block",
		Input: ann.Input{Name: "image", Shape: tensor.Shape{1, 2, 2}},
		Nodes: []ann.Node{
			{Name: "conv1", Inputs: []string{"image"}, Op: unit},
			{Name: "first", Inputs: []string{"conv1"}, Op: &ann.Relu{}},
			{Name: "conv2", Inputs: []string{"first"}, Op: unit},
			{Name: "sum", Inputs: []string{"conv2", "first"}, Op: &ann.Add{}},
			{Name: "second", Inputs: []string{"sum"}, Op: &ann.Relu{}},
			{Name: "flat", Inputs: []string{"second"}, Op: &ann.Flatten{}},
			{Name: "classes", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.Of([]float32{1, 0, 0, 0, 0, 0, 0, 1}, 2, 4)}},
		},
		Output: "classes",
	}
	if err := g.InferShapes(); err != nil {
		log.Fatal(err)
	}
	statistics, err := calibrate.Run(context.Background(), g, images{{4, 1, -2, 3}}, calibrate.Options{Percentile: 100})
	if err != nil {
		log.Fatal(err)
	}
	net, err := convert.Convert(g, statistics, convert.DefaultOptions())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(net)
	// Output:
	// block: input 1x2x2, direct encoding, 10 neurons
	// first                        1x2x2      lambda 4         IF threshold 1, V[0] 0.5, reset subtract; conv 1x1 from input
	// second                       1x2x2      lambda 8         IF threshold 1, V[0] 0.5, reset subtract; conv 1x1 from first + shortcut x0.5 from first
	// classes                      2x1x1      lambda 8         IF threshold 1, V[0] 0.5, reset subtract; dense from second
}
