package tune

import (
	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// currents computes the currents into one layer from the values of its sources. Values are
// channels last, as the kernels want them.
type currents struct {
	layer *snn.Layer
	terms []term
	c, n  int // Channels and neurons.
}

// term is one synapse.
type term struct {
	from  int
	whole bool // It also brings what the source's neurons have left.
	add   func(dst, src, scratch []float32)
	room  int // Of scratch.
}

// newCurrents prepares layer i of the unscaled net.
func newCurrents(net *snn.Network, i int) *currents {
	l := &net.Layers[i]
	p := &currents{layer: l, c: l.Shape[0], n: l.Shape.Len()}
	for _, s := range l.Synapses {
		p.terms = append(p.terms, newTerm(s, net.ShapeOf(s.From), l.Shape))
	}
	return p
}

func newTerm(s snn.Synapse, in, out tensor.Shape) term {
	t := term{from: s.From}
	switch k := s.Connection.(type) {
	case *snn.Conv:
		c := kernel.PackConv(kernel.Geometry{
			Channels: in[0], Rows: in[1], Cols: in[2], OutChannels: out[0], OutRows: out[1], OutCols: out[2],
			Kernel: k.Window.Kernel, Stride: k.Window.Stride, Dilation: k.Window.Dilation,
			PadTop: k.Window.Pad[0], PadLeft: k.Window.Pad[1], Groups: k.Groups,
		}, k.Weight.Data, nil)
		t.add, t.room = c.Run, c.ScratchLen()
	case *snn.Dense:
		c := kernel.PackDense(in[0], in[1], in[2], out[0], k.Weight.Data, nil)
		t.add, t.room = c.Run, c.ScratchLen()
	case *snn.Shortcut:
		t.whole = k.Remainder
		t.add = func(dst, src, _ []float32) { addShortcut(dst, src, k, in, out) }
	case *snn.AveragePool:
		t.add = func(dst, src, _ []float32) { addMean(dst, src, k, in, out) }
	case *snn.MaxPool:
		t.add = func(dst, src, _ []float32) { largest(dst, src, k.Window, in, out) }
	}
	return t
}

// run computes the currents, bias and all, from the image and the values of layers: what
// their spikes say, or the whole of it.
func (p *currents) run(dst, image []float32, values func(layer int, whole bool) []float32, scratch []float32) {
	clear(dst)
	for _, t := range p.terms {
		src := image
		if t.from != snn.FromInput {
			src = values(t.from, t.whole)
		}
		t.add(dst, src, scratch)
	}
	if p.layer.Bias == nil {
		return
	}
	for j := 0; j < len(dst); j += p.c {
		for c, b := range p.layer.Bias {
			dst[j+c] += b
		}
	}
}

func (p *currents) room() int {
	n := 0
	for _, t := range p.terms {
		n = max(n, t.room)
	}
	return n
}

func addShortcut(dst, src []float32, k *snn.Shortcut, in, out tensor.Shape) {
	for r := range out[1] {
		for c := range out[2] {
			from := src[((k.Start[0]+r*k.Stride[0])*in[2]+k.Start[1]+c*k.Stride[1])*in[0]:][:in[0]]
			to := dst[(r*out[2]+c)*out[0]+k.Offset:]
			for i, x := range from {
				to[i] += x * k.ScaleOf(i)
			}
		}
	}
}

// forWindow calls f with the place of every source position under output (r, c).
func forWindow(w tensor.Window, in tensor.Shape, r, c int, f func(p int)) {
	for ky := range w.Kernel[0] {
		for kx := range w.Kernel[1] {
			if y, x := w.Row(r, ky), w.Col(c, kx); y >= 0 && y < in[1] && x >= 0 && x < in[2] {
				f(y*in[2] + x)
			}
		}
	}
}

func addMean(dst, src []float32, k *snn.AveragePool, in, out tensor.Shape) {
	for r := range out[1] {
		for c := range out[2] {
			to := dst[(r*out[2]+c)*out[0]:][:out[0]]
			w := k.WeightAt(0, r, c, in[1], in[2])
			forWindow(k.Window, in, r, c, func(p int) {
				for i, x := range src[p*in[0]:][:in[0]] {
					to[i] += x * w
				}
			})
		}
	}
}

// largest is a max pool of values that are not negative.
func largest(dst, src []float32, w tensor.Window, in, out tensor.Shape) {
	for r := range out[1] {
		for c := range out[2] {
			to := dst[(r*out[2]+c)*out[0]:][:out[0]]
			forWindow(w, in, r, c, func(p int) {
				for i, x := range src[p*in[0]:][:in[0]] {
					to[i] = max(to[i], x)
				}
			})
		}
	}
}
