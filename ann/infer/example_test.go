package infer_test

import (
	"fmt"
	"log"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/tensor"
)

// A network of one convolution, which takes the difference of neighbouring
// pixels, and a rectifier.
func Example() {
	g := &ann.Graph{
		Input: ann.Input{Name: "image", Shape: tensor.Shape{1, 1, 4}},
		Nodes: []ann.Node{
			{Name: "edge", Inputs: []string{"image"}, Op: &ann.Conv{
				Weight: tensor.Of([]float32{-1, 1}, 1, 1, 1, 2),
				Window: tensor.Window{Kernel: [2]int{1, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}},
				Groups: 1,
			}},
			{Name: "relu", Inputs: []string{"edge"}, Op: &ann.Relu{}},
		},
		Output: "relu",
	}
	if err := g.InferShapes(); err != nil {
		log.Fatal(err)
	}
	m, err := infer.New(g)
	if err != nil {
		log.Fatal(err)
	}
	r := m.NewRunner()
	y, err := r.Run([]float32{1, 3, 2, 6})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Activation("edge"), "->", y)
	// Output: [2 -1 4] -> [2 0 4]
}
