package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// forEachImpl runs a test once for every version of the kernels that this
// processor can run, with the faster ones switched off.
func forEachImpl(t *testing.T, test func(t *testing.T)) {
	for i, impl := range implementations {
		t.Run(impl.name, func(t *testing.T) {
			for _, faster := range implementations[:i] {
				was := *faster.enabled
				*faster.enabled = false
				t.Cleanup(func() { *faster.enabled = was })
			}
			if got := Implementation(); got != impl.name {
				t.Fatalf("Implementation() = %q, want %q", got, impl.name)
			}
			test(t)
		})
	}
}

// canary is a NaN that no arithmetic here produces.
const canary = 0x7fc0dead

// guarded returns a copy of x with a guard zone on both sides, and a function
// that fails the test if the zones were written to.
func guarded(t *testing.T, x []float32) ([]float32, func()) {
	t.Helper()
	const zone = 64
	buf := make([]float32, zone+len(x)+zone)
	for i := range buf {
		buf[i] = math.Float32frombits(canary)
	}
	copy(buf[zone:], x)
	return buf[zone : zone+len(x) : zone+len(x)], func() {
		t.Helper()
		for i, v := range buf {
			if (i < zone || i >= zone+len(x)) && math.Float32bits(v) != canary {
				t.Errorf("element %d of a slice of %d was written to", i-zone, len(x))
			}
		}
	}
}

// equalBits fails the test at the first element whose bits differ; any NaN
// equals any other.
func equalBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// gridSlice draws from a coarse grid, so that values meet bounds and cancel
// exactly often enough for a test to tell < from <=.
func gridSlice(rnd *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rnd.IntN(33)-16) / 8
	}
	return s
}

// roughSlice draws values whose products and sums all round, so that a changed
// order or a fused instruction shows in the bits.
func roughSlice(rnd *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(rnd.NormFloat64())
	}
	return s
}

// special puts values that need care into a slice that has room for them.
func special(s []float32) []float32 {
	negZero := float32(math.Copysign(0, -1))
	for i, v := range []float32{negZero, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, math.SmallestNonzeroFloat32, math.MaxFloat32} {
		if 3*i < len(s) {
			s[3*i] = v
		}
	}
	return s
}
