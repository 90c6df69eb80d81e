package reference

import (
	"sresnet/snn"
	"sresnet/tensor"
)

// averagePool adds the current of an average pool; see [snn.AveragePool].
func averagePool(p *population, k *snn.AveragePool, src arrivals) (acs uint64) {
	in, out := src.layer.Shape, p.layer.Shape
	for c := range out[0] {
		for r := range out[1] {
			for col := range out[2] {
				n := 0
				forWindow(k.Window, in, c, r, col, func(i int) {
					if src.z[i] {
						n++
					}
					if src.fresh[i] {
						acs++
					}
				})
				w := float32(k.WeightAt(c, r, col, in[1], in[2]) * src.layer.Charge)
				p.i[(c*out[1]+r)*out[2]+col] += float32(float32(n) * w)
			}
		}
	}
	return acs
}

// gate hands spikes through a max pool; see [snn.MaxPool].
func gate(p *population, k *snn.MaxPool, src *population) {
	in, out := src.layer.Shape, p.layer.Shape
	if p.n == nil {
		p.n = make([]int, in.Len())
	}
	for i, z := range src.z {
		if z {
			p.n[i]++
		}
	}
	for c := range out[0] {
		for r := range out[1] {
			for col := range out[2] {
				o := (c*out[1]+r)*out[2] + col
				spike, most := false, 0
				forWindow(k.Window, in, c, r, col, func(i int) {
					spike = spike || src.z[i]
					most = max(most, p.n[i])
				})
				p.z[o] = spike && most > p.m[o]
				if p.z[o] {
					p.m[o]++
				}
			}
		}
	}
}

// forWindow calls f for every source neuron of channel c under the window.
func forWindow(w tensor.Window, in tensor.Shape, c, r, col int, f func(i int)) {
	for ky := range w.Kernel[0] {
		for kx := range w.Kernel[1] {
			y, x := w.Row(r, ky), w.Col(col, kx)
			if y >= 0 && y < in[1] && x >= 0 && x < in[2] {
				f((c*in[1]+y)*in[2] + x)
			}
		}
	}
}
