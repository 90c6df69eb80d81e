package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"sresnet/ann"
	"sresnet/tensor"
)

// importer translates one file.
type importer struct {
	options Options
	graph   *graph
	opset   int64
	tensors decoder

	g        *ann.Graph
	batch    int
	seen     *look                   // What the input is taken for; nil for what the file says.
	looked   *look                   // At the input, where operators look at it as another image than the file says.
	edges    map[string]*edge        // By ONNX value.
	used     map[string]bool         // ONNX values that the output depends on.
	shapes   map[string]tensor.Shape // By node of g, and its input.
	ops      map[string]ann.Op       // By node of g.
	via      map[string]string       // The input of a node of g that has one.
	names    map[string]bool         // Taken in g.
	mixes    map[string]*mix         // By node of g, and its input.
	scaled   map[string]bool         // Nodes of g that are the input scaled and shifted, and the input.
	spans    map[string]span         // By node of g.
	pairs    map[string]string       // Nodes of g that are what a pair of QuantizeLinear and DequantizeLinear does.
	elements int                     // Of all activations together.

	argMax      *node // At the end of the network, where there is one; see trim.
	unsupported []UnsupportedNode
	failed      error // The first error about a node.
}

// translations are the operators of the data path. Each takes an activation in
// at least one input.
var translations map[string]func(*importer, *node, []*edge) (*edge, error)

func init() { // Here, because some of the functions look into the table.
	translations = map[string]func(*importer, *node, []*edge) (*edge, error){
		"Conv":               (*importer).conv,
		"BatchNormalization": (*importer).batchNormalization,
		"Relu":               (*importer).relu,
		"Clip":               (*importer).clip,
		"Max":                (*importer).extreme,
		"Min":                (*importer).extreme,
		"LeakyRelu":          (*importer).leakyRelu,
		"PRelu":              (*importer).pRelu,
		"Elu":                (*importer).elu,
		"Celu":               (*importer).elu,
		"ThresholdedRelu":    (*importer).thresholded,
		"HardSigmoid":        (*importer).hardSigmoid,
		"Abs":                (*importer).abs,
		"Neg":                (*importer).neg,
		"Floor":              (*importer).rounded,
		"Ceil":               (*importer).rounded,
		"Round":              (*importer).rounded,
		"QuantizeLinear":     (*importer).quantize,
		"DequantizeLinear":   (*importer).dequantize,
		"Greater":            (*importer).compare,
		"GreaterOrEqual":     (*importer).compare,
		"Less":               (*importer).compare,
		"LessOrEqual":        (*importer).compare,
		"Not":                (*importer).not,
		"Where":              (*importer).where,
		"MaxPool":            (*importer).maxPool,
		"AveragePool":        (*importer).averagePool,
		"GlobalAveragePool":  (*importer).globalAveragePool,
		"GlobalMaxPool":      (*importer).globalMaxPool,
		"ReduceMean":         (*importer).reduce,
		"ReduceMax":          (*importer).reduce,
		"ReduceSum":          (*importer).reduce,
		"Gemm":               (*importer).gemm,
		"MatMul":             (*importer).matMul,
		"Softmax":            (*importer).softmax,
		"LogSoftmax":         (*importer).softmax,
		"Add":                (*importer).add,
		"Sum":                (*importer).add,
		"Sub":                (*importer).sub,
		"Mul":                (*importer).mul,
		"Div":                (*importer).div,
		"Pad":                (*importer).pad,
		"Slice":              (*importer).slice,
		"Concat":             (*importer).concat,
		"Flatten":            (*importer).flatten,
		"Reshape":            (*importer).reshape,
		"Squeeze":            (*importer).squeeze,
		"Unsqueeze":          (*importer).unsqueeze,
		"Transpose":          (*importer).transpose,
		"Expand":             (*importer).repeated,
		"Tile":               (*importer).repeated,
		"Gather":             (*importer).pickList,
		"Split":              (*importer).split,
		"Identity":           (*importer).identity,
		"Dropout":            (*importer).identity,
		"Cast":               (*importer).cast,
		"Shape":              (*importer).shape,
		"Size":               (*importer).shape,
	}
}

// look is the image that operators see in the input: its batch, its shape, and whether
// the file has its channels last.
type look struct {
	batch int
	shape tensor.Shape
	last  bool
	node  string // The operator that looks.
}

