package experiment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/internal/onnxfile"
	"sresnet/snn"
	"sresnet/tensor"
)

// vectorNetwork is a network that takes n numbers and whose first outputs are the first
// of them, the others their sum.
func vectorNetwork(t *testing.T, n int) *ann.Graph {
	t.Helper()
	w := tensor.New(3, n)
	for i := range n {
		w.Data[i%3*n+i] = float32(i)
	}
	g := &ann.Graph{
		Name: "mlp", Input: ann.Input{Name: "x", Shape: tensor.Shape{n}}, Output: "fc",
		Nodes: []ann.Node{{Name: "fc", Inputs: []string{"x"}, Op: &ann.Gemm{Weight: w}}},
	}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

func outputs(t *testing.T, g *ann.Graph, x []float32) []float32 {
	t.Helper()
	m, err := infer.New(g)
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.NewRunner().Run(x)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out)
}

// A network that takes a vector gives for an image what it gives for the vector: channels,
// rows, columns, or with the model's option rows, columns, channels.
func TestReadVector(t *testing.T) {
	shape := tensor.Shape{3, 2, 4}
	g := vectorNetwork(t, 24)
	image := make([]float32, 24)
	for i := range image {
		image[i] = float32(i*i%11) - 3
	}
	last := slices.Clone(image)
	interleave(last, 3, 2, 4)
	for _, tt := range []struct {
		input  tensor.Shape // Of the model's option.
		vector []float32    // That the network ought to see.
		guess  bool
	}{{nil, image, true}, {tensor.Shape{3, 2, 4}, image, false}, {tensor.Shape{2, 4, 3}, last, false}} {
		m := &modelSpec{input: tt.input}
		got, err := m.readVector(g, shape)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Input.Shape.Equal(shape) || m.vector != tt.guess || !slices.Equal(outputs(t, got, image), outputs(t, g, tt.vector)) {
			t.Errorf("input=%v: input %v, outputs %v, want %v", tt.input, got.Input.Shape, outputs(t, got, image), outputs(t, g, tt.vector))
		}
	}
	for _, m := range []*modelSpec{{}, {input: tensor.Shape{4, 3, 2}}} { // Other images, and an order that is none.
		of := shape
		if m.input == nil {
			of = tensor.Shape{1, 5, 5}
		}
		if got, err := m.readVector(g, of); err != nil || !takesVector(got) {
			t.Errorf("input=%v: input %v, error %v", m.input, got.Input.Shape, err)
		}
	}
	g.Nodes = append([]ann.Node{{Name: "relu", Inputs: []string{"x"}, Op: &ann.Relu{}}}, g.Nodes...)
	g.Nodes[1].Inputs[0] = "relu"
	m := &modelSpec{input: tensor.Shape{2, 4, 3}}
	if _, err := m.readVector(g, shape); err == nil || !strings.Contains(err.Error(), `node "relu", a Relu, takes the vector`) {
		t.Errorf("channels last through a ReLU: %v", err)
	}
	if !takesVector(g) {
		t.Error("the network was changed")
	}
}

