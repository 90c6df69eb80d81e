package sweep

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/experiment"
)

// axis is an option that a sweep varies.
type axis struct {
	option   string
	letter   string   // In the name of a setting, before a value; "" where the value speaks for itself.
	always   bool     // It is in the name even if it has its default.
	defaults []string // What a sweep tries where it is not told.
}

// axes lists all axes, outermost first: settings with the same scales follow each
// other, so that each scale is measured once.
var axes = []axis{
	{"percentile", "p", true, []string{"99", "99.9", "99.99", "100"}},
	{"encoding", "", false, nil},
	{"neuron", "", false, nil},
	{"leak", "a", false, nil},
	{"refractory", "r", false, nil},
	{"reset", "", false, nil},
	{"v-init", "v", true, []string{"0", "0.5"}},
	{"compensation", "", true, experiment.Compensations()},
}

// named is the order of the axes in the name of a setting.
var named = []string{"percentile", "v-init", "compensation", "reset", "encoding", "neuron", "leak", "refractory"}

// Axes lists the options that a sweep can vary, in the order of their columns.
func Axes() []string { return named }

// Default returns what a sweep tries of an option where it is not told.
func Default(option string) []string {
	for _, a := range axes {
		if a.option == option && a.defaults != nil {
			return a.defaults
		}
	}
	usual := experiment.DefaultOptions()
	return []string{experiment.OptionNamed(option).Get(&usual)}
}

// Setting is one point of the grid: a value of every axis, in the order of Axes.
type Setting []string

// Value returns the value of an option, as [experiment.Option] has it.
func (s Setting) Value(option string) string { return s[slices.Index(named, option)] }

// Name is a name for s that suits a folder, such as "p99.9-v0.5-none": what has the
// paper's value is left out, except the first three.
func (s Setting) Name() string {
	usual := experiment.DefaultOptions()
	var words []string
	for i, option := range named {
		a := axes[slices.IndexFunc(axes, func(a axis) bool { return a.option == option })]
		if a.always || s[i] != experiment.OptionNamed(option).Get(&usual) {
			words = append(words, a.letter+s[i])
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

// Grid returns every combination of the values of the axes; of an option that is not in
// values, those of [Default].
func Grid(values map[string][]string) ([]Setting, error) {
	list := []Setting{make(Setting, len(named))}
	for _, a := range axes {
		p := experiment.OptionNamed(a.option)
		words, told := values[a.option]
		if !told {
			words = Default(a.option)
		}
		if len(words) == 0 {
			return nil, &experiment.OptionError{Option: a.option, Err: fmt.Errorf("give at least one value")}
		}
		var next []Setting
		for _, s := range list {
			for _, w := range words {
				var o experiment.Options
				if err := p.Set(&o, strings.TrimSpace(w)); err != nil {
					return nil, &experiment.OptionError{Option: a.option, Value: fmt.Sprintf("%q", w), Err: err}
				}
				if err := p.Check(&o); err != nil {
					return nil, err
				}
				s := slices.Clone(s)
				s[slices.Index(named, a.option)] = p.Get(&o)
				next = append(next, s)
			}
		}
		list = next
	}
	for i, s := range list {
		if slices.ContainsFunc(list[:i], func(t Setting) bool { return slices.Equal(s, t) }) {
			return nil, fmt.Errorf("sweep: the setting %s is there twice: give every value of a list once", s.Name())
		}
	}
	return list, nil
}
