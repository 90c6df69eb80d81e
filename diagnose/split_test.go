package diagnose

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"sresnet/snn"
)

// fire runs one neuron on given currents, in thresholds.
func fire(v0 float64, currents []float64) (n int, v float64) {
	v = v0
	for _, i := range currents {
		v += i
		if v >= 1 {
			v--
			n++
		}
	}
	return n, v
}

func constant(i float64, T int) []float64 {
	c := make([]float64, T)
	for t := range c {
		c[t] = i
	}
	return c
}

// Each case has one cause, and the split must put the whole error on it.
func TestSplitHasOneCause(t *testing.T) {
	late := append(constant(0.5, 4), constant(-1, 4)...) // A negative input that comes late.
	for _, tt := range []struct {
		name     string
		x        float64
		currents []float64
		want     Split
	}{
		{"nothing", 0.25, constant(0.25, 8), Split{}},
		{"clipped", 1.5, constant(1.5, 8), Split{Clipping: -0.5}},
		{"inherited", 0.5, constant(0.25, 8), Split{Inherited: -0.25}},
		{"too few timesteps", 0.3125, constant(0.3125, 4), Split{Quantisation: -0.0625}},
		{"early spikes", 0, late, Split{Unevenness: 0.25}},
		{"silent though it should be", 0, constant(-0.5, 8), Split{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, v := fire(0.5, tt.currents)
			if got := splitOf(tt.x, 0.5, v, 0, 0, n, len(tt.currents)); got != tt.want {
				t.Errorf("splitOf(%v) = %+v, want %+v", tt.x, got, tt.want)
			}
		})
	}
}

// The parts add up, and each is what its definition says, for any input.
func TestSplitAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		T := rapid.IntRange(1, 64).Draw(t, "T")
		v0 := float64(rapid.IntRange(0, 7).Draw(t, "v0")) / 8
		// Eighths add up without rounding, so that floors are exact.
		draw := rapid.Map(rapid.IntRange(-16, 16), func(i int) float64 { return float64(i) / 8 })
		currents := rapid.SliceOfN(draw, T, T).Draw(t, "currents")
		x := float64(rapid.IntRange(0, 16).Draw(t, "x")) / 8
		n, v := fire(v0, currents)
		shift, delta := draw.Draw(t, "shift"), draw.Draw(t, "delta")
		s := splitOf(x, v0, v, shift, delta, n, T)

		mean := 0.0
		for _, i := range currents {
			mean += i / float64(T)
		}
		c := min(x, 1)
		cc := min(max(mean, 0), 1)
		unshifted, unrounded := min(max(mean-shift, 0), 1), min(max(mean-shift-delta, 0), 1)
		q := min(max(math.Floor(float64(T)*cc+v0+1e-9), 0), float64(T)) / float64(T)
		r := float64(n) / float64(T)
		want := Split{Clipping: c - x, Inherited: unrounded - c, Rounding: unshifted - unrounded, Shift: cc - unshifted, Quantisation: q - cc, Unevenness: r - q}
		for _, d := range []float64{s.Clipping - want.Clipping, s.Inherited - want.Inherited, s.Rounding - want.Rounding, s.Shift - want.Shift, s.Quantisation - want.Quantisation, s.Unevenness - want.Unevenness, s.Total() - (r - x)} {
			if math.Abs(d) > 1e-12 {
				t.Fatalf("splitOf(%v, %v, %v, %v, %v, %d, %d) = %+v, want %+v", x, v0, v, shift, delta, n, T, s, want)
			}
		}
		// Evenly spread, the same charge leaves no unevenness.
		if en, ev := fire(v0, constant(cc, T)); splitOf(x, v0, ev, 0, 0, en, T).Unevenness != 0 && math.Abs(cc*float64(T)+v0-math.Round(cc*float64(T)+v0)) > 1e-9 {
			t.Fatalf("a constant current %v leaves unevenness", cc)
		}
	})
}

// The split by the mean current is, for integrate-and-fire neurons, the one by what
// their potentials tell.
func TestSplitByCurrentIsSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		T := 1 << rapid.IntRange(0, 6).Draw(t, "log T") // So that a mean does not round.
		v0 := float64(rapid.IntRange(0, 7).Draw(t, "v0")) / 8
		draw := rapid.Map(rapid.IntRange(-16, 16), func(i int) float64 { return float64(i) / 8 })
		currents := rapid.SliceOfN(draw, T, T).Draw(t, "currents")
		x := float64(rapid.IntRange(0, 16).Draw(t, "x")) / 8
		n, v := fire(v0, currents)
		mean := 0.0
		for _, i := range currents {
			mean += i / float64(T)
		}
		neuron := snn.Neuron{Threshold: []float32{2}, VInit: []float32{float32(v0)}}
		if got, want := splitByCurrent(&neuron, 0, x, mean, n, T), splitOf(x, v0, v, 0, 0, n, T); got != want {
			t.Fatalf("splitByCurrent = %+v, splitOf = %+v", got, want)
		}
	})
}

// A leaky neuron whose rate curve is off the line leaks, one whose current is off
// it inherits, and none is uneven under a constant current.
func TestSplitByCurrent(t *testing.T) {
	neuron := snn.Neuron{Model: snn.LIF{Leak: 0.5, Refractory: 1}, Threshold: []float32{1}, Reset: snn.ResetZero, Gain: 0.5, Offset: 0.5}
	for _, tt := range []struct {
		name       string
		x, current float64
		spikes     int
		want       Split
	}{
		{"nothing", 0.5, 1, 8, Split{}},                         // 1 = 0.5 r + 0.5 at r = 1, but at most 1/2.
		{"clipped", 0.75, 1, 8, Split{Clipping: -0.25}},         // Every second timestep is all that it can.
		{"inherited", 0.5, 0.625, 4, Split{Inherited: -0.25}},   // 0.625 stands for 1/4, and fires at every fourth step: 0.625 (1 + 1/2 + 1/4) > 1, and rest.
		{"off the line", 0.125, 0.5625, 3, Split{Leak: 0.0625}}, // It stands for 1/8, and fires in steps 3, 8 and 13: 0.5625 (1 + .. + 1/8) > 1, and rest.
		{"silent", 0, 0.4, 0, Split{}},
	} {
		if got := splitByCurrent(&neuron, 0, tt.x, tt.current, tt.spikes, 16); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
