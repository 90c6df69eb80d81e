package sim

import (
	"math/bits"

	"sresnet/internal/kernel"
	"sresnet/snn"
)

// shortcut is a bundle of one-to-one synapses.
type shortcut struct {
	weight       []float32 // Per padded output channel; zero where no source is.
	stride, from [2]int
	offset       int
	in, out      grid
	cur          buffer
}

func newShortcut(k *snn.Shortcut, q float32, in grid, lp *layerPlan) synapse {
	s := &shortcut{weight: shortcutWeights(k, q, in, lp.grid), stride: k.Stride, from: k.Start, offset: k.Offset, in: in, out: lp.grid, cur: lp.current}
	if s.identical() {
		return &identity{s}
	}
	return s
}

// shortcutWeights returns the weights of k for spikes of charge q, per padded output
// channel: source channel c ends on channel c + Offset.
func shortcutWeights(k *snn.Shortcut, q float32, in, out grid) []float32 {
	w := make([]float32, out.n)
	for c := range in.c {
		w[k.Offset+c] = float32(k.ScaleOf(c) * q)
	}
	return w
}

// identical reports whether every spike goes to the neuron of its own place.
func (s *shortcut) identical() bool {
	return s.stride == [2]int{1, 1} && s.from == [2]int{} && s.offset == 0 && s.in == s.out
}

// position returns the source position of output (r, c).
func (s *shortcut) position(r, c int) int {
	return (s.from[0]+r*s.stride[0])*s.in.w + s.from[1] + c*s.stride[1]
}

func (*shortcut) method() string { return "shortcut" }

// add walks the spikes under every output position.
func (s *shortcut) add(cur []float32, z *spikes) (acs uint64) {
	for r := range s.out.h {
		for c := range s.out.w {
			p := s.position(r, c)
			acc := cur[s.cur.at(s.out, r, c):]
			for j, b := range z.mask[p*s.in.words:][:s.in.words] {
				acs += uint64(bits.OnesCount64(b))
				for ; b != 0; b &= b - 1 {
					o := j*64 + bits.TrailingZeros64(b) + s.offset
					acc[o] += s.weight[o]
				}
			}
		}
	}
	return acs
}

// identity is a shortcut between two layers of the same shape.
type identity struct{ *shortcut }

func (s *identity) add(cur []float32, z *spikes) uint64 {
	row := s.in.w * s.in.words
	for r := range s.out.h {
		kernel.AddSpikes(cur[s.cur.at(s.out, r, 0):][:s.out.w*s.out.n], z.mask[r*row:][:row], s.in.words, s.weight)
	}
	return uint64(z.n)
}

// mover hands the spikes of a shortcut on as a mask of the layer it ends on, for
// kernels that add the shortcut's weights under a mask.
type mover struct {
	*shortcut
	from int
	same bool // The layers have one shape: nothing moves.
}

// newMover returns the shortcut syn, or nil if syn is none.
func (p *Plan) newMover(syn snn.Synapse, out grid) *mover {
	k, ok := syn.Connection.(*snn.Shortcut)
	if !ok || syn.From == snn.FromInput {
		return nil
	}
	in := newGrid(p.net.ShapeOf(syn.From))
	s := &shortcut{weight: shortcutWeights(k, p.net.Layers[syn.From].Charge, in, out), stride: k.Stride, from: k.Start, offset: k.Offset, in: in, out: out}
	return &mover{s, syn.From, s.identical()}
}

// weights returns the weights of n channels of the layer it ends on; nil for a nil
// mover.
func (m *mover) weights(first, n int) []float32 {
	if m == nil {
		return nil
	}
	return m.weight[first:][:n]
}

// move returns the mask, which may be in room, and its number of spikes.
func (m *mover) move(z *spikes, room []uint64) (mask []uint64, n uint64) {
	if m.same {
		return z.mask, uint64(z.n)
	}
	mask = room[:m.out.positions()*m.out.words]
	clear(mask)
	for r := range m.out.h {
		for c := range m.out.w {
			dst := mask[(r*m.out.w+c)*m.out.words:][:m.out.words]
			for j, b := range z.mask[m.position(r, c)*m.in.words:][:m.in.words] {
				if b == 0 {
					continue
				}
				n += uint64(bits.OnesCount64(b))
				word, shift := (j*64+m.offset)/64, m.offset%64
				dst[word] |= b << shift
				if b>>(64-shift) != 0 { // Never for a shift of 0.
					dst[word+1] |= b >> (64 - shift)
				}
			}
		}
	}
	return mask, n
}
