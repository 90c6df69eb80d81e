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
	weighted    bool   // It multiplies with weights in the trained network, and does not just add.
	dense       uint64 // Weights that lie inside the border: operations if every input were there.

	// For the traffic of memory.
	source, units int        // Elements that it comes from, borders left out, and that it ends on.
	weights, rows int        // Numbers that it stores, and channels that it ends on.
	fan           tensor.Fan // Of an element of the source.

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

// newCounter returns one for a source of shape in and an output of shape out.
func newCounter(source string, in, out tensor.Shape, f tensor.Fan) *counter {
	return &counter{source: source, channels: in[0], taps: f.Taps(in, out), fan: uint64(f.Channels)}
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

// synapse returns a connection of spikes from a layer of shape in to one of shape
// out, with a counter for the case that it carries the image.
func synapse(in, out tensor.Shape, k snn.Connection) connection {
	f := k.Fan(out)
	_, weighted := k.(snn.Weighted)
	return connection{
		kind: k.Kind(), weighted: weighted, counter: newCounter("", in, out, f), dense: f.Total(in, out),
		source: in.Len(), units: out.Len(), weights: k.Parameters(), rows: out[0], fan: f,
	}
}
