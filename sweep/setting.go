package sweep

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/experiment"
)

// named is the order of the axes in the name of a setting and of the columns: those that
// are always in a name first.
var named = func() []string {
	var always, others []string
	for _, name := range experiment.Settings() {
		if experiment.OptionNamed(name).Setting.Always {
			always = append(always, name)
		} else {
			others = append(others, name)
		}
	}
	return append(always, others...)
}()

// Axes lists the options that a sweep can vary, in the order of their columns.
func Axes() []string { return named }

// Default returns what a sweep tries of an option where it is not told.
func Default(option string) []string {
	p := experiment.OptionNamed(option)
	if p.Setting.Tried != nil {
		return p.Setting.Tried
	}
	return []string{p.Default}
}

// Setting is one point of the grid: a value of every axis, in the order of Axes.
type Setting []string

// Value returns the value of an option, as [experiment.Option] has it.
func (s Setting) Value(option string) string { return s[slices.Index(named, option)] }

// Name is a name for s that suits a folder, such as "p99.9-v0.5-none": what has the
// paper's value is left out, except the first three.
func (s Setting) Name() string {
	var words []string
	for i, option := range named {
		p := experiment.OptionNamed(option)
		if p.Setting.Always || s[i] != p.Default {
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

// Grid returns every combination of the values of the axes; of an option that is not in
// values, those of [Default].
func Grid(values map[string][]string) ([]Setting, error) {
	list := []Setting{make(Setting, len(named))}
	for _, option := range experiment.Settings() { // The first is the outermost: settings with the same scales follow each other.
		p := experiment.OptionNamed(option)
		words, told := values[option]
		if !told {
			words = Default(option)
		}
		if len(words) == 0 {
			return nil, &experiment.OptionError{Option: option, Err: fmt.Errorf("give at least one value")}
		}
		var next []Setting
		for _, s := range list {
			for _, w := range words {
				var o experiment.Options
				if err := p.Set(&o, strings.TrimSpace(w)); err != nil {
					return nil, &experiment.OptionError{Option: option, Value: fmt.Sprintf("%q", w), Err: err}
				}
				if err := p.Check(&o); err != nil {
					return nil, err
				}
				s := slices.Clone(s)
				s[slices.Index(named, option)] = p.Get(&o)
				next = append(next, s)
			}
		}
		list = next
	}
	for i, s := range list {
		o := s.apply(experiment.DefaultOptions()) // What options are together.
		if err := o.Check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list[:i], func(t Setting) bool { return slices.Equal(s, t) }) {
			return nil, fmt.Errorf("the setting %s is there twice: give every value of a list once", s.Name())
		}
	}
	return list, nil
}
