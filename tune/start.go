package tune

import (
	"context"

	"sresnet/sim"
)

// matchStart gives every neuron of layer i of a synchronous network, whose rates lack some
// of the mean activation of its place, a start potential that makes up for it [li2021]:
//
//	V[0] += T (mean a - mean r lambda) / lambda
//
// It is held between -1 and T thresholds.
func (t *tuner) matchStart(ctx context.Context, i int) error {
	p, T := t.passes[i], float64(t.o.Timesteps)
	all := make([][]uint64, t.o.Workers)
	images, _ := t.samples()
	err := t.run(ctx, i, images, func(worker int) func(int, sim.Train) error {
		sums := make([]uint64, p.n)
		all[worker] = sums
		return func(_ int, s sim.Train) error {
			for j, n := range s.Counts() {
				sums[j] += uint64(n)
			}
			return nil
		}
	})
	if err != nil {
		return err
	}
	l := &t.out.Layers[i]
	start, positions := make([]float32, p.n), p.n/p.c
	for j := range p.n {
		c, spikes := j%p.c, uint64(0)
		for _, sums := range all {
			if sums != nil {
				spikes += sums[j]
			}
		}
		n := float64(len(images))
		lacks := t.trained[i].each[j].value()/n/float64(t.lambda[i][c]) - float64(spikes)/n/T
		v := float64(l.Neuron.VInitOf(c)) + T*lacks
		start[c*positions+j/p.c] = float32(min(max(v, -1), T))
	}
	l.Start = start
	return nil
}
