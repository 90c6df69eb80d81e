package nir

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sresnet/snn"
)

// Delay nodes hold the timesteps that a synapse waits for, metadata what NIR cannot say.
func TestSchedule(t *testing.T) {
	net := phased()
	g, warnings, err := FromNetwork(net, Generic, Info{})
	if err != nil {
		t.Fatal(err)
	}
	delays := make(map[string]float32)
	for _, e := range g.Edges {
		if n := g.Node(e.To); n.Type == "Delay" {
			x, _ := n.Data.Arrays["delay"].Float32s()
			delays[e.From] = max(delays[e.From], x[0])
			if slices.Min(x) != x[0] || slices.Max(x) != x[0] {
				t.Errorf("delays of node %q differ: %v", n.Name, x)
			}
		}
	}
	// The first sum is in window 3, so that the image comes two windows too early.
	want := map[string]float32{"input": 24, "conv1_relu": 12, "block_0_sum": 12}
	if fmt.Sprint(delays) != fmt.Sprint(want) {
		t.Errorf("delays %v, want %v", delays, want)
	}
	for key, want := range map[string]any{
		scheduleKey: []string{"phased"}, codingKey: []string{"rate"}, tunedKey: []int64{12}, latencyKey: []int64{int64(12 * (1 + 8))},
	} {
		if got := g.Metadata.Arrays[key].Data; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("metadata %s: %v, want %v", key, got, want)
		}
	}
	sum := g.Node("block_0_sum").Metadata
	if got := sum.Arrays[phaseKey].Data.([]int64)[0]; got != 3 {
		t.Errorf("phase %d of the first sum, want 3", got)
	}
	if x, _ := sum.Arrays[startKey].Float32s(); !slices.Equal(x, net.Layers[2].Start) {
		t.Error("start potentials are not in the metadata")
	}
	if x, _ := sum.Arrays[lambdasKey].Float32s(); !slices.Equal(x, net.Layers[2].Lambdas) {
		t.Error("lambdas are not in the metadata")
	}
	if _, ok := sum.Arrays["v_init"]; ok {
		t.Error("metadata have two start potentials")
	}
	if !slices.Contains(warnings, warnPhased) || !slices.Contains(warnings, warnStart) || slices.Contains(warnings, warnCoding) || slices.Contains(warnings, warnDelays) {
		t.Errorf("warnings %q", warnings)
	}
	for _, r := range Readers(g) {
		if r.Reads || !strings.Contains(r.Why, "firing windows") {
			t.Errorf("%+v reads a file with firing windows", r)
		}
	}

	// Without a T there is no time to write into Delay nodes.
	net.Coding, net.TunedFor = snn.FirstSpike, 0
	g, warnings, err = FromNetwork(net, Generic, Info{})
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Type == "Delay" }) {
		t.Error("Delay nodes without a T")
	}
	if !slices.Contains(warnings, warnCoding) || !slices.Contains(warnings, warnDelays) {
		t.Errorf("warnings %q", warnings)
	}
}

// Targets refuse firing windows with a sentence, and take what else calibration for T does.
func TestTargetsOfTuned(t *testing.T) {
	for _, p := range profiles {
		if p.Reader == "" {
			continue
		}
		net := phased()
		_, _, err := FromNetwork(net, p, Info{})
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "cannot read this network: its neurons fire at every timestep, and firing windows need") {
			t.Errorf("%s: error %v", p.Name, err)
		}
		plain(net)
		g, warnings, err := FromNetwork(net, p, Info{})
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if !slices.Contains(warnings, warnStart) {
			t.Errorf("%s: warnings %q have nothing of start potentials", p.Name, warnings)
		}
		if x := g.Metadata.Arrays[tunedKey].Data; fmt.Sprint(x) != "[12]" {
			t.Errorf("%s: calibrated for T = %v", p.Name, x)
		}
	}
}

// Start potentials are in the unit of the thresholds of the node.
func TestStartOfDivided(t *testing.T) {
	p, err := ProfileNamed("snntorch")
	if err != nil {
		t.Fatal(err)
	}
	net := plain(phased())
	l := &net.Layers[2]
	l.Neuron.Threshold = []float32{0.7, 1, 3, 1.1}
	g, _, err := FromNetwork(net, p, Info{})
	if err != nil {
		t.Fatal(err)
	}
	m := g.Node("block_0_sum").Metadata
	x, _ := m.Arrays[startKey].Float32s()
	for j, v := range x {
		if th := float64(l.Neuron.ThresholdOf(j / 64)); math.Abs(float64(v)-float64(l.Start[j])/th) > 1e-6 {
			t.Fatalf("neuron %d begins at %v thresholds, want %v", j, v, float64(l.Start[j])/th)
		}
	}
	again, err := decode(t, encode(t, g)).Network()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Layers[2].Start, l.Start) {
		t.Error("start potentials did not come back")
	}
}

