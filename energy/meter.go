package energy

import (
	"slices"

	"sresnet/ann"
	"sresnet/sim"
	"sresnet/snn"
)

// Meter is what can be counted in a pair of networks, or in a spiking network by
// itself. It is made once and shared by all workers, each of which gathers [Counts].
type Meter struct {
	g         *ann.Graph // Nil without a trained network.
	net       *snn.Network
	synapses  []connection     // Of the spiking network, by layer and then by synapse.
	trained   []connection     // Of the trained network, in the order of its nodes.
	depth     []int            // Of every spiking layer: the most synapses between it and the image.
	sources   map[string][]int // Of these, by the node whose activation they look at.
	rectified map[string]bool  // Nodes whose zeros make the trained network's activation sparsity.
	units     uint64           // Elements of these.

	sparsity float64 // Of the spiking network: the share of weights that are zero,
	bytes    int64   // and what it is stored in.
}

// NewMeter lists what can be counted in g and its conversion net; g is nil
// without a trained network.
func NewMeter(g *ann.Graph, net *snn.Network) *Meter {
	m := &Meter{g: g, net: net, depth: make([]int, len(net.Layers))}
	for i := range net.Layers {
		for _, s := range net.Layers[i].Synapses {
			m.depth[i] = max(m.depth[i], m.depthOf(s.From)+1)
			c := synapse(net.ShapeOf(s.From), net.Layers[i].Shape, s.Connection)
			c.layer, c.from = i, s.From
			if s.From != snn.FromInput || net.Input.Encoding.Spikes() {
				c.counter = nil
			}
			m.synapses = append(m.synapses, c)
		}
	}
	m.sparsity, m.bytes = storedSNN(net)
	if g == nil {
		return m
	}
	m.sources, m.rectified = make(map[string][]int), make(map[string]bool)
	w := newWalker(g, net)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if _, ok := n.Op.(ann.Rectifier); ok {
			m.rectified[n.Name] = true
			m.units += uint64(n.Shape.Len())
		}
		m.trained = append(m.trained, w.connections(n)...)
	}
	for i := range m.trained {
		source := m.trained[i].counter.source
		m.sources[source] = append(m.sources[source], i)
	}
	return m
}

// depthOf returns the depth of layer i, and 0 for the image.
func (m *Meter) depthOf(i int) int {
	if i < 0 {
		return 0
	}
	return m.depth[i]
}

// Counts gathers operations over images. It holds integers only, so that those of
// several workers, or of several parts of a data set, add up the same in any order.
type Counts struct {
	Synapses []uint64 `json:"synapses"` // Of the spiking network, by layer and then by synapse.
	Trained  []uint64 `json:"trained"`  // Of the trained network's connections, in the order of its nodes.
	Zeros    uint64   `json:"zeros"`    // Of rectified activations.

	// Images that are made of frames, which enter anew at every timestep: numbers that are
	// multiplied with weights, which Synapses counts, or spikes, which Added counts.
	Graded uint64 `json:"graded,omitempty"`
	Binary uint64 `json:"binary,omitempty"`

	Added []uint64 `json:"added,omitempty"` // By synapse, as Synapses; nil for none.

	Entered uint64 `json:"entered,omitempty"` // Spikes of images: of such frames, or of an encoding that makes spikes.
}

// NewCounts returns those of no images.
func (m *Meter) NewCounts() *Counts {
	return &Counts{Synapses: make([]uint64, len(m.synapses)), Trained: make([]uint64, len(m.trained))}
}

// Count adds one image, channels last, to c: what the spiking network recorded. What the
// trained network computes is counted by [Meter.See].
func (m *Meter) Count(c *Counts, image []float32, rec *sim.Record) {
	i := 0
	for layer, synapses := range rec.SynapseACs {
		for synapse, acs := range synapses {
			switch counter := m.synapses[i].counter; {
			case counter == nil:
				c.Synapses[i] += acs
			case rec.Frames < 2:
				c.Synapses[i] += counter.count(image)
			case rec.Binary:
				c.add(i, acs)
			default:
				c.Synapses[i] += rec.SynapseMACs[layer][synapse]
			}
			i++
		}
	}
	c.Entered += rec.Entered
	switch {
	case rec.Frames < 2:
	case rec.Binary:
		c.Binary++
	default:
		c.Graded++
	}
}

// See adds to c what an activation of the trained network causes, that of a node or, under
// the name of the input, the image; see [infer.Model.NewWatcher].
func (m *Meter) See(c *Counts, node string, x []float32) {
	for _, i := range m.sources[node] {
		c.Trained[i] += m.trained[i].counter.count(x)
	}
	if m.rectified[node] {
		c.Zeros += uint64(len(x)) - nonzero(x)
	}
}

// add counts spikes of frames.
func (c *Counts) add(synapse int, acs uint64) {
	if c.Added == nil {
		c.Added = make([]uint64, len(c.Synapses))
	}
	c.Added[synapse] += acs
}

// Merge adds what b gathered.
func (c *Counts) Merge(b *Counts) {
	for i, n := range b.Synapses {
		c.Synapses[i] += n
	}
	for i, n := range b.Trained {
		c.Trained[i] += n
	}
	c.Zeros += b.Zeros
	c.Graded += b.Graded
	c.Binary += b.Binary
	c.Entered += b.Entered
	for i, n := range b.Added {
		c.add(i, n)
	}
}

// Activity is what the spiking network did, besides [Counts].
type Activity struct {
	Images int       // At least 1.
	Spikes []float64 // Of each layer, mean per image.
	ACs    []float64 // Of all layers up to each timestep, from 1 to T, mean per image.
}

