package experiment

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/convert"
	"sresnet/tensor"
)

// TestCases checks, on networks that people have, that each computes what its twin, or
// what PyTorch, computes on MNIST, in the form that is converted, and that it converts.
func TestCases(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "cases")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no ../shared/cases beside the checkout")
	}
	const images = 100
	for _, tt := range []struct {
		model string
		like  string // Another model, or a file of logits; "" for the file's own operators.
		note  string // classes: only the class need be the same.
	}{
		{"relu_as_max", Builtin, ""},
		{"relu_as_where", Builtin, ""},
		{"head_sigmoid", Builtin, ""},
		{"outputs_three.onnx?output=logits", "", ""},
		{"outputs_three.onnx?output=cls", "outputs_three.onnx?output=logits", "classes"},
		{"opset23", "", ""},
		{"poolrelu", "poolrelu_twin", ""},
		{"resnet9", "resnet9_twin", ""},
		{"global_maxpool", "", ""},
		{"keras_flatten_min", "keras_flatten_min_twin", ""},
		{"flat784_reshape", "", ""},
		{"subdiv_fc", "", ""},
		{"muladd_unpadded_conv", "", ""},
		{"div255_padded_conv", "", ""},
		{"bn_after_relu_valid", "bn_after_relu_valid_twin", ""},
		{"linear_linear", "linear_linear.logits.f32", ""},
		{"grey_expand", "grey_expand.logits.f32", ""},
		{"end_relu", "", ""},
		{"qcfs", "", ""},
	} {
		t.Run(tt.model, func(t *testing.T) {
			open := func(model string) *Experiment {
				o := DefaultOptions()
				o.Data, o.Normalize, o.Images = "mnist", "mnist", images
				switch {
				case model == Builtin:
					o.Model = model
				case strings.Contains(model, "?"):
					o.Model = filepath.Join(dir, model)
				default:
					o.Model = filepath.Join(dir, model+".onnx")
				}
				file := ModelFile(o.Model)
				if _, err := os.Stat(file); err != nil && model != Builtin {
					t.Skip("no ", file)
				}
				e, err := Open(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				return e
			}
			e := open(tt.model)
			if err := convert.Check(e.Graph); err != nil {
				t.Fatal(err)
			}
			got := logits(t, e, e.Graph)
			want := logits(t, e, e.Original)
			if strings.HasSuffix(tt.like, ".f32") {
				same(t, "as the file has it", want, floats(t, filepath.Join(dir, tt.like), len(want)), "")
			} else if tt.like != "" {
				other := open(tt.like)
				want = logits(t, other, other.Graph)
			}
			same(t, "as it converts", got, want, tt.note)
		})
	}
}

// logits returns what g, of the experiment e, computes on the test images.
func logits(t *testing.T, e *Experiment, g *ann.Graph) (all [][]float32) {
	t.Helper()
	m, err := infer.New(g)
	if err != nil {
		t.Fatal(err)
	}
	r := m.NewRunner()
	image := make([]float32, g.Input.Shape.Len())
	for i := range e.Test.Len() {
		if err := e.Test.Image(i, image); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Run(image); err != nil {
			t.Fatal(err)
		}
		name := g.Output
		if _, ok := g.Node(name).Op.(*ann.Softmax); ok {
			name = g.Node(name).Inputs[0]
		}
		all = append(all, append([]float32(nil), r.Activation(name)...))
	}
	return all
}

// floats reads a file of little-endian float32, so many rows.
func floats(t *testing.T, file string, rows int) (all [][]float32) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Skip(err)
	}
	per := len(b) / 4 / rows
	for i := range rows {
		row := make([]float32, per)
		for j := range row {
			row[j] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*(i*per+j):]))
		}
		all = append(all, row)
	}
	return all
}

// same checks that logits are equal up to rounding, or give the same classes.
func same(t *testing.T, what string, got, want [][]float32, note string) {
	t.Helper()
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("%s: image %d: %d logits, want %d", what, i, len(got[i]), len(want[i]))
		}
		class, likely, scale := 0, 0, 1.0
		for j := range want[i] {
			if got[i][j] > got[i][class] {
				class = j
			}
			if want[i][j] > want[i][likely] {
				likely = j
			}
			scale = max(scale, math.Abs(float64(want[i][j])))
		}
		if class != likely {
			t.Fatalf("%s: image %d: class %d, want %d", what, i, class, likely)
		}
		for j := range want[i] {
			if d := math.Abs(float64(got[i][j] - want[i][j])); note == "" && !(d <= 1e-4*scale) {
				t.Fatalf("%s: image %d: logit %d is %v, want %v", what, i, j, got[i][j], want[i][j])
			}
		}
	}
}

// TestNormalisedInFront checks what no file of the cases has: an offset in front of a
// padded convolution, whose padding does not have it.
func TestNormalisedInFront(t *testing.T) {
	weights := func(n int) []float32 {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(i*7%11-5) / 8
		}
		return w
	}
	g := &ann.Graph{Name: "front", Input: ann.Input{Name: "x", Shape: tensor.Shape{1, 8, 8}}, Output: "l", Nodes: []ann.Node{
		{Name: "sub", Inputs: []string{"x"}, Op: &ann.BatchNormalization{Scale: []float32{1}, Bias: []float32{-0.5}, Mean: []float32{0}, Var: []float32{1}}, Spelled: "Sub"},
		{Name: "div", Inputs: []string{"sub"}, Op: &ann.BatchNormalization{Scale: []float32{4}, Bias: []float32{0}, Mean: []float32{0}, Var: []float32{1}}, Spelled: "Div"},
		{Name: "c", Inputs: []string{"div"}, Op: &ann.Conv{Weight: tensor.Of(weights(36), 4, 1, 3, 3), Window: tensor.Square(3, 2, 1), Groups: 1}},
		{Name: "r", Inputs: []string{"c"}, Op: &ann.Relu{}},
		{Name: "f", Inputs: []string{"r"}, Op: &ann.Flatten{}},
		{Name: "l", Inputs: []string{"f"}, Op: &ann.Gemm{Weight: tensor.Of(weights(640), 10, 64)}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	s, err := convert.Simplify(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := convert.Check(s); err != nil {
		t.Fatal(err)
	}
	fates, err := convert.Fates(g)
	if err != nil {
		t.Fatal(err)
	}
	if want := "folded into c; its offset, which padding does not have, comes from 64 neurons that fire at every timestep"; fates[1].Becomes != want || fates[0].Becomes != "folded into div" {
		t.Errorf("become %q and %q, want %q for the second", fates[0].Becomes, fates[1].Becomes, want)
	}
	var results [][]float32
	for _, g := range []*ann.Graph{g, s} {
		m, err := infer.New(g)
		if err != nil {
			t.Fatal(err)
		}
		y, err := m.NewRunner().Run(weights(64))
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, append([]float32(nil), y...))
	}
	same(t, "normalised in front", results[1:], results[:1], "")
}

// TestUnlabelled checks that a network need not tell the classes apart where no label
// matters, and only there.
func TestUnlabelled(t *testing.T) {
	o := DefaultOptions()
	o.Model, o.Data, o.Images = filepath.Join("..", "..", "shared", "cases", "backbone_only.onnx"), "mnist", 2
	if _, err := os.Stat(o.Model); err != nil {
		t.Skip("no ../shared/cases beside the checkout")
	}
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "has 64 outputs") {
		t.Errorf("with labels: error %v, want one about outputs", err)
	}
	o.Unlabelled = true
	if _, err := Open(t.Context(), o); err != nil {
		t.Error(err)
	}
}
