package convert

import (
	"fmt"
	"slices"

	"sresnet/ann"
)

// A node of which others take different channels is cut into as many pieces as are
// taken differently, at most maxPieces, if these have minWidth channels on average.
// Otherwise those that take some have weights of zero for the others.
const (
	maxPieces = 32
	minWidth  = 4
)

// cuts returns, for layers that should be cut, which piece every output channel belongs
// to, and which convolutions in groups should be taken apart. Every piece goes to those
// behind it as a whole, so that no spike meets a weight that is only there to be zero:
//
//	half of the channels to one branch, half to another     two pieces
//	groups of shuffled channels                             a piece for each pair of groups
//
// It goes from the output to the input. The channels of a node fall into classes by
// which nodes take them, and of those that treat every channel by itself, by the classes
// of these.
func (f *folding) cuts() (classes map[string][]int, apart map[string]bool) {
	s := newSplitter(f)
	c := cutter{splitter: s, keys: make(map[string][][]int)}
	classes, apart = make(map[string][]int), make(map[string]bool)
	s.route(func(*ann.Node) bool { return false })
	order := newSplitter(f) // In which channels come, through nodes that keep it.
	order.route(f.alike)
	shuffled := c.shuffled(order)
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		n := &f.Nodes[i]
		if _, routed := s.bundles[n.Name]; routed {
			continue
		}
		class := c.classes(n.Name)
		op, weighted := n.Op.(ann.Weighted)
		conv, _ := op.(*ann.Conv)
		switch {
		case weighted && conv != nil && conv.Groups > 1 && conv.Weight.Shape[1] > 1:
			per, out := conv.Weight.Shape[1], conv.Weight.Shape[0]/conv.Groups
			classes[n.Name] = class
			if class == nil && !shuffled[n.Name] {
				c.take(n.Inputs[0], nil)
				break
			}
			of := classesOf(conv.Weight.Shape[0], out)
			for o, k := range class {
				of[o] += k * conv.Groups
			}
			if per < minWidth || !wide(of) {
				c.take(n.Inputs[0], nil)
				break
			}
			classes[n.Name], apart[n.Name] = of, true
			c.take(n.Inputs[0], classesOf(per*conv.Groups, per))
		case weighted && (conv == nil || conv.Groups == 1):
			classes[n.Name] = class
			c.take(n.Inputs[0], nil)
		case flat(n):
			c.take(n.Inputs[0], c.blocks(class, s.shapes[n.Inputs[0]][0]))
		case f.alike(n):
			for _, in := range n.Inputs {
				c.take(in, class)
			}
		case isSlice(n): // Of rows and columns, and of channels.
			b := s.take(s.bundle(n.Inputs[0]), sliced(n.Op.(*ann.Slice)))
			c.takeBundle(b, class)
		default:
			for _, in := range n.Inputs {
				c.take(in, nil)
			}
		}
	}
	for name, class := range classes {
		if class == nil {
			delete(classes, name)
		}
	}
	return classes, apart
}

// route notes what all values are made of, where that is channels of others; through
// says of which nodes else the output has the order of the input.
func (s *splitter) route(through func(*ann.Node) bool) {
	for i := range s.Nodes {
		n := &s.Nodes[i]
		s.shapes[n.Name] = n.Shape
		switch op := n.Op.(type) {
		case *ann.Concat:
			var list []bundle
			for _, in := range n.Inputs {
				list = append(list, s.bundle(in))
			}
			if b := s.join(list); s.fits(b) {
				s.bundles[n.Name] = b
			}
			continue
		case *ann.Gather:
			if b := s.take(s.bundle(n.Inputs[0]), op.Index); s.fits(b) {
				s.bundles[n.Name] = b
			}
			continue
		case *ann.Slice:
			if in := s.shapes[n.Inputs[0]]; op.Size[0] != in[0] && op.Size[1] == in[1] && op.Size[2] == in[2] {
				if b := s.take(s.bundle(n.Inputs[0]), sliced(op)); s.fits(b) {
					s.bundles[n.Name] = b
				}
				continue
			}
		}
		b, ok := s.bundles[n.Inputs[0]]
		if !ok || len(n.Inputs) > 1 || !through(n) {
			continue
		}
		out := bundle{order: b.order}
		for k, st := range b.strands { // Under names of their own, which nothing else has.
			name := fmt.Sprintf("%s\x00%d", n.Name, k)
			s.shapes[name] = slices.Clone(n.Shape)
			s.shapes[name][0] = s.shapes[st.node][0]
			out.strands = append(out.strands, strand{name, st.channels})
		}
		s.bundles[n.Name] = out
	}
}

func isSlice(n *ann.Node) bool {
	_, ok := n.Op.(*ann.Slice)
	return ok
}

