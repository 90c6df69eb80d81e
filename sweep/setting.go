package sweep

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sresnet/eval"
	"sresnet/experiment"
)

// named is the order of the axes in the name of a setting and of the columns: those that
// are always in a name first, then the read-out, and T last.
var named = func() []string {
	var always, others, late []string
	for _, name := range experiment.Settings() {
		switch {
		case experiment.OptionNamed(name).Setting.Always:
			always = append(always, name)
		case slices.Contains(later, name):
			late = append(late, name)
		default:
			others = append(others, name)
		}
	}
	return slices.Concat(always, others, late, []string{readout, length})
}()

// later are axes that came to the others, whose columns keep their places.
var later = []string{"preset", "schedule", "coding", "lambdas", "match", "refit", "bits", "state-bits"}

// readout is the axis of how outputs become a class, which shapes no network.
const readout = "readout"

// length is the axis T: of the settings whose networks are for one T, see
// [experiment.Options.OneT]. The simulation of the others covers every shorter one.
const length = "timesteps"

// Axes lists the options that a sweep can vary, in the order of their columns.
func Axes() []string { return named }

// Default returns what a sweep tries of an option where it is not told, for the preset of
// the paper: other presets have one value of each.
func Default(option string) []string {
	p := experiment.OptionNamed(option)
	if p.Setting != nil && p.Setting.Tried != nil {
		return p.Setting.Tried
	}
	return []string{usual(paper(), option)}
}

// usual returns the value of an option that a preset has, or the default.
func usual(preset, option string) string {
	if option == readout {
		return eval.Readouts()[0]
	}
	return experiment.PresetNamed(preset).Value(option)
}

// paper is the name of the preset that is the default.
func paper() string { return experiment.Presets()[0] }

// Setting is one point of the grid: a value of every axis, in the order of Axes.
type Setting []string

// Value returns the value of an option, as [experiment.Option] has it.
func (s Setting) Value(option string) string { return s[slices.Index(named, option)] }

// Name is a name for s that suits a folder, such as "p99.9-v0.5-none" or "few-steps-T8":
// what has the value of the preset is left out, and so is the paper's preset, of which
// the first three are always there.
func (s Setting) Name() string {
	preset := s.Value("preset")
	var words []string
	if preset != paper() {
		words = append(words, preset)
	}
	for i, option := range named {
		p := experiment.OptionNamed(option)
		usual := s[i] == usual(preset, option)
		switch {
		case option == "preset", option == length && !s.OneT():
		case option == length && (!usual || preset == paper()):
			words = append(words, "T"+s[i])
		case option == length:
		case p.IsBool() && !usual:
			words = append(words, option)
		case option == readout && usual:
		case option == readout:
			words = append(words, s[i])
		case !usual || p.Setting.Always && preset == paper():
			words = append(words, p.Setting.Prefix+s[i])
		}
	}
	return strings.Join(words, "-")
}

// apply returns o with the values of s.
func (s Setting) apply(o experiment.Options) experiment.Options {
	for i, option := range named {
		_ = experiment.OptionNamed(option).Set(&o, s[i]) // It has been set before.
	}
	return o
}

// OneT reports whether the network of s is for one T, see [experiment.Options.OneT].
func (s Setting) OneT() bool {
	o := s.apply(experiment.DefaultOptions())
	return o.OneT()
}

// timesteps returns T.
func (s Setting) timesteps() int {
	o := s.apply(experiment.DefaultOptions())
	return o.Timesteps
}

// Grid returns every combination of the values of the axes that can be; of an option that is
// not in values, those of [Default], or of the preset.
func Grid(values map[string][]string) ([]Setting, error) {
	return grid(values, experiment.DefaultOptions().Timesteps, "")
}

// grid is Grid with the T of the preset of the paper, and the read-out if it is not "", where
// values have none.
func grid(values map[string][]string, T int, answer string) ([]Setting, error) {
	read := make(map[string][]string, len(values)) // The values as options write them.
	for option, words := range values {
		if len(words) == 0 {
			return nil, &experiment.OptionError{Option: option, Err: fmt.Errorf("give at least one value")}
		}
		p := experiment.OptionNamed(option)
		for _, w := range words {
			var o experiment.Options
			if err := p.Set(&o, strings.TrimSpace(w)); err != nil {
				return nil, &experiment.OptionError{Option: option, Value: fmt.Sprintf("%q", w), Err: err}
			}
			if err := p.Check(&o); err != nil {
				return nil, err
			}
			read[option] = append(read[option], p.Get(&o))
		}
	}
	if _, told := read[readout]; !told && answer != "" {
		read[readout] = []string{answer}
	}
	var all []Setting
	presets, told := read["preset"]
	if !told {
		presets = Default("preset")
	}
	for _, preset := range presets {
		all = append(all, gridOf(preset, read, T)...)
	}
	return possible(all, read)
}

// gridOf returns all combinations for one preset.
func gridOf(preset string, values map[string][]string, T int) []Setting {
	first := make(Setting, len(named))
	first[slices.Index(named, "preset")] = preset
	list := []Setting{first}
	for _, option := range append(experiment.Settings(), readout, length) { // The first is the outermost: settings with the same scales follow each other.
		words, told := values[option]
		switch {
		case option == "preset":
			continue
		case told:
		case preset != paper():
			words = []string{usual(preset, option)}
		case option == length:
			words = []string{strconv.Itoa(T)}
		default:
			words = Default(option)
		}
		var next []Setting
		for _, s := range list {
			for _, w := range words {
				s := slices.Clone(s)
				s[slices.Index(named, option)] = w
				next = append(next, s)
			}
		}
		list = next
	}
	return list
}

// possible returns the settings of a list whose options go together, of those that one
// simulation covers the longest. Every value that was asked for must be in one of them.
func possible(all []Setting, asked map[string][]string) ([]Setting, error) {
	longest := 0
	for _, s := range all {
		if !s.OneT() {
			longest = max(longest, s.timesteps())
		}
	}
	var list []Setting
	refused := make(map[string]error) // By option and value.
	var first error
	for _, s := range all {
		o := s.apply(experiment.DefaultOptions())
		if err := o.Check(); err != nil {
			first = cmp.Or(first, err)
			for i, option := range named {
				key := option + " " + s[i]
				refused[key] = cmp.Or(refused[key], err)
			}
			continue
		}
		if _, told := asked[length]; told && !o.OneT() && o.Timesteps < longest {
			continue
		}
		if slices.ContainsFunc(list, func(t Setting) bool { return slices.Equal(s, t) }) {
			return nil, fmt.Errorf("the setting %s is there twice: give every value of a list once", s.Name())
		}
		list = append(list, s)
	}
	for _, option := range named {
		for _, w := range asked[option] {
			if !slices.ContainsFunc(list, func(s Setting) bool { return s.Value(option) == w }) && refused[option+" "+w] != nil {
				return nil, refused[option+" "+w]
			}
		}
	}
	if len(list) == 0 {
		return nil, first
	}
	return list, nil
}
