package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"sresnet/internal/names"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// Layer describes a population for a picture of the network.
type Layer struct {
	Name, Short string
	Shape       tensor.Shape // (C, H, W)
	Gate        bool         // It is a max pool, which has no potentials.
	Opens       int          // The timestep, from 0, at which its window opens; 0 in a synchronous network.
	From        []int        // Where its synapses come from, -1 being the image,
	Kinds       []string     // and what they are.
}

// Layers describes all populations of net for windows of T timesteps.
func Layers(net *snn.Network, T int) []Layer {
	full := make([]string, len(net.Layers))
	for i := range net.Layers {
		full[i] = net.Layers[i].Name
	}
	short, phases := names.Short(full), net.Phases()
	list := make([]Layer, len(net.Layers))
	for i := range net.Layers {
		l := &net.Layers[i]
		list[i] = Layer{Name: l.Name, Short: short[i], Shape: l.Shape, Gate: l.IsGate(), Opens: phases[i] * T}
		for _, s := range l.Synapses {
			list[i].From = append(list[i].From, s.From)
			list[i].Kinds = append(list[i].Kinds, s.Connection.Kind())
		}
	}
	return list
}

// Channels are how many maps of a layer a [Frame] has, and those of the layer that is looked
// at closely.
const (
	Channels      = 16
	CloseChannels = 64
)

// Frame is what happens at one timestep of the network.
type Frame struct {
	Clock  int      // From 1.
	Spikes []uint32 // Of every layer, all channels.

	// Maps has the spikes of the first [Channels] channels, layer after layer, a number per
	// position: bit c is channel c. Close has those of the layer that is looked at, with
	// [CloseChannels].
	Maps  []uint16
	Close []uint64

	Evidence []float64 // Of every class: spikes so far.
	Class    int       // The answer; -1 before a phased network has one.
}

// Show is an image that is being presented.
type Show struct {
	net     *snn.Network
	T       int
	before  int // Timesteps before the window of the output.
	latency int
	close   int // The layer that is looked at; -1 for none.
	traced  bool
	phases  []int
	at      []int // Where the maps of each layer begin in a frame, and how long all are.

	frames  []*Frame
	v       [][]float32 // Potentials of the close layer after every timestep, CHW; nil where there are none.
	handed  int         // Frames that were handed out.
	out     chan *Frame
	end     error
	cancel  context.CancelFunc
	stopped <-chan struct{}
}

// Present begins to present an image, normalised and CHW, to net for T timesteps, with a close
// look at a layer, or at none, -1. [Show.Stop] ends it.
func Present(net *snn.Network, T int, image []float32, layer int) (*Show, error) {
	s := &Show{net: net, T: T, latency: net.Latency(T), close: layer, phases: net.Phases(), out: make(chan *Frame)}
	s.before = s.latency - T
	size := 0
	for i := range net.Layers {
		s.at = append(s.at, size)
		size += positions(net.Layers[i].Shape)
	}
	s.at = append(s.at, size)
	o := sim.Options{Timesteps: T, Block: 1, Seed: 1}
	if layer >= len(net.Layers) {
		return nil, fmt.Errorf("lab: there is no layer %d", layer)
	}
	if layer >= 0 && !net.Layers[layer].IsGate() && net.Layers[layer].Neurons() <= MaxTraced/s.latency {
		s.traced, o.Traced = true, []int{layer}
	}
	plan, err := sim.Compile(net, o)
	if err != nil {
		return nil, err
	}
	s.frames, s.v = make([]*Frame, s.latency), make([][]float32, s.latency)
	e := plan.NewEngine()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.stopped = cancel, ctx.Done()
	e.Trace = func(t sim.Trace) { s.v[t.Step] = slices.Clone(t.V) }
	e.Probe = s.see
	// With blocks of one timestep, this is when all layers are through with it.
	e.Stop = func(t int, rec *sim.Record) bool { s.hand(t+1, rec); return false }
	go func() {
		defer close(s.out)
		rec, err := e.Run(ctx, image, 0)
		if err != nil {
			s.end = err
			return
		}
		s.hand(s.latency, rec)
	}()
	return s, nil
}

// Latency returns how many timesteps there are, from the image to the answer.
func (s *Show) Latency() int { return s.latency }

