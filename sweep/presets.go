package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sresnet/energy"
	"sresnet/eval"
	"sresnet/experiment"
)

// Comparison is the presets side by side, on the same images.
type Comparison struct {
	Results []*eval.Result // In the order of [experiment.Presets]; of those that are finished.
	Costs   []Cost         // Of the same, and first of the trained network.
}

// Cost is what a network gives and takes: means per image, and accuracy as a fraction of 1.
type Cost struct {
	Preset string `json:"preset"` // "" for the trained network.
	Says   string `json:"says"`

	Top1    float64        `json:"top1"`
	T       int            `json:"timesteps,omitempty"` // Of a phased network T per window.
	Latency int            `json:"latency,omitempty"`   // Timesteps from the image to the answer.
	Spikes  float64        `json:"spikes_per_image,omitempty"`
	ACs     float64        `json:"acs_per_image"`              // Additions.
	MACs    float64        `json:"macs_per_image"`             // Products: of the trained network all of them, of a spiking one those of the image.
	Joules  *energy.Joules `json:"joules_per_image,omitempty"` // With memory, if the device has tables for that; nil without a device.
	Seconds float64        `json:"seconds_per_image,omitempty"`
}

// Presets evaluates e with every preset. Options that are named in keep have their value of
// e in all of them. If ctx ends early, it returns the presets that are finished and the
// error.
func Presets(ctx context.Context, e *experiment.Experiment, keep ...string) (*Comparison, error) {
	c := new(Comparison)
	for _, name := range experiment.Presets() {
		o, with := e.Options, e.Options
		with.Preset = name
		err := o.Override(&with, func(option string) bool { return option == "preset" || slices.Contains(keep, option) })
		if err == nil {
			err = o.Check()
		}
		if err != nil {
			return c, err
		}
		r, err := e.With(o, e.Test).Evaluate(ctx)
		if err != nil {
			return c, fmt.Errorf("preset %s: %w", name, err)
		}
		if c.Results == nil {
			c.Costs = append(c.Costs, ofTrained(r))
		}
		c.Results, c.Costs = append(c.Results, r), append(c.Costs, costOf(name, r))
	}
	return c, nil
}

// costOf takes the cost of a preset from its result.
func costOf(preset string, r *eval.Result) Cost {
	p := r.Point(r.Timesteps)
	c := Cost{
		Preset: preset, Says: experiment.PresetNamed(preset).Says, Top1: p.Top1, T: r.Timesteps, Latency: r.Latency,
		Spikes: p.Spikes, ACs: p.ACs, MACs: r.MACsPerImage, Joules: r.Energy.SNN.Joules, Seconds: r.Seconds / float64(r.Images),
	}
	if m := r.Energy.Memory; m != nil && m.Spiking.Joules != nil {
		c.Joules = &m.Spiking.Joules.Total
	}
	return c
}

// ofTrained takes that of the trained network, which multiplies everything.
func ofTrained(r *eval.Result) Cost {
	c := Cost{Says: "the network that was trained", Top1: r.TrainedTop1, ACs: r.Energy.ANN.DenseACs, MACs: r.DenseMACsPerImage}
	if d := r.Energy.BreakEven.Dense; d != nil {
		c.Joules = &d.Joules
	}
	if m := r.Energy.Memory; m != nil && m.Trained != nil && m.Trained.Joules != nil {
		c.Joules = &m.Trained.Joules.Total
	}
	return c
}

// MarshalJSON writes the result of the first preset, with all costs under the key "presets".
func (c *Comparison) MarshalJSON() ([]byte, error) {
	first, err := json.Marshal(c.Results[0])
	if err != nil {
		return nil, err
	}
	costs, err := json.Marshal(c.Costs)
	return slices.Concat(first[:len(first)-1], []byte(`,"presets":`), costs, []byte("}")), err
}