// Only files that need it are of the format that earlier versions refuse.
func TestFormats(t *testing.T) {
	for want, net := range map[int]*snn.Network{1: pooled(), 2: phased()} {
		g, _, err := FromNetwork(net, Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := readRecord(g); err != nil || r.Format != want {
			t.Errorf("format %d, error %v, want %d", r.Format, err, want)
		}
	}
	for name, change := range map[string]func(n *snn.Network){
		"T":       func(n *snn.Network) { n.TunedFor = 4 },
		"lambdas": func(n *snn.Network) { n.Layers[7].Lambdas = []float32{1, 1, 1, 1, 1} },
		"start":   func(n *snn.Network) { n.Layers[7].Start = make([]float32, 5) },
		"shift":   func(n *snn.Network) { n.Layers[7].Shift = make([]float32, 5) },
		"refit":   func(n *snn.Network) { n.Layers[7].Refit = true },
		"scales":  func(n *snn.Network) { n.Layers[5].Synapses[1].Connection.(*snn.Shortcut).Scales = make([]float32, 6) },
	} {
		net := pooled()
		change(net)
		g, _, err := FromNetwork(net, Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := readRecord(g); err != nil || r.Format != 2 {
			t.Errorf("%s: format %d, error %v, want 2", name, r.Format, err)
		}
	}
}

// Values that no network has are errors that say where.
func TestHostileSchedule(t *testing.T) {
	nan := float32(math.NaN())
	for _, tt := range []struct {
		want   string
		record func(r *record)
		graph  func(g *Graph)
	}{
		{want: `no schedule "soon", only [synchronous phased]`, record: func(r *record) { r.Schedule = "soon" }},
		{want: `no coding "morse", only [rate first-spike]`, record: func(r *record) { r.Coding = "morse" }},
		{want: "takes a phased schedule", record: func(r *record) { r.Schedule, r.Coding = "", "first-spike" }},
		{want: `node "block_0_sum_delay" is new`, record: func(r *record) { r.Schedule = "" }},
		{want: "T = -1, which must be between 1 and 65535", record: func(r *record) { r.TunedFor = -1 }},
		{want: "T = 1000000000, which must", record: func(r *record) { r.TunedFor = 1e9 }},
		{want: "delay of node", record: func(r *record) { r.TunedFor = 13 }},
		{want: `"block.0/sum": 3 lambdas for 4 channels`, record: func(r *record) { r.Layers[2].Lambdas = []float32{1, 1, 1} }},
		{want: "lambdas of channels must be positive", record: func(r *record) { r.Layers[2].Lambdas = []float32{0.5, -1, 0.1, 0.1} }},
		{want: "and the largest be 0.5", record: func(r *record) { r.Layers[2].Lambdas = []float32{0.5, 3, 0.1, 0.1} }},
		{want: "1 shifts of biases for 4 channels", record: func(r *record) { r.Layers[2].Shift = []float32{1} }},
		{want: "5 scales for 4 channels", record: func(r *record) { r.Layers[2].Synapses[1].Scales = make([]float32, 5) }},
		{want: "scale of node", record: func(r *record) { r.Layers[2].Synapses[1].Scales[1] = 3e38 }},
		{want: "1 scales for 6 channels", record: func(r *record) { r.Layers[6].Synapses[0].Scales = []float32{1} }},
		{want: `node "fc" has no v_start in its metadata`, record: func(r *record) { r.Layers[7].Start = true }},
		{want: "format 4, this version reads formats 1 to 3", record: func(r *record) { r.Format = 4 }},
		{want: `v_start of node "block_0_sum" has 2 elements, not 256`, graph: func(g *Graph) { g.Node("block_0_sum").Metadata.Set(startKey, Floats([]float32{1, 2}, 2)) }},
		{want: "start potential: ", graph: func(g *Graph) {
			g.Node("block_0_sum").Metadata.Set(startKey, Floats(slices.Repeat([]float32{nan}, 256), 256))
		}},
		{want: "string where numbers are wanted", graph: func(g *Graph) { g.Node("block_0_sum").Metadata.Set(startKey, Text("half")) }},
		{want: "delay of node", graph: func(g *Graph) { first(g, "Delay").Data.Arrays["delay"].Data.([]float32)[3] = nan }},
		{want: "is of type Delay, was Scale", graph: func(g *Graph) { first(g, "Scale").Type = "Delay" }},
	} {
		g, _, err := FromNetwork(phased(), Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		g = decode(t, encode(t, g))
		if tt.graph != nil {
			tt.graph(g)
		} else {
			r, err := readRecord(g)
			if err != nil {
				t.Fatal(err)
			}
			tt.record(r)
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			g.Metadata.Set(recordKey, Text(string(b)))
		}
		if _, err := g.Network(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q in it", err, tt.want)
		}
	}
}

// What a stream's neurons hand on is in the record, and in the metadata for others.
func TestRemaindersComeBack(t *testing.T) {
	net := stream()
	g, _, err := FromNetwork(net, Generic, Info{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := g.Network()
	if err != nil {
		t.Fatal(err)
	}
	for i := range net.Layers {
		for j, s := range net.Layers[i].Synapses {
			if got := again.Layers[i].Synapses[j]; !reflect.DeepEqual(got, s) {
				t.Errorf("layer %s, synapse %d: %+v, want %+v", net.Layers[i].Name, j, got.Connection, s.Connection)
			}
		}
	}
	if got, want := again.Remains(), []bool{true, false, true, false, true, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("layers that hand on what is left: %v, want %v", got, want)
	}
	about := g.Node("sum1").Metadata
	if got := about.Text(sourcesKey); got != "sum0" {
		t.Errorf("sum1 takes over from %q, want sum0", got)
	}
	if x, _ := about.Arrays[scalesKey].Float32s(); !slices.Equal(x, []float32{0.5, 0.75, 1, 1.25, 1.5}) {
		t.Errorf("sum1 takes over times %v", x)
	}
	if g.Node("mid1").Metadata.Text(sourcesKey) != "" {
		t.Error("a layer without a shortcut takes over")
	}
}
