package resnet

import (
	"cmp"
	"fmt"

	"sresnet/ann"
	"sresnet/tensor"
)

// epsilon is that of PyTorch's BatchNorm2d.
const epsilon = 1e-5

// input is the name of the image.
const input = "input"

// readError is an error of the package that reads the file, which says so.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// builder puts a graph together, node by node, each named after its module. Unless
// it reads, it only lists the parameters, and the graph has none.
type builder struct {
	weights    *weights
	reads      bool
	parameters []parameter
	nodes      []ann.Node
	rows, cols int   // Of the output of the block at hand, in networks for CIFAR.
	err        error // The first of reading.
}

// network builds a for images of that many rows and columns.
func (b *builder) network(a architecture, rows, cols int) *ann.Graph {
	rows, cols = cmp.Or(rows, a.size), cmp.Or(cols, a.size)
	b.rows, b.cols = rows, cols
	kernel, stride := 3, 1
	if a.imageNet {
		kernel, stride = 7, 2
	}
	x := b.relu("relu", b.norm("bn1", b.conv("conv1", input, anyLength, a.width, kernel, stride), a.width))
	if a.imageNet {
		x = b.add("maxpool", &ann.MaxPool{Window: tensor.Square(3, 2, 1)}, x)
	}
	channels := a.width
	for i, n := range a.blocks {
		for j := range n {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
				b.rows, b.cols = (b.rows+1)/2, (b.cols+1)/2
			}
			x, channels = b.block(a, fmt.Sprintf("layer%d.%d.", i+1, j), x, channels, a.width<<i, stride)
		}
	}
	x = b.add("flatten", &ann.Flatten{}, b.add("avgpool", &ann.GlobalAveragePool{}, x))
	name := b.weights.classifier
	output := b.add(name, &ann.Gemm{
		Weight: b.tensor(name+".weight", anyLength, channels),
		Bias:   b.tensor(name+".bias", b.weights.axis(name+".weight", 0)).Data,
	}, x)
	return &ann.Graph{
		Name:  a.name,
		Input: ann.Input{Name: input, Shape: tensor.Shape{b.weights.axis("conv1.weight", 1), rows, cols}},
		Nodes: b.nodes, Output: output,
	}
}

// block adds a residual block whose names begin with prefix. It returns the name
// of its output and the number of channels there.
func (b *builder) block(a architecture, prefix, from string, in, width, stride int) (string, int) {
	out := width
	if a.bottleneck {
		out = 4 * width
	}
	shortcut := from
	if in != out || stride != 1 {
		shortcut = b.shortcut(a, prefix, from, in, out, stride)
	}
	x := from
	layer := func(i, in, out, kernel, stride int) {
		x = b.norm(fmt.Sprint(prefix, "bn", i), b.conv(fmt.Sprint(prefix, "conv", i), x, in, out, kernel, stride), out)
	}
	if a.bottleneck {
		layer(1, in, width, 1, 1)
		x = b.relu(prefix+"relu1", x)
		layer(2, width, width, 3, stride)
		x = b.relu(prefix+"relu2", x)
		layer(3, width, out, 1, 1)
	} else {
		layer(1, in, width, 3, stride)
		x = b.relu(prefix+"relu1", x)
		layer(2, width, out, 3, 1)
	}
	return b.relu(prefix+"relu", b.add(prefix+"add", &ann.Add{}, x, shortcut)), out
}

// shortcut adds one that changes the number of channels or the size: a projection,
// or if the file has none, option A.
func (b *builder) shortcut(a architecture, prefix, from string, in, out, stride int) string {
	name := b.weights.projection
	if name == "" && a.imageNet {
		name = "downsample" // Which is missing.
	}
	if name == "" {
		before := (out - in) / 2
		every := b.add(prefix+"shortcut.slice", &ann.Slice{Step: [3]int{1, stride, stride}, Size: [3]int{in, b.rows, b.cols}}, from)
		return b.add(prefix+"shortcut.pad", &ann.Pad{Before: [3]int{before}, After: [3]int{out - in - before}}, every)
	}
	return b.norm(prefix+name+".1", b.conv(prefix+name+".0", from, in, out, 1, stride), out)
}

func (b *builder) conv(name, from string, in, out, kernel, stride int) string {
	return b.add(name, &ann.Conv{
		Weight: b.tensor(name+".weight", out, in, kernel, kernel), Window: tensor.Square(kernel, stride, kernel/2), Groups: 1,
	}, from)
}

func (b *builder) norm(name, from string, channels int) string {
	return b.add(name, &ann.BatchNormalization{
		Scale: b.tensor(name+".weight", channels).Data, Bias: b.tensor(name+".bias", channels).Data,
		Mean: b.tensor(name+".running_mean", channels).Data, Var: b.tensor(name+".running_var", channels).Data,
		Epsilon: epsilon,
	}, from)
}

func (b *builder) relu(name, from string) string { return b.add(name, &ann.Relu{}, from) }

func (b *builder) add(name string, op ann.Op, from ...string) string {
	b.nodes = append(b.nodes, ann.Node{Name: name, Inputs: from, Op: op})
	return name
}

// tensor lists the parameter of that name and shape, and reads it if b reads.
func (b *builder) tensor(name string, shape ...int) *tensor.Tensor {
	name = b.weights.prefix + name
	b.parameters = append(b.parameters, parameter{name, shape})
	if !b.reads || b.err != nil {
		return new(tensor.Tensor)
	}
	t, err := b.weights.file.Tensor(name)
	if err != nil {
		b.err = &readError{err}
		return new(tensor.Tensor)
	}
	return t
}
