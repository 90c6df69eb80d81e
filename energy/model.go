package energy

import (
	"fmt"
	"math/bits"
)

// Model is what both networks take with memory, addresses and transport, after Lemaire et
// al. [lemaire2022], and a third one: the fair opponent [yan2026], the trained network
// with activations of as many levels as the spiking one has rates, T + 1. It computes the
// same products and so has the traffic of the trained network. Counts need no device;
// joules are there if the device has [Tables] for them.
//
// References:
//
//	[yan2026]  Zhanglu Yan, Zhenyu Bai, Kaiwen Tang, Weng-Fai Wong. Reconsidering the
//	           Energy Efficiency of Spiking Neural Networks Inference from Analytical
//	           Perspectives. arXiv 2409.08290v4. 2026.
type Model struct {
	Spiking   Ledger     `json:"spiking"`
	Trained   *Ledger    `json:"trained,omitempty"` // It multiplies everything. Nil without a trained network, as all below.
	Quantised *Quantised `json:"quantised,omitempty"`
	Skipping  *Skipping  `json:"skipping_zeros,omitempty"`
	Against   *Opponents `json:"break_even,omitempty"` // Nil without joules.
}

// Quantised is the trained network with activations of a few bits.
type Quantised struct {
	Bits   int   `json:"bits"` // Of an activation: ceil(log2(T + 1)), and no more than the device has.
	Joules *Bill `json:"joules_per_image,omitempty"`
}

// Skipping is the trained network if it reads no weight for a value of zero and does not
// multiply it. Both its forms have the zeros of the trained one; rounding makes more.
type Skipping struct {
	Traffic
	Trained   *Bill `json:"trained_joules_per_image,omitempty"`
	Quantised *Bill `json:"quantised_joules_per_image,omitempty"`
}

// Opponents compares the spiking network with others.
type Opponents struct {
	Trained           Against `json:"trained"`
	Quantised         Against `json:"quantised"`
	TrainedSkipping   Against `json:"trained_skipping_zeros"`
	QuantisedSkipping Against `json:"quantised_skipping_zeros"`
}

// Against compares the spiking network with one opponent.
type Against struct {
	Ratio float64 `json:"ratio"` // Energy of the spiking network over that of the opponent; 0 if this takes none.

	// Spikes is how many spikes a synapse may carry per image, averaged as
	// [Balance.Spikes], until the spiking network takes as much: with all that spikes
	// cause in proportion to them. Below 0 if it takes more without a spike; nil without
	// spikes to compare with.
	Spikes *float64 `json:"spikes_per_synapse,omitempty"`

	// Reuse is how many products of the opponent would share each read of a weight and a
	// value for it to take as little as the spiking network: at least 1; 0 if it takes
	// less as it is, or more even without these reads.
	Reuse float64 `json:"reuse"`
}

// QuantisedBits returns the bits of an activation with T + 1 levels, ceil(log2(T + 1)).
func QuantisedBits(T int) int { return bits.Len(uint(T)) }

// model returns the memory model of both networks, priced if d has tables.
func (m *Meter) model(c *Counts, did Activity, b *Balance, d *Device) *Model {
	spiking := m.spiking(c, did)
	x := &Model{Spiking: spiking.ledger()}
	var formal, skipping book
	if m.g != nil {
		formal = m.formal(func(i int) float64 { return float64(m.trained[i].dense) })
		skipping = m.formal(func(i int) float64 { return float64(c.Trained[i]) / float64(did.Images) })
		ledger := formal.ledger()
		x.Trained, x.Quantised = &ledger, &Quantised{Bits: QuantisedBits(len(did.ACs))}
		x.Skipping = &Skipping{Traffic: skipping.ledger().Traffic}
	}
	if d == nil || !d.models() {
		return x
	}
	w := d.widths()
	if x.Quantised != nil {
		x.Quantised.Bits = min(x.Quantised.Bits, w.Value)
	}
	all, driven := spiking.show(&x.Spiking, tariff{&d.Tables, w.Value})
	if x.Trained == nil {
		return x
	}
	values, few := tariff{&d.Tables, w.Value}, tariff{&d.Tables, x.Quantised.Bits}
	formal.show(x.Trained, values)
	x.Quantised.Joules, x.Skipping.Trained, x.Skipping.Quantised = formal.total(few), skipping.total(values), skipping.total(few)
	against := func(opponent *Bill) Against { return against(&all, &driven, opponent, b.Spikes) }
	x.Against = &Opponents{against(x.Trained.Joules), against(x.Quantised.Joules), against(x.Skipping.Trained), against(x.Skipping.Quantised)}
	return x
}

