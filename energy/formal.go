package energy

import (
	"sresnet/snn"
	"sresnet/tensor"
)

// formal returns the traffic of k in a network that computes with values and keeps
// nothing: each product reads a weight and a value, but a fully connected layer reads each
// of its values once [lemaire2022]. So many operations of all are done, whose weights are
// read; the others are found to have a value of zero. Of several connections between two
// layers one alone, the first, moves the values.
func (k *connection) formal(done float64, first bool) *Traffic {
	d := float64(k.dense)
	t := &Traffic{ValueReads: d, AddressAdditions: float64(k.source) + float64(k.units)}
	if first {
		t.ValuesMoved = float64(k.source)
	}
	if !k.weighted {
		t.Additions = done
		return t
	}
	t.Products, t.WeightReads = done, done
	if k.fan.Window == nil {
		t.ValueReads, t.AddressAdditions = float64(k.source), d
		return t
	}
	// A kernel has an address for each output channel and tap.
	t.AddressAdditions += float64(k.rows) * float64(k.fan.Window.Kernel[0]) * float64(k.fan.Window.Kernel[1])
	return t
}

// item returns that of a connection, without its traffic.
func (m *Meter) item(k *connection) item {
	return item{image: k.from == snn.FromInput, Entry: Entry{
		Layer: m.layerName(k.layer), From: m.layerName(k.from), Node: k.node, Kind: k.kind,
		Stored: Stored{Source: k.source, Units: k.units, Weights: k.weights},
	}}
}

// formal returns the traffic of the trained network, which does that many operations of
// each connection. What it has besides these goes by the populations of the spiking
// network: a bias for each of their units, a comparison where it is a rectifier, and a
// value that is written.
func (m *Meter) formal(done func(connection int) float64) book {
	var list book
	moved := make(map[[2]int]bool)
	for i := range m.trained {
		k := &m.trained[i]
		pair := [2]int{k.from, k.layer}
		list.add(m.item(k), *k.formal(done(i), !moved[pair]), Traffic{})
		moved[pair] = true
	}
	for i := range m.net.Layers {
		l := &m.net.Layers[i]
		n := float64(l.Neurons())
		e := item{Entry: Entry{Layer: l.Name, Kind: "values", Stored: Stored{Units: l.Neurons(), Biases: len(l.Bias)}}}
		t := Traffic{ValueWrites: n}
		if l.Bias != nil {
			t.BiasReads, t.Additions = n, n
		}
		if m.rectified[l.Name] {
			t.Comparisons = n
		}
		if l.IsGate() {
			t.plus(1, m.pooled(&e, l))
		}
		list.add(e, t, Traffic{})
	}
	return list
}

// pooled returns what a max pool of the trained network compares and takes in.
func (m *Meter) pooled(e *item, l *snn.Layer) *Traffic {
	pool := l.Synapses[0].Connection.(*snn.MaxPool)
	in := m.net.ShapeOf(l.Synapses[0].From)
	d := float64(tensor.Fan{Window: &pool.Window, Channels: 1}.Total(in, l.Shape))
	e.Kind, e.From, e.Stored.Source = "max pool", m.layerName(l.Synapses[0].From), in.Len()
	return &Traffic{Comparisons: d, ValueReads: d, AddressAdditions: float64(in.Len()) + float64(l.Neurons()), ValuesMoved: float64(in.Len())}
}
