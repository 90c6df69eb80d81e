package convert

import (
	"slices"

	"sresnet/ann"
)

// onOff gives linear values spikes where they must have some, or where that adds fewer
// synapses. A value x becomes an ON population and an OFF one,
//
//	x = max(x, 0) - max(-x, 0)
//
// and LeakyRelu and PRelu of x the same two with other weights,
//
//	y = max(x, 0) - slope max(-x, 0)
//
// What follows gets synapses of both, with opposite signs, up to the next sum:
//
//	W y + b = W ON + b - (W slope) OFF        means, Flatten, rows and columns: both alike
//
// A linear value needs spikes if weights or a pool take it. A sum that goes into several
// nodes needs none, as each of them can have the synapses of all of its branches; it gets
// spikes if that takes more synapses.
func onOff(g *folding) {
	s := newSplitter(g)
	o := onOffs{splitter: s, known: rectified{}, spikes: make(map[string][]piece), ons: make(map[string]string), cost: make(map[string]float64), whole: make(map[string]bool), positive: make(map[string]bool), shortcut: make(map[string]bool), image: map[string]bool{g.Input.Name: true}}
	o.consumers, o.reach = g.Consumers(), reach(g.Graph)
	if !o.needed() {
		return
	}
	g.changed = true
	renamed := redirection{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		renamed.apply(n)
		o.known.see(n)
		o.rewrite(n, renamed)
	}
	if to, ok := renamed[g.Output]; ok {
		g.Output = to
	}
	g.Nodes = s.nodes
	dropUnused(g)
}

// piece is a population of spikes, or pools and the like of one, with the weights of its
// channels in a value: one for all, or as many as channels.
type piece struct {
	name string
	by   []float32
}

// onOffs is the work of [onOff].
type onOffs struct {
	*splitter
	consumers map[string][]int
	known     rectified
	spikes    map[string][]piece // Of values that have spikes.
	ons       map[string]string  // From a linear value to its ON population.
	reach     map[string]float64
	cost      map[string]float64
	whole     map[string]bool // Values with spikes that are, under their name, the sum of these.
	positive  map[string]bool // Values that are never negative, and need no OFF population.
	shortcut  map[string]bool // Spikes that are moved: a sum takes them as they are.
	image     map[string]bool // The image, and what is but moved or normalised.
}

// needed reports whether there is anything to do.
func (o *onOffs) needed() bool {
	known, needed := rectified{}, false
	for i := range o.Nodes {
		n := &o.Nodes[i]
		known.see(n)
		_, moves := n.Op.(ann.Mover)
		_, norm := n.Op.(*ann.BatchNormalization)
		o.image[n.Name] = (moves || norm || flat(n) || isPool(n)) && o.image[n.Inputs[0]]
		o.cost[n.Name] = o.costOf(n, known)
		o.positive[n.Name] = known[n.Name] || magnitude(n) || (moves || flat(n) || isSum(n)) && !slices.ContainsFunc(n.Inputs, func(in string) bool { return !o.positive[in] })
		_, leaky := n.Op.(*ann.LeakyRelu)
		needed = needed || leaky || o.mustSpike(n, known)
	}
	return needed
}

// magnitude reports whether n is a LeakyRelu that turns negative values to positive ones, as
// Abs is, or to none.
func magnitude(n *ann.Node) bool {
	op, ok := n.Op.(*ann.LeakyRelu)
	return ok && !slices.ContainsFunc(op.Slope, func(s float32) bool { return s > 0 })
}

// mustSpike reports whether n is a linear value that weights or a pool take, or a sum for
// which spikes take fewer synapses.
func (o *onOffs) mustSpike(n *ann.Node, known rectified) bool {
	if known[n.Name] || !n.Op.Linear() || flat(n) || o.image[n.Name] {
		return false
	}
	_, moves := n.Op.(ann.Mover)
	o.shortcut[n.Name] = moves && (known[n.Inputs[0]] || o.shortcut[n.Inputs[0]])
	if o.taken(n.Name) {
		return true
	}
	_, weighted := n.Op.(ann.Weighted)
	return (isSum(n) || weighted && !o.image[n.Inputs[0]]) && len(o.consumers[n.Name]) > 1 &&
		pays(o.cost[n.Name], o.reach[n.Name], float64(n.Shape.Len()))
}

// pays reports whether a value of so many neurons, which goes into r populations and
// takes cost synapses to bring to one, takes fewer with ON and OFF populations of its own.
func pays(cost, r, neurons float64) bool { return 2*cost+2*r*neurons < r*cost }

