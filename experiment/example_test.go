package experiment_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/experiment"
)

// The whole way: from files to accuracies of the trained and the spiking network.
func Example() {
	o := experiment.DefaultOptions()
	o.Model, o.Data = "../models/resnet8_mnist.onnx", "mnist"
	o.CalibrationImages, o.Images, o.Timesteps = 100, 50, 128
	e, err := experiment.Open(context.Background(), o)
	if err != nil {
		log.Fatal(err)
	}
	r, err := e.Evaluate(context.Background())
	if err != nil {
		log.Fatal(err)
	}
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
