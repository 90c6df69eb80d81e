package nir_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/models"
	"sresnet/nir"
	"sresnet/onnx"
)

// A converted network becomes a file for other tools, with what these need to know.
func ExampleFromNetwork() {
	g, err := onnx.Parse(models.ResNet8MNIST)
	if err != nil {
		log.Fatal(err)
	}
	train, err := dataset.OpenImages("mnist", dataset.Train, "mnist", 100)
	if err != nil {
		log.Fatal(err)
	}
	s, err := calibrate.Run(context.Background(), g, train, calibrate.Options{})
	if err != nil {
		log.Fatal(err)
	}
	net, err := convert.Convert(g, s, convert.DefaultOptions())
	if err != nil {
		log.Fatal(err)
	}

	file, warnings, err := nir.FromNetwork(net, nir.Generic, nir.Info{Normalization: "mnist", Readout: "count+potential"})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := nir.WriteFile(filepath.Join(dir, "digits.nir"), file); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d nodes, %d edges\n", len(file.Nodes), len(file.Edges))
	for _, w := range warnings {
		fmt.Println("readers do otherwise:", w)
	}
	// Output:
	// 24 nodes, 26 edges
	// readers do otherwise: neurons reset by subtraction, which NIR cannot say: readers that reset to zero lose charge with every spike
	// readers do otherwise: neurons begin with a potential above 0, which NIR cannot say: readers begin at 0
	// readers do otherwise: neurons fire when the potential reaches the threshold (>=), those of NIR when it is above (>)
	// readers do otherwise: Scale nodes, which few readers have (Spyx before 1.0): block1_relu2_Relu_shortcut
}
