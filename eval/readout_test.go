package eval

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestReadoutClass(t *testing.T) {
	tests := []struct {
		name      string
		counts    []uint32
		potential []float32
		current   []float32
		want      [3]int // count+potential, count, potential
	}{
		{"silence goes to the largest potential", []uint32{0, 0, 0}, []float32{-1, 0.5, 0.25}, []float32{3, 1, 2}, [3]int{1, 0, 0}},
		{"one spike outweighs any potential", []uint32{4, 5, 4}, []float32{100, -100, 50}, []float32{0, 0, 1}, [3]int{1, 1, 2}},
		{"equal counts", []uint32{5, 7, 7}, []float32{0.9, 0.125, 0.25}, []float32{5, 7, 7}, [3]int{2, 1, 1}},
		{"all equal goes to the first", []uint32{1, 1}, []float32{0.5, 0.5}, []float32{-2, -2}, [3]int{0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for r, want := range tt.want {
				if got := Readout(r).Class(tt.counts, tt.potential, tt.current); got != want {
					t.Errorf("%v: got class %d, want %d", Readout(r), got, want)
				}
			}
		})
	}
}

// The rule is stated with a softmax; the code compares potentials. They must be
// the same class wherever the softmax can tell outputs apart.
func TestCountPotentialIsArgmaxOfCountPlusSoftmax(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 2 + rnd.IntN(9)
		counts, v, sum := make([]uint32, n), make([]float32, n), 0.0
		for k := range n {
			counts[k] = rnd.Uint32N(3)
			v[k] = float32(rnd.IntN(17)-8) / 8
			sum += math.Exp(float64(v[k]))
		}
		want, best := 0, math.Inf(-1)
		for k := range n {
			if s := float64(counts[k]) + math.Exp(float64(v[k]))/sum; s > best {
				want, best = k, s
			}
		}
		if got := CountPotential.Class(counts, v, nil); got != want {
			t.Fatalf("counts %v, potentials %v: got class %d, want %d", counts, v, got, want)
		}
	}
}

func TestParseReadout(t *testing.T) {
	for _, name := range Readouts() {
		r, err := ParseReadout(name)
		if err != nil || r.String() != name {
			t.Errorf("ParseReadout(%q): got %v, %v", name, r, err)
		}
	}
	if _, err := ParseReadout("softmax"); err == nil {
		t.Error("ParseReadout(\"softmax\"): no error")
	}
}
