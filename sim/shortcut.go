package sim

import (
	"math/bits"

	"sresnet/internal/kernel"
	"sresnet/snn"
)

// shortcut is a bundle of one-to-one synapses.
type shortcut struct {
	weight       float32
	stride, from [2]int
	offset       int
	in, out      grid
	cur          buffer
}

func newShortcut(k *snn.Shortcut, q float32, in grid, lp *layerPlan) synapse {
	s := &shortcut{weight: float32(k.Scale * q), stride: k.Stride, from: k.Start, offset: k.Offset, in: in, out: lp.grid, cur: lp.current}
	if k.Stride == [2]int{1, 1} && k.Start == [2]int{} && k.Offset == 0 && in == lp.grid {
		return &identity{s}
	}
	return s
}

// add walks the spikes under every output position.
func (s *shortcut) add(cur []float32, z *spikes) (acs uint64) {
	for r := range s.out.h {
		for c := range s.out.w {
			p := (s.from[0]+r*s.stride[0])*s.in.w + s.from[1] + c*s.stride[1]
			acc := cur[s.cur.at(s.out, r, c)+s.offset:]
			for j, b := range z.mask[p*s.in.words:][:s.in.words] {
				acs += uint64(bits.OnesCount64(b))
				for ; b != 0; b &= b - 1 {
					acc[j*64+bits.TrailingZeros64(b)] += s.weight
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
		kernel.AddSpikes(cur[s.cur.at(s.out, r, 0):][:s.out.w*s.out.n], z.mask[r*row:][:row], s.in.words, s.out.n, s.weight)
	}
	return uint64(z.n)
}
