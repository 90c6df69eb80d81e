package zoo

import (
	"regexp"
	"strings"
)

// reasons are why a network may be refused: what has no spiking counterpart, or is not
// looked for. A network that is refused for another reason is a new fault, or wants a row
// here.
var reasons = regexp.MustCompile(strings.Join([]string{
	// Of files.
	`^this operator is not supported$`,
	`^only Relu, LeakyRelu, PRelu and Clip from N have a spiking counterpart`,
	`^multiplies activations`, `^compares activations with each other`, `^divides by activations`, `^subtracts activations`,
	`differs between (positions|elements)`,
	`^jumps from`, `^makes a function of N pieces`, `^makes functions of several kinds`, `^is a constant, whatever the image is`,
	`^rounds what has no bounds`, `^rounds channels to different numbers`, `^bounds at N what is rounded`,
	`^reverses axis`, `^pads in mode`, `^pads with`, `^takes some rows or columns`, `^takes some of the batch`,
	`^takes (the|a) (mean|maximum|sum) over axes`,
	`^goes over one axis`,
	`is supported on constants`,
	`^can only be the last operator`, `^does not cover all the logits`, `^is not over all the logits`,
	`^end the network at its logits$`,
	`^joins (images|values|an activation|several)`,
	`^takes an image`, `^takes a vector`, `^slices a value`, `^pads a value`, `^changes the number of axes`,
	`^has slopes of shape`,
	`^only the first output can be|only the first output can be$`,
	`^makes N channels`, `^repeats rows`,
	`the network ends with a value of shape`, `is an image with channels last`,
	`^chooses`, `^adds shapes`, `^transposes activations`,
	// Of graphs.
	`where it cannot be folded into a convolution`,
	`behind the max pool that takes it, it would be the same only if all were above N`,
	`which must first pass through a convolution`, `but must first pass through a convolution`,
	`without a ReLU, and only a ReLU becomes neurons`,
	`it has a counterpart only in a shortcut that goes into a sum`,
	`^the network ends in it`, `^its branches have the shapes`,
	`^it pads rows or columns of a shortcut`, `^it takes only some of the channels`, `^no counterpart is known`,
	`with a negative scale`, `scale is (not positive|negative)`, `scales? .* below zero`,
}, "|"))
