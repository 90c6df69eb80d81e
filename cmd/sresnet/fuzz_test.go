package main

import (
	"strings"
	"testing"

	"sresnet/internal/terminal"
)

// FuzzShape looks for a --input that panics, or that is taken and is no shape.
func FuzzShape(f *testing.F) {
	for _, s := range []string{"3x224x224", "10", "", "x", "3x-1x9", "9223372036854775807x2x2", "1x1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shape, err := parseShape(s)
		if err != nil || s == "" {
			return
		}
		if err := shape.Check(); err != nil || len(shape) != 3 && len(shape) != 1 {
			t.Errorf("%q is taken as %v: %v", s, shape, err)
		}
	})
}

// FuzzGrid looks for lists of a sweep that panic, or that name a folder outside of its
// own.
func FuzzGrid(f *testing.F) {
	f.Add("99,99.9", "0,0.5", "none,layer", "subtract", "direct")
	f.Add("NaN", "1e400", "../..", "/", ",")
	f.Fuzz(func(t *testing.T, percentile, vInit, compensation, reset, encoding string) {
		list := func(s string) []string { return strings.SplitN(s, ",", 4) }
		g := grid{list(percentile), list(vInit), list(compensation), list(reset), list(encoding)}
		variants, err := g.variants()
		if err != nil {
			return
		}
		for _, v := range variants {
			s := settings{data: "mnist", calibrationImages: 1, compensationImages: 1, timesteps: 1}
			v.apply(&s)
			if s.check("sresnet sweep") == nil && strings.ContainsAny(v.name(), `/\`) {
				t.Errorf("the run of %+v is kept in %q", v, v.name())
			}
		}
	})
}

// FuzzReadable looks for errors that reach the terminal with what is not to be shown.
func FuzzReadable(f *testing.F) {
	f.Add("node \"\x1b[2J\": no such operator\nnode \u202e")
	f.Add(strings.Repeat("many words ", 1000))
	f.Fuzz(func(t *testing.T, s string) {
		shown := readable(s)
		if got := terminal.Clean(strings.ReplaceAll(shown, "\n", " ")); got != strings.ReplaceAll(shown, "\n", " ") {
			t.Errorf("%q is shown as %q", s, shown)
		}
		if n := strings.Count(shown, "\n"); n > shownLines {
			t.Errorf("%d lines", n)
		}
	})
}
