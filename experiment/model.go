package experiment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sresnet/ann"
	"sresnet/dataset"
	"sresnet/internal/hint"
	"sresnet/internal/nearest"
	"sresnet/internal/regular"
	"sresnet/models"
	"sresnet/nir"
	"sresnet/onnx"
	"sresnet/resnet"
	"sresnet/snn"
	"sresnet/tensor"
)

// Builtin is the model that stands for the network which is part of the program, a
// ResNet-8 for MNIST.
const Builtin = "resnet8_mnist"

// How files of weights, and of spiking networks, end.
const (
	weightsExt = ".safetensors"
	nirExt     = ".nir"
)

// weightsNamed is how files of weights may end, for errors.
var weightsNamed = Either(append([]string{weightsExt}, resnet.StateDicts()...))

// IsNIR reports whether the file of a model is a spiking network already.
func IsNIR(model string) bool {
	m, _ := parseModel(model)
	return strings.EqualFold(filepath.Ext(m.file), nirExt)
}

// ModelFile returns the file of a model, without options.
func ModelFile(model string) string {
	m, _ := parseModel(model)
	return m.file
}

// modelSpec is [Options.Model] as a value.
type modelSpec struct {
	file  string
	arch  string       // Of weights; "" for the one that they fit.
	input tensor.Shape // Of one image; nil for what the file says.

	output string // Of an ONNX file with several; "" for the only one.

	rule *nir.Rule // Of a NIR file of another tool; nil for NIR's.

	vector bool // The network takes a vector, of which it is a guess that channels come first.
}

// modelOptions describes the options of a model, for a command's help.
const modelOptions = "?input=3x224x224 (the shape of one image, if an ONNX file leaves it open), ?output=NAME (if it has several), ?arch=NAME (the architecture of weights), or for NIR files of other tools ?reset=subtract and ?fires=at"

// parseModel reads a model. The error is an [*OptionError].
func parseModel(text string) (m modelSpec, err error) {
	m.file = text
	i := strings.LastIndexByte(text, '?')
	if i < 0 || !strings.Contains(text[i:], "=") {
		return m, nil
	}
	m.file = text[:i]
	for part := range strings.SplitSeq(text[i+1:], "&") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "arch":
			m.arch = value
			switch {
			case !slices.Contains(resnet.Architectures(), value):
				return m, bad("model", m.file, fmt.Errorf("arch=%s: give %s%s", value, Either(resnet.Architectures()), nearest.DidYouMean(value, resnet.Architectures())))
			case !m.isWeights():
				return m, bad("model", m.file, fmt.Errorf("arch=%s is for weights alone (%s); this file has its operators itself", value, weightsNamed))
			}
		case "input":
			if m.input, err = parseShape(value); err == nil && strings.EqualFold(filepath.Ext(m.file), nirExt) {
				err = errors.New("a spiking network says itself what it takes")
			}
			if err != nil {
				return m, bad("model", m.file, fmt.Errorf("input=%s: %w", value, err))
			}
		case "output":
			switch {
			case value == "":
				return m, bad("model", m.file, errors.New("output=: give the name of a value in the file"))
			case m.isWeights() || strings.EqualFold(filepath.Ext(m.file), nirExt):
				return m, bad("model", m.file, fmt.Errorf("output=%s is for ONNX files, which may have several outputs", value))
			}
			m.output = value
		case "reset", "fires":
			if err := m.setRule(name, value); err != nil {
				return m, bad("model", m.file, fmt.Errorf("%s=%s: %w", name, value, err))
			}
		default:
			return m, bad("model", m.file, fmt.Errorf("there is no option %q: give %s%s", name, modelOptions, nearest.DidYouMean(name, []string{"arch", "input", "output", "reset", "fires"})))
		}
	}
	return m, nil
}

// setRule takes what a NIR file of another tool does not say of its neurons.
func (m *modelSpec) setRule(name, value string) (err error) {
	if !strings.EqualFold(filepath.Ext(m.file), nirExt) {
		return errors.New("that is for NIR files of other tools")
	}
	if m.rule == nil {
		m.rule = &nir.Rule{Reset: snn.ResetZero}
	}
	if name == "reset" {
		m.rule.Reset, err = snn.ResetNamed(value)
		return err
	}
	if value != "at" && value != "above" {
		return errors.New("give at or above, the threshold")
	}
	m.rule.At = value == "at"
	return nil
}

// String returns the model as parseModel takes it.
func (m modelSpec) String() string {
	var list []string
	if m.arch != "" {
		list = append(list, "arch="+m.arch)
	}
	if m.input != nil {
		list = append(list, "input="+m.input.String())
	}
	if m.output != "" {
		list = append(list, "output="+m.output)
	}
	if m.rule != nil {
		list = append(list, "reset="+m.rule.Reset.String(), "fires="+map[bool]string{true: "at", false: "above"}[m.rule.At])
	}
	if list == nil {
		return m.file
	}
	return m.file + "?" + strings.Join(list, "&")
}

// isWeights reports whether the model is weights without operators.
func (m *modelSpec) isWeights() bool {
	ext := filepath.Ext(m.file)
	return strings.EqualFold(ext, weightsExt) || slices.Contains(resnet.StateDicts(), strings.ToLower(ext)) || m.arch != "" && !strings.EqualFold(ext, ".onnx") && !strings.EqualFold(ext, nirExt)
}

// parseShape reads a shape such as "3x224x224".
func parseShape(s string) (tensor.Shape, error) {
	var shape tensor.Shape
	for axis := range strings.SplitSeq(s, "x") {
		n, err := strconv.Atoi(axis)
		if err != nil {
			return nil, errors.New("give channels, rows and columns, such as 3x224x224")
		}
		shape = append(shape, n)
	}
	if len(shape) != 3 && len(shape) != 1 {
		return nil, errors.New("give channels, rows and columns, such as 3x224x224")
	}
	return shape, shape.Check()
}

