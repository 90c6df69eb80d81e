package energy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"sresnet/internal/nearest"
	"sresnet/internal/regular"
)

// Device is a table of energies, in picojoules per operation. What it does not give
// is nil, is never taken for zero, and is named in [Accounts.NotCounted]. A file
// holds one as a JSON object with the same keys:
//
//	{"name": "my chip", "source": "who measured it, and how", "pj_per_ac": 1.5, "pj_per_update": 20}
type Device struct {
	Name   string   `json:"name"`
	Source string   `json:"source"`                  // Where the numbers are from.
	MAC    *float64 `json:"pj_per_mac,omitempty"`    // A multiply-accumulate.
	AC     *float64 `json:"pj_per_ac,omitempty"`     // An addition that a spike causes: a synaptic operation.
	Update *float64 `json:"pj_per_update,omitempty"` // A neuron in a timestep, whether it spikes or not.

	Tables // Of the memory model, in the same JSON object.
}

// Devices lists the tables that come with the program, each with its numbers as
// they were published:
//
//	45nm        MAC 4.6 pJ, AC 0.9 pJ. A 32-bit floating-point multiplication takes
//	            3.7 pJ and an addition 0.9 pJ in 45 nm at 0.9 V [horowitz2014, Figure
//	            1.1.9]. Arithmetic alone: no memory, no neurons.
//	loihi       Synaptic operation 23.6 pJ ("min"), neuron update 81 pJ (an active
//	            neuron; 52 pJ for an inactive one). 14 nm, simulated before the chip
//	            was made [davies2018, Table 2].
//	spinnaker   Postsynaptic potential 43 nJ, neuron and millisecond 100 nJ, taken
//	            for one timestep. 130 nm, measured on four chips [sharp2012, abstract].
//	spinnaker2  Synaptic event 450 pJ, neuron update 2.19 nJ. A 28 nm prototype with
//	            dynamic voltage and frequency scaling [hoppner2019], as quoted by
//	            KerasSpiking's ModelEnergy; the paper's table was not at hand.
//	lemaire-45nm, lemaire-45nm-int8
//	            Product 3.1 pJ and addition 0.1 pJ of 32-bit integers, 0.2 and 0.03 pJ
//	            of 8 bits, in 45 nm; memories of 8 KiB 10 pJ, 32 KiB 20 pJ and 1 MiB
//	            100 pJ an access of 32 bits [horowitz2014, as lemaire2022 takes it].
//	            Transport of a spike 3.0 pJ per bit and hop, of dense data 0.25
//	            [yan2026]; one hop. A MAC is a product and an addition. All numbers
//	            have 32 bits, or weights and activations 8 and potentials 16.
//
// Neuromorphic chips have no figure for a multiply-accumulate of the analog image,
// nor for the trained network. Published figures for one chip differ by several
// times, with what they include: KerasSpiking quotes 13.3 nJ per synaptic event and
// 26 nJ per neuron update for SpiNNaker.
//
// References:
//
//	[horowitz2014]  Mark Horowitz. Computing's Energy Problem (and what we can do
//	                about it). IEEE International Solid-State Circuits Conference. 2014.
//	[davies2018]    Mike Davies et al. Loihi: A Neuromorphic Manycore Processor with
//	                On-Chip Learning. IEEE Micro 38(1). 2018.
//	[sharp2012]     Thomas Sharp et al. Power-efficient simulation of detailed cortical
//	                microcircuits on SpiNNaker. Journal of Neuroscience Methods
//	                210(1). 2012.
//	[hoppner2019]   Sebastian Höppner et al. Dynamic Power Management for Neuromorphic
//	                Many-Core Systems. IEEE Transactions on Circuits and Systems I
//	                66(8). 2019. arXiv 1903.08941.
func Devices() []Device {
	pj := func(x float64) *float64 { return &x }
	lemaire := Tables{
		Arithmetic: []Precision{{8, 0.03, 0.2}, {32, 0.1, 3.1}},
		Memory:     []Memory{{8 << 10, 10}, {32 << 10, 20}, {1 << 20, 100}},
		AccessBits: 32,
		Transport:  &Transport{Spike: 3, Dense: 0.25, Hops: 1},
		Bits:       &Bits{32, 32, 32, 32},
	}
	lemaire8 := lemaire
	lemaire8.Bits = &Bits{Weight: 8, Value: 8, Potential: 16, Address: 32}
	const lemaireSource = "Lemaire et al. 2022: integer arithmetic and memories of 45 nm after Horowitz 2014; transport after Yan et al. 2026"
	return []Device{
		{
			Name: "45nm", MAC: pj(4.6), AC: pj(0.9),
			Source: "Horowitz 2014, Figure 1.1.9: 32-bit floating-point arithmetic in 45 nm at 0.9 V, without memory",
		},
		{
			Name: "loihi", AC: pj(23.6), Update: pj(81),
			Source: "Davies et al. 2018, Table 2: simulated before the chip was made; minimum of a synaptic operation, update of an active neuron",
		},
		{
			Name: "spinnaker", AC: pj(43e3), Update: pj(100e3),
			Source: "Sharp et al. 2012: measured on four chips, a neuron updated every millisecond",
		},
		{
			Name: "spinnaker2", AC: pj(450), Update: pj(2190),
			Source: "Höppner et al. 2019, as KerasSpiking quotes it: a prototype in 28 nm",
		},
		{Name: "lemaire-45nm", MAC: pj(3.2), AC: pj(0.1), Tables: lemaire, Source: lemaireSource + "; all numbers of 32 bits"},
		{Name: "lemaire-45nm-int8", MAC: pj(0.255), AC: pj(0.055), Tables: lemaire8, Source: lemaireSource + "; weights, pixels and activations of 8 bits, potentials of 16"},
	}
}

