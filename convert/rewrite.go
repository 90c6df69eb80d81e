package convert

import (
	"fmt"
	"math"
	"slices"

	"sresnet/ann"
)

// rewrites turn a network that has no spiking counterpart as it is into one that has
// and computes the same. They are tried after the passes, again and again until nothing
// changes, and leave alone what converts without them.
var rewrites = []pass{
	{"foldThrough", foldThrough},     // A batch norm into what is behind it, through pools.
	{"moveBatchNorm", moveBatchNorm}, // A batch norm behind a pool before it.
	{"moveRelu", moveRelu},           // A ReLU behind a max pool before it.
	{"moveLeaky", moveLeaky},         // A LeakyRelu before a max pool behind it.
	{"moveMean", moveMean},           // A mean behind a convolution of one position before it.
	{"weighImage", weighImage},       // An average pool of the image itself becomes a convolution.
	{"compose", compose},             // Linear maps in a row become one.
	{"rectifySum", rectifySum},       // A sum of what is not negative becomes a population.
}

// maxRewrites bounds how often rewrites are tried on one network, so that the work grows
// with the number of nodes and not with its square. Beyond it a network stays as it is.
const maxRewrites = 200

// Simplify returns the network that calibration, conversion and everything behind them
// work with: g itself if it converts as it is or not at all, otherwise a network that
// computes the same, up to float rounding, and converts. g is not modified.
func Simplify(g *ann.Graph) (*ann.Graph, error) {
	f, err := fold(g)
	if err != nil {
		return nil, err
	}
	if !f.rewritten || len(populate(f.Graph).bad) > 0 {
		return g, nil
	}
	return f.Graph, nil
}

// rewrite runs the passes and rewrites until nothing changes.
func (f *folding) rewrite() error {
	for {
		any, err := f.repeat(rewrites)
		if err == nil && !any { // What costs neurons, where nothing else helps.
			any, err = f.repeat([]pass{{"offsetOverPadding", offsetOverPadding}})
		}
		if err != nil || !any {
			return err
		}
		f.rewritten = true
		if err := f.run(passes); err != nil {
			return err
		}
	}
}

// divide runs the divisions where they are needed: again where what they leave converts,
// but the synapses that they have added make spikes of one more sum the cheaper way. So a
// network that is divided stays as it is.
func (f *folding) divide() error {
	for again := range maxDivisions {
		any := false
		for _, list := range divisions {
			consumers := f.Consumers()
			shared := func(n ann.Node) bool { return isSum(&n) && len(consumers[n.Name]) > 1 }
			bad := len(populate(f.Graph).bad) > 0
			if !bad && !slices.ContainsFunc(f.Nodes, shared) || bad && again > 0 {
				return nil
			}
			f.changed = false
			if err := f.run(list); err != nil {
				return err
			}
			if !f.changed {
				continue
			}
			any, f.rewritten = true, true
			if err := f.run(passes); err != nil {
				return err
			}
			if err := f.rewrite(); err != nil {
				return err
			}
		}
		if !any {
			return nil
		}
	}
	return nil
}

// maxDivisions bounds how often a network is divided.
const maxDivisions = 10

// repeat runs each of the rewrites as often as it changes something, while there are tries
// left, and reports whether any did.
func (f *folding) repeat(list []pass) (any bool, err error) {
	for _, p := range list {
		for f.tries < maxRewrites {
			f.tries++
			f.changed = false
			p.run(f)
			if !f.changed {
				break
			}
			any = true
			if err := f.InferShapes(); err != nil {
				return any, fmt.Errorf("convert: internal error: after %s: %w", p.name, err)
			}
		}
	}
	return any, nil
}

// fresh returns a name for a new node like name, of which it does a part; the fate of
// that node tells of it.
func (f *folding) fresh(name, part string) string {
	base := name + "/" + part
	if f.names == nil {
		f.names = make(map[string]bool)
		for i := range f.Nodes {
			f.names[f.Nodes[i].Name] = true
		}
	}
	free := func(s string) bool { return !f.names[s] && s != f.Input.Name && f.owner[s] == "" && f.fates[s] == "" }
	s := base
	for i := 2; !free(s); i++ {
		s = fmt.Sprintf("%s_%d", base, i)
	}
	f.owner[s], f.names[s] = f.does(name), true
	return s
}

// does returns the node of the network whose work the named one does.
func (f *folding) does(name string) string {
	if of := f.owner[name]; of != "" {
		return of
	}
	return name
}

// swap has a, which gets a new name, and b behind it do each other's work. It returns the
// new name.
func (f *folding) swap(a, b *ann.Node) string {
	first, second := f.does(a.Name), f.does(b.Name)
	name := f.fresh(a.Name, b.Op.Type())
	f.owner[name], f.owner[b.Name] = second, first
	a.Name, a.Op, b.Op = name, b.Op, a.Op
	a.Spelled, b.Spelled = b.Spelled, a.Spelled
	b.Inputs = []string{name}
	f.changed = true
	return name
}

// insert puts nodes before node i.
func (f *folding) insert(i int, nodes ...ann.Node) { f.Nodes = slices.Insert(f.Nodes, i, nodes...) }

// only reports whether the node of that name has one taker and is not the output.
func (f *folding) only(consumers map[string][]int, name string) bool {
	return len(consumers[name]) == 1 && name != f.Output
}

