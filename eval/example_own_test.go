package eval_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/tensor"
)

// bars are images of one's own: a white row or a white column, which is the class.
// They have all methods that the packages ask for.
type bars int

func (b bars) Len() int          { return int(b) }
func (bars) Shape() tensor.Shape { return tensor.Shape{1, 8, 8} }
func (bars) Label(i int) int     { return i % 2 }
func (bars) at(i, r, c int) bool { return i%2 == 0 && r == i/2%8 || i%2 == 1 && c == i/2%8 }
func (b bars) Image(i int, dst []float32) error {
	clear(dst)
	for r := range 8 {
		for c := range 8 {
			if b.at(i, r, c) {
				dst[8*r+c] = 1
			}
		}
	}
	return nil
}

// A network of one's own, without a file, on images of one's own: two filters, one for
// rows and one for columns, and the mean of each.
func ExampleRun() {
	filters := []float32{
		-1, -1, -1, 1, 1, 1, -1, -1, -1,
		-1, 1, -1, -1, 1, -1, -1, 1, -1,
	}
	g := &ann.Graph{
		Name:  "bars",
		Input: ann.Input{Name: "image", Shape: bars(0).Shape()},
		Nodes: []ann.Node{
			{Name: "conv", Inputs: []string{"image"}, Op: &ann.Conv{Weight: tensor.Of(filters, 2, 1, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}},
			{Name: "relu", Inputs: []string{"conv"}, Op: &ann.Relu{}},
			{Name: "pool", Inputs: []string{"relu"}, Op: &ann.GlobalAveragePool{}},
			{Name: "flat", Inputs: []string{"pool"}, Op: &ann.Flatten{}},
			{Name: "classes", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.Of([]float32{1, 0, 0, 1}, 2, 2)}},
		},
		Output: "classes",
	}
	if err := g.InferShapes(); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	s := check(calibrate.Run(ctx, g, bars(16), calibrate.Options{}))
	net := check(convert.Convert(g, s, convert.DefaultOptions()))
	r := check(eval.Run(ctx, g, net, bars(16), eval.Options{Sim: sim.Options{Timesteps: 8}}))
	fmt.Printf("trained: %.0f %%\n", 100*r.TrainedTop1)
	fmt.Printf("spiking: %.0f %% at T = 1, %.0f %% at T = 8\n", 100*r.SpikingTop1[0], 100*r.SpikingTop1[7])
	// Output:
	// trained: 100 %
	// spiking: 50 % at T = 1, 100 % at T = 8
}