// OpenDevice returns the table of that name, or the one in the JSON file of that
// name. Keys that [Device] does not have are errors, so that a number with a
// misspelled key is not left out.
func OpenDevice(name string) (*Device, error) {
	var names []string
	for _, d := range Devices() {
		if d.Name == name {
			return &d, nil
		}
		names = append(names, d.Name)
	}
	b, err := regular.ReadFile(name, maxDevice)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("energy: there is no device %q: give %s, or a JSON file with energies%s", name, strings.Join(names, ", "), nearest.DidYouMean(name, names))
	}
	if err != nil {
		return nil, fmt.Errorf("energy: device: %w", err)
	}
	d, err := parseDevice(b)
	if err != nil {
		return nil, fmt.Errorf("energy: device %s: %w", name, err)
	}
	if d.Name == "" {
		d.Name = name
	}
	return d, nil
}

// maxDevice bounds the bytes of a table.
const maxDevice = 1 << 20

func parseDevice(b []byte) (*Device, error) {
	var d Device
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return nil, fmt.Errorf("unknown key %s: there are %s", key, deviceKeys)
		}
		return nil, fmt.Errorf("not a JSON object with energies: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	if d.MAC == nil && d.AC == nil && d.Update == nil && !d.given() {
		return nil, errors.New("no energy in it: give pj_per_mac, pj_per_ac or pj_per_update, in picojoules")
	}
	for _, p := range d.prices() {
		if p.pj == nil {
			continue
		}
		if err := checkEnergy(p.key, *p.pj); err != nil {
			return nil, err
		}
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return &d, nil
}

// deviceKeys names the keys of a table; docs/energy.md explains them.
const deviceKeys = "name, source, pj_per_mac, pj_per_ac and pj_per_update; for memory " +
	"arithmetic (bits, pj_per_add, pj_per_product), memory (bytes, pj_per_access), access_bits, " +
	"transport (pj_per_spike_bit_hop, pj_per_dense_bit_hop, hops) and bits (weight, value, potential, address)"

// maxPicojoules is a joule per operation, far above any device: a slip of the unit.
const maxPicojoules = 1e12

// price is one number of a table.
type price struct {
	key   string
	what  string // What it is the energy of.
	each  string // For one of these, in words.
	pj    *float64
	count func(*Operations) float64
}

const membraneUpdates = "membrane updates"

func (d *Device) prices() []price {
	return []price{
		{"pj_per_mac", "multiply-accumulates", "per MAC", d.MAC, func(o *Operations) float64 { return o.MACs }},
		{"pj_per_ac", "additions", "per AC", d.AC, func(o *Operations) float64 { return o.ACs }},
		{"pj_per_update", membraneUpdates, "per membrane update", d.Update, func(o *Operations) float64 { return o.Updates }},
	}
}

// Joules returns the energy of what d prices of the effective operations in o; ok is unset
// if it leaves some of them out.
func (d *Device) Joules(o *Operations) (x Joules, ok bool) {
	ok = true
	for _, p := range d.prices() {
		switch n := p.count(o); {
		case p.pj != nil:
			x += Joules(n * *p.pj * picojoule)
		case n > 0:
			ok = false
		}
	}
	return x, ok
}

// missing names the operations that a break-even needs and d does not price.
func (d *Device) missing() []string {
	var list []string
	for _, p := range d.prices() {
		if p.pj == nil && p.what != membraneUpdates {
			list = append(list, p.what)
		}
	}
	return list
}

// String formats d as "45nm (4.6 pJ per MAC, 0.9 pJ per AC)".
func (d *Device) String() string {
	var parts []string
	for _, p := range d.prices() {
		if p.pj != nil {
			parts = append(parts, Joules(*p.pj*picojoule).String()+" "+p.each)
		}
	}
	if d.models() {
		parts = append(parts, "and tables for memory")
	}
	return d.Name + " (" + strings.Join(parts, ", ") + ")"
}

// DeviceNames lists the names of [Devices].
func DeviceNames() []string {
	var names []string
	for _, d := range Devices() {
		names = append(names, d.Name)
	}
	return names
}
