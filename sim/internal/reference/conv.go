package reference

import (
	"context"
	"fmt"

	"sresnet/snn"
	"sresnet/tensor"
)

// conv adds the current of a convolution of spikes and returns how many weights
// were added; see [snn.Conv].
func conv(p *population, k *snn.Conv, src arrivals) (acs uint64) {
	q := src.layer.Charge
	forTaps(p.ctx, k, src.layer.Shape, p.layer.Shape, func(out, in, weight int) {
		if src.z[in] {
			p.i[out] += float32(k.Weight.Data[weight] * q)
		}
		if src.fresh[in] {
			acs++
		}
	})
	return acs
}

// analog adds the current of the image itself and returns how many products with
// pixels other than zero were taken.
func analog(ctx context.Context, dst []float32, connection snn.Connection, image []float32, in, out tensor.Shape) (products uint64) {
	add := func(o, i int, w float32) {
		dst[o] += float32(image[i] * w)
		if image[i] != 0 {
			products++
		}
	}
	switch k := connection.(type) {
	case *snn.Conv:
		forTaps(ctx, k, in, out, func(o, i, weight int) { add(o, i, k.Weight.Data[weight]) })
	case *snn.Dense:
		forInputs(k, in, func(o, i, weight int) { add(o, i, k.Weight.Data[weight]) })
	default:
		panic(fmt.Sprintf("reference: %T from the input", k))
	}
	return products
}

// forTaps calls f for every weight that lies over the source, with the index of
// the output neuron and the source neuron: outputs in CHW order and, for each,
// taps in the order ky, kx, channel. If ctx ends it stops short.
func forTaps(ctx context.Context, k *snn.Conv, in, out tensor.Shape, f func(out, in, weight int)) {
	win, ws := k.Window, k.Weight.Shape
	perGroup := out[0] / k.Groups
	for o := range out[0] {
		if ctx.Err() != nil {
			return
		}
		first := o / perGroup * ws[1] // First source channel of the group.
		for r := range out[1] {
			for c := range out[2] {
				for ky := range win.Kernel[0] {
					for kx := range win.Kernel[1] {
						y, x := win.Row(r, ky), win.Col(c, kx)
						if y < 0 || y >= in[1] || x < 0 || x >= in[2] {
							continue
						}
						for i := range ws[1] {
							f((o*out[1]+r)*out[2]+c,
								((first+i)*in[1]+y)*in[2]+x,
								((o*ws[1]+i)*ws[2]+ky)*ws[3]+kx)
						}
					}
				}
			}
		}
	}
}
