package sim

import (
	"sresnet/internal/kernel"
	"sresnet/snn"
)

// dense is a fully connected synapse: a gather of one output whose window is the
// whole source, taken as one row.
type dense struct {
	w     []float32 // [position][channel][n]
	shape kernel.GatherShape
	outs  uint64 // Weights that a spike meets.
}

func newDense(k *snn.Dense, q float32, in grid, lp *layerPlan) *dense {
	d := &dense{
		w:     make([]float32, in.positions()*in.c*lp.n),
		shape: kernel.GatherShape{Channels: in.c, Kernel: in.positions(), N: lp.n},
		outs:  uint64(lp.c),
	}
	for o := range lp.c {
		for i, w := range k.Weight.Data[o*k.Weight.Shape[1]:][:k.Weight.Shape[1]] {
			c, p := i/in.positions(), i%in.positions()
			d.w[(p*in.c+c)*lp.n+o] = float32(w * q)
		}
	}
	return d
}

func (*dense) method() string { return "gather" }

func (d *dense) add(cur []float32, z *spikes) uint64 {
	z.list()
	kernel.Gather(cur[:d.shape.N], d.w, z.events, z.start, 0, d.shape)
	return uint64(z.n) * d.outs
}
