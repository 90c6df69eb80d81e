package energy_test

import (
	"math/rand/v2"
	"testing"

	"sresnet/energy"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// chip does what the spiking network does, one read, addition and spike after the other,
// and counts each.
type chip struct {
	net      *snn.Network
	T        int
	spikes   [][][]int          // Neurons, CHW, by layer and step of its window.
	image    [][]float32        // As presented at each timestep.
	constant bool               // It is the same at all of them, and no spikes.
	binary   bool               // It is spikes.
	traffic  [][]energy.Traffic // By layer and synapse, and last the neurons.
	updates  []float64          // By layer: additions to potentials in steps of integration.
}

// pairs calls f for every weight that lies inside the border: from which element of the
// source, CHW, at which position of the output, and whether it is the first channel there.
func pairs(in, out tensor.Shape, k snn.Connection, f func(from, position int, first bool)) {
	at := func(c, y, x int) int { return (c*in[1]+y)*in[2] + x }
	taps := func(w tensor.Window, outputs func(c int) []int) {
		for c := range in[0] {
			for i, o := range outputs(c) {
				_ = o
				for r := range out[1] {
					for x := range out[2] {
						for ky := range w.Kernel[0] {
							for kx := range w.Kernel[1] {
								if row, col := w.Row(r, ky), w.Col(x, kx); row >= 0 && row < in[1] && col >= 0 && col < in[2] {
									f(at(c, row, col), r*out[2]+x, i == 0)
								}
							}
						}
					}
				}
			}
		}
	}
	switch k := k.(type) {
	case *snn.Conv:
		taps(k.Window, func(c int) (list []int) {
			for o := range out[0] {
				if o/(out[0]/k.Groups) == c/(in[0]/k.Groups) {
					list = append(list, o)
				}
			}
			return list
		})
	case *snn.AveragePool:
		taps(k.Window, func(c int) []int { return []int{c} })
	case *snn.Shortcut:
		for c := range in[0] {
			for r := range out[1] {
				for x := range out[2] {
					f(at(c, k.Start[0]+r*k.Stride[0], k.Start[1]+x*k.Stride[1]), r*out[2]+x, true)
				}
			}
		}
	case *snn.Dense:
		for i := range in.Len() {
			for range out.Len() {
				f(i, 0, true)
			}
		}
	}
}

// run counts one image.
func (c *chip) run() {
	for l := range c.net.Layers {
		layer := &c.net.Layers[l]
		if layer.IsGate() {
			c.gate(l)
			continue
		}
		held, current := c.current(l)
		for t := range c.T {
			for j := range layer.Synapses {
				c.arrive(l, j, t, held)
			}
			c.integrate(l, t, held, current)
		}
		if c.net.Schedule == snn.Phased {
			c.open(l)
		}
		n := &c.traffic[l][len(layer.Synapses)]
		for range layer.Neurons() {
			if held {
				n.CurrentWrites++ // Cleared for the next image.
			}
		}
		for _, fired := range c.spikes[l] {
			n.EventWrites += float64(len(fired))
		}
	}
}

func (c *chip) gate(l int) {
	x := &c.traffic[l][0]
	for _, fired := range c.spikes[c.net.Layers[l].Synapses[0].From] {
		for range fired {
			x.EventReads++
			x.SpikesMoved++
			x.PotentialReads++
			x.Additions++
			x.PotentialWrites++
			x.Comparisons++
		}
	}
	for _, fired := range c.spikes[l] {
		x.EventWrites += float64(len(fired))
	}
}

// current computes the current of a constant image into memory, and says whether the
// neurons hold one of spikes, and one of the image.
func (c *chip) current(l int) (held, current bool) {
	layer := &c.net.Layers[l]
	n := &c.traffic[l][len(layer.Synapses)]
	for j, s := range layer.Synapses {
		if s.From != snn.FromInput {
			held = held || c.net.Coding == snn.FirstSpike
			continue
		}
		if c.constant {
			current = true
			c.multiply(l, j)
		}
	}
	for range layer.Neurons() {
		if !current {
			break
		}
		if layer.Bias != nil {
			n.BiasReads++
			n.Additions++
		}
		n.CurrentWrites++
	}
	return held, current
}

// multiply takes in an image of numbers, as any network does.
func (c *chip) multiply(l, j int) {
	layer := &c.net.Layers[l]
	k, x := layer.Synapses[j].Connection, &c.traffic[l][j]
	_, dense := k.(*snn.Dense)
	pairs(c.net.Input.Shape, layer.Shape, k, func(int, int, bool) {
		x.WeightReads++
		x.Products++
		if dense {
			x.AddressAdditions++
		} else {
			x.ValueReads++
		}
	})
	for range c.net.Input.Shape.Len() {
		x.ValuesMoved++
		if dense {
			x.ValueReads++
		} else {
			x.AddressAdditions++
		}
	}
	if conv, ok := k.(*snn.Conv); ok {
		for range layer.Neurons() {
			x.AddressAdditions++
		}
		for range layer.Shape[0] * conv.Window.Kernel[0] * conv.Window.Kernel[1] {
			x.AddressAdditions++
		}
	}
}

// arrive takes in what synapse j brings at step t of the window of its source.
func (c *chip) arrive(l, j, t int, held bool) {
	layer := &c.net.Layers[l]
	s, x := layer.Synapses[j], &c.traffic[l][j]
	var fired []int
	switch {
	case s.From != snn.FromInput:
		fired = c.spikes[s.From][t]
	case c.constant:
		return
	case !c.binary:
		c.multiply(l, j)
		return
	default:
		held = false
		for i, v := range c.image[t] {
			if v != 0 {
				fired = append(fired, i)
			}
		}
	}
	first := true
	for _, before := range layer.Synapses[:j] {
		first = first && before.From != s.From
	}
	_, dense := s.Connection.(*snn.Dense)
	spiked := make(map[int]bool)
	for _, i := range fired {
		spiked[i] = true
		if first {
			x.EventReads++
			x.SpikesMoved++
		}
		if !dense { // Row and column.
			x.AddressProducts++
			x.AddressProducts++
		}
	}
	pairs(c.net.ShapeOf(s.From), layer.Shape, s.Connection, func(from, _ int, channel bool) {
		if !spiked[from] {
			return
		}
		if channel {
			x.AddressAdditions++
		}
		x.WeightReads++
		if held {
			x.CurrentReads++
			x.CurrentWrites++
		} else {
			x.PotentialReads++
			x.PotentialWrites++
		}
		x.Additions++
	})
}

// integrate advances the neurons by a timestep in which they take in current.
func (c *chip) integrate(l, t int, held, current bool) {
	layer := &c.net.Layers[l]
	n := &c.traffic[l][len(layer.Synapses)]
	a, ok := layer.Neuron.Decay()
	for range layer.Neurons() {
		n.PotentialReads++
		if !ok || a != 1 {
			n.Products++
		}
		switch {
		case current:
			n.CurrentReads++
		case layer.Bias != nil:
			n.BiasReads++
		}
		n.Additions++
		c.updates[l]++
		if held {
			n.CurrentReads++
			n.Additions++
			c.updates[l]++
		}
		if c.net.Schedule == snn.Synchronous {
			n.Comparisons++
		}
		n.PotentialWrites++
	}
	if c.net.Schedule == snn.Synchronous && layer.Neuron.Reset == snn.ResetSubtract {
		for range c.spikes[l][t] {
			n.Additions++
		}
	}
}

// open goes through the window in which phased neurons fire.
func (c *chip) open(l int) {
	n := &c.traffic[l][len(c.net.Layers[l].Synapses)]
	for t := range c.T {
		for range c.net.Layers[l].Neurons() {
			n.PotentialReads++
			n.Comparisons++
		}
		for range c.spikes[l][t] {
			n.Additions++
			n.PotentialWrites++
		}
	}
}

// bruteTraffic counts what the spiking network does on all images, by the spikes of the
// reference engine.
func bruteTraffic(t *testing.T, net *snn.Network, images eval.Images, o sim.Options) *chip {
	t.Helper()
	o.Reference = true
	plan, err := sim.Compile(net, o)
	if err != nil {
		t.Fatal(err)
	}
	c := &chip{net: net, T: o.Timesteps, updates: make([]float64, len(net.Layers)), traffic: make([][]energy.Traffic, len(net.Layers)), spikes: make([][][]int, len(net.Layers))}
	for l := range net.Layers {
		c.traffic[l] = make([]energy.Traffic, len(net.Layers[l].Synapses)+1)
	}
	e := plan.NewEngine()
	e.Probe = func(s sim.Spikes) {
		shape := net.Layers[s.Layer].Shape
		var fired []int
		for p := range shape[1] * shape[2] {
			for ch := range shape[0] {
				if s.Bits[p*s.Words+ch/64]>>(ch%64)&1 != 0 {
					fired = append(fired, ch*shape[1]*shape[2]+p)
				}
			}
		}
		c.spikes[s.Layer][s.Step] = fired
	}
	for i := range images.Len() {
		for l := range c.spikes {
			c.spikes[l] = make([][]int, o.Timesteps)
		}
		n := net.Input.Shape.Len()
		frames, framed := images.(*framedImages)
		x := make([]float32, n)
		c.constant, c.binary = !net.Input.Encoding.Spikes(), net.Input.Encoding.Spikes()
		if framed {
			x = frames.frames[i]
			c.constant, c.binary = false, true
			for _, v := range x {
				c.binary = c.binary && (v == 0 || v == 1)
			}
			_, err = e.RunFrames(t.Context(), x, i)
		} else {
			if err := images.Image(i, x); err != nil {
				t.Fatal(err)
			}
			_, err = e.Run(t.Context(), x, i)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.image = nil
		rnd, out := rand.New(rand.NewPCG(o.Seed, uint64(i))), make([]float32, n)
		for step := range o.Timesteps {
			frame := x[step%(len(x)/n)*n:][:n]
			c.image = append(c.image, append([]float32(nil), net.Input.Encode(out, frame, rnd)...))
		}
		c.run()
	}
	return c
}
