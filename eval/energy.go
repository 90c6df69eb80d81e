package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"sresnet/ann"
	"sresnet/snn"
)

// Energy is what both networks, or a spiking one by itself, do for one image, operation
// by operation, and what that takes on a device. docs/energy.md has the rules of counting.
type Energy struct {
	Images     int      `json:"images"`    // That the means are taken over.
	Timesteps  int      `json:"timesteps"` // T
	Device     *Device  `json:"device,omitempty"`
	SNN        Account  `json:"snn"`
	ANN        *Account `json:"ann"` // Nil without a trained network.
	BreakEven  Balance  `json:"break_even"`
	NotCounted []string `json:"not_counted"` // What joules leave out, a phrase each; none without a device.
}

// Operations are counts, means over the images, in the terms of NeuroBench
// [yik2025]: effective ones are those of inputs that are not zero, dense ones those
// of all inputs.
type Operations struct {
	ACs       float64 `json:"effective_acs"`  // Additions: of a weight for a spike, of an activation without a weight.
	MACs      float64 `json:"effective_macs"` // Multiply-accumulates: an activation with a weight.
	DenseACs  float64 `json:"dense_acs"`
	DenseMACs float64 `json:"dense_macs"`
	Updates   float64 `json:"membrane_updates"` // Neurons times timesteps.
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
	ActivationSparsity float64 `json:"activation_sparsity"` // Share of outputs of neurons, or of rectifiers, that are zero.
	ConnectionSparsity float64 `json:"connection_sparsity"` // Share of weights that are zero.
	FootprintBytes     int64   `json:"footprint_bytes"`     // Parameters, and state of neurons and gates.
	Joules             *Joules `json:"joules,omitempty"`    // Of what the device prices; nil without the energy of an AC, for the trained network of a MAC.

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
	Joules *Joules `json:"joules,omitempty"` // nil if the device does not price it.
}

// Part is where in a residual network operations take place.
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

// Balance says how many spikes a synapse may carry before the spiking network costs
// what the trained one does. Spikes per synapse are the additions of an image, over
// the synapses that spikes may take, those inside the border.
type Balance struct {
	Synapses uint64  `json:"synapses"`           // That carry spikes.
	Spikes   float64 `json:"spikes_per_synapse"` // That one carried, a mean over synapses and images, in T timesteps.

	// Ratio is how many additions a multiply-accumulate would have to cost for both
	// networks to be even at T, membrane updates left out; 0 if no ratio makes them so.
	Ratio float64 `json:"ratio"`

	// On the device, with all that it prices: the spikes per synapse at which the
	// networks are even, and the last T at which the spiking one takes no more. Dense
	// is beside a trained network that multiplies everything, Effective beside one
	// that skips zeros. Nil if the device prices no addition or no multiply-accumulate.
	Dense     *Even `json:"dense,omitempty"`
	Effective *Even `json:"effective,omitempty"`
}

// Even is where two networks take the same energy.
type Even struct {
	Joules    Joules  `json:"joules"`             // Of the trained network.
	Spikes    float64 `json:"spikes_per_synapse"` // Less than 0 if the spiking one takes more without a spike.
	Timesteps int     `json:"timesteps"`          // The last T at which the spiking one takes no more; 0 if the spiking network takes more from the first timestep on.
}

// WriteJSON writes e as one JSON object.
func (e *Energy) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(e)
}

// energy turns counts into means an image.
func (ops *operations) energy(c *counts, g *ann.Graph, net *snn.Network, r *Result, d *Device) *Energy {
	n, T := float64(r.Images), float64(r.Timesteps)
	e := &Energy{Images: r.Images, Timesteps: r.Timesteps, Device: d}
	neuronSpikes := 0.0
	first := 0 // Of the layer's synapses.
	for i := range net.Layers {
		l := &net.Layers[i]
		parts := ops.parts(ops.synapses[first:][:len(l.Synapses)])
		for j := range l.Synapses {
			s := &ops.synapses[first+j]
			k := Contribution{Part: parts[j], Layer: l.Name, From: layerName(net, s.from), Kind: s.kind, Synapses: s.dense}
			if s.counter != nil { // The current of the image is constant and costs once.
				k.MACs, k.DenseMACs = float64(c.synapses[first+j])/n, float64(s.dense)
			} else {
				k.ACs, k.DenseACs = float64(c.synapses[first+j])/n, float64(s.dense)*T
			}
			if !l.IsGate() {
				e.SNN.Contributions = append(e.SNN.Contributions, k)
			}
		}
		first += len(l.Synapses)
		if !l.IsGate() {
			neuronSpikes += r.Layers[i].SpikesPerImage
			e.SNN.Contributions = append(e.SNN.Contributions, Contribution{Part: PartNeurons, Layer: l.Name, Kind: "neurons", Operations: Operations{Updates: float64(l.Neurons()) * T}})
		}
	}
	e.SNN.ActivationSparsity = 1 - neuronSpikes/(float64(net.Neurons())*T)
	e.SNN.ConnectionSparsity, e.SNN.FootprintBytes = storedSNN(net)

	e.SNN.sum(n)
	if g != nil {
		e.ANN = ops.trainedAccount(c, g, net, n)
	}
	e.price(r)
	return e
}