// classesOf returns the classes of n channels of which so many in a row are alike.
func classesOf(n, alike int) []int {
	class := make([]int, n)
	for i := range class {
		class[i] = i / alike
	}
	return class
}

// shuffled returns the convolutions in groups whose groups are not in order. What each
// group makes goes on by itself, up to the next weights, so that sums are cut alike.
func (c *cutter) shuffled(order *splitter) map[string]bool {
	is, class := make(map[string]bool), make(map[string][]int)
	for i := range c.Nodes {
		n := &c.Nodes[i]
		conv, _ := n.Op.(*ann.Conv)
		switch {
		case conv != nil && conv.Groups > 1 && conv.Weight.Shape[1] > 1:
			in := order.bundle(n.Inputs[0])
			if is[n.Name] = !order.inGroups(conv, in); is[n.Name] {
				class[n.Name] = classesOf(conv.Weight.Shape[0], conv.Weight.Shape[0]/conv.Groups)
			}
		case c.alike(n):
			for _, in := range n.Inputs {
				b := c.bundle(in)
				for k, l := range c.lanes(b) {
					of := class[b.strands[l.strand].node]
					if of == nil {
						continue
					}
					if class[n.Name] == nil {
						class[n.Name] = make([]int, n.Shape[0])
					}
					class[n.Name][k] += of[l.channel] * maxPieces
				}
			}
		}
		if of := counted(class[n.Name]); of != nil && wide(of) {
			class[n.Name] = of
			c.keys[n.Name] = append(c.keys[n.Name], of)
		} else {
			delete(class, n.Name)
		}
	}
	return is
}

// counted returns the same classes as numbers from 0 on.
func counted(class []int) []int {
	seen := make(map[int]int)
	out := slices.Clone(class)
	for i, k := range class {
		if _, ok := seen[k]; !ok {
			seen[k] = len(seen)
		}
		out[i] = seen[k]
	}
	return out
}

// sliced returns the channels that a slice takes.
func sliced(op *ann.Slice) []int {
	index := make([]int, op.Size[0])
	for i := range index {
		index[i] = op.Source(0, i)
	}
	return index
}

// alike reports whether n treats every channel by itself.
func (f *folding) alike(n *ann.Node) bool {
	switch op := n.Op.(type) {
	case *ann.Conv:
		return op.Groups > 1 && op.Weight.Shape[0] == op.Groups && op.Weight.Shape[1] == 1
	case *ann.Pad:
		return op.Before[0] == 0 && op.After[0] == 0
	case ann.Rectifier, *ann.LeakyRelu, *ann.BatchNormalization, *ann.Add, *ann.MaxPool, *ann.AveragePool, *ann.GlobalAveragePool:
		return true
	}
	return false
}

// cutter is the work of [folding.cuts].
type cutter struct {
	*splitter
	keys map[string][][]int // Of every taker of a node, a number for each channel; -1 for those it does not take.
}

// take notes that a node takes the named value, whose channels are of those classes; nil
// for one class.
func (c *cutter) take(name string, class []int) { c.takeBundle(c.bundle(name), class) }

func (c *cutter) takeBundle(b bundle, class []int) {
	for k, at := range c.places(b) {
		differ := false
		for i, place := range at {
			if place >= 0 && class != nil {
				at[i] = class[place]
			} else if place >= 0 {
				at[i] = 0
			}
			differ = differ || at[i] != at[0]
		}
		if node := b.strands[k].node; differ {
			c.keys[node] = append(c.keys[node], at)
		}
	}
}

// classes returns the class of every channel of a node whose takers have all been seen;
// nil if it need not be cut.
func (c *cutter) classes(name string) []int {
	keys := c.keys[name]
	if keys == nil {
		return nil
	}
	n := c.shapes[name][0]
	class := make([]int, n)
	for _, key := range keys {
		type pair struct{ class, key int }
		seen := make(map[pair]int)
		for i := range class {
			p := pair{class[i], key[i]}
			if _, ok := seen[p]; !ok {
				seen[p] = len(seen)
			}
			class[i] = seen[p]
		}
	}
	if !wide(class) {
		return nil
	}
	return class
}

// wide reports whether there are few classes, and enough channels in each.
func wide(class []int) bool {
	seen := make(map[int]bool)
	for _, k := range class {
		seen[k] = true
	}
	return len(seen) <= maxPieces && len(seen)*minWidth <= len(class)
}

// blocks returns the classes of so many channels, each of which has a row of elements of
// those classes.
func (c *cutter) blocks(class []int, channels int) []int {
	if class == nil {
		return nil
	}
	per := len(class) / channels
	seen, of := make(map[string]int), make([]int, channels)
	for i := range of {
		key := fmt.Sprint(class[i*per : (i+1)*per])
		if _, ok := seen[key]; !ok {
			seen[key] = len(seen)
		}
		of[i] = seen[key]
	}
	return slices.Clip(of)
}
