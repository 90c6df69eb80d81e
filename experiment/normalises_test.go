package experiment

import (
	"testing"

	"sresnet/ann"
	"sresnet/tensor"
)

// What a network does to its input by itself is named, with the normalisation that it is
// and the one to give.
func TestNormalises(t *testing.T) {
	channels := func(spelled string, scale, mean [3]float32) ann.Node {
		return ann.Node{Spelled: spelled, Op: &ann.BatchNormalization{Scale: scale[:], Bias: make([]float32, 3), Mean: mean[:], Var: []float32{1, 1, 1}}}
	}
	sub := channels("Sub", [3]float32{1, 1, 1}, [3]float32{0.485, 0.456, 0.406})
	div := channels("Div", [3]float32{1 / 0.229, 1 / 0.224, 1 / 0.225}, [3]float32{})
	other := channels("Div", [3]float32{1 / 0.229, 1 / 0.224, 1 / 0.3}, [3]float32{})
	by255 := channels("Div", [3]float32{1. / 255, 1. / 255, 1. / 255}, [3]float32{})
	for _, tt := range []struct {
		name  string
		c     int
		steps []ann.Node
		want  string
	}{
		{"nothing", 1, nil, ""},
		{"batch norm that was trained", 1, []ann.Node{step("", 1, 0.1)}, ""},
		{"scaling", 1, []ann.Node{step("Div", 1./255, 0)}, "It takes pixels of 0..255 and normalises them by itself in Div: give {normalize} none."},
		{"mnist", 1, []ann.Node{step("Sub", 1, 0.1307), step("Mul", 1/0.3081, 0)}, "It takes pixels of 0..1 and normalises them by itself, as {normalize} mnist does, in Sub and Mul: give {normalize} unit."},
		{"imagenet", 3, []ann.Node{by255, sub, div}, "It takes pixels of 0..255 and normalises them by itself, as {normalize} imagenet does, in Div and Sub and Div: give {normalize} none."},
		{"like it in two channels", 3, []ann.Node{sub, other}, "It takes pixels of 0..1 and normalises them by itself in Sub and Div: give {normalize} unit."},
	} {
		conv := &ann.Conv{Weight: tensor.New(1, tt.c, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
		g := &ann.Graph{Input: ann.Input{Name: "x", Shape: tensor.Shape{tt.c, 2, 2}}, Output: "c", Nodes: []ann.Node{{Name: "c", Op: conv, Inputs: []string{"x"}}}}
		e := &Experiment{Original: before(t, g, tt.steps...)}
		if got := e.Normalises(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := (&Experiment{}).Normalises(); got != "" {
		t.Errorf("without a trained network: %q", got)
	}
}
