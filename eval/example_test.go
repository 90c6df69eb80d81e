package eval_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/models"
	"sresnet/onnx"
	"sresnet/sim"
)

// check stops the program at an error.
func check[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// The whole way, from a trained network to the accuracy of its spiking
// counterpart, on a few images.
func Example() {
	ctx := context.Background()

	// The trained network; onnx.ReadFile("resnet20.onnx") reads a file.
	g := check(onnx.Parse(models.ResNet8MNIST))

	// Images, normalised as they were in training.
	train := check(dataset.OpenImages("mnist", dataset.Train, "mnist", 100))
	test := check(dataset.OpenImages("mnist", dataset.Test, "mnist", 50))

	// Lambda of every layer, then the spiking network.
	s := check(calibrate.Run(ctx, g, train, calibrate.Options{Percentile: 99.9}))
	net := check(convert.Convert(g, s, convert.DefaultOptions()))

	// Both networks on the test images, one simulation for every T up to 128.
	r := check(eval.Run(ctx, g, net, test, eval.Options{Sim: sim.Options{Timesteps: 128}}))
	fmt.Printf("trained: %.0f %%\n", 100*r.TrainedTop1)
	for _, T := range []int{32, 64, 128} {
		fmt.Printf("spiking, T = %d: %.0f %%\n", T, 100*r.SpikingTop1[T-1])
	}
	// Output:
	// trained: 100 %
	// spiking, T = 32: 68 %
	// spiking, T = 64: 88 %
	// spiking, T = 128: 100 %
}
