package energy

// Bill is what a [Traffic] takes on a device, by what it is spent on.
type Bill struct {
	Arithmetic Joules `json:"arithmetic"`
	Weights    Joules `json:"weights"`
	Biases     Joules `json:"biases"`
	Potentials Joules `json:"potentials"` // And currents that neurons hold.
	Inputs     Joules `json:"inputs"`     // Values and spikes that are read.
	Outputs    Joules `json:"outputs"`    // Values and spikes that are written.
	Addresses  Joules `json:"addresses"`
	Transport  Joules `json:"transport"` // 0 if the device does not price it.
	Total      Joules `json:"total"`
}

// BillPart is one part of a [Bill] with its name for people.
type BillPart struct {
	Name   string
	Joules Joules
}

// Parts returns the parts of b in the order in which they are shown.
func (b *Bill) Parts() []BillPart {
	return []BillPart{
		{"arithmetic", b.Arithmetic},
		{"weights", b.Weights},
		{"biases", b.Biases},
		{"potentials", b.Potentials},
		{"inputs", b.Inputs},
		{"outputs", b.Outputs},
		{"addresses", b.Addresses},
		{"transport", b.Transport},
	}
}

// plus adds c to b.
func (b *Bill) plus(c *Bill) {
	b.Arithmetic += c.Arithmetic
	b.Weights += c.Weights
	b.Biases += c.Biases
	b.Potentials += c.Potentials
	b.Inputs += c.Inputs
	b.Outputs += c.Outputs
	b.Addresses += c.Addresses
	b.Transport += c.Transport
	b.Total += c.Total
}

// tariff prices the traffic of a network whose values, but for pixels, have some bits.
type tariff struct {
	*Tables
	values int
}

// price returns what t, a traffic of e, takes.
func (p tariff) price(e *item, t *Traffic) Bill {
	w, s := p.widths(), &e.Stored
	in := p.values
	switch {
	case e.image:
		in = w.Value
	case e.neurons: // Whose potentials leak.
		in = w.Potential
	}
	pj := func(x float64) Joules { return Joules(x * picojoule) }
	sum := p.add(w.Potential)
	b := Bill{
		Arithmetic: pj(t.Products*(p.product(in, w.Weight)+sum) + (t.Additions+t.Comparisons)*sum),
		Weights:    pj(t.WeightReads * p.access(s.Weights, w.Weight)),
		Biases:     pj(t.BiasReads * p.access(s.Biases, w.Potential)),
		Potentials: pj((t.PotentialReads + t.PotentialWrites + t.CurrentReads + t.CurrentWrites) * p.access(s.Units, w.Potential)),
		Inputs:     pj(t.ValueReads*p.access(s.Source, in) + t.EventReads*p.access(s.Source, w.Address)),
		Outputs:    pj(t.ValueWrites*p.access(s.Units, p.values) + t.EventWrites*p.access(s.Units, w.Address)),
		Addresses:  pj(t.AddressProducts*(p.product(w.Address, w.Address)+p.add(w.Address)) + t.AddressAdditions*p.add(w.Address)),
	}
	if x := p.Transport; x != nil {
		b.Transport = pj((t.SpikesMoved*x.Spike + t.ValuesMoved*float64(in)*x.Dense) * x.Hops)
	}
	for _, part := range b.Parts() {
		b.Total += part.Joules
	}
	return b
}

// price returns what each item of b takes, and the sums: of all, and of what spikes cause.
func (b book) price(p tariff) (each []Bill, all, driven Bill) {
	for i := range b {
		x, y := p.price(&b[i], &b[i].Traffic), p.price(&b[i], &b[i].driven)
		each = append(each, x)
		all.plus(&x)
		driven.plus(&y)
	}
	return each, all, driven
}

// total returns what all items of b take.
func (b book) total(p tariff) *Bill {
	_, all, _ := b.price(p)
	return &all
}

// show writes the prices of b into l, its ledger, and returns the sums.
func (b book) show(l *Ledger, p tariff) (all, driven Bill) {
	each, all, driven := b.price(p)
	for i := range each {
		l.Entries[i].Joules = &each[i]
	}
	l.Joules = &all
	return all, driven
}
