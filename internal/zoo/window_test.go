package zoo

import (
	"math"
)

// window is what Conv and the pools slide over rows and columns.
type window struct {
	kernel, stride, dilation, before, after [2]int
	out                                     [2]int
}

func newWindow(n *node, kernel []int, in []int) (w window) {
	copy(w.kernel[:], kernel)
	w.stride, w.dilation = [2]int{1, 1}, [2]int{1, 1}
	if s := n.ints("strides"); s != nil {
		copy(w.stride[:], s)
	}
	if d := n.ints("dilations"); d != nil {
		copy(w.dilation[:], d)
	}
	if p := n.ints("pads"); p != nil {
		copy(w.before[:], p[:2])
		copy(w.after[:], p[2:])
	}
	for i := range 2 {
		span := (w.kernel[i]-1)*w.dilation[i] + 1
		switch auto := n.text("auto_pad"); auto {
		case "SAME_UPPER", "SAME_LOWER":
			w.out[i] = (in[i] + w.stride[i] - 1) / w.stride[i]
			total := max(0, (w.out[i]-1)*w.stride[i]+span-in[i])
			w.before[i], w.after[i] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				w.before[i], w.after[i] = w.after[i], w.before[i]
			}
		default:
			room := float64(in[i]+w.before[i]+w.after[i]-span) / float64(w.stride[i])
			if w.out[i] = int(math.Floor(room)) + 1; n.int("ceil_mode", 0) != 0 {
				w.out[i] = int(math.Ceil(room)) + 1
				if (w.out[i]-1)*w.stride[i] >= in[i]+w.before[i] { // It would start behind the image.
					w.out[i]--
				}
			}
		}
	}
	return w
}

// each calls f for every position of the window at output (row, column), with its
// number, its row and column in the input, and whether they are in the image, or else in
// its padding.
func (w *window) each(row, col int, in []int, f func(k, r, c int, inside, padding bool)) {
	for i := range w.kernel[0] {
		for j := range w.kernel[1] {
			r := row*w.stride[0] - w.before[0] + i*w.dilation[0]
			c := col*w.stride[1] - w.before[1] + j*w.dilation[1]
			inside := r >= 0 && c >= 0 && r < in[0] && c < in[1]
			padding := r < in[0]+w.after[0] && c < in[1]+w.after[1]
			f(i*w.kernel[1]+j, r, c, inside, padding)
		}
	}
}

func conv(n *node, in []*array, _ int) *array {
	x, weight := in[0], in[1]
	s, area := x.shape, x.shape[2]*x.shape[3]
	groups := n.int("group", 1)
	outs, per := weight.shape[0], weight.shape[1]
	w := newWindow(n, weight.shape[2:], s[2:])
	size := w.kernel[0] * w.kernel[1]
	out := zeros(floats, s[0], outs, w.out[0], w.out[1])
	each(out.shape, func(i int, index []int) {
		o := index[1]
		group := o / (outs / groups)
		w.each(index[2], index[3], s[2:], func(k, r, c int, inside, _ bool) {
			if !inside {
				return
			}
			for p := range per {
				out.x[i] += weight.x[(o*per+p)*size+k] * x.x[(index[0]*s[1]+group*per+p)*area+r*s[3]+c]
			}
		})
		if len(in) > 2 && in[2] != nil {
			out.x[i] += in[2].x[o]
		}
	})
	return out
}

func pool(n *node, in []*array, _ int) *array {
	x := in[0]
	s, area := x.shape, x.shape[2]*x.shape[3]
	w := newWindow(n, n.ints("kernel_shape"), s[2:])
	out := zeros(floats, s[0], s[1], w.out[0], w.out[1])
	counted := n.int("count_include_pad", 0) != 0
	each(out.shape, func(i int, index []int) {
		most, sum, divisor := math.Inf(-1), 0.0, 0.0
		w.each(index[2], index[3], s[2:], func(_, r, c int, inside, padding bool) {
			if inside {
				v := x.x[(index[0]*s[1]+index[1])*area+r*s[3]+c]
				most, sum = max(most, v), sum+v
			}
			divisor += truth(inside || counted && padding)
		})
		if out.x[i] = most; n.op == "AveragePool" {
			out.x[i] = sum / divisor
		}
	})
	return out
}

func global(n *node, in []*array, opset int) *array {
	op := "ReduceMean"
	if n.op == "GlobalMaxPool" {
		op = "ReduceMax"
	}
	return reduce(&node{op: op, attrs: []attr{al("axes", 2, 3)}}, in, opset)
}
