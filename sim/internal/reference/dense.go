package reference

import (
	"sresnet/snn"
	"sresnet/tensor"
)

// dense adds the current of a fully connected synapse; see [snn.Dense].
func dense(p *population, k *snn.Dense, src arrivals) (acs uint64) {
	q := src.layer.Charge
	forInputs(k, src.layer.Shape, func(o, i, weight int) {
		if src.z[i] {
			p.i[o] += float32(k.Weight.Data[weight] * q)
		}
		if src.fresh[i] {
			acs++
		}
	})
	return acs
}

// forInputs calls f for every weight: outputs in order and, for each, the inputs
// by row, column, channel.
func forInputs(k *snn.Dense, in tensor.Shape, f func(out, in, weight int)) {
	for o := range k.Weight.Shape[0] {
		for y := range in[1] {
			for x := range in[2] {
				for c := range in[0] {
					i := (c*in[1]+y)*in[2] + x
					f(o, i, o*k.Weight.Shape[1]+i)
				}
			}
		}
	}
}
