// Package onnx reads trained networks from ONNX files into an [ann.Graph].
//
// A file holds far more than the operators of a network: constants, and small
// programs of Shape, Gather, Concat and the like that compute paddings and shapes.
// The importer runs those (everything that depends only on constants and shapes
// folds to a constant) and translates what is left, the data path, one operator
// at a time. What has no counterpart in package ann is reported, every node of
// it at once, as an [*UnsupportedError].
//
// Operator sets 7 to 24 are read. This package knows nothing of spikes, and runs
// no network. Files are not trusted: for any bytes, the result is a graph that
// validates or an error, in memory that stays within a few times the size of the
// file, or what its constants of few bits take as floats.
//
// A quantised network is read as the network of floats that it stands for: weights
// have the values they were rounded to, activations are not rounded, but what bounds
// them stays.
//
// # Layout
//
// ONNX activations have a batch axis, which is dropped: a symbolic batch is taken
// as 1. An image is (C, H, W) in the graph even where the file has channels last
// and transposes its input, or declares it as a vector or another view of the image
// that its first operator takes. Training flags of BatchNormalization and Dropout are
// ignored: the graph is the network as it is evaluated.
package onnx

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sresnet/ann"
	"sresnet/tensor"
)

// maxFile is the size from which a file is refused. It is protobuf's own limit;
// larger networks keep their weights in external files.
const maxFile = 1<<31 - 1

// Options adjusts reading. The zero value is a good default.
type Options struct {
	// InputShape is the shape of one image, (C, H, W) or (N), without batch. It is
	// needed where the file leaves a size open, and must agree with the sizes that
	// the file gives. Defaults to the file's.
	InputShape tensor.Shape

	// Output is the name of the value to take as the network's output, needed where
	// the file has several outputs. Defaults to the only one.
	Output string
}

// ReadFile reads the network in the named file. External data is read from files
// in the same folder, never from outside of it.
//
// Nodes without a counterpart in package ann give an [*UnsupportedError]; other
// errors name the file, the node where there is one, and what to do.
func ReadFile(name string) (*ann.Graph, error) { return Options{}.ReadFile(name) }

// Read is [Parse] for a reader.
func Read(r io.Reader) (*ann.Graph, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return Parse(data)
}

// Parse reads a network from the bytes of a file; its tensors share nothing with
// data. A model with external data needs [ReadFile].
func Parse(data []byte) (*ann.Graph, error) { return Options{}.Parse(data) }

// ReadFile is [ReadFile] with options.
func (o Options) ReadFile(name string) (*ann.Graph, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, refused("give the path of an .onnx file", "onnx: %s is not a file", name)
	}
	if info.Size() > maxFile {
		return nil, refused("save the model with external data", "onnx: %s has %d bytes, more than an ONNX file can have", name, info.Size())
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	title := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	return o.read(data, name, title, &folder{dir: filepath.Dir(name)})
}

// Parse is [Parse] with options.
func (o Options) Parse(data []byte) (*ann.Graph, error) { return o.read(data, "", "", nil) }

// read puts the file's name into every error, once.
func (o Options) read(data []byte, file, title string, ext *folder) (*ann.Graph, error) {
	g, err := o.importModel(data, ext)
	if err != nil {
		if u, ok := err.(*UnsupportedError); ok {
			u.File = file
			return nil, u
		}
		err = withRemedy(err)
		if file != "" {
			return nil, fmt.Errorf("onnx: %s: %w", file, err)
		}
		return nil, fmt.Errorf("onnx: %w", err)
	}
	if title != "" {
		g.Name = title
	}
	return g, nil
}

func (o Options) importModel(data []byte, ext *folder) (*ann.Graph, error) {
	m, err := parseModel(data)
	if err != nil {
		return nil, notONNX(data, err)
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	im := &importer{
		options: o,
		graph:   m.graph,
		opset:   m.opset,
		tensors: decoder{budget: newBudget(len(data)), folder: ext},
	}
	return im.run()
}
