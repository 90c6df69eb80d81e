package energy

import (
	"sresnet/snn"
	"sresnet/tensor"
)

// connection is a bundle of synapses, or the same in the trained network: weights
// between one activation and the next.
type connection struct {
	layer, from int    // Of the spiking network; snn.FromInput, or unknown.
	node        string // Of the trained network; empty for a synapse.
	kind        string // As snn.Connection.Kind says.
	weighted    bool   // Its operations are multiply-accumulates in the trained network, not additions.
	dense       uint64 // Weights that lie inside the border: operations if every input were there.

	// counter counts what an activation causes, nil for synapses of spikes, which
	// sim counts.
	counter *counter
}

// unknown is the index of a layer that the spiking network does not have.
const unknown = -2

// counter counts operations that the elements of an activation cause which are not
// zero. It is exact: a tap over the border counts nothing.
type counter struct {
	source   string   // Node of the trained network whose activation it looks at, or the input; empty for a synapse from the image.
	channels int      // Of the source, which lies channels last.
	taps     []uint64 // By position: windows that see it. Nil for one each.
	fan      uint64   // Channels that each tap ends on.
}

func (c *counter) count(x []float32) (n uint64) {
	if c.taps == nil {
		return c.fan * nonzero(x)
	}
	for p, taps := range c.taps {
		n += taps * nonzero(x[p*c.channels:][:c.channels])
	}
	return c.fan * n
}

func nonzero(x []float32) (n uint64) {
	for _, v := range x {
		if v != 0 {
			n++
		}
	}
	return n
}

// windowTaps returns, for each of n rows (axis 0) or columns (axis 1) of a source,
// how many of the outputs have it under the window.
func windowTaps(w tensor.Window, axis, n, outputs int) []uint64 {
	taps := make([]uint64, n)
	for o := range outputs {
		lo, hi := w.Inside(axis, o, n)
		for k := lo; k < hi; k++ {
			taps[o*w.Stride[axis]+k*w.Dilation[axis]-w.Pad[axis]]++
		}
	}
	return taps
}

// positionTaps is windowTaps for every position, row by row.
func positionTaps(w tensor.Window, in, out tensor.Shape) []uint64 {
	rows, cols := windowTaps(w, 0, in[1], out[1]), windowTaps(w, 1, in[2], out[2])
	taps := make([]uint64, 0, len(rows)*len(cols))
	for _, r := range rows {
		for _, c := range cols {
			taps = append(taps, r*c)
		}
	}
	return taps
}

func sum(x []uint64) (n uint64) {
	for _, v := range x {
		n += v
	}
	return n
}

// synapse returns a connection of spikes from a layer of shape in to one of shape
// out, with a counter for the case that it carries the image.
func synapse(in, out tensor.Shape, k snn.Connection) connection {
	c := connection{kind: k.Kind(), counter: &counter{channels: in[0], fan: 1}}
	switch k := k.(type) {
	case *snn.Conv:
		c.counter.taps, c.counter.fan = positionTaps(k.Window, in, out), uint64(out[0]/k.Groups)
		c.dense = sum(c.counter.taps) * uint64(in[0]) * c.counter.fan
	case *snn.Dense:
		c.counter.fan = uint64(out.Len())
		c.dense = uint64(in.Len()) * c.counter.fan
	case *snn.Shortcut:
		c.dense = uint64(in[0] * out[1] * out[2])
	case *snn.AveragePool:
		c.dense = sum(positionTaps(k.Window, in, out)) * uint64(in[0])
	}
	return c // A max-pool gate has no weights.
}
