package onnx_test

import (
	"fmt"
	"log"

	"sresnet/onnx"
)

func ExampleReadFile() {
	g, err := onnx.ReadFile("../models/resnet8_mnist.onnx")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s takes %v\n", g.Name, g.Input.Shape)
	for _, n := range g.Nodes[:4] {
		fmt.Println(n.Name, n.Op.Type(), n.Shape)
	}
	fmt.Printf("... %d nodes, %d multiply-accumulates\n", len(g.Nodes), g.MACs())
	// Output:
	// resnet8_mnist takes 1x28x28
	// conv/Conv Conv 16x28x28
	// relu/Relu Relu 16x28x28
	// block1/conv1/Conv Conv 16x28x28
	// block1/relu1/Relu Relu 16x28x28
	// ... 22 nodes, 9345920 multiply-accumulates
}