// A file that takes a vector, its length left open or not, takes the images of a data set,
// image files of any size among them.
func TestReadForVector(t *testing.T) {
	d, err := dataset.Open("mnist", dataset.Test)
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	pictures, err := dataset.Open("folder:"+picturesIn(t), dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int64{784, 0} {
		name := filepath.Join(dir, fmt.Sprint(length, ".onnx"))
		if err := os.WriteFile(name, vectorFile(784, length), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			model string
			d     *dataset.Dataset
			want  string // Shape of the input; "" for an error.
		}{
			{name, d, "1x28x28"},
			{name + "?input=784", d, "1x28x28"},
			{name + "?input=1x28x28", d, "1x28x28"},
			{name + "?input=28x28x1", d, "1x28x28"},
			{name + "?input=1x28x28", nil, "1x28x28"},
			{name + "?input=28x28x1", nil, "1x28x28"},
			{name + "?input=784", nil, "784"},
			{name + "?input=784", pictures, "1x28x28"},
			{name + "?input=785", d, ""},
			{name + "?input=1x28x29", d, ""},
		} {
			m, err := parseModel(tt.model)
			if err != nil {
				t.Fatal(err)
			}
			g, err := m.readFor(tt.d, 0)
			if err != nil && tt.want != "" || err == nil && g.Input.Shape.String() != tt.want {
				t.Errorf("%s: %v, want %q; error %v", tt.model, g, tt.want, err)
			}
		}
	}
}

// What is wrong with a file by itself is said whatever images it is read for.
func TestReadForNamesTheNode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "turned.onnx")
	b := onnxfile.Model{
		In: []onnxfile.Message{onnxfile.Input("x", 1, 28, 28)},
		Nodes: []onnxfile.Message{
			onnxfile.Op("Transpose", "turned", []string{"x"}, onnxfile.Ints("perm", 0, 2, 1)), onnxfile.Op("Unsqueeze", "image", []string{"turned", "one"}),
			onnxfile.Op("Conv", "y", []string{"image", "w"}),
		},
		Inits: []onnxfile.Message{onnxfile.I64("one", 1), onnxfile.F32("w", []int64{1, 1, 1, 1}, 1)},
	}
	if err := os.WriteFile(file, b.Encode(), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open("mnist", dataset.Test)
	if err != nil {
		t.Skipf("no MNIST: %v", err)
	}
	m, err := parseModel(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*dataset.Dataset{nil, d} {
		if _, err := m.readFor(d, 0); err == nil || !strings.Contains(err.Error(), `node "y": Conv: takes an image, but its axes are in another order`) {
			t.Errorf("error %v, want one of the convolution", err)
		}
	}
}

// picturesIn makes a folder with one grey image.
func picturesIn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	err := errors.Join(png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 40))), os.Mkdir(filepath.Join(dir, "a"), 0o755), os.WriteFile(filepath.Join(dir, "a", "1.png"), b.Bytes(), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// vectorFile is an ONNX file of one MatMul of a vector of n numbers; the file says that
// there are so many, 0 for leaving it open.
func vectorFile(n, says int64) []byte {
	field := func(number int, content ...[]byte) []byte {
		all := bytes.Join(content, nil)
		return append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number<<3|2)), uint64(len(all))), all...)
	}
	num := func(number int, v int64) []byte {
		return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number<<3)), uint64(v))
	}
	text := func(number int, s string) []byte { return field(number, []byte(s)) }
	value := func(number int, name string, dims ...int64) []byte {
		var list []byte
		for _, d := range dims {
			if d == 0 {
				list = append(list, field(1, text(2, "n"))...)
			} else {
				list = append(list, field(1, num(1, d))...)
			}
		}
		return field(number, text(1, name), field(2, field(1, num(1, 1), field(2, list))))
	}
	weight := make([]byte, 4*3*n)
	for i := range weight {
		weight[i] = byte(i % 3)
	}
	return slices.Concat(
		num(1, 7), field(8, num(2, 13)),
		field(7, field(1, text(1, "x"), text(1, "w"), text(2, "y"), text(3, "fc"), text(4, "MatMul")), text(2, "mlp"),
			field(5, num(1, n), num(1, 3), num(2, 1), text(8, "w"), field(9, weight)), value(11, "x", 1, says), value(12, "y", 1, 3)),
	)
}

func TestSquareImages(t *testing.T) {
	for n, want := range map[int]tensor.Shape{784: {1, 28, 28}, 3072: {3, 32, 32}, 1: {1, 1, 1}, 3: {3, 1, 1}, 785: nil, 2352: {3, 28, 28}} {
		if got := squareImages(n); !slices.Equal(got, want) {
			t.Errorf("%d: got %v, want %v", n, got, want)
		}
	}
}

// A spiking network that takes a vector takes images, if all that takes it is fully
// connected.
func TestImagesFor(t *testing.T) {
	d, err := dataset.Open("mnist", dataset.Test)
	if err != nil {
		t.Skip(err)
	}
	layer := func(k snn.Connection) *snn.Network {
		return &snn.Network{Input: snn.Input{Shape: tensor.Shape{784, 1, 1}}, Layers: []snn.Layer{{Synapses: []snn.Synapse{{From: snn.FromInput, Connection: k}}}}}
	}
	net := layer(&snn.Dense{})
	if got := imagesFor(net, d); got.Input.Shape.String() != "1x28x28" || net.Input.Shape[0] != 784 {
		t.Errorf("fully connected: %v", got.Input.Shape)
	}
	if got := imagesFor(layer(&snn.Conv{}), d); got.Input.Shape[0] != 784 {
		t.Errorf("a convolution: %v", got.Input.Shape)
	}
}

