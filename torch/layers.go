package torch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sresnet/snn"
	"sresnet/tensor"
)

// writer makes the parts of a Python file, and gathers its tensors.
type writer struct {
	net     *snn.Network
	about   About
	module  string
	tensors map[string]*tensor.Tensor // Under the names that PyTorch has for them.
}

// layers returns the function that makes the layers of the network.
func (w *writer) layers() (string, error) {
	w.tensors = make(map[string]*tensor.Tensor)
	var b strings.Builder
	b.WriteString("def layers():\n    \"\"\"Returns the layers, in the order in which a timestep goes through them.\"\"\"\n    return [\n")
	phases := w.net.Phases()
	for i := range w.net.Layers {
		text, err := w.layer(i, phases[i])
		if err != nil {
			return "", fmt.Errorf("layer %q: %w", w.net.Layers[i].Name, err)
		}
		b.WriteString(text)
	}
	b.WriteString("    ]\n")
	return b.String(), nil
}

// layer returns layer i, which takes its place in the list.
func (w *writer) layer(i, phase int) (string, error) {
	l := &w.net.Layers[i]
	args := arguments{quoted(l.Name), tuple(l.Shape...)}
	if l.IsGate() {
		args.add("%s", w.source(l.Synapses[0].From))
		args.window(l.Synapses[0].Connection.(*snn.MaxPool).Window, true)
		if phase > 0 {
			args.add("phase=%d", phase)
		}
		return "        Gate(" + strings.Join(args, ", ") + "),\n", nil
	}
	if err := w.neurons(i, &args); err != nil {
		return "", err
	}
	if phase > 0 {
		args.add("phase=%d", phase)
	}
	b := "        Population(\n            " + strings.Join(args[:2], ", ") + ",\n"
	for j, s := range l.Synapses {
		text, err := w.synapse(i, j)
		if err != nil {
			return "", fmt.Errorf("synapse %d (%s): %w", j, s.Connection.Kind(), err)
		}
		b += "            " + text + ",\n"
	}
	if len(args) > 2 {
		b += "            " + strings.Join(args[2:], ", ") + ",\n"
	}
	return b + "        ),\n", nil
}

// neurons adds what is to say of the neurons of layer i, and their tensors.
func (w *writer) neurons(i int, args *arguments) error {
	l := &w.net.Layers[i]
	n := &l.Neuron
	if l.Start != nil {
		args.add("neurons=True")
		w.keep(i, "start", tensor.Of(slices.Clone(l.Start), l.Shape...))
	} else {
		w.perChannel(i, "start", n.VInitOf)
	}
	w.perChannel(i, "threshold", n.ThresholdOf)
	w.perChannel(i, "bias", func(c int) float32 {
		if l.Bias == nil {
			return 0
		}
		return l.Bias[c]
	})
	switch n.Reset {
	case snn.ResetSubtract:
	case snn.ResetZero:
		args.add("reset=%q", n.Reset)
	default:
		return fmt.Errorf("the Python file has no reset %v", n.Reset)
	}
	switch m := n.Model.(type) {
	case nil, snn.IF:
	case snn.LIF:
		if m.Leak != 1 {
			args.add("leak=%s", number(m.Leak))
		}
		if m.Refractory > 0 {
			args.add("rest=%d", m.Refractory)
		}
	default:
		return fmt.Errorf("the Python file has no %v neurons", m)
	}
	return nil
}

