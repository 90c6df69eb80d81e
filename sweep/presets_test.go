package sweep

import (
	"encoding/json"
	"slices"
	"testing"

	"sresnet/experiment"
)

// The presets are compared on the same images, each as if it had been asked for alone.
func TestPresets(t *testing.T) {
	o := experiment.DefaultOptions()
	o.Model, o.Data, o.Calibrate, o.Images, o.Timesteps, o.Device = experiment.Builtin, "mnist", "mnist?images=20", 10, 6, "lemaire-45nm"
	e, err := experiment.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Presets(t.Context(), e, "timesteps")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{""}
	for i, r := range c.Results {
		x := &c.Costs[i+1]
		names = append(names, x.Preset)
		if err := o.Begin(x.Preset); err != nil {
			t.Fatal(err)
		}
		o.Timesteps = 6
		alone, err := experiment.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		want, err := alone.Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p := want.Point(6)
		if r.Images != 10 || x.Top1 != p.Top1 || x.Spikes != p.Spikes || x.ACs != p.ACs || x.T != 6 || x.Latency != want.Latency || *x.Joules != want.Energy.Memory.Spiking.Joules.Total {
			t.Errorf("%s: got %+v, want %+v, latency %d", x.Preset, x, p, want.Latency)
		}
	}
	if want := append([]string{""}, experiment.Presets()...); !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	first := &c.Costs[0]
	if first.Top1 != c.Results[0].TrainedTop1 || first.MACs != c.Results[0].DenseMACsPerImage || *first.Joules != c.Results[0].Energy.Memory.Trained.Joules.Total || first.T != 0 {
		t.Errorf("trained network: %+v", first)
	}
	if few, one := &c.Costs[3], &c.Costs[4]; few.Top1 != one.Top1 || one.Spikes > few.Spikes || few.Latency != 54 || c.Costs[1].Latency != 6 {
		t.Errorf("few-steps %+v, one-spike %+v", few, one)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Model   string
		Top1    []float64 `json:"spiking_top1"`
		Presets []Cost
	}
	if err := json.Unmarshal(b, &file); err != nil || len(file.Presets) != 5 || len(file.Top1) != 6 || file.Model != "resnet8_mnist" {
		t.Errorf("error %v, %+v", err, file)
	}
}