// before returns a network with scales and shifts in front of it, as files spell them.
func before(t *testing.T, g *ann.Graph, ops ...ann.Node) *ann.Graph {
	t.Helper()
	g = g.Clone()
	last := g.Input.Name
	for i := range ops {
		ops[i].Name, ops[i].Inputs = fmt.Sprint("own", i), []string{last}
		last = ops[i].Name
	}
	for i := range g.Nodes {
		for j, in := range g.Nodes[i].Inputs {
			if in == g.Input.Name {
				g.Nodes[i].Inputs[j] = last
			}
		}
	}
	g.Nodes = append(ops, g.Nodes...)
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

func step(spelled string, scale, mean float32) ann.Node {
	return ann.Node{Spelled: spelled, Op: &ann.BatchNormalization{Scale: []float32{scale}, Bias: []float32{0}, Mean: []float32{mean}, Var: []float32{1}}}
}

// A network that normalises by itself, presented with images that are normalised already.
func TestNormalisesTwice(t *testing.T) {
	open := func(normalize string) *Experiment {
		o := DefaultOptions()
		o.Model, o.Data, o.Calibrate, o.Normalize = Builtin, digits(t, 100, func([]float32) {}), "mnist?images=1", normalize
		e, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, tt := range []struct {
		name  string
		steps []ann.Node
		how   string // "" if it begins otherwise.
		words string
	}{
		{"of 0..255", []ann.Node{step("Div", 1./255, 0), step("Sub", 1, 0.1307), step("Div", 1/0.3081, 0)}, "none", "in Div and Sub and Div"},
		{"in one step", []ann.Node{step("Sub", 1, 33.3), step("Mul", 1/78.6, 0)}, "none", "in Sub and Mul"},
		{"a mean of pixels", []ann.Node{step("Sub", 1, 120)}, "none", "in Sub"},
		{"of 0..1", []ann.Node{step("Sub", 1, 0.1307), step("Div", 1/0.3081, 0)}, "unit", "in Sub and Div"},
		{"batch norm that was trained", []ann.Node{step("", 1, 0.1)}, "", ""},
		{"nothing", nil, "", ""},
	} {
		e := open("mnist")
		e.Original = before(t, e.Original, tt.steps...)
		if _, how := ownNormalisation(e.Original); how != tt.how {
			t.Errorf("%s: got %q, want %q", tt.name, how, tt.how)
		}
		text := e.normalisesTwice()
		if (text == "") != (tt.how == "") || tt.how != "" && (!strings.Contains(text, tt.words+", so that {normalize} mnist normalises it twice: give {normalize} "+tt.how) || hint.Render(text, func(s string) string { return s }) == "") {
			t.Errorf("%s: %q", tt.name, text)
		}
		if e.Options.Normalize = tt.how; tt.how != "" && e.normalisesTwice() != "" {
			t.Errorf("%s: with %s: %q", tt.name, tt.how, e.normalisesTwice())
		}
	}
	// What is tried names it, and where nothing is better, as of a network that knows nothing,
	// the file does.
	e := open("mnist")
	e.Graph = before(t, e.Graph, step("Div", 1./255, 0), step("Sub", 1, 0.1307), step("Div", 1/0.3081, 0))
	e.Original = e.Graph
	doubts := func() string {
		const n = 100
		r := &eval.Result{TrainedTop1: 0.1, Agreement: []float64{0}, Predictions: eval.Predictions{Label: make([]int, n), Trained: make([]int, n)}}
		return strings.Join(e.Doubts(r), " ")
	}
	if got := doubts(); !strings.Contains(got, "correctly with {normalize} none, and ") || !strings.Contains(got, "It normalises them by itself, in Div and Sub and Div.") {
		t.Errorf("tried: %q", got)
	}
	last := e.Graph.Node(e.Graph.Output).Op.(*ann.Gemm)
	clear(last.Weight.Data)
	if got := doubts(); !strings.Contains(got, "{normalize} mnist normalises it twice: give {normalize} none.") {
		t.Errorf("nothing is better: %q", got)
	}
}

// The order of channels in a vector is a guess that the doubt looks into.
func TestDoubtsOfVector(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "data", "cifar10")
	d, err := dataset.OpenImages("cifar10:"+dir, dataset.Test, "cifar10", 100)
	if err != nil {
		t.Skip(err)
	}
	// A network that knows these images by heart, with the channels of a pixel side by side.
	g := vectorNetwork(t, 3072)
	w := tensor.New(10, 3072)
	x := make([]float32, 3072)
	g.Nodes[0].Op = &ann.Gemm{Weight: w}
	for k := range 20 * d.Len() {
		i := k % d.Len()
		if err := d.Image(i, x); err != nil {
			t.Fatal(err)
		}
		interleave(x, 3, 32, 32)
		out := make([]float32, 10)
		for c := range out {
			for j, v := range x {
				out[c] += float32(v * w.Data[c*3072+j])
			}
		}
		if named := tensor.ArgMax(out); named != d.Label(i) { // As a perceptron learns.
			for j, v := range x {
				w.Data[d.Label(i)*3072+j] += v
				w.Data[named*3072+j] -= v
			}
		}
	}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	m := modelSpec{}
	if g, err = m.readVector(g, d.Shape()); err != nil {
		t.Fatal(err)
	}
	e := &Experiment{Options: DefaultOptions(), Graph: g, Original: g, Test: d, model: m}
	e.Options.Normalize = "cifar10"
	r := &eval.Result{TrainedTop1: 0.1, Agreement: []float64{0}, Predictions: eval.Predictions{Label: make([]int, 100), Trained: make([]int, 100)}}
	got := strings.Join(e.Doubts(r), " ")
	if !strings.Contains(got, "correctly with the channels of each pixel side by side in the vector that it takes, which {model}?input=32x32x3 says, and ") {
		t.Errorf("got %q", got)
	}
}