// nonNegative returns the nodes of which no element can be negative.
func nonNegative(g *ann.Graph) map[string]bool {
	known := make(map[string]bool)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		_, rectifies := n.Op.(ann.Rectifier)
		_, moves := n.Op.(ann.Mover)
		if !rectifies && !moves && !flat(n) && !isPool(n) && !isSum(n) {
			continue
		}
		known[n.Name] = rectifies || !slices.ContainsFunc(n.Inputs, func(in string) bool { return !known[in] })
	}
	return known
}

// rectifySum puts a ReLU, which changes nothing, behind a sum of what is not negative,
// where the sum does not go into a ReLU or another sum alone.
func rectifySum(g *folding) {
	known, consumers, behind := nonNegative(g.Graph), g.Consumers(), redirection{}
	var nodes []ann.Node
	for i := range g.Nodes {
		n := g.Nodes[i]
		behind.apply(&n)
		nodes = append(nodes, n)
		if !isSum(&n) || !known[n.Name] || g.endsIn(consumers, n.Name) {
			continue
		}
		name := g.fresh(n.Name, "Relu")
		nodes = append(nodes, ann.Node{Name: name, Inputs: []string{n.Name}, Op: &ann.Relu{}, Shape: slices.Clone(n.Shape)})
		behind[n.Name] = name
		g.changed = true
	}
	g.Nodes = nodes
}

// endsIn reports whether the named node, seen as a vector perhaps, goes into one ReLU or
// sum, or is the output.
func (f *folding) endsIn(consumers map[string][]int, name string) bool {
	for name != f.Output {
		if len(consumers[name]) != 1 {
			return len(consumers[name]) == 0
		}
		n := &f.Nodes[consumers[name][0]]
		if _, ok := n.Op.(ann.Rectifier); ok || isSum(n) {
			return true
		}
		if !flat(n) {
			return false
		}
		name = n.Name
	}
	return len(consumers[name]) == 0
}

// moveRelu moves a ReLU behind a max pool before it: the largest of what is rectified is
// the largest, rectified.
//
//	relu(max(x)) = max(relu(x))
func moveRelu(g *folding) {
	nodes, consumers, known := g.ByName(), g.Consumers(), nonNegative(g.Graph)
	for i := range g.Nodes {
		r := &g.Nodes[i]
		if _, ok := r.Op.(ann.Rectifier); !ok {
			continue
		}
		before := nodes[r.Inputs[0]]
		if before == nil || !g.only(consumers, before.Name) || known[before.Name] {
			continue
		}
		_, max := before.Op.(*ann.MaxPool)
		if !max && !(flat(before) && g.poolBefore(nodes, consumers, before)) {
			continue
		}
		// The nodes keep their places: the first now rectifies, the second pools.
		g.swap(before, r)
		return // Names have changed; the rest in the next round.
	}
}

// poolBefore reports whether a vector is that of a max pool that only it takes.
func (f *folding) poolBefore(nodes map[string]*ann.Node, consumers map[string][]int, n *ann.Node) bool {
	for flat(n) && f.only(consumers, n.Name) {
		n = nodes[n.Inputs[0]]
	}
	if n == nil {
		return false
	}
	_, ok := n.Op.(*ann.MaxPool)
	return ok && f.only(consumers, n.Name)
}

// passesMean reports whether n is an average pool with which y = a x + b changes places,
// or only y = a x without shift: one that counts padding takes it for zeros.
func passesMean(n *ann.Node) (pool, shift bool) {
	switch op := n.Op.(type) {
	case *ann.GlobalAveragePool:
		return true, true
	case *ann.AveragePool:
		return true, !op.CountPad || op.Window.Pad == [4]int{}
	}
	return false, false
}

// increasing reports whether every scale is positive, so that a maximum goes through.
func increasing(a []float64) bool {
	return !slices.ContainsFunc(a, func(v float64) bool { return !(v > 0) })
}

// shifts reports whether there is an offset.
func shifts(b []float64) bool {
	return slices.ContainsFunc(b, func(v float64) bool { return v != 0 })
}

// goesThrough reports whether y = a x + b may be behind the pool or view n in place of
// before it.
func goesThrough(n *ann.Node, a, b []float64) bool {
	if _, ok := n.Op.(*ann.MaxPool); ok {
		return increasing(a)
	}
	mean, shift := passesMean(n)
	return flat(n) || mean && (shift || !shifts(b))
}

// moveBatchNorm moves a batch norm behind a pool of a convolution before the pool, where
// it is folded into the convolution.
func moveBatchNorm(g *folding) {
	nodes, consumers := g.ByName(), g.Consumers()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		bn, ok := n.Op.(*ann.BatchNormalization)
		if !ok {
			continue
		}
		pool := nodes[n.Inputs[0]]
		if pool == nil || !isPool(pool) || !g.only(consumers, pool.Name) {
			continue
		}
		a, b := bn.Affine()
		source, ok := pool, true
		for ok && source != nil && isPool(source) {
			ok = g.only(consumers, source.Name) && goesThrough(source, a, b)
			source = nodes[source.Inputs[0]]
		}
		if !ok || source == nil || !g.only(consumers, source.Name) {
			continue
		}
		if _, ok := source.Op.(ann.Weighted); !ok {
			continue
		}
		g.swap(pool, n)
		return
	}
}

// finite reports whether all numbers are.
func finite(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) })
}