// taken reports whether weights or a pool take the named value.
func (o *onOffs) taken(name string) bool {
	for _, i := range o.consumers[name] {
		n := &o.Nodes[i]
		_, weighted := n.Op.(ann.Weighted)
		_, mean := n.Op.(*ann.AveragePool)
		_, all := n.Op.(*ann.GlobalAveragePool)
		_, moves := n.Op.(ann.Mover)
		_, gate := n.Op.(*ann.MaxPool)
		moves = moves && !o.shortcut[name]
		if weighted || mean || all || moves || gate && o.positive[name] || flat(n) && o.taken(n.Name) {
			return true
		}
	}
	return false
}

// reach returns into how many populations the currents of a value go, if no sum on the
// way has spikes.
func reach(g *ann.Graph) map[string]float64 {
	r := map[string]float64{g.Output: 1}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := &g.Nodes[i]
		into := 0.0
		_, rectifies := n.Op.(ann.Rectifier)
		_, leaky := n.Op.(*ann.LeakyRelu)
		_, weighted := n.Op.(ann.Weighted)
		switch {
		case rectifies:
			into = 1
		case leaky || weighted: // ON and OFF.
			into = 2
		case n.Op.Linear():
			into = r[n.Name]
		}
		for _, in := range n.Inputs {
			r[in] += into
		}
	}
	return r
}

// costOf returns how many synapses it takes to bring n to a population.
func (o *onOffs) costOf(n *ann.Node, known rectified) float64 {
	neurons := float64(n.Shape.Len())
	if _, ok := n.Op.(ann.Weighted); ok && o.image[n.Inputs[0]] {
		return onceAnImage * float64(ann.MACs(n))
	} else if ok {
		return float64(ann.MACs(n))
	}
	sum := 0.0
	for _, in := range n.Inputs {
		cost, told := o.cost[in]
		switch {
		case o.spikes[in] != nil:
			sum += 2 * neurons
		case known[in] || !told:
			sum += neurons
		default:
			sum += cost
		}
	}
	return sum
}

// rewrite appends n, or what takes its place.
func (o *onOffs) rewrite(n *ann.Node, renamed redirection) {
	var from []piece
	if len(n.Inputs) > 0 {
		from = o.spikes[n.Inputs[0]]
	}
	if _, leaky := n.Op.(*ann.LeakyRelu); leaky && (o.positive[n.Inputs[0]] || o.known[n.Inputs[0]]) {
		n.Op = &ann.Relu{} // Of a sum of populations, say.
	}
	switch op := n.Op.(type) {
	case *ann.LeakyRelu:
		x := o.current(n, n.Inputs[0])
		on, off := o.population(n, "on", x), o.off(n, x)
		slope := make([]float32, len(op.Slope))
		for i, s := range op.Slope {
			slope[i] = -s
		}
		o.together(n, []piece{{on, []float32{1}}, {off, slope}})
		return
	case ann.Rectifier:
		if on := o.ons[n.Inputs[0]]; on != "" && n.Op.Type() == (&ann.Relu{}).Type() {
			renamed[n.Name], o.fates[n.Name] = on, "the ON population of "+o.does(n.Inputs[0])
			return
		}
		if from != nil {
			n.Inputs = []string{o.current(n, n.Inputs[0])}
		}
	case *ann.Add:
		inputs := slices.Clone(n.Inputs)
		for i, in := range inputs {
			if o.spikes[in] != nil {
				inputs[i] = o.current(n, in)
			}
		}
		n.Inputs = inputs
	case *ann.BatchNormalization, *ann.Scale:
		if from != nil {
			n.Inputs = []string{o.current(n, n.Inputs[0])}
		}
	case ann.Weighted:
		if from != nil && o.weigh(n, op, from) {
			break
		}
	case *ann.AveragePool, *ann.GlobalAveragePool, *ann.MaxPool, *ann.Flatten, ann.Mover:
		if from != nil && o.alike(n, from) {
			return
		}
	}
	o.put(*n)
	o.cost[n.Name] = o.costOf(n, o.known)
	if o.mustSpike(n, o.known) && n.Name != o.Output {
		on := o.population(n, "on", n.Name)
		o.ons[n.Name] = on
		o.spikes[n.Name] = []piece{{on, []float32{1}}}
		if !o.positive[n.Name] {
			o.spikes[n.Name] = append(o.spikes[n.Name], piece{o.off(n, n.Name), []float32{-1}})
		}
	}
}

