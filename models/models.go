// Package models holds the trained network that comes with this program, so that
// the demo needs no file. Beside it lie small ones of other families, which are
// not embedded: its test converts them. How all were trained is in
// training/README.md.
package models

import _ "embed" // For the file below.

// ResNet8MNIST is an ONNX file: the ResNet-8 of the paper for MNIST, one channel
// of 28x28 pixels, normalised with mean 0.1307 and standard deviation 0.3081.
//
//go:embed resnet8_mnist.onnx
var ResNet8MNIST []byte
