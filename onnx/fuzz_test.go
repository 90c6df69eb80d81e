package onnx

import (
	"testing"

	"sresnet/ann"
)

// FuzzParse looks for bytes that make Parse panic, hang, or return an unsound
// graph.
func FuzzParse(f *testing.F) {
	f.Add(resnet().encode())
	for _, tt := range imports {
		f.Add(tt.model.encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Parse(data)
		if err != nil {
			return
		}
		if err := g.Validate(); err != nil {
			t.Errorf("unsound graph: %v", err)
		}
	})
}

// weights returns the weight of the first convolution or fully connected layer.
func weights(g *ann.Graph) []float32 {
	for _, n := range g.Nodes {
		switch op := n.Op.(type) {
		case *ann.Conv:
			return op.Weight.Data
		case *ann.Gemm:
			return op.Weight.Data
		}
	}
	return nil
}
