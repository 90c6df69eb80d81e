package energy

import "math"

// Operations are counts, means over the images, in the terms of NeuroBench
// [yik2025]: effective ones are those of inputs that are not zero, dense ones those
// of all inputs.
//
// References:
//
//	[yik2025]  Jason Yik et al. The NeuroBench framework for benchmarking neuromorphic
//	           computing algorithms and systems. Nature Communications 16:1545. 2025.
type Operations struct {
	ACs       float64 `json:"effective_acs"`  // Additions: of a weight for a spike, of an activation without a weight.
	MACs      float64 `json:"effective_macs"` // Multiply-accumulates: an activation with a weight.
	DenseACs  float64 `json:"dense_acs"`
	DenseMACs float64 `json:"dense_macs"`
	Updates   float64 `json:"membrane_updates"` // Neurons times timesteps; twice where first-spike coding adds a current that the neuron holds.
}

func (o *Operations) add(p *Operations) {
	o.ACs += p.ACs
	o.MACs += p.MACs
	o.DenseACs += p.DenseACs
	o.DenseMACs += p.DenseMACs
	o.Updates += p.Updates
}

// Account is what one network does.
type Account struct {
	Operations                 // Sums over Contributions.
	ActivationSparsity float64 `json:"activation_sparsity"`        // Share of outputs of neurons, or of rectifiers, that are zero.
	ConnectionSparsity float64 `json:"connection_sparsity"`        // Share of weights that are zero.
	FootprintBytes     int64   `json:"footprint_bytes"`            // Parameters, and state of neurons and gates.
	Joules             *Joules `json:"joules_per_image,omitempty"` // Of what the device prices; nil without the energy of an AC, for the trained network of a MAC.

	Contributions []Contribution `json:"contributions"`
}

// Contribution is one part of an [Account]: the synapses between two layers, or the
// neurons of a layer.
type Contribution struct {
	Part     Part   `json:"part"`
	Layer    string `json:"layer"`          // Of the spiking network, on which it ends.
	From     string `json:"from,omitempty"` // Layer that it comes from, or "input"; empty for neurons.
	Node     string `json:"node,omitempty"` // Of the trained network.
	Kind     string `json:"kind"`           // "conv", "dense", "shortcut", "average pool" or "neurons".
	Synapses uint64 `json:"synapses"`       // Inside the border.
	Operations
	Joules *Joules `json:"joules_per_image,omitempty"` // nil if the device does not price it.
}

// Part is where in a network operations take place.
type Part string

// Parts, in the order in which they are shown.
const (
	PartInput      Part = "input layer"    // From the image.
	PartLayers     Part = "layers"         // From one layer to the next.
	PartShortcuts  Part = "shortcuts"      // From an earlier layer, past others: identity, option-A and projection.
	PartPools      Part = "average pools"  // Into neurons of their own.
	PartClassifier Part = "classifier"     // Into the output.
	PartNeurons    Part = "neuron updates" // Of the spiking network.
)

// Parts returns all parts in the order in which they are shown.
func Parts() []Part {
	return []Part{PartInput, PartLayers, PartShortcuts, PartPools, PartClassifier, PartNeurons}
}

// sum adds up the contributions to means over n images: as whole numbers of
// operations, so that the sum is the mean of the sum to the last digit.
func (a *Account) sum(n float64) {
	total := func(of func(*Operations) float64) float64 {
		var operations uint64
		for i := range a.Contributions {
			operations += uint64(math.Round(of(&a.Contributions[i].Operations) * n))
		}
		return float64(operations) / n
	}
	a.ACs = total(func(o *Operations) float64 { return o.ACs })
	a.MACs = total(func(o *Operations) float64 { return o.MACs })
	a.DenseACs = total(func(o *Operations) float64 { return o.DenseACs })
	a.DenseMACs = total(func(o *Operations) float64 { return o.DenseMACs })
	a.Updates = total(func(o *Operations) float64 { return o.Updates })
}

// Sum adds up the contributions of one part. Joules are nil if one of them is not
// priced.
func (a *Account) Sum(part Part) Contribution {
	s := Contribution{Part: part}
	var x Joules
	priced := true
	for i := range a.Contributions {
		k := &a.Contributions[i]
		if k.Part != part {
			continue
		}
		s.Synapses += k.Synapses
		s.add(&k.Operations)
		if k.Joules == nil {
			priced = false
		} else {
			x += *k.Joules
		}
	}
	if priced {
		s.Joules = &x
	}
	return s
}

// Dense returns the same operations with those of zeros included.
func (o *Operations) Dense() *Operations {
	return &Operations{MACs: o.DenseMACs, ACs: o.DenseACs, Updates: o.Updates}
}
