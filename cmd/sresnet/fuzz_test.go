package main

import (
	"strings"
	"testing"

	"sresnet/internal/terminal"
	"sresnet/sweep"
)

// FuzzGrid looks for lists of a sweep that panic, or that name a folder outside of its
// own.
func FuzzGrid(f *testing.F) {
	f.Add("99,99.9", "0,0.5", "none,layer", "subtract", "direct")
	f.Add("NaN", "1e400", "../..", "/", ",")
	f.Fuzz(func(t *testing.T, percentile, vInit, compensation, reset, encoding string) {
		list := func(s string) []string { return strings.SplitN(s, ",", 4) }
		settings, err := sweep.Grid(map[string][]string{
			"percentile": list(percentile), "v-init": list(vInit), "compensation": list(compensation), "reset": list(reset), "encoding": list(encoding),
		})
		if err != nil {
			return
		}
		for _, s := range settings {
			if strings.ContainsAny(s.Name(), `/\`) {
				t.Errorf("the run of %+v is kept in %q", s, s.Name())
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
