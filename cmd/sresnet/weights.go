package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/ann"
	"sresnet/resnet"
	"sresnet/tensor"
)

// weightsExt is how files of weights end.
const weightsExt = ".safetensors"

// weightsFlags lets cmd take weights without operators: as MODEL, or in its place
// with --weights.
func (s *settings) weightsFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.arch, "arch", "", "architecture `NAME` of weights: "+strings.Join(resnet.Architectures(), ", ")+" (default: the one that they fit)")
	cmd.Flags().StringVar(&s.weights, "weights", "", "in place of MODEL: weights without operators, a .safetensors `FILE`")
	check, run := cmd.Args, cmd.RunE
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := s.checkWeights(args); err != nil {
			return &usageError{cmd.CommandPath(), err}
		}
		return check(cmd, s.withWeights(args))
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return run(cmd, s.withWeights(args)) }
}

// withWeights puts the weights where MODEL is looked for.
func (s *settings) withWeights(args []string) []string {
	if s.weights == "" {
		return args
	}
	return append(args, s.weights)
}

func (s *settings) checkWeights(args []string) error {
	if s.weights != "" && len(args) > 0 {
		return fmt.Errorf("--weights %s: MODEL is there already, %s; give one of them", s.weights, args[0])
	}
	if s.arch == "" {
		return nil
	}
	args = s.withWeights(args)
	switch {
	case !slices.Contains(resnet.Architectures(), s.arch):
		return fmt.Errorf("--arch %q: give %s", s.arch, strings.Join(resnet.Architectures(), ", "))
	case len(args) == 0:
		return fmt.Errorf("--arch %s: the weights are missing; give them with --weights FILE%s", s.arch, weightsExt)
	case strings.EqualFold(filepath.Ext(args[0]), ".onnx") || isNIR(args[0]):
		return fmt.Errorf("--arch %s: it is for weights alone, and %s has its operators itself", s.arch, args[0])
	}
	return nil
}

// isWeights reports whether a MODEL is weights without operators.
func (s *settings) isWeights(model string) bool {
	return s.arch != "" || s.weights != "" || strings.EqualFold(filepath.Ext(model), weightsExt)
}

// readWeights reads a network for images of that shape; nil means rows and columns
// of --crop, or those that the architecture was made for. It fills the option --arch.
func (s *settings) readWeights(name string, shape tensor.Shape) (*ann.Graph, error) {
	rows, cols := s.crop, s.crop
	if len(shape) == 3 {
		_, rows, cols = shape.CHW()
	}
	g, arch, err := resnet.Options{Architecture: s.arch, Rows: rows, Cols: cols}.ReadFile(name)
	var weights *resnet.WeightsError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hinted(err, "give the path of a %s file", weightsExt)
	case errors.As(err, &weights) && weights.Fits != "":
		return nil, hinted(err, "they are those of --arch %s", weights.Fits)
	case errors.As(err, &weights):
		return nil, hinted(err, "give with --arch the architecture that the weights are of; of another one, or with other names, export the network to ONNX (docs/frameworks.md)")
	case err != nil:
		return nil, err
	}
	if shape != nil && !shape.Equal(g.Input.Shape) {
		return nil, fmt.Errorf("%s: the network takes images of %v, not of %v", name, g.Input.Shape, shape)
	}
	s.arch = arch
	return g, nil
}