// run translates the file; again, if the input turns out to be an image that the file
// declares in another shape.
func (im *importer) run() (*ann.Graph, error) {
	fresh := *im.tensors.budget
	g, err := im.once()
	if im.looked == nil {
		return g, err
	}
	again := &importer{options: im.options, graph: im.graph, opset: im.opset, tensors: im.tensors, seen: im.looked}
	again.tensors.budget = &fresh // What was decoded for nothing is garbage.
	seen, other := again.once()
	var u *UnsupportedError
	if other == nil || errors.As(other, &u) && !slices.ContainsFunc(u.Nodes, func(n UnsupportedNode) bool { return n.Name == im.looked.node }) {
		return seen, other // Of nodes behind it.
	}
	return g, err // Of the file as it is.
}

func (im *importer) once() (*ann.Graph, error) {
	output, err := im.output()
	if err != nil {
		return nil, err
	}
	output = im.trim(output)
	nodes, used, err := im.graph.order(output)
	if err != nil {
		return nil, err
	}
	im.used = used
	im.edges = map[string]*edge{}
	im.shapes = map[string]tensor.Shape{}
	im.ops = map[string]ann.Op{}
	im.via = map[string]string{}
	im.names = map[string]bool{}
	im.mixes = map[string]*mix{}
	im.scaled = map[string]bool{}
	im.spans = map[string]span{}
	im.pairs = map[string]string{}
	im.g = &ann.Graph{Name: clean(im.graph.name)}
	if err := im.input(nodes); err != nil {
		return nil, err
	}
	for _, n := range nodes {
		im.step(n)
	}
	if e := im.edges[output]; e != nil {
		im.edges[output] = im.settle(im.logits(e))
	}
	if len(im.unsupported) > 0 {
		return nil, &UnsupportedError{Nodes: append(im.unsupported, misplacedSoftmax(im.g)...)}
	}
	if im.failed != nil {
		return nil, im.failed
	}
	if err := im.finish(output); err != nil {
		return nil, err
	}
	return im.g, nil
}

// output returns the name of the value that the network computes.
func (im *importer) output() (string, error) {
	names := make([]string, len(im.graph.outputs))
	for i, v := range im.graph.outputs {
		names[i] = v.name
	}
	if o := im.options.Output; o != "" {
		if slices.Contains(names, o) || len(names) == 0 || im.graph.computes(o) {
			return o, nil
		}
		return "", &OutputError{Missing: o, Outputs: names}
	}
	switch len(names) {
	case 0:
		return "", refused(exportAgain, "the graph has no output")
	case 1:
		return names[0], nil
	}
	return "", &OutputError{Outputs: names}
}

// step translates one node. What goes wrong is noted, so that the nodes after it
// are looked at too.
func (im *importer) step(n *node) {
	in, out := im.inputs(n)
	var err error
	if out == nil {
		out, err = im.translate(n, in)
	}
	if err == nil {
		for i, name := range n.out[1:] {
			if name != "" && im.used[name] && im.edges[name] == nil && !out.unknown {
				err = unsupported("output %d, %q, is used; only the first output can be", i+2, name)
			}
		}
	}
	if err != nil {
		for _, e := range in {
			im.seeImage(n, e)
		}
		out = im.note(n, in, err)
	}
	for i, name := range n.out {
		if i == 0 {
			im.edges[name] = out
		} else if name != "" && im.edges[name] == nil {
			im.edges[name] = unknown(n, in)
		}
	}
}

// inputs returns the edges of n's inputs, nil for those left out. It also
// returns n's output where that can be told already: unknown, since an input is.
func (im *importer) inputs(n *node) (in []*edge, out *edge) {
	in = make([]*edge, len(n.in))
	for i, name := range n.in {
		if name == "" {
			continue
		}
		e, err := im.edge(name)
		if err != nil {
			if im.failed == nil {
				im.failed = nodeErr(n, fmt.Errorf("input %q: %w", name, err))
			}
			out = &edge{unknown: true}
			continue
		}
		if in[i] = e; e.unknown {
			out = e
		}
	}
	if out != nil {
		if err := im.foreseen(n, in); err != nil {
			im.note(n, in, err)
		}
		out = unknown(n, in)
	}
	return in, out
}

// unknown returns the edge for the output of n where it cannot be told.
func unknown(n *node, in []*edge) *edge {
	e := &edge{unknown: true}
	switch {
	case n.op == "Shape" || n.op == "Size": // Constants, for any image.
	case n.op == "Sub" && len(n.in) == 2 && n.in[0] == n.in[1]: // A way to write zeros.
	default:
		e.blind = slices.ContainsFunc(in, (*edge).ofImage)
	}
	return e
}