// HashModel returns the SHA-256 of the file of a model, in hexadecimal.
func (o *Options) HashModel(model string) (string, error) {
	if model == Builtin {
		sum := sha256.Sum256(models.ResNet8MNIST)
		return hex.EncodeToString(sum[:]), nil
	}
	return regular.Hash(o.Path(ModelFile(model)))
}

// read reads a trained network for images of that shape; nil means what the file says,
// or of weights rows and columns, where that is not 0. It fills in the architecture.
func (m *modelSpec) read(shape tensor.Shape, rows int) (*ann.Graph, error) {
	if m.input != nil {
		shape = m.input
	}
	switch {
	case m.file == Builtin:
		g, err := onnx.Parse(models.ResNet8MNIST)
		if err == nil {
			g.Name = Builtin
		}
		return g, err
	case IsNIR(m.file):
		return nil, WantsTrained(m.file, "its activations set the scales")
	case m.isWeights():
		return m.readWeights(shape, rows)
	}
	g, err := onnx.Options{InputShape: shape, Output: m.output}.ReadFile(m.file)
	var several *onnx.OutputError
	switch {
	case errors.As(err, &several):
		return nil, hint.Error(err, "say which is the network's, its logits if they are there: %s?output=%s", m.file, several.Outputs[0])
	case errors.Is(err, fs.ErrNotExist):
		return nil, hint.Error(err, "give the path of an .onnx file; 'sresnet demo' needs none")
	case errors.Is(err, onnx.ErrOpenShape):
		return nil, hint.Error(err, "give channels, rows and columns of one image after the file, or the length of a vector: %s?input=3x32x32, or ?input=784", m.file)
	}
	return g, err
}

// readWeights is read for weights without operators.
func (m *modelSpec) readWeights(shape tensor.Shape, rows int) (*ann.Graph, error) {
	cols := rows
	if len(shape) == 3 {
		_, rows, cols = shape.CHW()
	}
	g, arch, err := resnet.Options{Architecture: m.arch, Rows: rows, Cols: cols}.ReadFile(m.file)
	var weights *resnet.WeightsError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hint.Error(err, "give the path of a %s file", weightsNamed)
	case errors.As(err, &weights) && weights.Fits != "":
		return nil, hint.Error(err, "they are those of arch=%s", weights.Fits)
	case errors.As(err, &weights):
		return nil, hint.Error(err, "name the architecture of the weights: %s?arch=NAME; if it is another one, or the tensors have other names, export the network to ONNX (docs/frameworks.md)", m.file)
	case err != nil:
		return nil, err
	}
	if shape != nil && !shape.Equal(g.Input.Shape) {
		return nil, fmt.Errorf("%s: the network takes images of %v, not of %v", m.file, g.Input.Shape, shape)
	}
	m.arch = arch
	return g, nil
}

// readFor reads the trained network for the images of d. One that takes a vector is given
// them as such, see [modelSpec.readVector].
func (m *modelSpec) readFor(d *dataset.Dataset, crop int) (*ann.Graph, error) {
	g, err := m.readShaped(d, crop)
	if err != nil || !takesVector(g) {
		return g, err
	}
	var shape tensor.Shape
	switch n := g.Input.Shape.Len(); {
	case d == nil:
	case !d.Resizable():
		shape = d.Shape()
	case crop > 0 && n%(crop*crop) == 0:
		shape = tensor.Shape{n / (crop * crop), crop, crop}
	default:
		shape = squareImages(n)
	}
	return m.readVector(g, shape)
}

// readShaped reads the trained network, for images of the shape of those of d where the
// file leaves it open.
func (m *modelSpec) readShaped(d *dataset.Dataset, crop int) (g *ann.Graph, err error) {
	if d == nil || m.input != nil {
		if g, err = m.read(nil, crop); err != nil && len(m.input) == 3 {
			flat := *m // Of a vector.
			flat.input = tensor.Shape{m.input.Len()}
			if alone, err := flat.read(nil, crop); err == nil && takesVector(alone) {
				return alone, nil
			}
		}
		return g, err
	}
	if !d.Resizable() {
		if g, err = m.read(d.Shape(), crop); err != nil {
			// A file that is sound by itself does not fit the images; fits says so. What is
			// wrong with it by itself is wrong whatever the images are.
			alone, itself := m.read(nil, crop)
			if itself == nil {
				return alone, nil
			}
			if alone, err := m.read(tensor.Shape{d.Shape().Len()}, crop); err == nil {
				return alone, nil
			}
			if !errors.Is(itself, onnx.ErrOpenShape) {
				return nil, itself
			}
		}
		return g, err
	}
	// The network says the shape, unless it leaves it open.
	if g, err = m.read(nil, crop); !errors.Is(err, onnx.ErrOpenShape) {
		return g, err
	}
	shape := d.Shape()
	if crop > 0 {
		shape[1], shape[2] = crop, crop
	}
	for _, shape[0] = range []int{3, 1} { // Channels are not left open.
		if g, err = m.read(shape, crop); err == nil {
			break
		}
	}
	return g, err
}

// WantsTrained is the error for a NIR file where the trained network is needed, for
// that reason.
func WantsTrained(name, reason string) error {
	from := "the .onnx file that it was converted from"
	if g, err := nir.ReadFile(name); err == nil {
		if i := nir.InfoOf(g); i.Model != "" {
			from = i.Model + ", which it was converted from"
		}
	}
	return hint.Error(fmt.Errorf("%s is a spiking network already, but a trained one is needed: %s", name, reason), "give %s", from)
}
