package onnx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/ann"
	"sresnet/tensor"
)

// optionA returns the operators of a CIFAR ResNet of that depth, whose two
// projections slice rows, slice columns, and pad channels.
func optionA(depth, bn int) map[string]int {
	m := map[string]int{
		"Conv": depth - 1, "Relu": depth - 1, "Add": (depth - 2) / 2, "Slice": 4, "Pad": 2,
		"AveragePool": 1, "Flatten": 1, "Gemm": 1,
	}
	if bn > 0 {
		m["BatchNormalization"] = bn
	}
	return m
}

// TestRealModels reads files that exporters wrote, and compares with what is
// known of the networks: ResNet-20 with option-A shortcuts has 40.55 million
// MACs in convolutions and 640 in its classifier.
func TestRealModels(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "data", "models")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no trained networks at hand: ", err)
	}
	for _, tt := range []struct {
		file   string
		counts map[string]int
		macs   int64
		params int
	}{
		{"resnet20_cifar10_akamaster", optionA(20, 0), 40_550_400 + 640, 269_034},
		// Batch norm keeps 4 numbers a channel where a folded convolution has 1.
		{"resnet20_cifar10_akamaster_bn", optionA(20, 19), 40_550_400 + 640, 269_034 + 3*688},
		{"resnet20_cifar10_chenyaofo", map[string]int{
			"Conv": 21, "Relu": 19, "Add": 9, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1,
		}, 40_550_400 + 2*131_072 + 640, 269_034 + 16*32 + 32 + 32*64 + 64},
		{"resnet44_cifar10_akamaster", optionA(44, 0), 97_173_504 + 640, 657_002},
		{"resnet8_cifar10_mlperftiny_bn", map[string]int{
			"Conv": 9, "BatchNormalization": 7, "Relu": 7, "Add": 3, "AveragePool": 1, "Flatten": 1, "Gemm": 1, "Softmax": 1,
		}, 12_501_632, 78_666},
	} {
		t.Run(tt.file, func(t *testing.T) {
			g, err := ReadFile(filepath.Join(dir, tt.file+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			counts := map[string]int{}
			params := 0
			for _, n := range g.Nodes {
				counts[n.Op.Type()]++
				params += ann.Parameters(n.Op)
			}
			if diff := cmp.Diff(tt.counts, counts); diff != "" {
				t.Errorf("operators (-want +got):\n%s", diff)
			}
			if g.MACs() != tt.macs || params != tt.params {
				t.Errorf("%d MACs and %d parameters, want %d and %d", g.MACs(), params, tt.macs, tt.params)
			}
			if in := g.Input.Shape; !in.Equal(tensor.Shape{3, 32, 32}) {
				t.Errorf("input %v", in)
			}
			if out, _ := g.Shape(g.Output); !out.Equal(tensor.Shape{10}) {
				t.Errorf("output %v, want 10 classes", out)
			}
			if g.Name != tt.file {
				t.Errorf("name %q, want that of the file", g.Name)
			}
		})
	}
}
