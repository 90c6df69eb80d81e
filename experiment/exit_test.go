package experiment

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/nir"
	"sresnet/snn"
)

func TestFirstTimesteps(t *testing.T) {
	for T, want := range map[int]int{2: 1, 3: 1, 8: 4, 16: 8, 32: 8, 350: 8} {
		if got := FirstTimesteps(T); got != want {
			t.Errorf("T = %d: got %d, want %d", T, got, want)
		}
	}
}

// The rule is learned once for options that it depends on, and where none is asked for there is none.
func TestExitRule(t *testing.T) {
	o := DefaultOptions()
	o.Model, o.Data, o.Images, o.CalibrationImages, o.Timesteps = Builtin, "mnist", 3, 100, 12
	learned := 0
	o.Progress = func(step string) (func(int, int), func()) {
		if step == "learning when to stop" {
			learned++
		}
		return func(int, int) {}, func() {}
	}
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Skip(err) // No MNIST.
	}
	if r, err := e.ExitRule(t.Context()); r != nil || err != nil || learned != 0 {
		t.Errorf("none asked for: got %v, %v", r, err)
	}
	epsilon := 0.1
	o.Exit = &epsilon
	rule := func(o Options) (beta []float32) {
		t.Helper()
		r, err := e.With(o, e.Test).ExitRule(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r.Beta
	}
	first := rule(o)
	if len(first) != 12 || !cmp.Equal(rule(o), first) || learned != 1 {
		t.Errorf("learned %d times, thresholds %v", learned, first)
	}
	for name, change := range map[string]func(*Options){
		"timesteps": func(o *Options) { o.Timesteps = 13 }, "readout": func(o *Options) { o.Readout = "count" }, "percentile": func(o *Options) { o.Percentile = 99 },
		"exit": func(o *Options) { other := 0.2; o.Exit = &other },
	} {
		other, before := o, learned
		change(&other)
		if rule(other); learned != before+1 {
			t.Errorf("with another %s: learned %d times", name, learned-before)
		}
	}

	o.Schedule, o.Timesteps = snn.Phased, 6
	if beta := rule(o); len(beta) != 2 {
		t.Errorf("of a cascade: thresholds %v", beta)
	}
	r, err := e.With(o, e.Test).Evaluate(t.Context())
	if err != nil || r.Exit == nil || !cmp.Equal(r.Exit.Answers, []int{3, 9}) {
		t.Errorf("a cascade: got %+v, %v", r, err)
	}
}

// Where nothing can be learned, opening says so, before the work.
func TestExitRefused(t *testing.T) {
	epsilon := 0.1
	o := DefaultOptions()
	o.Model, o.Data, o.CalibrationImages, o.Schedule, o.Timesteps = Builtin, "mnist", 100, snn.Phased, 4
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Skip(err) // No MNIST.
	}
	net, err := e.Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := e.Info("test")
	if err != nil {
		t.Fatal(err)
	}
	g, _, err := nir.FromNetwork(net, nir.Generic, info)
	file := filepath.Join(t.TempDir(), "net.nir")
	if err := errors.Join(err, nir.WriteFile(file, g)); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Options){
		"99 calibration images are too few": func(o *Options) { o.CalibrationImages = 99 },
		"before one of T = 1 there is none": func(o *Options) { o.Timesteps = 1 },
		"which a NIR file does not have":    func(o *Options) { o.Model, o.Schedule = file, snn.Synchronous },
	} {
		o := o
		o.Exit = &epsilon
		change(&o)
		var option *OptionError
		if _, err := Open(t.Context(), o); !errors.As(err, &option) || option.Option != "exit" || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}
