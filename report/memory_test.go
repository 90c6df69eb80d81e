package report

import (
	"strings"
	"testing"

	"sresnet/energy"
)

// What the memory model says is shown where the device has tables for it, with one
// network as with three.
func TestMemoryTable(t *testing.T) {
	r := open(t, small())
	if page := html(t, r); strings.Contains(page, "With memory, addresses") {
		t.Error("a memory model of a device without tables")
	}
	bill := func(weights energy.Joules) *energy.Bill { return &energy.Bill{Weights: weights, Total: 2 * weights} }
	even := 0.25
	m := &energy.Model{
		Spiking:   energy.Ledger{Joules: bill(3e-6)},
		Trained:   &energy.Ledger{Joules: bill(2e-6)},
		Quantised: &energy.Quantised{Bits: 5, Joules: bill(1e-6)},
		Against:   &energy.Opponents{Trained: energy.Against{Ratio: 1.5, Spikes: &even}, Quantised: energy.Against{Ratio: 3, Spikes: &even}},
	}
	e := r.Runs[0].Result.Energy
	e.Memory = m
	rows := r.Runs[0].energy().Memory
	if len(rows) != 9 || rows[1] != (memoryRow{"weights", "3 µJ", "2 µJ", "1 µJ"}) || rows[8] != (memoryRow{"sum", "6 µJ", "4 µJ", "2 µJ"}) {
		t.Errorf("rows: %+v", rows)
	}
	page := html(t, r)
	for _, want := range []string{"With memory, addresses and transport", "activations of 5 bits", "spiking 6 µJ, 1.5 times the 4 µJ of the trained network", "0.25 spikes per synapse"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for _, damage := range []func(m *energy.Model){ // By a file that someone changed.
		func(m *energy.Model) { m.Trained = nil },
		func(m *energy.Model) { m.Trained = &energy.Ledger{} },
		func(m *energy.Model) { m.Quantised = nil },
		func(m *energy.Model) { m.Quantised = &energy.Quantised{Bits: 5} },
		func(m *energy.Model) { m.Against = &energy.Opponents{Trained: energy.Against{Spikes: &even}} },
		func(m *energy.Model) { m.Spiking.Joules = nil },
	} {
		damaged := *m
		damage(&damaged)
		e.Memory = &damaged
		html(t, r)
	}
	e.Memory = m
	m.Trained, m.Quantised, m.Against = nil, nil, nil
	if page := html(t, r); !strings.Contains(page, "With memory, addresses and transport") || strings.Contains(page, "activations of 5 bits") {
		t.Error("a network alone is not shown by itself")
	}
}
