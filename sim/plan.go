package sim

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// Plan is a network made ready to run: weights packed in the order in which
// spikes ask for them, channels padded, every synapse bound to the loop that
// computes it. It is immutable and may be shared by any number of engines.
type Plan struct {
	net     *snn.Network
	opt     Options
	layers  []layerPlan
	blocks  []block
	frames  []frame     // Of the counts of layers.
	pixels  frame       // Of an image that enters as whole numbers.
	reaches [][]float64 // Of an integer network; see [snn.Network.Reaches].
}

// layerPlan is one layer of a Plan.
type layerPlan struct {
	grid              // Of the layer itself.
	analog   []analog // Synapses that carry the image.
	synapses []source // Synapses that carry spikes, in the order of the sum.
	current  buffer   // Where the current of one timestep is summed.

	// One of them in place of the above, for layers of their kind.
	gate       *gate
	sweep      *sweep
	sweepWhole *sweepWhole
	tiled      *tiled

	counting // Where spikes are counted, also in place of the above.

	traced bool // What its neurons do at a timestep can be seen.
	summed bool // Their currents are summed, for marks.

	bias  []float32 // Per padded channel.
	vInit []float32 // Per padded channel.
	start []float32 // Per neuron in place of it, channels last and padded; nil for none.
	fire  kernel.FireParams

	// Of a layer that fires in a window of its own. While it integrates, the thresholds of
	// fire are infinite.
	window *kernel.FireParams
	opens  int // The timestep of the network at which it begins to integrate.

	least   float32   // At which potentials saturate below zero, and
	top     []float32 // above it, after the reset, per padded channel; 0 and nil where they cannot.
	fastest float32   // What no current exceeds.

	remainders []remainder // What is taken over when the window opens,
	remains    bool        // and whether others take over from this one.

	decay  float32     // What potentials are multiplied by before the kernels integrate and fire.
	neuron *snn.Neuron // For those who cannot do that; else nil.
}

// Method says how a layer is computed.
type Method struct {
	Layer string
	Name  string  // Such as "sweep", or for several synapses "scatter + gather".
	Tile  int     // Channels that are computed together, or 0 for all.
	Rate  float32 // Of the layer's neurons, as the network expects it.
}

// Methods returns the method of every layer. They are chosen by the network alone,
// its shapes and expected rates, so they are the same on every machine.
func (p *Plan) Methods() []Method {
	list := make([]Method, len(p.layers))
	for i := range p.layers {
		l := &p.net.Layers[i]
		list[i] = Method{Layer: l.Name, Rate: l.Rate}
		list[i].Name, list[i].Tile = p.layers[i].method()
	}
	return list
}

// blocked is a layer whose kernel takes blocks of timesteps.
type blocked interface {
	run(e *Engine, w *worker, i int, b block)
}

// blocks returns l as such a layer, or nil if it is none.
func (l *layerPlan) blocks() blocked {
	switch {
	case l.sweep != nil:
		return l.sweep
	case l.sweepWhole != nil:
		return l.sweepWhole
	case l.tiled != nil:
		return l.tiled
	}
	return nil
}

func (l *layerPlan) method() (name string, tile int) {
	switch {
	case l.layer != nil:
		return "counts", 0
	case l.gate != nil:
		return "gate", 0
	case l.sweep != nil:
		return "sweep", l.sweep.tiles[0].N
	case l.sweepWhole != nil:
		return "sweep", l.sweepWhole.tiles[0].N
	case l.tiled != nil:
		return "gather", l.tiled.tiles[0].fire.N
	}
	var names []string
	if len(l.analog) > 0 {
		names = append(names, "image")
	}
	for _, s := range l.synapses {
		names = append(names, s.method())
	}
	return strings.Join(names, " + "), 0
}

// source is a compiled synapse and the layer it comes from.
type source struct {
	index int // Of the synapse in its layer.
	from  int
	synapse
}

// synapse adds the current of one timestep of one synapse.
type synapse interface {
	// add adds to cur what the spikes s bring and returns the number of synaptic
	// additions.
	add(cur []float32, s *spikes) (acs uint64)

	// method names how it does that.
	method() string
}

// grid is the shape of a population as the engine lays it out: positions of
// channels, the channels padded to n.
type grid struct {
	c, h, w int
	n       int // c rounded up to a multiple of kernel.Lanes.
	words   int // Mask words per position.
}

func newGrid(s tensor.Shape) grid {
	c, h, w := s.CHW()
	return grid{c: c, h: h, w: w, n: pad(c), words: (c + 63) / 64}
}

