package energy

import (
	"math"
	"testing"
)

// FuzzDevice looks for tables of energies that make reading them panic, or that are
// taken with an energy which is none.
func FuzzDevice(f *testing.F) {
	for _, s := range []string{`{"name": "chip", "source": "x", "pj_per_ac": 1.5, "pj_per_update": 20}`, `{"pj_per_mac": 1e400}`, `{"pj_per_ac": -0}`, `[]`, `null`} {
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
	})
}
