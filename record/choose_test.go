package record

import (
	"slices"
	"strings"
	"testing"

	"sresnet/snn"
)

// Max-pool gates have spikes alone.
func TestChoose(t *testing.T) {
	pool := snn.Layer{Name: "pool", Synapses: []snn.Synapse{{Connection: &snn.MaxPool{}}}}
	net := &snn.Network{Layers: []snn.Layer{{Name: "a/conv"}, pool, {Name: "b/conv"}}}
	nodes := []string{"a_conv", "pool", "b_conv"}
	for _, tt := range []struct {
		layers string
		what   Observable
		want   []int
		err    string
	}{
		{"all", Spikes, []int{0, 1, 2}, ""},
		{"all", Currents, []int{0, 2}, ""},
		{"*", Currents, []int{0, 2}, ""},
		{"?/conv", Currents, []int{0, 2}, ""},
		{"b_*", Currents, []int{2}, ""},
		{"pool", Currents, nil, "a max-pool gate has spikes and no currents"},
		{"po*", Currents, nil, "only max-pool gates"},
		{"c", Spikes, nil, "no such layer"},
	} {
		list, err := Choose(net, nodes, []string{tt.layers}, []Observable{tt.what})
		var got []int
		for _, q := range list {
			got = append(got, q.Layer)
		}
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: got layers %v, error %v", tt, got, err)
		}
	}
}