func pad(n int) int { return (n + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes }

func (g grid) positions() int { return g.h * g.w }

func (g grid) shape() tensor.Shape { return tensor.Shape{g.c, g.h, g.w} }

// buffer is the geometry of a layer's current: rows of positions inside a halo
// that takes what a scattered spike adds beyond the border.
type buffer struct {
	first  int // Index of channel 0 of output (0, 0).
	stride int // Elements from one output row to the next.
	size   int
}

func plainBuffer(g grid) buffer {
	return buffer{stride: g.w * g.n, size: g.positions() * g.n}
}

// at returns the index of channel 0 of output position (r, c).
func (b buffer) at(g grid, r, c int) int { return b.first + r*b.stride + c*g.n }

// Compile makes net ready to run. It does not modify net, which must not change
// while the plan is in use.
func Compile(net *snn.Network, o Options) (*Plan, error) {
	o, err := o.withDefaults(net)
	if err != nil {
		return nil, err
	}
	if err := net.Validate(); err != nil {
		return nil, err
	}
	p := &Plan{net: net, opt: o}
	if o.Reference {
		return p, nil
	}
	p.blocks = p.cut()
	p.layers = make([]layerPlan, o.Layers)
	if net.Integer() {
		p.reaches = net.Reaches(o.Timesteps)
	}
	p.planCounts()
	for i := range p.layers {
		if err := p.compileLayer(i); err != nil {
			return nil, fmt.Errorf("sim: layer %q: %w", net.Layers[i].Name, err)
		}
	}
	return p, nil
}

func (p *Plan) compileLayer(i int) error {
	l := &p.net.Layers[i]
	lp := &p.layers[i]
	lp.grid = newGrid(l.Shape)
	if lp.c > kernel.MaxChannels || lp.positions() > kernel.MaxPositions {
		return fmt.Errorf("shape %v: the engine takes at most %d channels and %d positions per layer", l.Shape, kernel.MaxChannels, kernel.MaxPositions)
	}
	if l.IsGate() {
		syn := l.Synapses[0]
		if p.counts(i) {
			lp.layer = p.newCounting(i)
		}
		lp.gate = &gate{from: syn.From, window: syn.Connection.(*snn.MaxPool).Window, in: newGrid(p.net.ShapeOf(syn.From)), out: lp.grid}
		return nil
	}
	lp.bias = make([]float32, lp.n)
	copy(lp.bias, l.Bias)
	lp.fire, lp.vInit = newFire(&l.Neuron, lp.grid)
	if p.net.Schedule == snn.Phased {
		p.newWindow(i, lp)
	}
	lp.start = startOf(l, lp.grid)
	var kernels bool
	if lp.decay, kernels = l.Neuron.Decay(); !kernels {
		lp.neuron = &l.Neuron
	}
	if p.counts(i) {
		lp.bias = make([]float32, lp.n) // What a window begins with has it.
		lp.pixels = p.takesPixels(i)
		lp.layer = p.newCounting(i)
		p.newAnalogs(i, lp)
		return nil
	}
	_, lp.traced = slices.BinarySearch(p.opt.Traced, i)
	lp.summed = len(p.opt.Marks) > 0 && (lp.decay != 1 || !kernels)
	p.newSaturation(i, lp)
	if kernels && !lp.traced && !lp.summed {
		sweep := p.newSweep(i, lp)
		if sweep != nil {
			if lp.sweepWhole = p.newSweepWhole(i, lp, sweep); lp.sweepWhole != nil {
				return nil
			}
		}
		if lp.least == 0 { // Other kernels know nothing of saturation.
			if lp.sweep = sweep; sweep != nil {
				return nil
			}
			if lp.tiled = p.newTiled(i, lp); lp.tiled != nil {
				return nil
			}
		}
	}
	lp.current = plainBuffer(lp.grid)
	for _, syn := range l.Synapses {
		if k, ok := syn.Connection.(*snn.Conv); ok && syn.From != snn.FromInput && scatters(k, lp.grid) && !p.isDense(syn, lp.grid) {
			// One halo a layer: a second convolution with another kernel gathers.
			lp.current = haloBuffer(k, newGrid(p.net.ShapeOf(syn.From)), lp.grid)
			break
		}
	}
	p.newAnalogs(i, lp)
	for j, syn := range l.Synapses {
		if syn.From != snn.FromInput {
			lp.synapses = append(lp.synapses, source{j, syn.From, p.compileSynapse(syn, lp)})
		}
	}
	return nil
}

// newAnalogs compiles the synapses of layer i that carry the image.
func (p *Plan) newAnalogs(i int, lp *layerPlan) {
	l := &p.net.Layers[i]
	for j, syn := range l.Synapses {
		if syn.From == snn.FromInput {
			lp.analog = append(lp.analog, newAnalog(j, syn.Connection, p.net.Input.Shape, l.Shape))
		}
	}
}

// isOutput reports whether layer i is the output, whose current the record keeps.
func (p *Plan) isOutput(i int) bool { return i == len(p.net.Layers)-1 }

func (p *Plan) compileSynapse(syn snn.Synapse, lp *layerPlan) synapse {
	in, q := newGrid(p.net.ShapeOf(syn.From)), p.net.Layers[syn.From].Charge
	switch k := syn.Connection.(type) {
	case *snn.Conv:
		switch {
		case p.isDense(syn, lp.grid):
			return newDenseConv(k, q, in, lp)
		case k.Groups > 1:
			return newGrouped(k, q, in, lp)
		case scatters(k, lp.grid) && haloBuffer(k, in, lp.grid) == lp.current:
			return newScatter(k, q, in, lp)
		}
		return newGathered(k, q, in, lp)
	case *snn.Dense:
		return newDense(k, q, in, lp)
	case *snn.Shortcut:
		return newShortcut(k, q, in, lp)
	case *snn.AveragePool:
		return newAveragePool(k, q, in, lp)
	}
	panic(fmt.Sprintf("sim: connection %T", syn.Connection)) // Validate knows them all.
}
