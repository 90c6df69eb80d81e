package convert_test

import (
	"fmt"
	"testing"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/internal/steps"
	"sresnet/tensor"
)

// chain returns a graph of n nodes, each of which takes what the one before gives,
// behind a convolution and its ReLU. add adds node i, called name, behind from.
func chain(t *testing.T, n int, add func(i int, name, from string) ann.Node) *ann.Graph {
	t.Helper()
	nodes := []ann.Node{node("c", conv(1), "x"), node("r", &ann.Relu{}, "c")}
	for i := range n {
		nodes = append(nodes, add(i, fmt.Sprintf("n%d", i), nodes[len(nodes)-1].Name))
	}
	last := nodes[len(nodes)-1].Name
	nodes = append(nodes, node("last", &ann.Relu{}, last), node("g", &ann.GlobalAveragePool{}, "last"), node("f", &ann.Flatten{}, "g"), node("logits", gemm(1, 1), "f"))
	return graph(t, tensor.Shape{1, 2, 2}, nodes...)
}

// The work of a conversion grows with the number of nodes, not with its square.
func TestLongGraphs(t *testing.T) {
	counter := steps.New(t, "sresnet/convert", "sresnet/ann")
	bn := &ann.BatchNormalization{Scale: []float32{1}, Bias: []float32{0}, Mean: []float32{0}, Var: []float32{1}}
	for _, tt := range []struct {
		name string
		add  func(i int, name, from string) ann.Node
	}{
		{"idle ReLUs", func(_ int, name, from string) ann.Node { return node(name, &ann.Relu{}, from) }},
		{"convolutions, batch norms and ReLUs", func(i int, name, from string) ann.Node {
			return node(name, []ann.Op{conv(1), bn, &ann.Relu{}}[i%3], from)
		}},
		{"batch norms", func(_ int, name, from string) ann.Node { return node(name, bn, from) }},
		{"batch norms before convolutions", func(i int, name, from string) ann.Node {
			return node(name, []ann.Op{bn, conv(1), &ann.Relu{}}[i%3], from)
		}},
		{"convolutions in a row", func(_ int, name, from string) ann.Node { return node(name, conv(1), from) }},
		{"batch norms under pools", func(i int, name, from string) ann.Node {
			return node(name, []ann.Op{bn, &ann.MaxPool{Window: tensor.Square(1, 1, 0)}, conv(1), &ann.Relu{}}[i%4], from)
		}},
		{"ReLUs behind pools", func(i int, name, from string) ann.Node {
			return node(name, []ann.Op{conv(1), &ann.MaxPool{Window: tensor.Square(1, 1, 0)}, &ann.Relu{}}[i%3], from)
		}},
		{"sums of ReLUs", func(i int, name, from string) ann.Node {
			if i%3 == 0 {
				return node(name, &ann.Add{}, from, from)
			}
			return node(name, []ann.Op{conv(1), &ann.Relu{}}[i%3-1], from)
		}},
		{"sums of sums", func(_ int, name, from string) ann.Node { return node(name, &ann.Add{}, "r", from) }},
		{"slices", func(_ int, name, from string) ann.Node {
			return node(name, &ann.Slice{Step: [3]int{1, 1, 1}, Size: [3]int{1, 2, 2}}, from)
		}},
		{"shuffles", func(_ int, name, from string) ann.Node { return node(name, &ann.Gather{Index: []int{0}}, from) }},
		{"joined with itself, and one of the two", func(i int, name, from string) ann.Node {
			if i%2 == 0 {
				return node(name, &ann.Concat{}, from, from)
			}
			return node(name, &ann.Gather{Index: []int{1}}, from)
		}},
		{"branches behind branches", func(i int, name, from string) ann.Node {
			switch i % 4 {
			case 0:
				return node(name, &ann.Concat{}, from, "r")
			case 1:
				return node(name, wide(2, []float32{1, 1}), from)
			case 2:
				return node(name, &ann.Relu{}, from)
			}
			return node(name, &ann.Gather{Index: []int{0}}, from)
		}},
		{"pads and pools", func(i int, name, from string) ann.Node {
			return node(name, []ann.Op{&ann.Pad{After: [3]int{0, 1, 1}}, &ann.MaxPool{Window: tensor.Square(2, 1, 0)}}[i%2], from)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			counter.Linear(t, 1000, func(n int) {
				if _, err := convert.Unsupported(chain(t, n, tt.add)); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}