// foreseen returns the error that n, an input of which is unknown, gives whatever
// that input is; nil if there is none to tell.
func (im *importer) foreseen(n *node, in []*edge) error {
	if err := im.known(n); err != nil {
		return err
	}
	activations := 0
	for _, e := range in {
		if e.ofImage() {
			activations++
		}
	}
	if translations[n.op] == nil && activations > 0 {
		return noActivations(n)
	}
	if err := joined[n.op]; err != nil && activations > 1 {
		return err
	}
	return nil
}

// noActivations is the reason of an operator that is folded, but not translated.
func noActivations(n *node) error {
	if r := reasons[n.op]; r != "" {
		return reason(r)
	}
	return unsupported("is supported on constants and shapes, but not on activations")
}

// joined are the reasons of operators that take one activation and are given more.
var joined = map[string]error{
	"Mul": unsupported("multiplies activations; only multiplication by a constant is supported"),
	"Div": unsupported("divides by activations; only division by a constant is supported"),
}

// edge returns what is known of a value, and decodes it if it is an initializer.
func (im *importer) edge(name string) (*edge, error) {
	if e := im.edges[name]; e != nil {
		return e, nil
	}
	b, ok := im.graph.inits[name]
	if !ok {
		return nil, fmt.Errorf("an input of the network besides %q", im.g.Input.Name)
	}
	v, err := im.tensors.decode(b)
	if err != nil {
		return nil, err
	}
	e := constant(v)
	im.edges[name] = e
	return e, nil
}

// known returns an error if n's operator is neither translated nor folded.
func (im *importer) known(n *node) error {
	if n.domain == "com.microsoft" {
		return unsupported("is from the domain %q; export the model without operators of a vendor: quantised in the QDQ format, or of floats, and not optimised for a runtime", n.domain)
	}
	if n.domain != "" {
		return unsupported("is from the domain %q; export the model with only standard ONNX operators", n.domain)
	}
	if translations[n.op] != nil || folds[n.op] != nil {
		return nil
	}
	if r := reasons[n.op]; r != "" {
		return reason(r)
	}
	return unsupported("this operator is not supported")
}

// translate returns n's output.
func (im *importer) translate(n *node, in []*edge) (*edge, error) {
	if err := im.known(n); err != nil {
		return nil, err
	}
	constants := make([]*value, len(in))
	foldable := true
	for i, e := range in {
		if e == nil {
			continue
		}
		constants[i] = e.c
		foldable = foldable && e.c != nil
	}
	fold, data := folds[n.op], translations[n.op]
	switch {
	case foldable && fold != nil:
		v, err := fold(im, n, constants)
		if err != nil {
			return nil, err
		}
		return constant(v), nil
	case foldable:
		return nil, unsupported("takes only constants, which this program does not compute; simplify the model first")
	case data == nil:
		return nil, noActivations(n)
	}
	if err := masks(n, in); err != nil {
		return nil, err
	}
	if len(in) > 0 && in[0].quantized() && handsOn[n.op] {
		return im.through(n, in, data)
	}
	for i, e := range in {
		if e != nil && !elementwiseOps[n.op] {
			if n.op == "Softmax" || n.op == "LogSoftmax" {
				e = im.logits(e)
			}
			e = im.settle(e)
		}
		var err error
		if in[i], err = im.settled(n, e); err != nil {
			return nil, err
		}
	}
	out, err := data(im, n, in)
	if err == nil && out.pending != nil && out.pending.whole() {
		out = im.settle(out)
	}
	return out, err
}

// note records an error about n and returns an edge for its output.
func (im *importer) note(n *node, in []*edge, err error) *edge {
	if r, ok := err.(reason); ok {
		im.unsupported = append(im.unsupported, UnsupportedNode{Name: clean(n.label()), Op: n.op, Reason: string(r)})
		if n.domain == "" {
			if e := im.standIn(n, in); e != nil {
				return e
			}
		}
	} else if im.failed == nil {
		im.failed = nodeErr(n, err)
	}
	return unknown(n, in)
}

