package experiment

import (
	"path/filepath"
	"strings"
	"testing"

	"sresnet/nir"
	"sresnet/snn"
	"sresnet/tensor"
)

// A NIR file that was calibrated for T is run with that T, unless another is asked for.
func TestTunedTimesteps(t *testing.T) {
	net := &snn.Network{Name: "n", Input: snn.Input{Shape: tensor.Shape{1, 2, 2}}, Layers: []snn.Layer{{
		Name: "fc", Shape: tensor.Shape{2, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}},
		Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: tensor.New(2, 4)}}},
	}}}
	for _, tt := range []struct {
		tuned, asked int
		any          bool
		want         int
		warning      string
	}{
		{0, 350, true, 350, ""},
		{16, 350, true, 16, ""},
		{16, 16, false, 16, ""},
		{16, 64, false, 64, "was calibrated for T = 16: T = 64 is not what its lambdas"},
	} {
		net.TunedFor = tt.tuned
		g, _, err := nir.FromNetwork(net, nir.Generic, nir.Info{Model: "n.onnx", Normalization: "mnist"})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "n.nir")
		if err := nir.WriteFile(file, g); err != nil {
			t.Fatal(err)
		}
		var warned string
		o := DefaultOptions()
		o.Model, o.Timesteps, o.OwnT, o.Warn = file, tt.asked, tt.any, func(text string) { warned += text }
		e, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if e.Options.Timesteps != tt.want || !strings.Contains(warned, tt.warning) || (warned != "") != (tt.warning != "") {
			t.Errorf("%+v: T = %d, warning %q", tt, e.Options.Timesteps, warned)
		}
		if tt.tuned == 0 {
			continue
		}
		o.Trained = "n.onnx"
		if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "was calibrated for T = 16, layer by layer") {
			t.Errorf("beside a trained network: error %v", err)
		}
	}
}
