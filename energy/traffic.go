package energy

// Traffic is what a network does for one image, memory and transport included, as
// means over images: the quantities of Lemaire et al. [lemaire2022], counted tap by tap.
// docs/energy.md has the formula of each, for every schedule and coding.
//
// References:
//
//	[lemaire2022]  Edgar Lemaire et al. An Analytical Estimation of Spiking Neural
//	               Networks Energy Efficiency. ICONIP 2022. arXiv 2210.13107.
type Traffic struct {
	Products    float64 `json:"products,omitempty"`    // Of values with weights, or of potentials with a leak; each with an addition.
	Additions   float64 `json:"additions,omitempty"`   // Of weights for spikes, biases, currents and resets.
	Comparisons float64 `json:"comparisons,omitempty"` // With thresholds; in the trained network of rectifiers and max pools.

	WeightReads     float64 `json:"weight_reads,omitempty"`
	BiasReads       float64 `json:"bias_reads,omitempty"`
	PotentialReads  float64 `json:"potential_reads,omitempty"` // Or counts of a max-pool gate.
	PotentialWrites float64 `json:"potential_writes,omitempty"`
	CurrentReads    float64 `json:"current_reads,omitempty"` // Currents that neurons hold: of a constant image, and of spikes in first-spike coding.
	CurrentWrites   float64 `json:"current_writes,omitempty"`
	ValueReads      float64 `json:"value_reads,omitempty"` // Pixels and activations.
	ValueWrites     float64 `json:"value_writes,omitempty"`
	EventReads      float64 `json:"event_reads,omitempty"` // Spikes, as addresses in a queue.
	EventWrites     float64 `json:"event_writes,omitempty"`

	AddressProducts  float64 `json:"address_products,omitempty"` // Each with an addition.
	AddressAdditions float64 `json:"address_additions,omitempty"`

	SpikesMoved float64 `json:"spikes_moved,omitempty"` // To populations: a spike that goes to two of them counts twice.
	ValuesMoved float64 `json:"values_moved,omitempty"` // Likewise.
}

// numbers returns pointers to all counts of t, in the order of the fields.
func (t *Traffic) numbers() []*float64 {
	return []*float64{
		&t.Products, &t.Additions, &t.Comparisons,
		&t.WeightReads, &t.BiasReads, &t.PotentialReads, &t.PotentialWrites, &t.CurrentReads, &t.CurrentWrites,
		&t.ValueReads, &t.ValueWrites, &t.EventReads, &t.EventWrites,
		&t.AddressProducts, &t.AddressAdditions, &t.SpikesMoved, &t.ValuesMoved,
	}
}

// plus adds f times u to t.
func (t *Traffic) plus(f float64, u *Traffic) {
	from := u.numbers()
	for i, x := range t.numbers() {
		*x += f * *from[i]
	}
}

// Stored is how many numbers the memories hold that one part of a network uses.
type Stored struct {
	Source  int `json:"source,omitempty"`  // Pixels, activations or neurons that it comes from.
	Units   int `json:"units,omitempty"`   // Neurons or activations that it ends on: potentials, currents, values.
	Weights int `json:"weights,omitempty"` // Those that stand for many synapses count once.
	Biases  int `json:"biases,omitempty"`  // One for each channel.
}

// Entry is one part of a [Ledger]: the synapses between two layers, or the units of a
// layer.
type Entry struct {
	Layer string `json:"layer"`          // Of the spiking network, on which it ends.
	From  string `json:"from,omitempty"` // Layer that it comes from, or "input"; empty for units.
	Node  string `json:"node,omitempty"` // Of the trained network.
	Kind  string `json:"kind"`           // "conv", "dense", "shortcut", "average pool", "max pool", "neurons" or "values".
	Traffic
	Stored Stored `json:"stored"`
	Joules *Bill  `json:"joules_per_image,omitempty"` // Nil without a table of the device for memory.
}

// Ledger is what one network does under the memory model.
type Ledger struct {
	Traffic         // Sums over Entries.
	Joules  *Bill   `json:"joules_per_image,omitempty"`
	Entries []Entry `json:"contributions,omitempty"`
}

// book is what one network does, with what the prices need besides.
type book []item

// item is one entry of a book.
type item struct {
	Entry
	driven         Traffic // The share of Traffic that spikes cause; the rest is there without any.
	image, neurons bool    // It comes from the image; it is neurons of the spiking network.
}

// add appends an item of fixed and driven traffic.
func (b *book) add(i item, fixed, driven Traffic) {
	i.driven = driven
	i.Traffic = fixed
	i.Traffic.plus(1, &driven)
	*b = append(*b, i)
}

// ledger returns the entries of b and their sums, without prices.
func (b book) ledger() Ledger {
	var l Ledger
	for i := range b {
		l.Entries = append(l.Entries, b[i].Entry)
		l.Traffic.plus(1, &b[i].Traffic)
	}
	return l
}
