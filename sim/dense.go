package sim

import (
	"sresnet/internal/kernel"
	"sresnet/snn"
)

// dense is a fully connected synapse: a gather whose window is the whole source.
type dense struct {
	w    []float32 // [position][channel][n]
	c    int       // Channels of the source.
	n    int
	outs uint64 // Weights that a spike meets.
}

func newDense(k *snn.Dense, q float32, in grid, lp *layerPlan) *dense {
	d := &dense{w: make([]float32, in.positions()*in.c*lp.n), c: in.c, n: lp.n, outs: uint64(lp.c)}
	for o := range lp.c {
		for i, w := range k.Weight.Data[o*k.Weight.Shape[1]:][:k.Weight.Shape[1]] {
			c, p := i/in.positions(), i%in.positions()
			d.w[(p*in.c+c)*lp.n+o] = float32(w * q)
		}
	}
	return d
}

func (d *dense) add(cur []float32, z *spikes) uint64 {
	z.list()
	kernel.Gather(cur[:d.n], d.w, z.events, 0, d.c)
	return uint64(z.n) * d.outs
}