// against compares what a spiking network takes, of which spikes cause the driven part,
// that many of them per synapse, with an opponent.
func against(all, driven, opponent *Bill, spikes float64) Against {
	var a Against
	if opponent.Total > 0 {
		a.Ratio = float64(all.Total / opponent.Total)
	}
	if spikes > 0 && driven.Total > 0 {
		even := spikes * float64((opponent.Total-(all.Total-driven.Total))/driven.Total)
		a.Spikes = &even
	}
	reads := opponent.Weights + opponent.Inputs
	if rest := opponent.Total - reads; all.Total > rest && all.Total <= opponent.Total {
		a.Reuse = float64(reads / (all.Total - rest))
	}
	return a
}

// Compares reports whether there are joules of all networks; of a model that was read from
// a file any may be missing.
func (x *Model) Compares() bool {
	return x.Spiking.Joules != nil && x.Against != nil && x.Trained != nil && x.Trained.Joules != nil && x.Quantised != nil && x.Quantised.Joules != nil
}

// Verdict compares the three networks of a [Model] with a part of the costs.
type Verdict struct {
	Costs                       string // "arithmetic", "and memory", "and addresses, transport".
	Spiking, Trained, Quantised Joules
}

// Verdicts compares the networks by their arithmetic alone, with memory, and with all
// that is priced; none without joules of all three.
func (x *Model) Verdicts() []Verdict {
	if !x.Compares() {
		return nil
	}
	of := func(costs string, sum func(*Bill) Joules) Verdict {
		return Verdict{costs, sum(x.Spiking.Joules), sum(x.Trained.Joules), sum(x.Quantised.Joules)}
	}
	return []Verdict{
		of("arithmetic", func(b *Bill) Joules { return b.Arithmetic }),
		of("and memory", func(b *Bill) Joules { return b.Total - b.Addresses - b.Transport }),
		of("and addresses, transport", func(b *Bill) Joules { return b.Total }),
	}
}

// Words says what the networks take by the memory model and how they compare, in
// sentences; none without joules. A synapse carries that many spikes.
func (x *Model) Words(spikes float64) []string {
	all := x.Spiking.Joules
	if all == nil {
		return nil
	}
	const with = "with memory, addresses and transport"
	if !x.Compares() {
		return []string{fmt.Sprintf("%s: %v", with, all.Total)}
	}
	t, q := &x.Against.Trained, &x.Against.Quantised
	few := counted(x.Quantised.Bits, "bit")
	list := []string{fmt.Sprintf("%s: spiking %v, %.3g times the %v of the trained network, %.3g times the %v of one with activations of %s; %.3g and %.3g times if these skip zeros",
		with, all.Total, t.Ratio, x.Trained.Joules.Total, q.Ratio, x.Quantised.Joules.Total, few, x.Against.TrainedSkipping.Ratio, x.Against.QuantisedSkipping.Ratio)}
	if t.Spikes != nil && q.Spikes != nil {
		list = append(list, fmt.Sprintf("break-even with these: %s against the trained network, %s against %s; a synapse carries %.3g", t.words(), q.words(), few, spikes))
	}
	return list
}

func (a *Against) words() string {
	if *a.Spikes <= 0 {
		return "none"
	}
	return fmt.Sprintf("%.3g spikes per synapse", *a.Spikes)
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
