package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"sresnet/internal/hint"
)

// UnsupportedError lists every node of a file that has no counterpart in
// package ann.
type UnsupportedError struct {
	File  string // As given to [ReadFile]; empty for [Parse].
	Nodes []UnsupportedNode
}

// UnsupportedNode is one entry of an [UnsupportedError].
type UnsupportedNode struct {
	Name   string // Of the node, or of its output where it has none.
	Op     string // ONNX operator, such as "LSTM".
	Reason string
}

// Error names all the nodes, one per line.
func (e *UnsupportedError) Error() string {
	var b strings.Builder
	b.WriteString("onnx: ")
	if e.File != "" {
		fmt.Fprintf(&b, "%s: ", e.File)
	}
	if len(e.Nodes) == 1 {
		b.WriteString("one node is not supported:")
	} else {
		fmt.Fprintf(&b, "%d nodes are not supported:", len(e.Nodes))
	}
	for _, n := range e.Nodes {
		fmt.Fprintf(&b, "\n  node %q: %s: %s", n.Name, n.Op, n.Reason)
	}
	return b.String()
}

// Hint says what to do about e.
func (*UnsupportedError) Hint() string {
	return "only networks of convolutions, batch norm, ReLU, pools, sums and fully connected layers can be read; export such a network, or remove those operators"
}

// DamagedError is the error of bytes that are not a whole ONNX file: it was cut off or
// changed, or is something else. A file that is sound but not accepted never gives one.
type DamagedError struct {
	err error
}

func (e *DamagedError) Error() string { return e.err.Error() }

// Unwrap returns the error without its kind.
func (e *DamagedError) Unwrap() error { return e.err }

// Hint says what to do about e.
func (*DamagedError) Hint() string { return "export or download the file again" }

// OutputError is the error of a file with several outputs if [Options.Output] names none
// of them.
type OutputError struct {
	Missing string   // The name that was given, "" for none.
	Outputs []string // The names of all outputs.
}

func (e *OutputError) Error() string {
	names := e.Outputs
	if len(names) > 10 {
		names = append(names[:10:10], "...")
	}
	list := clean(strings.Join(names, ", "))
	if e.Missing != "" {
		return fmt.Sprintf("there is no output %q, only %s", clean(e.Missing), list)
	}
	return fmt.Sprintf("the graph has %d outputs (%s), want one", len(e.Outputs), list)
}

// Hint says what to do about e.
func (*OutputError) Hint() string { return exportLogits }

func damaged(format string, args ...any) error { return &DamagedError{fmt.Errorf(format, args...)} }

// Remedies that several errors share.
const (
	exportAgain  = "export the model again"
	exportLogits = "export the model with its logits only"
	exportOther  = "the file is whole, but what is in it cannot be read here; export it in another way"
	exportOpset  = "export the model with an opset from 7 to 24, such as 13"
	keepTogether = "keep the files that the exporter wrote together, in one folder"
	smaller      = "take a smaller network or smaller images"
)

// refused returns an error about a file that is whole, but not accepted.
func refused(remedy, format string, args ...any) error {
	return hint.Error(fmt.Errorf(format, args...), "%s", remedy)
}

// withRemedy makes sure that err says what to do about it.
func withRemedy(err error) error {
	if hint.Of(err) != "" || errors.Is(err, ErrOpenShape) { // Which says it itself.
		return err
	}
	return hint.Error(err, exportOther)
}

// reason is an error of a single node that is sound ONNX but has no counterpart
// in package ann.
type reason string

func (r reason) Error() string { return string(r) }

func unsupported(format string, args ...any) error { return reason(fmt.Sprintf(format, args...)) }

// nodeErr says in which node of the file err arose.
func nodeErr(n *node, err error) error {
	return fmt.Errorf("node %q: %s: %w", n.label(), n.op, err)
}

// notONNX turns an error of the outermost messages into a sentence about the file.
func notONNX(data []byte, err error) error {
	const export = "export the model with torch.onnx.export, or save its weights as safetensors"
	for _, k := range []struct{ magic, what, remedy string }{
		{"PK\x03\x04", "a zip archive, perhaps a PyTorch checkpoint", export},
		{"\x89HDF", "an HDF5 file, perhaps a Keras model", "convert it with tf2onnx"},
		{"\x80\x02", "a Python pickle, perhaps a PyTorch checkpoint", export},
		{"version https://git-lfs", "a Git LFS pointer, not the model itself", "run 'git lfs pull'"},
		{"<!DOCTYPE", "a web page", "download the file itself"},
		{"<html", "a web page", "download the file itself"},
	} {
		if bytes.HasPrefix(data, []byte(k.magic)) {
			return refused(k.remedy, "not an ONNX model but %s", k.what)
		}
	}
	if len(data) == 0 {
		return damaged("the file is empty")
	}
	if d := (*DamagedError)(nil); hint.Of(err) != "" && !errors.As(err, &d) {
		return err // It is one, but not for us.
	}
	return damaged("not an ONNX model, or a damaged one: %w", err)
}

// reasons says what to do about operators that are often met and never supported.
var reasons = map[string]string{
	"Elu":       rectifier,
	"Selu":      rectifier,
	"Celu":      rectifier,
	"Gelu":      rectifier,
	"Sigmoid":   rectifier,
	"HardSwish": rectifier,
	"Mish":      rectifier,
	"Softplus":  rectifier,
	"Softsign":  rectifier,
	"Tanh":      rectifier,
	"Erf":       rectifier,

	"RNN":  recurrent,
	"LSTM": recurrent,
	"GRU":  recurrent,

	"If":   control,
	"Loop": control,
	"Scan": control,

	"DynamicQuantizeLinear": quantized,
	"QLinearConv":           quantized,
	"QLinearMatMul":         quantized,
	"ConvInteger":           quantized,
	"MatMulInteger":         quantized,

	"And": compares,
	"Or":  compares,
	"Xor": compares,

	"ArgMax": readout,
	"TopK":   readout,

	"LRN":                   "normalises with the activations of the image itself; train with BatchNormalization",
	"InstanceNormalization": "normalises with the activations of the image itself; train with BatchNormalization",
	"LayerNormalization":    "normalises with the activations of the image itself; train with BatchNormalization",
	"GroupNormalization":    "normalises with the activations of the image itself; train with BatchNormalization",
}

const (
	rectifier = "only Relu, LeakyRelu, PRelu and Clip from 0 have a spiking counterpart; train the network with ReLU"
	recurrent = "recurrent networks have no counterpart here"
	control   = "control flow has no counterpart here; export the network without it"
	quantized = "computes in integers; quantise in the QDQ format, with QuantizeLinear and DequantizeLinear around operators on floats, or export the float model"
	compares  = "joins comparisons; only a choice between a value and 0, which is a ReLU, has a counterpart"
	readout   = "end the network at its logits"
)

// keepsShape tells the operators whose output is shaped as their input, so that the
// nodes after them can still be checked.
func keepsShape(op string) bool {
	switch op {
	case "Neg", "Sqrt", "Floor", "Ceil", "Round", "Sign", "Abs", "Exp", "Log", "Clip", "LRN", "QuantizeLinear", "DequantizeLinear":
		return true
	}
	return reasons[op] == rectifier || strings.HasSuffix(op, "Normalization")
}
