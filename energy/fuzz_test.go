package energy

import (
	"math"
	"testing"
)

// FuzzDevice looks for tables of energies that make reading them panic, or that are
// taken with an energy which is none.
func FuzzDevice(f *testing.F) {
	for _, s := range []string{
		`{"name": "chip", "source": "x", "pj_per_ac": 1.5, "pj_per_update": 20}`, `{"pj_per_mac": 1e400}`, `{"pj_per_ac": -0}`, `[]`, `null`,
		`{"arithmetic": [{"bits": 8, "pj_per_add": 0.03, "pj_per_product": 0.2}, {"bits": 32, "pj_per_add": 0.1, "pj_per_product": 3.1}],
		  "memory": [{"bytes": 8192, "pj_per_access": 10}, {"bytes": 32768, "pj_per_access": 20}], "access_bits": 32,
		  "transport": {"pj_per_spike_bit_hop": 3, "pj_per_dense_bit_hop": 0.25, "hops": 1},
		  "bits": {"weight": 8, "value": 8, "potential": 32, "address": 32}}`,
		`{"arithmetic": [{"bits": 1, "pj_per_add": 1e-300, "pj_per_product": 1e12}], "memory": [{"bytes": 1, "pj_per_access": 1e12}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDevice(b)
		if err != nil {
			return
		}
		for _, p := range d.prices() {
			if p.pj != nil && !(*p.pj >= 0 && *p.pj < math.Inf(1)) {
				t.Errorf("%s is %v", p.key, *p.pj)
			}
		}
		if d.String() == "" {
			t.Error("a table without a name is shown as nothing")
		}
		if !d.models() {
			return
		}
		// The most that a network could do.
		var most Traffic
		for _, x := range most.numbers() {
			*x = math.MaxUint64
		}
		e := item{Entry: Entry{Stored: Stored{Source: 1 << 31, Units: 1 << 31, Weights: 1 << 31, Biases: 1 << 31}}}
		if x := (tariff{&d.Tables, 1}).price(&e, &most).Total; !(x >= 0 && float64(x) < math.Inf(1)) {
			t.Errorf("a bill of %v", float64(x))
		}
	})
}
