package nir

import (
	"errors"

	"sresnet/snn"
)

// ErrForeign is the error of a graph that sresnet did not write.
var ErrForeign = errors.New("nir: the graph was not written by sresnet")

func interpret(*Graph) (*snn.Network, error) { return nil, ErrForeign }