// Traced reports whether potentials of the layer that is looked at are kept. Those of gates
// are not, for there are none, nor those of layers that need too much room.
func (s *Show) Traced() bool { return s.traced }

// Stop ends the presentation.
func (s *Show) Stop() {
	s.cancel()
	for range s.out { // Until the engine is done.
	}
}

// Next returns the next timestep; nil after the last one.
func (s *Show) Next() (*Frame, error) {
	f, ok := <-s.out
	if !ok && s.end != nil && !errors.Is(s.end, context.Canceled) {
		return nil, s.end
	}
	return f, nil
}

// positions returns rows times columns.
func positions(shape tensor.Shape) int {
	_, h, w := shape.CHW()
	return h * w
}

// frame returns the frame of a timestep, from 0.
func (s *Show) frame(clock int) *Frame {
	if s.frames[clock] == nil {
		s.frames[clock] = &Frame{Clock: clock + 1, Spikes: make([]uint32, len(s.net.Layers)), Maps: make([]uint16, s.at[len(s.net.Layers)])}
		if s.close >= 0 {
			s.frames[clock].Close = make([]uint64, positions(s.net.Layers[s.close].Shape))
		}
	}
	return s.frames[clock]
}

// see notes the spikes of one layer at one timestep, and hands out what that completes.
func (s *Show) see(z sim.Spikes) {
	i := z.Layer
	f := s.frame(s.phases[i]*s.T + z.Step)
	maps, n := f.Maps[s.at[i]:s.at[i+1]], uint32(0)
	for p := range maps {
		word := z.Bits[p*z.Words]
		maps[p] = uint16(word)
		if i == s.close {
			f.Close[p] = word
		}
	}
	for _, word := range z.Bits {
		for ; word != 0; word &= word - 1 {
			n++
		}
	}
	f.Spikes[i] = n
	if s.net.Schedule == snn.Phased && z.Step == s.T-1 && i < len(s.net.Layers)-1 {
		// Nothing before the windows of layers to come can change any more, and of the layer
		// that is looked at nothing before it integrates.
		n := slices.Min(s.phases[i+1:])
		if s.traced && s.close > i {
			n = min(n, s.phases[s.close]-1)
		}
		s.hand(n*s.T, nil)
	}
}

// hand hands out all timesteps up to the first n that were not yet. rec has the answers
// of those; nil before the window of the output.
func (s *Show) hand(n int, rec *sim.Record) {
	for ; s.handed < n; s.handed++ {
		f := s.frame(s.handed)
		s.frames[s.handed] = nil
		f.Class, f.Evidence = -1, make([]float64, s.net.Output().Neurons())
		if t := s.handed - s.before; t >= 0 && rec != nil {
			counts, potential, _ := rec.At(t)
			for c, k := range counts {
				f.Evidence[c] = float64(k)
			}
			if s.net.Schedule == snn.Synchronous || t == s.T-1 {
				f.Class = answer(counts, potential)
			}
		}
		select {
		case s.out <- f:
		case <-s.stopped:
			return
		}
	}
}

// answer is the class by the read-out count+potential of package eval, which has more in it
// than a page should load: the most spikes and, of equally many, the highest potential.
func answer(counts []uint32, potential []float32) int {
	best := 0
	for k := range counts {
		if counts[k] > counts[best] || counts[k] == counts[best] && potential[k] > potential[best] {
			best = k
		}
	}
	return best
}

// Neuron is what one neuron of the layer that is looked at does.
type Neuron struct {
	Threshold, Start float32
	Potential        []float32 // After every timestep so far; NaN where it was not asked for.
}

// Neuron returns the potentials of a neuron, a place in (C, H, W), after the first n
// timesteps; nil if those of the layer are not kept.
func (s *Show) Neuron(at, n int) *Neuron {
	if !s.traced {
		return nil
	}
	l := &s.net.Layers[s.close]
	if at < 0 || at >= l.Neurons() {
		return nil
	}
	c := at / positions(l.Shape)
	u := &Neuron{Threshold: l.Neuron.ThresholdOf(c), Start: l.Neuron.VInitOf(c)}
	if l.Start != nil {
		u.Start = l.Start[at]
	}
	for _, v := range s.v[:min(n, s.latency)] {
		x := float32(math.NaN())
		if v != nil {
			x = v[at]
		}
		u.Potential = append(u.Potential, x)
	}
	return u
}
