package convert

import (
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// maxTaps is how many rows and columns the window of a max pool of linear values may have:
// each is compared with the largest of those before it.
const maxTaps = 64

// spreadMax makes sums of max pools of what may be negative, which no gate of spikes can
// choose from, with neurons for the differences:
//
//	max(a, b) = a + max(b - a, 0)
//
// first over the rows of a window and then over the columns. Over padding, where there is
// no b, there are no neurons. A batch norm whose scales are not all positive is left: it
// could be anything else behind the pool.
func spreadMax(g *folding) {
	s, from := newSplitter(g), signed(g)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if pool, ok := n.Op.(*ann.MaxPool); !ok || !from[n.Inputs[0]] || n.Name == g.Output || !s.differences(n, pool.Window) {
			s.put(*n)
			continue
		}
		g.changed = true
	}
	g.Nodes = s.nodes
}

// signed returns the values that may be negative and can be synapses: not the image.
func signed(g *folding) map[string]bool {
	known, image, list := nonNegative(g.Graph), map[string]bool{g.Input.Name: true}, make(map[string]bool)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		_, moves := n.Op.(ann.Mover)
		_, leaky := n.Op.(*ann.LeakyRelu)
		_, max := n.Op.(*ann.MaxPool)
		bn, norm := n.Op.(*ann.BatchNormalization)
		image[n.Name] = (moves || norm || flat(n) || isPool(n)) && image[n.Inputs[0]]
		if norm {
			a, _ := bn.Affine()
			norm = !increasing(a)
		}
		list[n.Name] = !known[n.Name] && !image[n.Name] && !norm && (leaky || n.Op.Linear() || max && list[n.Inputs[0]])
	}
	return list
}

// summand is a part of a sum: element i of it on an axis is element at + i step of a
// value, and zero if there is none.
type summand struct {
	from     string
	at, step [2]int
}

// along returns s at the elements at + i step of an axis.
func (s summand) along(axis, at, step int) summand {
	s.at[axis] += s.step[axis] * at
	s.step[axis] *= step
	return s
}

// differences appends n, a max pool of that window, as a sum; nothing, if the window is
// too large or no tap of it lies in the image everywhere.
func (s *splitter) differences(n *ann.Node, win tensor.Window) bool {
	if win.Kernel[0]+win.Kernel[1] > maxTaps {
		return false
	}
	shape := slices.Clone(s.shapes[n.Inputs[0]])
	var first [2]int // Taps that lie in the image everywhere.
	for axis := range 2 {
		lo, hi := 0, win.Kernel[axis]
		for i := range n.Shape[axis+1] {
			l, h := win.Inside(axis, i, shape[axis+1])
			lo, hi = max(lo, l), min(hi, h)
		}
		if lo >= hi {
			return false
		}
		first[axis] = lo
	}
	value := []summand{{from: n.Inputs[0], step: [2]int{1, 1}}}
	for axis := range 2 {
		size, stride := shape[axis+1], win.Stride[axis]
		shape[axis+1] = n.Shape[axis+1]
		at := func(tap int) int { return tap*win.Dilation[axis] - win.Pad[axis] }
		var largest []summand // So far.
		for _, v := range value {
			largest = append(largest, v.along(axis, at(first[axis]), stride))
		}
		for tap := range win.Kernel[axis] {
			lo, hi := 0, shape[axis+1] // Where it lies in the image.
			for lo < hi && at(tap)+lo*stride < 0 {
				lo++
			}
			for lo < hi && at(tap)+(hi-1)*stride >= size {
				hi--
			}
			if tap == first[axis] || lo == hi {
				continue
			}
			there := slices.Clone(shape)
			there[axis+1] = hi - lo
			var plus, minus []summand
			for _, v := range value {
				plus = append(plus, v.along(axis, at(tap)+lo*stride, stride))
			}
			for _, v := range largest {
				minus = append(minus, v.along(axis, lo, 1))
			}
			more := summand{from: s.part(n, &ann.Relu{}, s.part(n, &ann.Add{}, s.total(n, there, plus, minus)...)), step: [2]int{1, 1}}
			more.at[axis] = -lo
			largest = append(largest, more)
		}
		value = largest
	}
	inputs := s.total(n, n.Shape, value, nil)
	if len(inputs) == 1 {
		s.put(ann.Node{Name: n.Name, Op: taken(s.shapes[n.Inputs[0]], n.Shape, value[0], 1), Inputs: n.Inputs})
	} else {
		s.put(ann.Node{Name: n.Name, Op: &ann.Add{}, Inputs: inputs})
	}
	return true
}

// total appends, for n, what is in a sum of that shape, and returns the names.
func (s *splitter) total(n *ann.Node, shape tensor.Shape, plus, minus []summand) (inputs []string) {
	for i, v := range slices.Concat(plus, minus) {
		sign := float32(1)
		if i >= len(plus) {
			sign = -1
		}
		in := s.shapes[v.from]
		switch {
		case v.at == [2]int{} && v.step == [2]int{1, 1} && in.Equal(shape) && sign > 0:
			inputs = append(inputs, v.from)
		case v.at == [2]int{} && v.step == [2]int{1, 1} && in.Equal(shape):
			inputs = append(inputs, s.part(n, &ann.Scale{Factor: sign}, v.from))
		default:
			inputs = append(inputs, s.part(n, taken(in, shape, v, sign), v.from))
		}
	}
	return inputs
}

// taken returns the convolution that multiplies what v takes of a value of shape in by a
// weight, in the shape out.
func taken(in, out tensor.Shape, v summand, weight float32) *ann.Conv {
	win := tensor.Window{Stride: v.step, Dilation: [2]int{1, 1}}
	for i, at := range v.at {
		win.Pad[i] = max(0, -at)
		most := in[i+1] + win.Pad[i] - out[i+1]*v.step[i] // The largest kernel with one window too many.
		win.Kernel[i] = max(at+win.Pad[i], most) + 1
		win.Pad[i+2] = max(0, (out[i+1]-1)*v.step[i]+win.Kernel[i]-in[i+1]-win.Pad[i])
	}
	c := &ann.Conv{Weight: tensor.New(in[0], 1, win.Kernel[0], win.Kernel[1]), Window: win, Groups: in[0]}
	for i := range in[0] {
		c.Weight.Data[(i*win.Kernel[0]+v.at[0]+win.Pad[0])*win.Kernel[1]+v.at[1]+win.Pad[1]] = weight
	}
	return c
}

// moveLeaky moves LeakyRelus before a max pool behind it, where their slopes are not
// negative: what is left has fewer neurons.
//
//	max(leaky(x)) = leaky(max(x))
func moveLeaky(g *folding) {
	nodes, consumers := g.ByName(), g.Consumers()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if _, ok := n.Op.(*ann.MaxPool); !ok {
			continue
		}
		source := nodes[n.Inputs[0]]
		if source == nil || !g.only(consumers, source.Name) {
			continue
		}
		leaky, ok := source.Op.(*ann.LeakyRelu)
		if ok && !slices.ContainsFunc(leaky.Slope, func(v float32) bool { return v < 0 }) {
			g.swap(source, n)
			return
		}
	}
}
