package reference

import "sresnet/snn"

// shortcut adds the current of one-to-one synapses; see [snn.Shortcut].
func shortcut(p *population, k *snn.Shortcut, src arrivals) (acs uint64) {
	in, out := src.layer.Shape, p.layer.Shape
	for c := range in[0] {
		w := float32(k.ScaleOf(c) * src.layer.Charge)
		for r := range out[1] {
			for col := range out[2] {
				y, x := k.Start[0]+r*k.Stride[0], k.Start[1]+col*k.Stride[1]
				i := (c*in[1]+y)*in[2] + x
				if src.z[i] {
					p.i[((c+k.Offset)*out[1]+r)*out[2]+col] += w
				}
				if src.fresh[i] {
					acs++
				}
			}
		}
	}
	return acs
}