// trainedAccount returns what the trained network does, over n images.
func (ops *operations) trainedAccount(c *counts, g *ann.Graph, net *snn.Network, n float64) *Account {
	a := &Account{}
	byLayer := make(map[int][]connection)
	for _, s := range ops.trained {
		byLayer[s.layer] = append(byLayer[s.layer], s)
	}
	seen := make(map[int]int)
	for i, s := range ops.trained {
		part := ops.parts(byLayer[s.layer])[seen[s.layer]]
		seen[s.layer]++
		k := Contribution{Part: part, Layer: layerName(net, s.layer), From: layerName(net, s.from), Node: s.node, Kind: s.kind, Synapses: s.dense}
		if s.weighted {
			k.MACs, k.DenseMACs = float64(c.trained[i])/n, float64(s.dense)
		} else {
			k.ACs, k.DenseACs = float64(c.trained[i])/n, float64(s.dense)
		}
		a.Contributions = append(a.Contributions, k)
	}
	if ops.units > 0 {
		a.ActivationSparsity = float64(c.zeros) / (float64(ops.units) * n)
	}
	a.ConnectionSparsity, a.FootprintBytes = storedANN(g)
	a.sum(n)
	return a
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

// parts says where the connections that end on one layer belong. Of several, those
// that come from the deepest layer are the main branch, the others are shortcuts.
func (ops *operations) parts(list []connection) []Part {
	deepest := 0
	for _, s := range list {
		deepest = max(deepest, ops.depthOf(s.from))
	}
	parts := make([]Part, len(list))
	for i, s := range list {
		switch {
		case s.from == snn.FromInput:
			parts[i] = PartInput
		case s.kind == (*snn.Shortcut)(nil).Kind() || ops.depthOf(s.from) < deepest:
			parts[i] = PartShortcuts
		case s.kind == (*snn.AveragePool)(nil).Kind():
			parts[i] = PartPools
		case s.layer == len(ops.depth)-1:
			parts[i] = PartClassifier
		default:
			parts[i] = PartLayers
		}
	}
	return parts
}

func layerName(net *snn.Network, i int) string {
	switch i {
	case unknown:
		return ""
	case snn.FromInput:
		return "input"
	}
	return net.Layers[i].Name
}

// Bytes of a parameter or potential, and of a spike count of a gate.
const (
	floatBytes = 4
	countBytes = 2
)

// storedSNN returns the share of weights that are zero, and the bytes of weights,
// biases, thresholds and start potentials, of potentials, and of the counts of gates.
func storedSNN(net *snn.Network) (sparsity float64, bytes int64) {
	var weights, zeros, floats, spikeCounts int
	for i := range net.Layers {
		l := &net.Layers[i]
		for _, s := range l.Synapses {
			switch k := s.Connection.(type) {
			case *snn.Conv:
				weights, zeros = weights+len(k.Weight.Data), zeros+len(k.Weight.Data)-int(nonzero(k.Weight.Data))
			case *snn.Dense:
				weights, zeros = weights+len(k.Weight.Data), zeros+len(k.Weight.Data)-int(nonzero(k.Weight.Data))
			case *snn.Shortcut, *snn.AveragePool:
				floats++ // One weight that all its synapses share.
			case *snn.MaxPool:
				spikeCounts += net.ShapeOf(s.From).Len() + l.Shape.Len()
			}
		}
		if !l.IsGate() {
			floats += len(l.Bias) + len(l.Neuron.Threshold) + len(l.Neuron.VInit) + l.Neurons()
		}
	}
	return share(zeros, weights), int64(floatBytes*(weights+floats) + countBytes*spikeCounts)
}

// storedANN is the same for the trained network, which has no state.
func storedANN(g *ann.Graph) (sparsity float64, bytes int64) {
	var weights, zeros, parameters int
	for i := range g.Nodes {
		parameters += ann.Parameters(g.Nodes[i].Op)
		switch op := g.Nodes[i].Op.(type) {
		case *ann.Conv:
			weights, zeros = weights+len(op.Weight.Data), zeros+len(op.Weight.Data)-int(nonzero(op.Weight.Data))
		case *ann.Gemm:
			weights, zeros = weights+len(op.Weight.Data), zeros+len(op.Weight.Data)-int(nonzero(op.Weight.Data))
		}
	}
	return share(zeros, weights), int64(floatBytes * parameters)
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// joules returns the energy of what d prices of the operations; ok is unset if it
// leaves some of them out.
func (d *Device) joules(o *Operations) (x Joules, ok bool) {
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

// price fills what depends on the device, and the break-even.
func (e *Energy) price(r *Result) {
	b := &e.BreakEven
	for i := range e.SNN.Contributions {
		if k := &e.SNN.Contributions[i]; k.DenseACs > 0 {
			b.Synapses += k.Synapses
		}
	}
	if b.Synapses > 0 {
		b.Spikes = e.SNN.ACs / float64(b.Synapses)
	}
	if e.ANN != nil {
		if acs, macs := e.SNN.ACs-e.ANN.DenseACs, e.ANN.DenseMACs-e.SNN.MACs; acs > 0 && macs > 0 {
			b.Ratio = acs / macs
		}
	}
	d := e.Device
	if d == nil {
		return
	}
	for _, a := range []struct {
		*Account
		main *float64 // Without this price, a sum of the rest would mislead.
	}{{&e.SNN, d.AC}, {e.ANN, d.MAC}} {
		if a.Account == nil {
			continue
		}
		for i := range a.Contributions {
			k := &a.Contributions[i]
			if x, ok := d.joules(&k.Operations); ok {
				k.Joules = &x
			}
		}
		if a.main != nil {
			x, _ := d.joules(&a.Operations)
			a.Joules = &x
		}
	}
	e.NotCounted = e.notCounted()
	if e.ANN != nil && len(d.missing()) == 0 && *d.AC > 0 && b.Synapses > 0 {
		b.Dense = e.even(r, &Operations{ACs: e.ANN.DenseACs, MACs: e.ANN.DenseMACs})
		b.Effective = e.even(r, &e.ANN.Operations)
	}
}

// even returns where the spiking network takes what those operations of the trained
// one do.
func (e *Energy) even(r *Result, trained *Operations) *Even {
	v := &Even{}
	v.Joules, _ = e.Device.joules(trained)
	silent, _ := e.Device.joules(&Operations{MACs: e.SNN.MACs, Updates: e.SNN.Updates})
	v.Spikes = float64(v.Joules-silent) / (*e.Device.AC * picojoule * float64(e.BreakEven.Synapses))
	for v.Timesteps < r.Timesteps && e.joulesAt(r, v.Timesteps+1) <= v.Joules {
		v.Timesteps++
	}
	return v
}

// notCounted names what the device does not price although it happens.
func (e *Energy) notCounted() []string {
	var list []string
	for _, p := range e.Device.prices() {
		if p.pj != nil {
			continue
		}
		for _, a := range []struct {
			network string
			done    *Account
		}{{"spiking", &e.SNN}, {"trained", e.ANN}} {
			if a.done != nil && p.count(&a.done.Operations) > 0 {
				list = append(list, fmt.Sprintf("%s of the %s network", p.what, a.network))
			}
		}
	}
	return append(list, "memory, transport of spikes and leakage, unless the figures include them")
}

// joulesAt returns the energy of the spiking network in T timesteps, of what the
// device prices; 0 without a device.
func (e *Energy) joulesAt(r *Result, T int) Joules {
	if e.Device == nil {
		return 0
	}
	x, _ := e.Device.joules(&Operations{ACs: r.ACsUpTo[T-1], MACs: e.SNN.MACs, Updates: e.SNN.Updates * float64(T) / float64(r.Timesteps)})
	return x
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

// Words says where the two networks are even, a sentence each. Without a trained
// network d is nil.
func (b *Balance) Words(d *Device, timesteps int) []string {
	s := []string{fmt.Sprintf("A synapse carries %.3g spikes an image in %d timesteps.", b.Spikes, timesteps)}
	if b.Ratio > 0 {
		s = append(s, fmt.Sprintf("Memory and membrane updates left out, that is cheaper than all products of the trained network where a MAC costs more than %.3g ACs.", b.Ratio))
	}
	switch {
	case b.Dense != nil:
		s = append(s, fmt.Sprintf("Break-even on %s: %s; if the trained network skips zeros, %s.", d.Name, b.Dense.words(timesteps), b.Effective.words(timesteps)))
	case d != nil && len(d.missing()) > 0:
		s = append(s, fmt.Sprintf("Break-even on %s: not known without an energy of %s.", d.Name, strings.Join(d.missing(), " and ")))
	}
	return s
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

// words says where two networks are even, of an evaluation of that many timesteps.
func (v *Even) words(timesteps int) string {
	switch {
	case v.Spikes <= 0:
		return fmt.Sprintf("none at T = %d, where neurons and the image alone take more", timesteps)
	case v.Timesteps == timesteps:
		return fmt.Sprintf("%.3g spikes a synapse, not reached at T = %d", v.Spikes, timesteps)
	}
	return fmt.Sprintf("%.3g spikes a synapse, reached at T = %d", v.Spikes, v.Timesteps+1)
}
