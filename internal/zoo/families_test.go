package zoo

import (
	"math"
	"slices"
)

// family is a kind of network that people have: a small one, with random weights, in the
// operators that its framework writes.
type family struct {
	framework, name string
	opset           int
	build           func(m *maker) string // Returns the logits.
}

// families are the rows of the table. To add one, add a row.
var families = []family{
	{"PyTorch", "ResNet, basic blocks", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		x = m.block(x, 4, 1, m.basic)
		return m.classifier(m.block(x, 6, 2, m.basic))
	}},
	{"PyTorch", "ResNet, bottlenecks", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		return m.classifier(m.block(m.block(x, 8, 1, m.bottleneck(1)), 8, 2, m.bottleneck(1)))
	}},
	{"PyTorch", "ResNeXt", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		return m.classifier(m.block(x, 8, 2, m.bottleneck(2)))
	}},
	{"PyTorch", "ResNet, shortcuts of option A", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		short := m.sliced(m.sliced(x, 2, 0, 1<<40, 2), 3, 0, 1<<40, 2)
		short = m.add("Pad", ins(short, m.initial(list(0, 2, 0, 0, 0, 2, 0, 0))))
		return m.classifier(m.relu(m.add("Add", ins(m.basic(x, 8, 2), short))))
	}},
	{"PyTorch", "ResNet-D, average pools in shortcuts", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		short := m.bn(m.convolution(m.windowed("AveragePool", x, 2, 2), 6, 1, 1, 1))
		return m.classifier(m.relu(m.add("Add", ins(m.basic(x, 6, 2), short))))
	}},
	{"PyTorch", "ResNet, pre-activation", 13, func(m *maker) string {
		x := m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)
		for range 2 {
			y := m.convolution(m.relu(m.bn(x)), 4, 3, 1, 1)
			x = m.add("Add", ins(x, m.convolution(m.relu(m.bn(y)), 4, 3, 1, 1)))
		}
		return m.classifier(m.relu(m.bn(x)))
	}},
	{"PyTorch", "ResNet-9 of DAWNBench", 13, func(m *maker) string {
		layer := func(x string, out int) string { return m.relu(m.bn(m.convolution(x, out, 3, 1, 1))) }
		x := m.windowed("MaxPool", layer(layer(m.image(3, 8, 8), 4), 6), 2, 2)
		x = m.add("Add", ins(x, layer(layer(x, 6), 6)))
		x = m.windowed("MaxPool", layer(x, 8), 4, 4)
		return m.fully(m.add("Flatten", ins(x)), 4)
	}},
	{"PyTorch", "VGG with batch norm", 13, func(m *maker) string {
		x := m.image(3, 8, 8)
		for _, out := range []int{4, 6} {
			x = m.windowed("MaxPool", m.relu(m.bn(m.convolution(m.relu(m.bn(m.convolution(x, out, 3, 1, 1))), out, 3, 1, 1))), 2, 2)
		}
		return m.fully(m.relu(m.fully(m.add("Dropout", ins(m.add("Flatten", ins(x)))), 8)), 4)
	}},
	{"PyTorch", "LeNet with average pools", 13, func(m *maker) string {
		x := m.windowed("AveragePool", m.relu(m.convolution(m.image(1, 8, 8), 4, 3, 1, 1)), 2, 2)
		x = m.windowed("AveragePool", m.relu(m.convolution(x, 6, 3, 1, 1)), 2, 2)
		return m.fully(m.relu(m.fully(m.add("Flatten", ins(x)), 8)), 4)
	}},
	{"PyTorch", "the old MNIST example: ReLU behind pools", 9, func(m *maker) string {
		x := m.relu(m.windowed("MaxPool", m.convolution(m.image(1, 8, 8), 4, 3, 1, 1), 2, 2))
		x = m.relu(m.windowed("MaxPool", m.convolution(x, 6, 3, 1, 1), 2, 2))
		n := m.add("Gather", ins(m.add("Shape", ins(x)), m.initial(list(0).view(nil))), ai("axis", 0))
		x = m.add("Reshape", ins(x, m.add("Concat", ins(m.add("Unsqueeze", ins(n), al("axes", 0)), m.initial(list(-1))), ai("axis", 0))))
		x = m.fully(m.relu(m.fully(x, 8)), 4)
		m.head = m.add("LogSoftmax", ins(x), ai("axis", 1))
		return x
	}},
	{"PyTorch", "MobileNet", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		x = m.relu(m.bn(m.convolution(m.relu(m.bn(m.convolution(x, 4, 3, 2, 4))), 8, 1, 1, 1)))
		return m.classifier(x)
	}},
	{"PyTorch", "MobileNetV2", 13, func(m *maker) string {
		x := m.relu6(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		x = m.inverted(x, 4, 1)
		x = m.inverted(x, 6, 2)
		x = m.inverted(x, 6, 1)
		return m.classifier(m.relu6(m.bn(m.convolution(x, 8, 1, 1, 1))))
	}},
	{"PyTorch", "DenseNet", 13, func(m *maker) string {
		x := m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)
		for range 2 {
			y := m.convolution(m.relu(m.bn(m.convolution(m.relu(m.bn(x)), 8, 1, 1, 1))), 3, 3, 1, 1)
			x = m.add("Concat", ins(x, y), ai("axis", 1))
		}
		x = m.windowed("AveragePool", m.convolution(m.relu(m.bn(x)), 5, 1, 1, 1), 2, 2)
		return m.classifier(m.relu(m.bn(x)))
	}},
	{"PyTorch", "SqueezeNet", 13, func(m *maker) string {
		x := m.windowed("MaxPool", m.relu(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)), 2, 2)
		x = m.relu(m.convolution(x, 3, 1, 1, 1))
		x = m.add("Concat", ins(m.relu(m.convolution(x, 4, 1, 1, 1)), m.relu(m.convolution(x, 4, 3, 1, 1))), ai("axis", 1))
		x = m.relu(m.convolution(x, 4, 1, 1, 1))
		return m.add("Flatten", ins(m.add("GlobalAveragePool", ins(x))))
	}},
	{"PyTorch", "Inception", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		part := func(y string, k int) string { return m.relu(m.bn(m.convolution(y, 3, k, 1, 1))) }
		pooled := m.add("MaxPool", ins(x), al("kernel_shape", 3, 3), al("pads", 1, 1, 1, 1))
		mean := m.add("AveragePool", ins(x), al("kernel_shape", 3, 3), al("pads", 1, 1, 1, 1), ai("count_include_pad", 1))
		x = m.add("Concat", ins(part(x, 1), part(part(x, 1), 3), part(pooled, 1), part(mean, 1)), ai("axis", 1))
		return m.classifier(m.windowed("MaxPool", x, 2, 2))
	}},
	{"PyTorch", "ShuffleNet V2", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 6, 3, 1, 1)))
		for range 2 {
			two := m.addN(2, "Split", ins(x, m.initial(list(3, 3))), ai("axis", 1))
			y := m.relu(m.bn(m.convolution(two[1], 3, 1, 1, 1)))
			y = m.relu(m.bn(m.convolution(m.bn(m.convolution(y, 3, 3, 1, 3)), 3, 1, 1, 1)))
			x = m.add("Concat", ins(two[0], y), ai("axis", 1))
			x = m.add("Reshape", ins(x, m.initial(list(1, 2, 3, 8, 8))))
			x = m.add("Reshape", ins(m.add("Transpose", ins(x), al("perm", 0, 2, 1, 3, 4)), m.initial(list(1, 6, 8, 8))))
		}
		return m.classifier(x)
	}},
	{"PyTorch", "U-Net encoder with a classifier", 13, func(m *maker) string {
		first := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		second := m.relu(m.bn(m.convolution(m.windowed("MaxPool", first, 2, 2), 6, 3, 1, 1)))
		both := m.add("Concat", ins(m.windowed("MaxPool", first, 2, 2), second), ai("axis", 1))
		return m.classifier(m.relu(m.convolution(both, 6, 3, 1, 1)))
	}},
	{"PyTorch", "RepVGG while trained: three branches", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		x = m.relu(m.add("Add", ins(m.add("Add", ins(m.bn(m.convolution(x, 4, 3, 1, 1)), m.bn(m.convolution(x, 4, 1, 1, 1)))), m.bn(x))))
		return m.classifier(x)
	}},
	{"PyTorch", "Darknet, LeakyReLU", 13, func(m *maker) string {
		leaky := func(x string) string { return m.add("LeakyRelu", ins(m.bn(x)), af("alpha", 0.1)) }
		x := leaky(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1))
		y := leaky(m.convolution(leaky(m.convolution(x, 2, 1, 1, 1)), 4, 3, 1, 1))
		return m.classifier(leaky(m.convolution(m.add("Add", ins(x, y)), 6, 3, 2, 1)))
	}},
	{"PyTorch", "PReLU", 13, func(m *maker) string {
		slopes := func(x string) string {
			return m.add("PRelu", ins(x, m.initial(m.uniform(0.1, 0.4, m.shape(x)[1], 1, 1))))
		}
		x := slopes(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		return m.classifier(slopes(m.bn(m.convolution(x, 6, 3, 2, 1))))
	}},
	{"PyTorch", "QCFS: ReLU with a bound, rounded to levels", 13, func(m *maker) string {
		act := func(x string) string {
			number := func(v float64) string { return m.initial(filled(v)) }
			y := m.add("Clip", ins(m.add("Div", ins(x, number(2))), number(0), number(1)))
			y = m.add("Floor", ins(m.add("Add", ins(m.add("Mul", ins(y, number(4))), number(0.5)))))
			return m.add("Mul", ins(m.add("Div", ins(y, number(4))), number(2)))
		}
		x := act(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		return m.classifier(act(m.bn(m.convolution(x, 6, 3, 2, 1))))
	}},
	{"PyTorch", "multilayer perceptron", 13, func(m *maker) string {
		x := m.add("Flatten", ins(m.image(1, 6, 6)))
		return m.fully(m.relu(m.bn(m.fully(m.relu(m.fully(x, 8)), 8))), 4)
	}},
	{"PyTorch", "weights in 8 bits (QDQ)", 13, func(m *maker) string {
		quantised := func(x string, out int) string {
			w := m.uniform(-100, 100, out, m.shape(x)[1], 3, 3)
			w = mapped(w, math.Round)
			w.kind = int8s
			wide := m.add("DequantizeLinear", ins(m.initial(w), m.initial(filled(0.005))))
			return m.add("Conv", ins(x, wide, m.initial(m.uniform(-0.1, 0.2, out))), al("pads", 1, 1, 1, 1))
		}
		x := m.relu(quantised(m.image(3, 8, 8), 4))
		return m.classifier(m.relu(quantised(x, 6)))
	}},
	{"PyTorch", "squeeze and excitation", 13, func(m *maker) string {
		x := m.relu(m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		s := m.add("Sigmoid", ins(m.convolution(m.relu(m.convolution(m.add("GlobalAveragePool", ins(x)), 2, 1, 1, 1)), 4, 1, 1, 1)))
		return m.classifier(m.add("Mul", ins(x, s)))
	}},
	{"PyTorch", "SiLU", 13, func(m *maker) string {
		x := m.bn(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1))
		return m.classifier(m.add("Mul", ins(x, m.add("Sigmoid", ins(x)))))
	}},
	{"Keras, tf2onnx", "CNN, flattened with channels last", 13, func(m *maker) string {
		x := m.kerasConv(m.kerasImage(8, 8, 3), 4)
		x = m.add("Relu", ins(x))
		x = m.last(m.windowed("MaxPool", m.first(x), 2, 2))
		x = m.add("Reshape", ins(x, m.initial(list(-1, 64))))
		x = m.add("Relu", ins(m.kerasDense(x, 8)))
		x = m.kerasDense(x, 4)
		m.head = m.add("Softmax", ins(x), ai("axis", 1))
		return x
	}},
	{"Keras, tf2onnx", "batch norm behind ReLU", 13, func(m *maker) string {
		x := m.add("Relu", ins(m.kerasConv(m.kerasImage(8, 8, 3), 4)))
		x = m.last(m.bn(m.first(x)))
		x = m.last(m.windowed("MaxPool", m.first(x), 2, 2))
		x = m.add("Relu", ins(m.kerasConv(x, 6)))
		x = m.with("ReduceMean", x, 18, []attr{al("axes", 1, 2)}, ai("keepdims", 0))
		return m.kerasDense(x, 4)
	}},
	{"Keras, tf2onnx", "Rescaling in front, stride 2 with padding \"same\"", 13, func(m *maker) string {
		x := m.add("Mul", ins(m.kerasImage(9, 9, 3), m.initial(filled(0.125))))
		w := m.initial(m.uniform(-0.5, 0.5, 4, 3, 3, 3))
		x = m.last(m.add("Conv", ins(m.first(x), w), al("strides", 2, 2), as("auto_pad", "SAME_UPPER")))
		x = m.add("Relu", ins(x))
		x = m.with("ReduceMean", x, 18, []attr{al("axes", 1, 2)}, ai("keepdims", 0))
		return m.kerasDense(x, 4)
	}},
	{"Keras, tf2onnx", "MobileNetV2, ReLU6 as Min and Max", 13, func(m *maker) string {
		six := func(x string) string {
			return m.add("Min", ins(m.add("Max", ins(x, m.initial(filled(0)))), m.initial(filled(6))))
		}
		x := six(m.bn(m.convolution(m.first(m.kerasImage(8, 8, 3)), 4, 3, 1, 1)))
		y := six(m.bn(m.convolution(x, 8, 1, 1, 1)))
		y = m.bn(m.convolution(six(m.bn(m.convolution(y, 8, 3, 1, 8))), 4, 1, 1, 1))
		x = m.last(m.add("Add", ins(x, y)))
		x = m.with("ReduceMean", x, 18, []attr{al("axes", 1, 2)}, ai("keepdims", 0))
		return m.kerasDense(x, 4)
	}},
	{"MXNet", "ResNet, batch norm with spatial=0", 8, func(m *maker) string {
		norm := func(x string) string { return m.bn(x, ai("spatial", 0)) }
		x := m.relu(norm(m.convolution(m.image(3, 8, 8), 4, 3, 1, 1)))
		y := norm(m.convolution(m.relu(norm(m.convolution(x, 4, 3, 1, 1))), 4, 3, 1, 1))
		x = m.relu(m.add("Add", ins(x, y)))
		x = m.add("Flatten", ins(m.add("GlobalAveragePool", ins(x))))
		return m.fully(x, 4)
	}},
	{"CNTK", "MNIST: offsets in front, Reshape and MatMul", 8, func(m *maker) string {
		x := m.add("Sub", ins(m.image(1, 8, 8), m.initial(filled(0.1))))
		x = m.add("Conv", ins(x, m.initial(m.uniform(-0.5, 0.6, 4, 1, 5, 5))), as("auto_pad", "SAME_UPPER"), al("strides", 1, 1), al("dilations", 1, 1))
		x = m.add("Relu", ins(m.add("Add", ins(x, m.initial(m.uniform(-0.1, 0.2, 4, 1, 1))))))
		x = m.add("MaxPool", ins(x), al("kernel_shape", 2, 2), al("strides", 2, 2), as("auto_pad", "NOTSET"), al("pads", 0, 0, 0, 0))
		x = m.add("Reshape", ins(x, m.initial(list(1, 64))))
		w := m.add("Reshape", ins(m.initial(m.uniform(-0.3, 0.3, 4, 4, 4, 5)), m.initial(list(64, 5))))
		return m.add("Add", ins(m.add("MatMul", ins(x, w)), m.initial(m.uniform(-0.1, 0.2, 1, 5))))
	}},
	{"JAX, jax2onnx", "channels last, ReLU as Max, mean as a sum", 18, func(m *maker) string {
		x := m.kerasImage(8, 8, 3)
		x = m.add("Max", ins(m.kerasConv(x, 4), m.initial(filled(0))))
		x = m.add("ReduceSum", ins(x, m.initial(list(1, 2))), ai("keepdims", 0))
		x = m.add("Div", ins(x, m.initial(filled(64))))
		return m.kerasDense(x, 4)
	}},
	{"verification benchmarks", "MLP of a vector that is normalised and named an image", 13, func(m *maker) string {
		x := m.image(1, 1, 5)
		x = m.add("Div", ins(m.add("Sub", ins(x, m.initial(m.uniform(-0.1, 0.1)))), m.initial(m.uniform(1, 2))))
		x = m.add("Flatten", ins(x))
		for range 2 {
			x = m.relu(m.kerasDense(x, 6))
		}
		return m.kerasDense(x, 5)
	}},
}

// image declares an image with an open batch.
func (m *maker) image(c, h, w int) string {
	m.input, m.declared = "x", []int{0, c, h, w}
	return m.given(1, c, h, w)
}

func (m *maker) kerasImage(h, w, c int) string {
	m.input, m.declared, m.lastly = "input", []int{0, h, w, c}, true
	return m.given(1, h, w, c)
}

func (m *maker) first(x string) string { return m.add("Transpose", ins(x), al("perm", 0, 3, 1, 2)) }
func (m *maker) last(x string) string  { return m.add("Transpose", ins(x), al("perm", 0, 2, 3, 1)) }

// convolution keeps rows and columns, or divides them by the stride.
func (m *maker) convolution(x string, out, k, stride, groups int) string {
	c := m.shape(x)[1] / groups
	a := math.Sqrt(4 / float64(c*k*k))
	return m.add("Conv", ins(x, m.initial(m.uniform(-a, a, out, c, k, k)), m.initial(m.uniform(-0.1, 0.2, out))),
		al("kernel_shape", k, k), al("pads", k/2, k/2, k/2, k/2), al("strides", stride, stride), ai("group", groups))
}

func (m *maker) bn(x string, attrs ...attr) string {
	in := ins(x)
	for _, b := range [][2]float64{{0.5, 1.5}, {-0.1, 0.3}, {-0.2, 0.2}, {0.5, 1.5}} {
		in = append(in, m.initial(m.uniform(b[0], b[1], m.shape(x)[1])))
	}
	return m.add("BatchNormalization", in, attrs...)
}

func (m *maker) relu(x string) string { return m.add("Relu", ins(x)) }

func (m *maker) relu6(x string) string {
	return m.add("Clip", ins(x, m.initial(filled(0)), m.initial(filled(6))))
}

func (m *maker) windowed(op, x string, k, stride int) string {
	return m.add(op, ins(x), al("kernel_shape", k, k), al("strides", stride, stride))
}

func (m *maker) fully(x string, out int) string {
	n := m.shape(x)[1]
	a := math.Sqrt(4 / float64(n))
	return m.add("Gemm", ins(x, m.initial(m.uniform(-a, a, out, n)), m.initial(m.uniform(-0.1, 0.2, out))), ai("transB", 1))
}

func (m *maker) classifier(x string) string {
	return m.fully(m.add("Flatten", ins(m.add("GlobalAveragePool", ins(x)))), 4)
}

// basic is what a residual block of two convolutions adds.
func (m *maker) basic(x string, out, stride int) string {
	return m.bn(m.convolution(m.relu(m.bn(m.convolution(x, out, 3, stride, 1))), out, 3, 1, 1))
}

// bottleneck is that of three convolutions.
func (m *maker) bottleneck(groups int) func(x string, out, stride int) string {
	return func(x string, out, stride int) string {
		y := m.relu(m.bn(m.convolution(x, 4, 1, 1, 1)))
		y = m.relu(m.bn(m.convolution(y, 4, 3, stride, groups)))
		return m.bn(m.convolution(y, out, 1, 1, 1))
	}
}

// block adds what branch makes to x, or to a projection of it.
func (m *maker) block(x string, out, stride int, branch func(x string, out, stride int) string) string {
	y, short := branch(x, out, stride), x
	if !slices.Equal(m.shape(y), m.shape(x)) {
		short = m.bn(m.convolution(x, out, 1, stride, 1))
	}
	return m.relu(m.add("Add", ins(y, short)))
}

// inverted is a block of MobileNetV2.
func (m *maker) inverted(x string, out, stride int) string {
	wide := 2 * m.shape(x)[1]
	y := m.relu6(m.bn(m.convolution(x, wide, 1, 1, 1)))
	y = m.relu6(m.bn(m.convolution(y, wide, 3, stride, wide)))
	y = m.bn(m.convolution(y, out, 1, 1, 1))
	if slices.Equal(m.shape(y), m.shape(x)) {
		return m.add("Add", ins(x, y))
	}
	return y
}

// kerasConv is a convolution between transposes.
func (m *maker) kerasConv(x string, out int) string {
	return m.last(m.convolution(m.first(x), out, 3, 1, 1))
}

func (m *maker) kerasDense(x string, out int) string {
	n := m.shape(x)[1]
	a := math.Sqrt(4 / float64(n))
	return m.add("Add", ins(m.add("MatMul", ins(x, m.initial(m.uniform(-a, a, n, out)))), m.initial(m.uniform(-0.1, 0.2, out))))
}
