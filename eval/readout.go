package eval

import (
	"fmt"
	"strings"

	"sresnet/tensor"
)

// Readout is how the output population becomes a class.
type Readout uint8

// Readouts. With n_k the spikes of output k so far, v_k its membrane potential
// and I_k(t) its current, the class is the k with the largest
//
//	n_k + softmax(v)_k   (CountPotential)
//	n_k                  (Count)
//	sum over t of I_k(t) (Potential)
//
// A softmax lies between 0 and 1 and grows with v, so that in CountPotential the
// potential only decides between equal counts. Outputs that are equal in
// everything the read-out looks at go to the lowest k.
const (
	CountPotential Readout = iota
	Count
	Potential // As if output neurons never fired.
)

var readoutNames = [...]string{CountPotential: "count+potential", Count: "count", Potential: "potential"}

// Readouts lists the spellings that [ParseReadout] takes.
func Readouts() []string { return readoutNames[:] }

// String returns "count+potential", "count" or "potential".
func (r Readout) String() string {
	if int(r) < len(readoutNames) {
		return readoutNames[r]
	}
	return fmt.Sprintf("Readout(%d)", uint8(r))
}

// ParseReadout returns the read-out of that name.
func ParseReadout(s string) (Readout, error) {
	for i, name := range readoutNames {
		if s == name {
			return Readout(i), nil
		}
	}
	return 0, fmt.Errorf("eval: unknown read-out %q: want one of %s", s, strings.Join(readoutNames[:], ", "))
}

// Class returns the class that r reads from the outputs after one timestep:
// spike counts, membrane potentials and accumulated currents, one of each per
// class.
func (r Readout) Class(counts []uint32, potential, current []float32) int {
	switch r {
	case Potential:
		return tensor.ArgMax(current)
	case Count:
		return tensor.ArgMax(counts)
	}
	best := 0
	for k := 1; k < len(counts); k++ {
		if counts[k] > counts[best] || counts[k] == counts[best] && potential[k] > potential[best] {
			best = k
		}
	}
	return best
}