// Accounts turns counts into means per image, and into joules if d is not nil.
func (m *Meter) Accounts(c *Counts, did Activity, d *Device) *Accounts {
	n, T := float64(did.Images), float64(len(did.ACs))
	a := &Accounts{Images: did.Images, Timesteps: len(did.ACs), Device: d}
	a.BreakEven.Window = m.net.Schedule == snn.Phased
	neuronSpikes := 0.0
	first := 0 // Of the layer's synapses.
	for i := range m.net.Layers {
		l := &m.net.Layers[i]
		parts := m.parts(m.synapses[first:][:len(l.Synapses)])
		for j := range l.Synapses {
			s := &m.synapses[first+j]
			k := Contribution{Part: parts[j], Layer: l.Name, From: m.layerName(s.from), Kind: s.kind, Synapses: s.dense}
			if s.counter != nil { // The current of the image is constant and costs once; that of frames costs at every timestep.
				graded, binary := float64(c.Graded)/n, float64(c.Binary)/n
				k.MACs, k.DenseMACs = float64(c.Synapses[first+j])/n, float64(s.dense)*(1-graded-binary+graded*T)
				if c.Graded > 0 {
					a.FrameMACs += k.MACs
				}
				if c.Added != nil {
					k.ACs, k.DenseACs = float64(c.Added[first+j])/n, float64(s.dense)*binary*T
				}
			} else {
				k.ACs, k.DenseACs = float64(c.Synapses[first+j])/n, float64(s.dense)*m.mostSpikes(s.from, T)
			}
			if !l.IsGate() {
				a.SNN.Contributions = append(a.SNN.Contributions, k)
			}
		}
		first += len(l.Synapses)
		if !l.IsGate() {
			neuronSpikes += did.Spikes[i]
			a.SNN.Contributions = append(a.SNN.Contributions, Contribution{Part: PartNeurons, Layer: l.Name, Kind: "neurons", Operations: Operations{Updates: float64(l.Neurons()) * T * m.additions(i)}})
		}
	}
	a.SNN.ActivationSparsity = 1 - neuronSpikes/(float64(m.net.Neurons())*T)
	a.SNN.ConnectionSparsity, a.SNN.FootprintBytes = m.sparsity, m.bytes

	a.SNN.sum(n)
	if m.g != nil {
		a.ANN = m.trainedAccount(c, n)
	}
	a.price(did.ACs)
	a.Memory = m.model(c, did, &a.BreakEven, d)
	return a
}

// mostSpikes returns how many spikes a neuron of layer i can make in T timesteps.
func (m *Meter) mostSpikes(i int, T float64) float64 {
	if i != snn.FromInput && m.net.Coding == snn.FirstSpike {
		return 1
	}
	return T
}

// additions returns how many additions the update of a neuron of layer i is: two where it
// holds the current of spikes and adds it to the potential together with the bias.
func (m *Meter) additions(i int) float64 {
	if m.holds(i) {
		return 2
	}
	return 1
}

// holds reports whether the neurons of layer i hold the current of spikes, as first-spike
// coding has it.
func (m *Meter) holds(i int) bool {
	return m.net.Coding == snn.FirstSpike && slices.ContainsFunc(m.net.Layers[i].Synapses, func(s snn.Synapse) bool { return s.From != snn.FromInput })
}

// trainedAccount returns what the trained network does, over n images.
func (m *Meter) trainedAccount(c *Counts, n float64) *Account {
	a := &Account{}
	byLayer := make(map[int][]connection)
	for _, s := range m.trained {
		byLayer[s.layer] = append(byLayer[s.layer], s)
	}
	seen := make(map[int]int)
	for i, s := range m.trained {
		part := m.parts(byLayer[s.layer])[seen[s.layer]]
		seen[s.layer]++
		k := Contribution{Part: part, Layer: m.layerName(s.layer), From: m.layerName(s.from), Node: s.node, Kind: s.kind, Synapses: s.dense}
		if s.weighted {
			k.MACs, k.DenseMACs = float64(c.Trained[i])/n, float64(s.dense)
		} else {
			k.ACs, k.DenseACs = float64(c.Trained[i])/n, float64(s.dense)
		}
		a.Contributions = append(a.Contributions, k)
	}
	if m.units > 0 {
		a.ActivationSparsity = float64(c.Zeros) / (float64(m.units) * n)
	}
	a.ConnectionSparsity, a.FootprintBytes = storedANN(m.g)
	a.sum(n)
	return a
}

// parts says where the connections that end on one layer belong. Of several, those
// that come from the deepest layer are the main branch, the others are shortcuts.
func (m *Meter) parts(list []connection) []Part {
	deepest := 0
	for _, s := range list {
		deepest = max(deepest, m.depthOf(s.from))
	}
	parts := make([]Part, len(list))
	for i, s := range list {
		switch {
		case s.from == snn.FromInput:
			parts[i] = PartInput
		case s.kind == (*snn.Shortcut)(nil).Kind() || m.depthOf(s.from) < deepest:
			parts[i] = PartShortcuts
		case s.kind == (*snn.AveragePool)(nil).Kind():
			parts[i] = PartPools
		case s.layer == len(m.depth)-1:
			parts[i] = PartClassifier
		default:
			parts[i] = PartLayers
		}
	}
	return parts
}

func (m *Meter) layerName(i int) string {
	switch i {
	case unknown:
		return ""
	case snn.FromInput:
		return "input"
	}
	return m.net.Layers[i].Name
}
