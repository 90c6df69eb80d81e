package experiment

import (
	"fmt"
	"slices"
	"strings"
)

// Preset is a set of options that go well together.
type Preset struct {
	Name string
	Says string // What it stands for, in a phrase.

	values map[string]string // Of options that are not those of the paper, as [Option.Set] takes them.
}

var presets = []Preset{
	{Name: "paper", Says: "the published method, T = 350"},
	{
		Name: "calibrated", Says: "synchronous, calibrated for T = 32",
		values: map[string]string{"timesteps": "32", "lambdas": "channel", "match": "bias", "v-init": "0.25"},
	},
	{
		Name: "few-steps", Says: "phased, calibrated for T = 16",
		values: map[string]string{"schedule": "phased", "timesteps": "16", "lambdas": "channel", "match": "bias"},
	},
	{
		Name: "one-spike", Says: "few-steps, one spike per neuron",
		values: map[string]string{"schedule": "phased", "coding": "first-spike", "timesteps": "16", "lambdas": "channel", "match": "bias"},
	},
}

// Presets returns the names of all presets, the default first.
func Presets() []string {
	var names []string
	for i := range presets {
		names = append(names, presets[i].Name)
	}
	return names
}

// PresetNamed returns the preset of that name; nil for none.
func PresetNamed(name string) *Preset {
	i := slices.IndexFunc(presets, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &presets[i]
}

// Value returns the value that p gives an option, as [Option.Set] takes it. For an option
// that no preset has, it is the default.
func (p *Preset) Value(option string) string {
	if v, ok := p.values[option]; ok {
		return v
	}
	return OptionNamed(option).Default
}

// Begin sets every option that belongs to the method, and T, to the values of a preset, and
// notes its name. What is set after that overrides it.
func (o *Options) Begin(preset string) error {
	p := PresetNamed(preset)
	if p == nil {
		return bad("preset", fmt.Sprintf("%q", preset), fmt.Errorf("give %s", Either(Presets())))
	}
	for _, name := range append(Settings(), "shared-lambda", "timesteps") {
		if err := OptionNamed(name).Set(o, p.Value(name)); err != nil {
			return bad(name, p.Value(name), err)
		}
	}
	o.Preset = preset
	return nil
}

// Override sets in o the options that are given with their values in with: a preset first,
// so that what is given beside it overrides it.
func (o *Options) Override(with *Options, given func(option string) bool) error {
	if given("preset") {
		if err := o.Begin(with.Preset); err != nil {
			return err
		}
	}
	for _, p := range Table() {
		if given(p.Name) {
			if err := p.Set(o, p.Get(with)); err != nil {
				return bad(p.Name, p.Get(with), err)
			}
		}
	}
	return nil
}

// presetHelp has a line for each preset.
func presetHelp() string {
	lines := []string{"options to begin with, which others override; `WORD` is"}
	for _, p := range presets {
		lines = append(lines, fmt.Sprintf("  %-10s  %s", p.Name, p.Says))
	}
	return strings.Join(lines, "\n")
}
