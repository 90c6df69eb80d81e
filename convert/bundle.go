package convert

import (
	"slices"

	"sresnet/ann"
)

// strand is some channels of a node, in ascending order.
type strand struct {
	node     string
	channels []int // nil for all.
}

// bundle is what a value is made of: strands side by side, and their order.
type bundle struct {
	strands []strand
	order   []int // Which channel of the strands, counted through, each of the value is; nil for the same.
}

// The strands of a value that is joined with itself again and again double, so that they
// are bounded, and so are the channels of their nodes.
const (
	maxStrands  = 1024
	maxChannels = 1 << 22
)

// fits reports whether b is within these bounds.
func (s *splitter) fits(b bundle) bool {
	n := 0
	for _, st := range b.strands {
		n += s.shapes[st.node][0]
	}
	return len(b.strands) <= maxStrands && n <= maxChannels
}

// bundle returns what the named value is made of.
func (s *splitter) bundle(name string) bundle {
	if b, ok := s.bundles[name]; ok {
		return b
	}
	return bundle{strands: []strand{{node: name}}}
}

// plain reports whether b is one node as it is.
func (b bundle) plain() bool {
	return len(b.strands) == 1 && b.strands[0].channels == nil && b.order == nil
}

// width returns how many channels a strand has.
func (s *splitter) width(st strand) int {
	if st.channels != nil {
		return len(st.channels)
	}
	return s.shapes[st.node][0]
}

// channel returns which channel of its node channel i of a strand is.
func (st strand) channel(i int) int {
	if st.channels != nil {
		return st.channels[i]
	}
	return i
}

// lane is a channel of a bundle: that of a strand's node.
type lane struct{ strand, channel int }

// lanes returns where each channel of b is.
func (s *splitter) lanes(b bundle) []lane {
	var list []lane
	for k, st := range b.strands {
		for i := range s.width(st) {
			list = append(list, lane{k, st.channel(i)})
		}
	}
	if b.order == nil {
		return list
	}
	ordered := make([]lane, len(b.order))
	for i, j := range b.order {
		ordered[i] = list[j]
	}
	return ordered
}

// places returns, for the channels of each strand's node, where they are in b; -1 where
// they are not.
func (s *splitter) places(b bundle) [][]int {
	at := make([][]int, len(b.strands))
	for k, st := range b.strands {
		at[k] = slices.Repeat([]int{-1}, s.shapes[st.node][0])
	}
	for i, l := range s.lanes(b) {
		at[l.strand][l.channel] = i
	}
	return at
}

// take returns those channels of b, in that order.
func (s *splitter) take(b bundle, index []int) bundle { return s.takeOf(b, s.lanes(b), index) }

// takeOf is take for a bundle with these lanes.
func (s *splitter) takeOf(b bundle, lanes []lane, index []int) bundle {
	type of struct { // A channel that is taken again is in another strand.
		node  string
		times int
	}
	type taken struct{ channel, place int }
	var list []of
	seen, groups := make(map[of]int, len(index)), make(map[of][]taken)
	for place, i := range index {
		l := lanes[i]
		node := b.strands[l.strand].node
		again := of{node, l.channel} // How often this channel was.
		g := of{node, seen[again]}
		seen[again]++
		if groups[g] == nil {
			list = append(list, g)
		}
		groups[g] = append(groups[g], taken{l.channel, place})
	}
	out, first := bundle{order: make([]int, len(index))}, 0
	for _, g := range list {
		slices.SortFunc(groups[g], func(a, b taken) int { return a.channel - b.channel })
		st := strand{node: g.node, channels: make([]int, len(groups[g]))}
		for i, t := range groups[g] {
			st.channels[i] = t.channel
			out.order[t.place] = first + i
		}
		first += len(st.channels)
		if len(st.channels) == s.shapes[g.node][0] {
			st.channels = nil
		}
		out.strands = append(out.strands, st)
	}
	if ascending(out.order) {
		out.order = nil
	}
	return out
}

// ascending reports whether x is 0, 1, 2 and so on.
func ascending(x []int) bool {
	for i, v := range x {
		if v != i {
			return false
		}
	}
	return true
}

// join returns bundles side by side.
func (s *splitter) join(list []bundle) bundle {
	var out bundle
	some, ordered := false, false
	for _, b := range list {
		ordered = ordered || b.order != nil
	}
	first := 0
	for _, b := range list {
		width := 0
		for _, st := range b.strands {
			some = some || st.channels != nil
			width += s.width(st)
		}
		out.strands = append(out.strands, b.strands...)
		for i := range width {
			if b.order != nil {
				i = b.order[i]
			}
			if ordered {
				out.order = append(out.order, first+i)
			}
		}
		first += width
	}
	if some { // Strands of one node may complete each other.
		index := make([]int, first)
		for i := range index {
			index[i] = i
		}
		return s.take(out, index)
	}
	return out
}

// hold notes what the named value is made of, and appends a node for those who cannot
// take it apart.
func (s *splitter) hold(name string, b bundle) {
	if b.plain() && name != s.Output {
		s.same[name] = b.strands[0].node
		return
	}
	s.bundles[name] = b
	inputs, index, first := make([]string, len(b.strands)), []int{}, make([]int, len(b.strands))
	some := b.order != nil
	for k, st := range b.strands {
		inputs[k], some = st.node, some || st.channels != nil
		if k > 0 {
			first[k] = first[k-1] + s.shapes[inputs[k-1]][0]
		}
	}
	if !some {
		s.put(ann.Node{Name: name, Op: &ann.Concat{}, Inputs: inputs})
		return
	}
	for _, l := range s.lanes(b) {
		index = append(index, first[l.strand]+l.channel)
	}
	if len(inputs) > 1 {
		all := s.fresh(name, "all")
		s.put(ann.Node{Name: all, Op: &ann.Concat{}, Inputs: inputs})
		inputs = []string{all}
	}
	s.put(ann.Node{Name: name, Op: &ann.Gather{Index: index}, Inputs: inputs})
}

// flattened returns out, the bundle of vectors of the images of from, in their order.
func (s *splitter) flattened(from, out bundle) bundle {
	_, h, w := s.shapes[from.strands[0].node].CHW() // Of a vector 1 and 1.
	expand := func(x []int) []int {
		if x == nil {
			return nil
		}
		list := make([]int, 0, len(x)*h*w)
		for _, i := range x {
			for p := range h * w {
				list = append(list, i*h*w+p)
			}
		}
		return list
	}
	for k := range out.strands {
		out.strands[k].channels = expand(out.strands[k].channels)
	}
	out.order = expand(out.order)
	return out
}

// picked returns the elements of x at those places, def for -1.
func picked(x []float32, at []int, def float32) []float32 {
	y := make([]float32, len(at))
	for i, j := range at {
		if y[i] = def; j >= 0 {
			y[i] = x[j]
		}
	}
	return y
}

// inverse returns where each number is in places; nil if they are in order.
func inverse(places []int) []int {
	if ascending(places) {
		return nil
	}
	at := make([]int, len(places))
	for i, place := range places {
		at[place] = i
	}
	return at
}

func countTo(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = i
	}
	return x
}
