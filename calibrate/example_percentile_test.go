package calibrate_test

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

// One network for each of some percentiles: a lower one clips more activations, and
// lets the neurons fire faster. To report an accuracy after such a choice, take images
// that have not made it.
func ExampleRun() {
	ctx := context.Background()
	g, err := onnx.Parse(models.ResNet8MNIST)
	if err != nil {
		log.Fatal(err)
	}
	train, err := dataset.OpenImages("mnist", dataset.Train, "mnist", 100)
	if err != nil {
		log.Fatal(err)
	}
	test, err := dataset.OpenImages("mnist", dataset.Test, "mnist", 50)
	if err != nil {
		log.Fatal(err)
	}
	for _, percentile := range []float64{99, 99.9, 100} {
		s, err := calibrate.Run(ctx, g, train, calibrate.Options{Percentile: percentile})
		if err != nil {
			log.Fatal(err)
		}
		net, err := convert.Convert(g, s, convert.DefaultOptions())
		if err != nil {
			log.Fatal(err)
		}
		r, err := eval.Run(ctx, g, net, test, eval.Options{Sim: sim.Options{Timesteps: 64}})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("percentile %4v: lambda of %s %.2f, %.0f %% at T = 32, %.0f %% at T = 64\n",
			percentile, s.Nodes[0].Node, s.Nodes[0].Lambda, 100*r.SpikingTop1[31], 100*r.SpikingTop1[63])
	}
	// Output:
	// percentile   99: lambda of relu/Relu 2.24, 100 % at T = 32, 100 % at T = 64
	// percentile 99.9: lambda of relu/Relu 3.89, 68 % at T = 32, 88 % at T = 64
	// percentile  100: lambda of relu/Relu 4.76, 28 % at T = 32, 68 % at T = 64
}
