// Package resnet builds residual networks of well-known architecture from their
// weights: a safetensors file, or one of PyTorch's torch.save, has the parameters of a
// network and no operators, and the name of an architecture gives the rest.
//
// Parameters have the names that PyTorch gives them: those of torchvision, which
// timm's plain ResNets share (conv1, bn1, layer1.0.conv1, layer2.0.downsample.0,
// fc), and those of the common code for CIFAR (linear for fc, and shortcut for
// downsample). Networks for CIFAR begin with a 3x3 convolution and no pool; without
// parameters in their shortcuts they have option A: every second row and column, and
// channels of zeros. A prefix that all names share, such as "module." of DataParallel,
// is left out, and num_batches_tracked ignored. ResNets of Hugging Face's transformers
// (resnet.embedder, resnet.encoder.stages, classifier) are read as torchvision's.
//
// This package knows nothing of spikes, and runs no network.
//
// # References
//
//	[he2016]  Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun. Deep Residual Learning
//	          for Image Recognition. CVPR 2016.
package resnet

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/ann"
	"sresnet/safetensors"
	"sresnet/statedict"
	"sresnet/tensor"
)

// architecture is a network without its parameters.
type architecture struct {
	name       string
	blocks     []int // A stage.
	width      int   // Channels of the first stage; each further one has twice as many and half the rows and columns.
	bottleneck bool  // Blocks are 1x1, 3x3 with the stride, 1x1 to four times the width.
	imageNet   bool  // Begins with a 7x7 convolution of stride 2 and a max pool.
	size       int   // Usual rows and columns of an image.
}

var architectures = []architecture{
	{name: "resnet20-cifar", blocks: []int{3, 3, 3}, width: 16, size: 32},
	{name: "resnet32-cifar", blocks: []int{5, 5, 5}, width: 16, size: 32},
	{name: "resnet44-cifar", blocks: []int{7, 7, 7}, width: 16, size: 32},
	{name: "resnet56-cifar", blocks: []int{9, 9, 9}, width: 16, size: 32},
	{name: "resnet18-cifar", blocks: []int{2, 2, 2, 2}, width: 64, size: 32},
	{name: "resnet34-cifar", blocks: []int{3, 4, 6, 3}, width: 64, size: 32},
	{name: "resnet50-cifar", blocks: []int{3, 4, 6, 3}, width: 64, bottleneck: true, size: 32},
	{name: "resnet18", blocks: []int{2, 2, 2, 2}, width: 64, imageNet: true, size: 224},
	{name: "resnet34", blocks: []int{3, 4, 6, 3}, width: 64, imageNet: true, size: 224},
	{name: "resnet50", blocks: []int{3, 4, 6, 3}, width: 64, bottleneck: true, imageNet: true, size: 224},
}

// Architectures lists the names of all architectures.
func Architectures() []string {
	var names []string
	for _, a := range architectures {
		names = append(names, a.name)
	}
	return names
}

// Options adjusts reading. The zero value is a good default.
type Options struct {
	// Architecture is one of [Architectures]. Defaults to the one that the names
	// and shapes of the weights are of.
	Architecture string

	// Rows and Cols are the size of an image, at least 1. Default to what the
	// architecture was made for, 32 or 224.
	Rows, Cols int
}

// ReadFile reads a network from the weights in the named file, which is of torch.save if
// its name ends in one of [StateDicts], else safetensors. It returns its architecture,
// too. Weights that do not fit give a [*WeightsError].
func ReadFile(name string) (*ann.Graph, string, error) { return Options{}.ReadFile(name) }

// StateDicts lists how names of files end that torch.save wrote.
func StateDicts() []string { return []string{".pt", ".pth"} }

// Tensors is named tensors in an open file. Errors of Tensor name the file.
type Tensors interface {
	Names() []string // Sorted.
	Shape(name string) (tensor.Shape, bool)
	Tensor(name string) (*tensor.Tensor, error)
}

// file is Tensors that are to be closed.
type file interface {
	Tensors
	io.Closer
}

// open opens the file of that name.
func open(name string) (file, error) {
	if slices.Contains(StateDicts(), strings.ToLower(filepath.Ext(name))) {
		f, err := statedict.Open(name)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	f, err := safetensors.Open(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ReadFile is [ReadFile] with options.
func (o Options) ReadFile(name string) (g *ann.Graph, arch string, err error) {
	f, err := open(name)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if g, arch, err = o.Build(f); err != nil {
		return nil, "", inFile(name, err)
	}
	g.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	return g, arch, nil
}

// inFile puts the name of the file into err, unless it is there.
func inFile(name string, err error) error {
	var weights *WeightsError
	var read *readError
	switch {
	case errors.As(err, &weights):
		weights.File = name
		return weights
	case errors.As(err, &read):
		return read.err // The package that reads it names the file.
	}
	return fmt.Errorf("resnet: %s: %w", name, err)
}

// Build is [Options.ReadFile] for a file that is open.
func (o Options) Build(f Tensors) (*ann.Graph, string, error) {
	w := newWeights(torchvisionNames(f))
	a, err := w.architecture(o.Architecture)
	if err != nil {
		return nil, "", err
	}
	b := builder{weights: w, reads: true}
	g := b.network(a, o.Rows, o.Cols)
	if b.err != nil {
		return nil, "", b.err
	}
	if err := g.InferShapes(); err != nil {
		return nil, "", err
	}
	return g, a.name, g.Validate()
}