// standIn returns an edge that is as the output of n, which is not supported, would
// be: good enough to look at the nodes after it. It returns nil if it knows none.
func (im *importer) standIn(n *node, in []*edge) *edge {
	var of *edge
	switch {
	case joined[n.op] != nil || n.op == "Add" || n.op == "Sub": // Of several shapes the largest is that of the output.
		for _, e := range in {
			if e.known() && (of == nil || im.shapes[e.node].Len() > im.shapes[of.node].Len()) {
				of = e
			}
		}
	case len(in) > 0 && in[0].known() && keepsShape(n.op):
		of = in[0]
	}
	if of == nil {
		return nil
	}
	// A node of its own, of which nothing is known: x less it is not 0.
	out, err := im.elementwise(n, &ann.LeakyRelu{Slope: []float32{0.5}}, im.settle(of))
	if err != nil {
		return nil
	}
	delete(im.ops, out.node)
	delete(im.via, out.node)
	delete(im.spans, out.node)
	delete(im.scaled, out.node)
	return out
}

// unique returns a name for a node of the ann.Graph, like s and not yet taken.
func (im *importer) unique(s string) string {
	s = clean(s)
	name := s
	for i := 2; im.names[name]; i++ {
		// Counting on from the number of nodes, a file of equal names does not
		// take quadratic time.
		if i == 100 {
			i = len(im.names) + 100
		}
		name = fmt.Sprintf("%s_%d", s, i)
	}
	im.names[name] = true
	return name
}

// clean makes a name from a file fit to print.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(strings.TrimLeft(s, "/"), "_"))
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// The largest activations taken for a network's: 256 MB one, 1 GB together.
const (
	maxActivation  = 1 << 26
	maxActivations = 1 << 28
)

// claim counts an activation, so that a small file cannot ask for endless memory
// of those who run the network.
func (im *importer) claim(s tensor.Shape) error {
	n := s.Len()
	if n > maxActivation || im.elements+n > maxActivations {
		return refused(smaller, "an activation of shape %v makes the network too large to run", s)
	}
	im.elements += n
	return nil
}

// required returns the constant in input i.
func required(in []*edge, i int, what string) (*value, error) {
	if i >= len(in) || in[i] == nil {
		return nil, fmt.Errorf("no %s", what)
	}
	if in[i].c == nil {
		return nil, unsupported("its %s is computed from the image; it must be constant", what)
	}
	return in[i].c, nil
}

// optional is [required] for an input that may be left out, then nil.
func optional(in []*edge, i int, what string) (*value, error) {
	if i >= len(in) || in[i] == nil {
		return nil, nil
	}
	return required(in, i, what)
}

// data returns the activation in input 0, the only one of most operators.
func data(in []*edge) (*edge, error) {
	if len(in) == 0 || in[0] == nil {
		return nil, fmt.Errorf("no input")
	}
	if in[0].c != nil {
		return nil, unsupported("its data is constant, while another input is computed from the image")
	}
	return in[0], nil
}

// finish ends the graph: its output, and the passes over the whole of it.
func (im *importer) finish(output string) error {
	e, err := im.settled(&node{}, im.edges[output])
	if err != nil {
		return err
	}
	if e.c != nil {
		return refused(exportAgain, "the output %q does not depend on the input", output)
	}
	if err := masks(&node{}, []*edge{e}); err != nil {
		return refused(readout, "output %q: %w", output, err)
	}
	if err := im.overClasses(e); err != nil {
		return err
	}
	name := e.node
	if e.last && !im.alike(name) {
		return refused(readout, "output %q is an image with channels last", output)
	}
	if !im.isImage(e) || e.last {
		var err error
		total, _ := size(e.dims)
		if name, err = im.vector(e); err != nil && e.perm == nil && len(e.dims) > 0 && e.dims[0] == im.batch && total == im.batch*im.shapes[e.node].Len() {
			name = e.node // Features, seen as something else.
		} else if err != nil {
			return refused(readout, "output %q: the network ends with a value of shape %v", output, e.dims)
		}
	}
	if name == im.g.Input.Name {
		return fmt.Errorf("the output %q is the input; there is no network between them", output)
	}
	im.g.Output = name
	for _, p := range passes {
		p(im.g)
	}
	if u := misplacedSoftmax(im.g); len(u) > 0 {
		return &UnsupportedError{Nodes: u}
	}
	if err := im.g.InferShapes(); err != nil {
		return err
	}
	return im.g.Validate()
}

// misplacedSoftmax returns the softmax nodes that do not end the network: that
// others take.
func misplacedSoftmax(g *ann.Graph) (u []UnsupportedNode) {
	taken := g.Consumers()
	for _, n := range g.Nodes {
		if _, ok := n.Op.(*ann.Softmax); ok && len(taken[n.Name]) > 0 {
			u = append(u, UnsupportedNode{n.Name, n.Op.Type(), "can only be the last operator of the network"})
		}
	}
	return u
}
