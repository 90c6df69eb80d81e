package experiment_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/experiment"
)

// A preset is a start: a phased network, calibrated for 8 timesteps per window.
func ExampleOptions_Begin() {
	o := experiment.DefaultOptions()
	o.Model, o.Data = "../models/resnet8_mnist.onnx", "mnist"
	o.CalibrationImages, o.Images = 100, 50
	if err := o.Begin("few-steps"); err != nil {
		log.Fatal(err)
	}
	o.Timesteps = 8
	e, err := experiment.Open(context.Background(), o)
	if err != nil {
		log.Fatal(err)
	}
	r, err := e.Evaluate(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Timing())
	fmt.Printf("trained %.0f %%, spiking %.0f %%\n", 100*r.TrainedTop1, 100*r.Final())
	// Output:
	// phased, rate coding, T = 8 per window, latency 72 timesteps
	// trained 100 %, spiking 100 %
}
