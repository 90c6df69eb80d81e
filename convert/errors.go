package convert

import (
	"fmt"
	"strings"

	"sresnet/ann"
	"sresnet/calibrate"
)

// UnsupportedError is the error of a node of a trained network that has no spiking
// counterpart.
type UnsupportedError struct {
	Node   string
	Op     string // ONNX operator.
	Reason string
	Remedy string // What to do about it; may be empty.
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("convert: node %q: %s is not supported: %s", e.Node, e.Op, e.Reason)
}

// Hint returns Remedy.
func (e *UnsupportedError) Hint() string { return e.Remedy }

// Remedies that several nodes share. Only the first changes what the network
// computes: it is for cases where nothing else helps.
const (
	hintRectify = "put a ReLU after every convolution except the last of a branch, and after every sum, and train again"
	hintSize    = "use smaller images or fewer channels, or check the padding before it"
	hintInput   = "export the network without it, and give its mean and standard deviation with {normalize}"
	hintBranch  = "a shortcut may be the identity, a convolution, an average pool, or a slice with zero-padded channels"
)

func unsupported(n *ann.Node, remedy, format string, args ...any) *UnsupportedError {
	return &UnsupportedError{Node: n.Name, Op: n.Type(), Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

// several is the error of more than one node.
type several []*UnsupportedError

func (s several) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "convert: %d nodes are not supported:", len(s))
	for _, e := range s {
		fmt.Fprintf(&b, "\n  node %q: %s: %s", e.Node, e.Op, e.Reason)
	}
	return b.String()
}

func (s several) Unwrap() []error {
	errs := make([]error, len(s))
	for i, e := range s {
		errs[i] = e
	}
	return errs
}

// join makes one error of a list, nil of an empty one.
func join(list []*UnsupportedError) error {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return several(list)
}

// DeadLayerError is the error of a layer whose activations give it no scale: its
// lambda is not positive, so dividing by it would mean nothing.
type DeadLayerError struct {
	calibrate.NodeStatistics
	Percentile float64
	Images     int
}

func (e *DeadLayerError) Error() string {
	return fmt.Sprintf("convert: layer %q is dead: percentile %v of its activations on %d calibration images is %v, largest %v",
		e.Node, e.Percentile, e.Images, e.Lambda, e.Max)
}

// Hint says what to do about e.
func (e *DeadLayerError) Hint() string {
	if e.Max > 0 {
		return "raise the percentile (100 is the maximum), or calibrate on more images"
	}
	return "calibrate on more images, and check that they are normalised as in training; the layer may have died in training"
}
