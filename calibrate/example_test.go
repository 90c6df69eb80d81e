package calibrate_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/tensor"
)

// ramp is 1,000 images of one pixel each: -200, -199, ... 799.
type ramp struct{}

func (ramp) Len() int { return 1000 }

func (ramp) Image(i int, dst []float32) error {
	dst[0] = float32(i - 200)
	return nil
}

// A network of one rectifier, whose activations are 0 on 201 images, then
// 1, 2, ... 799.
func Example() {
	g := &ann.Graph{
		Input:  ann.Input{Name: "image", Shape: tensor.Shape{1}},
		Nodes:  []ann.Node{{Name: "relu", Inputs: []string{"image"}, Op: &ann.Relu{}}},
		Output: "relu",
	}
	if err := g.InferShapes(); err != nil {
		log.Fatal(err)
	}
	for _, p := range []float64{50, 99.9, 100} {
		s, err := calibrate.Run(context.Background(), g, ramp{}, calibrate.Options{Percentile: p})
		if err != nil {
			log.Fatal(err)
		}
		n := s.Node("relu")
		fmt.Printf("percentile %v: lambda %v (number %d of %d, %d of them zero)\n", p, n.Lambda, calibrate.Rank(p, n.Count), n.Count, n.Zeros)
	}
	// Output:
	// percentile 50: lambda 299 (number 500 of 1000, 201 of them zero)
	// percentile 99.9: lambda 798 (number 999 of 1000, 201 of them zero)
	// percentile 100: lambda 799 (number 1000 of 1000, 201 of them zero)
}