// population appends one of n that rectifies x.
func (o *onOffs) population(n *ann.Node, part, x string) string {
	name := o.fresh(n.Name, part)
	o.put(ann.Node{Name: name, Op: &ann.Relu{}, Inputs: []string{x}})
	o.known[name] = true
	return name
}

// off appends the OFF population of x, for n.
func (o *onOffs) off(n *ann.Node, x string) string {
	minus := o.fresh(n.Name, "minus")
	o.put(ann.Node{Name: minus, Op: &ann.Scale{Factor: -1}, Inputs: []string{x}})
	return o.population(n, "off", minus)
}

// together appends the sum of the pieces under the name of n, and remembers them.
func (o *onOffs) together(n *ann.Node, pieces []piece) {
	o.put(ann.Node{Name: n.Name, Op: &ann.Add{}, Inputs: o.weighted(n, pieces)})
	o.spikes[n.Name], o.whole[n.Name] = pieces, true
}

// weighted appends the pieces with their weights, and returns their names.
func (o *onOffs) weighted(n *ann.Node, pieces []piece) []string {
	var list []string
	for _, p := range pieces {
		switch {
		case len(p.by) > 1 && len(o.shapes[p.name]) == 3:
			list = append(list, o.part(n, diagonal(float64s(p.by), nil), p.name))
		case len(p.by) > 1:
			none := make([]float32, len(p.by))
			list = append(list, o.part(n, &ann.BatchNormalization{Scale: p.by, Bias: none, Mean: none, Var: slices.Repeat([]float32{1}, len(p.by))}, p.name))
		case p.by[0] == 1:
			list = append(list, p.name)
		default:
			list = append(list, o.part(n, &ann.Scale{Factor: p.by[0]}, p.name))
		}
	}
	return list
}

// current returns what n takes in place of the named value, as currents: itself, or the
// sum of its pieces.
func (o *onOffs) current(n *ann.Node, name string) string {
	pieces := o.spikes[name]
	if pieces == nil || o.whole[name] {
		return name
	}
	inputs := o.weighted(n, pieces)
	if len(inputs) == 1 {
		return inputs[0]
	}
	return o.part(n, &ann.Add{}, inputs...)
}

// weigh makes n, weights of a value with spikes, a sum of weights for each piece.
func (o *onOffs) weigh(n *ann.Node, op ann.Weighted, from []piece) bool {
	w, bias := op.Weights()
	var list []string
	for _, p := range from {
		c := w.Clone()
		for i := range c.Data {
			by := p.by[0]
			if len(p.by) > 1 {
				by = p.by[op.Channel(i, len(p.by))]
			}
			c.Data[i] = float32(c.Data[i] * by)
		}
		list = append(list, o.part(n, op.WithWeights(c, bias), p.name))
		o.cost[list[len(list)-1]] = float64(ann.MACs(&o.nodes[len(o.nodes)-1]))
		bias = nil // Once is enough.
	}
	if len(list) == 1 {
		n.Inputs = []string{from[0].name} // In the place of which by is 1.
		return true
	}
	n.Op, n.Inputs = &ann.Add{}, list
	return true
}

// alike makes n what it is of each piece, if it can be.
func (o *onOffs) alike(n *ann.Node, from []piece) bool {
	if _, gate := n.Op.(*ann.MaxPool); gate && len(from) > 1 {
		return false // The largest of differences is not the difference of the largest.
	}
	for _, p := range from {
		if m, ok := n.Op.(ann.Mover); ok && len(p.by) > 1 && (m.Source(0, 0) != 0 || n.Shape[0] != len(p.by)) {
			return false // Slopes would have to move along.
		}
		if flat(n) && len(p.by) > 1 && len(p.by) != n.Shape[0] {
			// Weights count the elements of a channel; nothing else takes them.
			if !o.taken(n.Name) {
				return false
			}
		}
	}
	if len(from) == 1 { // Of which by is 1.
		n.Inputs = []string{from[0].name}
		o.put(*n)
		o.spikes[n.Name], o.known[n.Name], o.whole[n.Name] = []piece{{n.Name, from[0].by}}, o.known[from[0].name], true
		return true
	}
	var pieces []piece
	for _, p := range from {
		name := o.part(n, n.Op, p.name)
		o.known[name] = o.known[p.name]
		pieces = append(pieces, piece{name, p.by})
	}
	o.spikes[n.Name] = pieces
	if flat(n) {
		o.put(*n) // Of the currents, for whoever takes it otherwise.
		return true
	}
	o.together(n, pieces)
	return true
}

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
