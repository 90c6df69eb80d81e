package nir

import (
	"slices"

	"sresnet/tensor"
)

// NIRTorch's GraphExecutor, which Sinabs, Norse up to 1.1.0 and snnTorch up to 0.9.4 use, runs
// nodes depth first, along edges in the order of the file, and each node when it is first met.
// A node that another one leads to, later, has run without that by then; and what it returns is
// the output of the node that it ran last. Tools that sort nodes take the same file.

// orderDepthFirst puts edges in an order, and adds convolutions of zeros that lead to where the
// walk has to go on before it comes to a node that still waits for others, so that depth first
// every node comes after those that lead to it. Where no convolution leads there, since one of
// the two is a vector, the order stays as it is.
func (e *exporter) orderDepthFirst() {
	if len(lateNodes(e.g)) == 0 {
		return
	}
	w := walk{e: e, next: make(map[string][]string), waits: make(map[string]int), done: make(map[string]bool), shapes: e.g.Shapes(), edges: make(map[Edge]bool)}
	for _, edge := range e.g.Edges {
		w.next[edge.From] = append(w.next[edge.From], edge.To)
		w.waits[edge.To]++
	}
	nodes, edges, elements := len(e.g.Nodes), e.g.Edges, e.elements
	e.g.Edges = nil
	w.visit("input")
	if w.stuck || len(e.g.Edges) < len(edges) {
		for _, n := range e.g.Nodes[nodes:] {
			delete(e.used, n.Name)
		}
		e.g.Nodes, e.g.Edges, e.elements = e.g.Nodes[:nodes], edges, elements
	}
}

// walk is the way depth first through a graph.
type walk struct {
	e      *exporter
	next   map[string][]string
	waits  map[string]int // How many of those that lead to a node have not run.
	done   map[string]bool
	stack  []string
	shapes map[string]tensor.Shape // Of what nodes give.
	edges  map[Edge]bool           // That there are again.
	stuck  bool                    // There is no way on.
}

func (w *walk) connect(from, to string) {
	w.edges[Edge{from, to}] = true
	w.e.connect(from, to)
}

// visit runs a node, and then all that it leads to.
func (w *walk) visit(name string) {
	w.done[name] = true
	w.stack = append(w.stack, name)
	for _, to := range w.next[name] {
		w.waits[to]--
	}
	for !w.stuck {
		if !slices.ContainsFunc(w.next[name], func(to string) bool { return !w.done[to] }) {
			break
		}
		to := w.ready(name)
		if to == "" {
			if to = w.zeros(name); to == "" {
				w.stuck = true
				break
			}
		}
		w.connect(name, to)
		w.visit(to)
	}
	// Edges to what has run by other ways.
	for _, to := range w.next[name] {
		if !w.edges[Edge{name, to}] {
			w.connect(name, to)
		}
	}
	w.stack = w.stack[:len(w.stack)-1]
}

// ready returns a node that name leads to and that can run, "" if there is none: rather one that
// others wait for together with something else, as a shortcut that has nodes is.
func (w *walk) ready(name string) string {
	var first string
	for _, to := range w.next[name] {
		if w.done[to] || w.waits[to] > 0 {
			continue
		}
		if first == "" {
			first = to
		}
		if slices.ContainsFunc(w.next[to], func(sum string) bool { return w.waits[sum] > 1 }) {
			return to
		}
	}
	return first
}

// elsewhere returns a node that can run, behind the nearest one that the walk has come from.
func (w *walk) elsewhere() (from, to string) {
	for _, from := range slices.Backward(w.stack) {
		if to := w.ready(from); to != "" {
			return from, to
		}
	}
	return "", ""
}

// zeros adds a convolution of zeros behind the named node, which leads to one that can run, and
// has the shape of what else goes into that; "" if there is none.
func (w *walk) zeros(name string) string {
	from, target := w.elsewhere()
	in, out := w.shapes[name], w.shapes[from]
	if target == "" || len(in) != 3 || len(out) != 3 {
		return ""
	}
	// The smallest kernel that has all these outputs, with whatever stride and padding.
	for side := 1; side <= max(in[1], in[2]); side++ {
		window, fits := tensor.Square(side, 1, 0), true
		for axis := range 2 {
			stride, pad, ok := reaching(in[axis+1], out[axis+1], side)
			window.Stride[axis], window.Pad[axis], window.Pad[axis+2], fits = stride, pad, pad, fits && ok
		}
		if fits {
			return w.add(name, target, in, out, window)
		}
	}
	return ""
}

// reaching returns a stride and a padding with which a kernel has m outputs for n inputs.
func reaching(n, m, side int) (stride, pad int, ok bool) {
	for stride := 1; stride <= n+1; stride++ {
		least := (m - 1) * stride
		pad := max(0, (least-n+side+1)/2)
		if room := n + 2*pad - side; room >= least && room < least+stride {
			return stride, pad, true
		}
	}
	return 0, 0, false
}

func (w *walk) add(name, target string, in, out tensor.Shape, window tensor.Window) string {
	shape := []int{out[0], in[0], window.Kernel[0], window.Kernel[1]}
	weight, err := w.e.floats(shape...)
	if err != nil {
		return ""
	}
	n := w.e.add(w.e.name(name+"_order"), "Conv2d")
	n.Data.Set("input_shape", Ints(in[1], in[2]))
	n.Data.Set("weight", Floats(weight, shape...))
	n.Data.Set("stride", Ints(window.Stride[:]...))
	n.Data.Set("padding", Ints(window.Pad[:2]...))
	n.Data.Set("dilation", Ints(window.Dilation[:]...))
	n.Data.Set("groups", Int(1))
	n.Data.Set("bias", Floats(make([]float32, out[0]), out[0]))
	w.e.elements += out[0]
	w.shapes[n.Name] = out
	w.next[n.Name] = []string{target}
	w.waits[target]++
	return n.Name
}
