package sim

import (
	"fmt"
	"math"

	"sresnet/internal/kernel"
	"sresnet/snn"
)

// A phased network goes through the engine one layer after the other, each for its whole
// window: a block of T timesteps. The loops that integrate and fire integrate only, where
// thresholds are infinite; afterwards the window opens. That a shortcut's spikes wait, or
// come over an axon with a delay, needs no room of its own: they are in the masks of their
// layer, and step t of a window is added with step t of the others.
//
// In first-spike coding the masks hold all spikes that have arrived so far, so that the
// same loops sum the current that a receiver holds.

// maxWindow bounds the bytes that the spikes of all windows of a phased network take.
const maxWindow = 4 << 30

// held reports whether masks hold all spikes that have arrived.
func (p *Plan) held() bool { return p.net.Coding == snn.FirstSpike }

// checkWindow returns an error if T timesteps of all layers do not fit into memory.
func (o *Options) checkWindow(net *snn.Network) error {
	if net.Schedule == snn.Synchronous {
		return nil
	}
	bytes := 0
	for i := range net.Layers {
		g := newGrid(net.Layers[i].Shape)
		bytes += 8 * g.positions() * g.words
	}
	if most := maxWindow / max(bytes, 1); o.Timesteps > most {
		return fmt.Errorf("sim: the spikes of a phased network are kept for a whole window: at most T = %d fits into memory for this one, not %d", most, o.Timesteps)
	}
	if len(o.Marks) > 1 || len(o.Marks) == 1 && o.Marks[0] != o.Timesteps {
		return fmt.Errorf("sim: marks %v: a phased network has no state that says anything before the end of its window, T = %d", o.Marks, o.Timesteps)
	}
	return nil
}

// newWindow makes layer i integrate first and fire in a window of its own.
func (p *Plan) newWindow(i int, lp *layerPlan) {
	window := lp.fire
	lp.window = &window
	lp.opens = (p.net.Phases()[i] - 1) * p.opt.Timesteps
	lp.remainders, lp.remains = p.newRemainders(i), p.net.Remains()[i]
	lp.fire.Threshold = make([]float32, len(window.Threshold))
	for c := range lp.fire.Threshold {
		lp.fire.Threshold[c] = float32(math.Inf(1))
	}
}

// remainder is a shortcut that brings what its source has left.
type remainder struct {
	from  int
	bring []func(v, start float32) float32 // Per channel.
}

// newRemainders are those of layer i.
func (p *Plan) newRemainders(i int) (list []remainder) {
	l := &p.net.Layers[i]
	for _, syn := range l.Synapses {
		if k, ok := syn.Connection.(*snn.Shortcut); ok && k.Remainder {
			r := remainder{from: syn.From}
			for c := range l.Shape[0] {
				r.bring = append(r.bring, p.net.Remainder(k, syn.From, c))
			}
			list = append(list, r)
		}
	}
	return list
}

// takeOver adds what sources of layer i have left; see [snn.Phased].
func (e *Engine) takeOver(i int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	for _, r := range l.remainders {
		from, start := e.layers[r.from].v, e.plan.layers[r.from].vInit
		for j := 0; j < len(s.v); j += l.n {
			v, w := s.v[j:][:l.c], from[j:][:l.c]
			for c, bring := range r.bring {
				v[c] += bring(w[c], start[c])
			}
		}
	}
	if l.remainders != nil {
		s.far = 0 // What is taken over is no current.
		e.saturate(i)
	}
	if l.remains {
		for j := 0; j < len(s.v); j += l.n {
			for c, start := range l.vInit[:l.c] {
				s.v[j+c] = max(s.v[j+c], start)
			}
		}
	}
}

// open lets layer i fire for the T timesteps of its window.
func (e *Engine) open(i int, b block) {
	l, s := &e.plan.layers[i], &e.layers[i]
	e.takeOver(i)
	spikes := e.record.Spikes[i]
	output, traced := e.record.Classes > 0 && e.plan.isOutput(i), l.traced && e.Trace != nil
	if output || traced {
		e.openSlowly(i, b, output, traced)
	} else {
		clear(spikes[:b.n])
		fire := kernel.FireWindow
		if e.plan.held() {
			fire = kernel.FireOnce
		}
		fire(s.mask[b.slot:][:b.n], spikes[:b.n], s.v, l.window)
	}
	if e.plan.held() {
		s.hold(b)
	}
}

// openSlowly is open for a layer whose every step is seen.
func (e *Engine) openSlowly(i int, b block, output, traced bool) {
	l, s := &e.plan.layers[i], &e.layers[i]
	fired := make([]bool, len(s.v))
	for t := range b.n {
		mask := s.mask[b.slot+t]
		clear(mask)
		worth := float32(1)
		if e.plan.held() {
			worth = float32(b.n - t)
		}
		for p := range l.positions() {
			for c := range l.c {
				j, charge := p*l.n+c, float32(worth*l.window.Threshold[c])
				if !fired[j] && s.v[j] >= charge {
					s.v[j] -= charge
					fired[j] = e.plan.held()
					mask[p*l.words+c/64] |= 1 << (c % 64)
				}
			}
		}
		e.record.Spikes[i][t] = uint32(kernel.OnesCount(mask))
		if output {
			e.readOut(s, mask, t)
		}
		if traced {
			e.probing.Lock()
			e.Trace(Trace{Layer: i, Step: l.opens + b.n + t, I: e.noCurrent(l), V: e.potentials(l, s)})
			e.probing.Unlock()
		}
	}
}

// noCurrent returns currents of zero as they are handed out.
func (e *Engine) noCurrent(l *layerPlan) []float32 {
	in := scratch(e, &e.input, l)
	clear(in)
	return in
}

// hold turns the masks of the spikes of a window into those of all that have arrived, and
// counts them.
func (s *population) hold(b block) {
	for t := range b.n {
		mask := s.mask[b.slot+t]
		if t > 0 {
			for j, before := range s.mask[b.slot+t-1] {
				mask[j] |= before
			}
		}
		s.arrived[b.slot+t] = kernel.OnesCount(mask)
	}
}

// release turns them back.
func (s *population) release(b block) {
	for t := b.n - 1; t > 0; t-- {
		for j, before := range s.mask[b.slot+t-1] {
			s.mask[b.slot+t][j] &^= before
		}
	}
}

// holdGate hands on the first spike under every window of a max pool.
func (e *Engine) holdGate(g *gate, i int, b block, t int) {
	s := &e.layers[i]
	mask, from := s.mask[b.slot+t], e.layers[g.from].mask[b.slot+t]
	clear(mask)
	for p := range g.out.positions() {
		out := mask[p*g.out.words:][:g.out.words]
		g.forWindow(p, func(q int) {
			for j, z := range from[q*g.in.words:][:g.in.words] {
				out[j] |= z
			}
		})
	}
	s.arrived[b.slot+t] = kernel.OnesCount(mask)
	n := s.arrived[b.slot+t]
	if t > 0 {
		n -= s.arrived[b.slot+t-1]
	}
	e.record.Spikes[i][b.t0+t] = uint32(n)
}
