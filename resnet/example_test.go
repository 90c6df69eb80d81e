package resnet_test

import (
	"fmt"
	"log"

	"sresnet/resnet"
)

// Weights from a collection of trained models, without their operators.
func ExampleReadFile() {
	g, architecture, err := resnet.ReadFile("model.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: a %s for images of %v\n", g.Name, architecture, g.Input.Shape)
}

func ExampleArchitectures() {
	for _, name := range resnet.Architectures() {
		fmt.Println(name)
	}
	// Output:
	// resnet20-cifar
	// resnet32-cifar
	// resnet44-cifar
	// resnet56-cifar
	// resnet18-cifar
	// resnet34-cifar
	// resnet50-cifar
	// resnet18
	// resnet34
	// resnet50
}