// synapse returns synapse j of layer i, which takes its place among the inputs. A spike of
// the Python file carries 1: weights are multiplied by charges.
func (w *writer) synapse(i, j int) (string, error) {
	l := &w.net.Layers[i]
	s := l.Synapses[j]
	q, in := float32(1), w.net.ShapeOf(s.From)
	if s.From != snn.FromInput {
		q = w.net.Layers[s.From].Charge
	}
	name := fmt.Sprintf("inputs.%d.weight", j)
	args := arguments{w.source(s.From)}
	switch k := s.Connection.(type) {
	case *snn.Conv:
		args.add("%s", tuple(k.Weight.Shape...))
		args.window(k.Window, false)
		if k.Groups > 1 {
			args.add("groups=%d", k.Groups)
		}
		w.keep(i, name, times(k.Weight, q))
		return args.of("Conv"), nil
	case *snn.Dense:
		args.add("%s", tuple(k.Weight.Shape...))
		w.keep(i, name, times(k.Weight, q))
		return args.of("Dense"), nil
	case *snn.Shortcut:
		args.add("%s, %d", tuple(k.Shape...), in[0])
		args.pair("start", k.Start, 0)
		args.pair("stride", k.Stride, 1)
		if k.Offset > 0 {
			args.add("offset=%d", k.Offset)
		}
		if k.Remainder {
			args.add("remainder=True")
		}
		weight := tensor.New(in[0], 1, 1)
		for c := range weight.Data {
			weight.Data[c] = float32(k.ScaleOf(c) * q)
		}
		w.keep(i, name, weight)
		return args.of("Shortcut"), nil
	case *snn.AveragePool:
		weight := poolWeight(k, in, l.Shape, q)
		args.add("%s", tuple(weight.Shape...))
		args.window(k.Window, true)
		w.keep(i, name, weight)
		return args.of("Pool"), nil
	}
	return "", fmt.Errorf("the Python file has no %T", s.Connection)
}

// poolWeight returns the weights of an average pool, of every channel, and of every position
// where windows at the border have less to average.
func poolWeight(k *snn.AveragePool, in, out tensor.Shape, q float32) *tensor.Tensor {
	rows, cols := 1, 1
	taps := k.Taps(0, 0, in[1], in[2])
	for r := range out[1] {
		for c := range out[2] {
			if k.Taps(r, c, in[1], in[2]) != taps {
				rows, cols = out[1], out[2]
			}
		}
	}
	t := tensor.New(out[0], rows, cols)
	for i := range t.Data {
		t.Data[i] = float32(k.WeightAt(i/(rows*cols), i/cols%rows, i%cols, in[1], in[2]) * q)
	}
	return t
}

func times(t *tensor.Tensor, q float32) *tensor.Tensor {
	x := tensor.New(t.Shape...)
	for i, v := range t.Data {
		x.Data[i] = float32(v * q)
	}
	return x
}

// perChannel keeps a tensor with a number for every channel of layer i.
func (w *writer) perChannel(i int, name string, value func(c int) float32) {
	t := tensor.New(w.net.Layers[i].Shape[0], 1, 1)
	for c := range t.Data {
		t.Data[c] = value(c)
	}
	w.keep(i, name, t)
}

func (w *writer) keep(i int, name string, t *tensor.Tensor) {
	w.tensors[fmt.Sprintf("layers.%d.%s", i, name)] = t
}

// source returns what stands for the layer that a synapse comes from.
func (w *writer) source(from int) string {
	if from == snn.FromInput {
		return "IMAGE"
	}
	return quoted(w.net.Layers[from].Name)
}

// arguments are those of a call in Python.
type arguments []string

func (a *arguments) add(format string, args ...any) { *a = append(*a, fmt.Sprintf(format, args...)) }

func (a *arguments) of(name string) string { return name + "(" + strings.Join(*a, ", ") + ")" }

// pair adds two numbers unless both are the usual one.
func (a *arguments) pair(name string, x [2]int, usual int) {
	if x != [2]int{usual, usual} {
		a.add("%s=%s", name, tuple(x[:]...))
	}
}

// window adds the numbers of a window: of a pool all, of a convolution, whose weights say how
// large the kernel is, those that are not the usual ones.
func (a *arguments) window(w tensor.Window, pool bool) {
	if pool {
		a.add("kernel=%s, stride=%s", tuple(w.Kernel[:]...), tuple(w.Stride[:]...))
	} else {
		a.pair("stride", w.Stride, 1)
	}
	if w.Pad != [4]int{} {
		a.add("padding=%s", tuple(w.Pad[:]...))
	}
	a.pair("dilation", w.Dilation, 1)
}

// tuple returns numbers as Python has them.
func tuple(x ...int) string {
	s := make([]string, len(x))
	for i, v := range x {
		s[i] = strconv.Itoa(v)
	}
	return "(" + strings.Join(s, ", ") + ")"
}

// number returns the shortest number that is v as a float32.
func number(v float32) string {
	s := strconv.FormatFloat(float64(v), 'g', -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// quoted returns a string of Python.
func quoted(s string) string { return strconv.QuoteToASCII(strings.ToValidUTF8(s, "\uFFFD")) }
