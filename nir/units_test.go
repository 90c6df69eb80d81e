package nir

import (
	"slices"
	"testing"

	"sresnet/snn"
)

// TestLayerUnits: potentials and thresholds of a file are those of the network times the unit.
func TestLayerUnits(t *testing.T) {
	for _, p := range profiles {
		net := gentle(1, snn.ResetSubtract, true)
		g, _, err := FromNetwork(net, p, Info{})
		if err != nil {
			t.Fatal(err)
		}
		units, err := LayerUnits(net, g)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := LayerNodes(net, g)
		if err != nil {
			t.Fatal(err)
		}
		others := 0
		for i := range net.Layers {
			n := g.Node(nodes[i])
			a := n.Data.Arrays["v_threshold"]
			if p.Above {
				a = n.Metadata.Arrays["v_threshold"]
			}
			th, err := perChannel(a, net.Layers[i].Shape)
			if err != nil {
				t.Fatal(err)
			}
			for c, want := range th {
				u := float32(1)
				if units[i] != nil {
					u = units[i][c]
					others++
				}
				if got := net.Layers[i].Neuron.ThresholdOf(c) * u; !near(got, want) {
					t.Errorf("%s, layer %q, channel %d: %v, the file has a threshold of %v", p.Name, net.Layers[i].Name, c, got, want)
				}
			}
		}
		if (others > 0) != (p.Name != Generic.Name) {
			t.Errorf("%s: %d channels in other units", p.Name, others)
		}
	}
	if units, err := LayerUnits(gentle(1, snn.ResetZero, false), nil); err != nil || slices.ContainsFunc(units, func(u []float32) bool { return u != nil }) {
		t.Errorf("without a file: %v, %v", units, err)
	}
}

func near(a, b float32) bool { return max(a-b, b-a) <= 1e-6*max(a, b) }

// TestOlderPools: files that average where pools now count in whole numbers are still read.
func TestOlderPools(t *testing.T) {
	net := gentle(1, snn.ResetSubtract, false)
	pool := &net.Layers[len(net.Layers)-2]
	pool.Synapses[0].Connection.(*snn.AveragePool).Scale = 1
	net = net.WholePools()
	for _, p := range []Profile{Generic, profiles[2]} {
		e := &exporter{net: net, profile: p, limit: 1 << 30, averaged: true}
		if err := e.run(); err != nil {
			t.Fatal(err)
		}
		var err error
		if e.g.Metadata, err = e.metadata(Info{}); err != nil {
			t.Fatal(err)
		}
		before := slices.IndexFunc(e.g.Nodes, func(n *Node) bool { return n.Type == "AvgPool2d" })
		after, _, err := FromNetwork(net, p, Info{})
		if err != nil {
			t.Fatal(err)
		}
		if before < 0 || p.Name == Generic.Name && slices.ContainsFunc(after.Nodes, func(n *Node) bool { return n.Type == "AvgPool2d" }) {
			t.Errorf("%s: nothing changed", p.Name)
		}
		if p.Name == "spikingjelly" { // A window of 4x4 over 3x3.
			n := after.Nodes[slices.IndexFunc(after.Nodes, func(n *Node) bool { return n.Type == "AvgPool2d" })]
			if k, err := n.pairField("kernel_size"); err != nil || k != [2]int{4, 4} {
				t.Errorf("a window of %v, error %v", k, err)
			}
			if th := after.Node("pool").Data.Arrays["v_threshold"].Data.([]float32)[0]; th != 9.0/16 {
				t.Errorf("threshold %v, want 9/16", th)
			}
		}
		got, err := e.g.Network()
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if w := got.Layers[len(got.Layers)-2].Neuron.Threshold; len(w) != 1 || w[0] != 9 {
			t.Errorf("%s: thresholds %v", p.Name, w)
		}
	}
}
