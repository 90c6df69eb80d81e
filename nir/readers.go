package nir

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/snn"
)

// Reading is what a tool makes of a graph.
type Reading struct {
	Reader  string
	Reads   bool
	Unknown bool     // Whether it reads the graph.
	Why     string   // If it does not read the graph, or if nothing is known of it.
	Notes   []string // What it does differently from NIR, or from the network that sresnet wrote.
}

// reader is what is known of a tool, from NIR's table of supported primitives and
// the tools' code as docs/nir.md dates it.
type reader struct {
	name    string
	types   string // Types of nodes it reads, beside Input and Output.
	neurons string // What it takes IF for.
	reset   string // Of neurons: "zero", "subtract"; empty if not known, or as configured.
	fires   string // When the potential is ">" or ">=" the threshold; empty if not known.
	r       string // "1", "1/dt" or "" for any.
	uniform bool   // The same parameters for all neurons of a node.
	pairs   bool   // Windows of pools are pairs of numbers.
	noBias  bool   // Of convolutions.

	// more returns why it does not read the graph, and notes.
	more func(g *Graph) (why, notes []string)
}

// Types that all readers have, and those that all but some have that know no images.
const (
	everyReader   = " Input Output "
	convolutional = "Conv2d Flatten Affine IF "
)

// byTable are types of which only NIR's table of supported primitives was asked who
// reads them, not the code. SpikingJelly is not in that table.
const byTable = "Conv1d CubaLI CubaLIF LI LIF"

var readers = []reader{
	{name: "Sinabs, Speck", types: convolutional + "SumPool2d LI LIF", neurons: "IAFSqueeze: subtracts its threshold, fires several times per timestep if it can, goes no lower than minus its threshold, unless set up otherwise; r and v_reset are ignored", reset: "subtract", fires: ">=", more: sinabsNotes},
	{name: "SpiNNaker2", types: convolutional + "Conv1d SumPool2d AvgPool2d Linear CubaLIF LIF", neurons: "lif_no_delay or lif_conv2d: reset as configured, by subtraction unless told otherwise; the threshold is v_threshold / r", more: spiNNaker2Notes},
	{name: "Norse", types: convolutional + "SumPool2d AvgPool2d Linear CubaLIF LI LIF", neurons: "IAFCell: resets to 0, v_reset is ignored", reset: "zero", fires: ">", pairs: true, more: norseNotes},
	{name: "snnTorch", types: convolutional + "SumPool2d AvgPool2d Linear CubaLIF LIF", neurons: "Leaky with beta 1, reset by subtraction, since pull request 452 of September 2026; before, with beta 0.9 or 0, a leaky neuron, which is another network unless you set beta of every Leaky to 1", reset: "subtract", fires: ">", r: "1", uniform: true, pairs: true, more: snnTorchNotes},
	{name: "SpikingJelly", types: convolutional + "SumPool2d AvgPool2d Linear LIF", neurons: "IFNode: resets to v_reset, or subtracts its threshold once you set v_reset of every IFNode to None", reset: "zero", fires: ">=", r: "1/dt", uniform: true, more: spikingJellyNotes},
	{name: "Spyx", types: convolutional + "SumPool2d Linear CubaLIF LIF", neurons: "IF", more: spyxNotes},
	{name: "Lava-DL", types: convolutional + "SumPool2d Linear CubaLIF LIF", neurons: "CUBA neuron without decay of the potential", noBias: true},
	{name: "Nengo", types: "Affine LI LIF"},
	{name: "Rockpool", types: "Affine Linear CubaLIF LI"}, // Its import of LIF fails.
	{name: "hxtorch", types: "Linear CubaLI CubaLIF"},
	{name: "jaxsnn", types: "Linear CubaLIF"},
}

// readerNamed returns the reader of that name, nil if there is none.
func readerNamed(name string) *reader {
	for i := range readers {
		if readers[i].name == name {
			return &readers[i]
		}
	}
	return nil
}

// Readers says which tools of the field read the graph, and what they will get
// wrong.
func Readers(g *Graph) []Reading {
	var list []Reading
	for _, r := range readers {
		list = append(list, r.read(g))
	}
	return list
}

func has(types, typ string) bool { return strings.Contains(" "+types+" ", " "+typ+" ") }

func (r *reader) read(g *Graph) Reading {
	v := Reading{Reader: r.name}
	var missing, refused, unknown []string
	if len(g.Nodes) == 0 {
		v.Why = "the graph is empty"
		return v
	}
	note := func(list *[]string, s string) {
		if !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	neurons := false
	var listed []string // Types that byTable has.
	for _, n := range g.Nodes {
		switch {
		case n.Graph != nil || Primitives[n.Type] == nil:
			note(&unknown, "nodes of type "+n.Type)
		case !has(everyReader+r.types, n.Type):
			note(&missing, n.Type)
		case n.Type == "IF":
			neurons = true
			r.checkNeurons(n, func(s string) { note(&refused, s) })
		case r.uniform && isPopulation(n.Type) && r.differs(n) != "":
			note(&refused, r.differs(n))
		case r.pairs && (n.Type == "AvgPool2d" || n.Type == "SumPool2d" && r.name == "snnTorch") && len(n.Data.Arrays["kernel_size"].Shape) == 0:
			note(&refused, fmt.Sprintf("it wants two numbers for the kernel of %q", n.Name))
		case n.Type == "Conv2d" && r.noBias && !allAre(n.Data.Arrays["bias"], 0):
			note(&refused, "it refuses convolutions with a bias")
		case has(byTable, n.Type) && r.name != "SpikingJelly":
			note(&listed, n.Type)
		}
	}
	if loops(g) {
		unknown = append(unknown, "loops")
	}
	if at := g.misfit(); at != "" {
		note(&refused, at)
	}
	if s := g.Metadata.Text(scheduleKey); s != "" && s != snn.Synchronous.String() {
		note(&refused, "its neurons fire at every timestep, where this network has firing windows")
	}
	var notes []string
	if r.more != nil {
		var why []string
		why, notes = r.more(g)
		refused = append(refused, why...)
	}
	if len(missing) > 0 {
		refused = slices.Insert(refused, 0, "it has no "+strings.Join(missing, ", "))
	}
	if len(refused) > 0 {
		v.Why = strings.Join(refused, "; ")
		return v
	}
	if len(unknown) > 0 {
		v.Unknown, v.Why = true, "not known of "+strings.Join(unknown, ", ")
		return v
	}
	v.Reads = true
	if neurons {
		v.Notes = append(v.Notes, "IF becomes "+r.neurons)
		switch reset := g.Metadata.Text("reset"); {
		case r.reset == "zero" && (reset == "subtract" || reset == "mixed") && AfterLoading(g) == "":
			v.Notes = append(v.Notes, "loses the charge above the threshold with every spike, which leaves deep networks without accuracy")
		case r.reset == "subtract" && (reset == "zero" || reset == "mixed"):
			v.Notes = append(v.Notes, "subtracts the threshold where this network resets to zero")
		}
	}
	v.Notes = append(v.Notes, notes...)
	if len(listed) > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("has %s, by NIR's table of supported primitives", strings.Join(listed, ", ")))
	}
	return v
}

// loops reports whether edges of the graph lead round in a circle.
func loops(g *Graph) bool {
	waits, next := make(map[string]int), make(map[string][]string)
	for _, e := range g.Edges {
		waits[e.To]++
		next[e.From] = append(next[e.From], e.To)
	}
	var free []string
	for name := range next {
		if waits[name] == 0 {
			free = append(free, name)
		}
	}
	left := len(g.Edges)
	for len(free) > 0 {
		name := free[len(free)-1]
		free = free[:len(free)-1]
		for _, to := range next[name] {
			left--
			if waits[to]--; waits[to] == 0 {
				free = append(free, to)
			}
		}
	}
	return left > 0
}

func (r *reader) checkNeurons(n *Node, refuse func(string)) {
	one := allAre(n.Data.Arrays["r"], 1)
	if r.r == "1" && !one {
		refuse("it needs r = 1")
	}
	if r.r == "1/dt" && one {
		refuse("it needs r = 1/dt, such as 10000")
	}
	if why := r.differs(n); r.uniform && why != "" {
		refuse(why)
	}
}

// isPopulation reports whether nodes of that type are neurons.
func isPopulation(typ string) bool { return has("IF LIF CubaLIF", typ) }

// differs says which parameter differs within a population, in a tool that wants one for all
// its neurons; "" if none does.
func (r *reader) differs(n *Node) string {
	for _, f := range sorted(n.Data.Arrays) {
		if x, err := n.Data.Arrays[f].Float32s(); err == nil && len(x) > 0 && !allAre(n.Data.Arrays[f], x[0]) {
			return fmt.Sprintf("it needs one %s per population", strings.TrimPrefix(f, "v_"))
		}
	}
	return ""
}

// allAre reports whether all elements of a are v.
func allAre(a Array, v float32) bool {
	x, err := a.Float32s()
	return err == nil && !slices.ContainsFunc(x, func(e float32) bool { return e != v })
}

func sinabsNotes(g *Graph) (why, notes []string) {
	for _, n := range g.Nodes {
		if n.Type == "Conv2d" && !allAre(n.Data.Arrays["groups"], 1) {
			notes = append(notes, fmt.Sprintf("takes the number of input channels of %q wrongly, which has groups", n.Name))
			break
		}
	}
	for _, n := range g.Nodes {
		switch leak := n.Data.Arrays["v_leak"]; {
		case n.Type != "LIF" && n.Type != "LI":
			continue
		case len(leak.Shape) > 1:
			why = append(why, fmt.Sprintf("it cannot have leaky neurons in more than one dimension, as %q is", n.Name))
		case !allAre(leak, 0):
			why = append(why, fmt.Sprintf("v_leak of %q must be 0", n.Name))
		case n.Type == "LI" && !allAre(n.Data.Arrays["r"], 1):
			why = append(why, fmt.Sprintf("r of %q must be 1", n.Name))
		default:
			continue
		}
		break
	}
	notes = append(notes, droppedPadding(g)...)
	return why, append(notes, depthFirstNote(g, "")...)
}

// droppedPadding names a sum whose padding a tool drops.
func droppedPadding(g *Graph) []string {
	for _, n := range g.Nodes {
		if n.Type == "SumPool2d" && !allAre(n.Data.Arrays["padding"], 0) {
			return []string{fmt.Sprintf("drops the padding of %q", n.Name)}
		}
	}
	return nil
}

// depthFirstNote names the nodes that come too late in releases that run nodes depth first.
func depthFirstNote(g *Graph, releases string) []string {
	late := lateNodes(g)
	if len(late) == 0 {
		return nil
	}
	return []string{releases + "runs nodes depth first, and so drops what arrives after a population has run, from: " + condensed(late)}
}

func norseNotes(g *Graph) (why, notes []string) {
	return nil, append(droppedPadding(g), depthFirstNote(g, "1.1.0 ")...)
}

// spyxNotes: its import goes from a node to one other.
func spyxNotes(g *Graph) (why, notes []string) {
	next, into := make(map[string]int), make(map[string]int)
	for _, e := range g.Edges {
		next[e.From]++
		into[e.To]++
	}
	for _, n := range g.Nodes {
		if next[n.Name] > 1 || into[n.Name] > 1 {
			return []string{fmt.Sprintf("it follows one edge from each node, and %q has several", n.Name)}, nil
		}
	}
	return nil, nil
}

// lateNodes returns the nodes that come after one they lead to in the order in
// which GraphExecutor of NIRTorch runs the nodes: depth first, along edges in the
// order of the file.
func lateNodes(g *Graph) (late []string) {
	next := make(map[string][]string)
	for _, e := range g.Edges {
		next[e.From] = append(next[e.From], e.To)
	}
	ran, isLate := make(map[string]bool), make(map[string]bool)
	var stack []string
	for _, n := range g.Nodes {
		if n.Type == "Input" {
			stack = append(stack, n.Name)
			break
		}
	}
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if ran[name] {
			continue
		}
		ran[name] = true
		isLate[name] = slices.ContainsFunc(next[name], func(to string) bool { return ran[to] })
		for _, to := range slices.Backward(next[name]) {
			stack = append(stack, to)
		}
	}
	for _, n := range g.Nodes {
		if isLate[n.Name] {
			late = append(late, n.Name)
		}
	}
	return late
}

// spiNNaker2Notes follows the conversion of py-spinnaker2.
func spiNNaker2Notes(g *Graph) (why, notes []string) {
	types := make(map[string]string)
	for _, n := range g.Nodes {
		types[n.Name] = n.Type
		if n.Type == "Conv2d" && !allAre(n.Data.Arrays["groups"], 1) && len(notes) == 0 {
			notes = append(notes, fmt.Sprintf("ignores the groups of %q", n.Name))
		}
	}
	neurons := func(name string) bool { return types[name] == "IF" || types[name] == "LIF" }
	for _, e := range g.Edges {
		if neurons(e.From) && neurons(e.To) {
			why = append(why, fmt.Sprintf("it does not support edges from neurons directly into neurons, such as from %q to %q", e.From, e.To))
			break
		}
	}
	for _, e := range g.Edges {
		if (neurons(e.From) || types[e.From] == "Input") && types[e.To] == "Flatten" {
			why = append(why, fmt.Sprintf("it drops Flatten nodes directly after neurons, such as %q", e.To))
			break
		}
	}
	return why, append(notes, "makes weights integers of 8 bits: give ConversionConfig(scale_weights=True, conn_delay=0)")
}

func spikingJellyNotes(g *Graph) (why, notes []string) {
	if slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Type == "LIF" }) {
		notes = append(notes, "wants the same numbers for all neurons of a LIF, and v_leak = v_reset")
	}
	return nil, append(notes, droppedPadding(g)...)
}

func snnTorchNotes(g *Graph) (why, notes []string) {
	if slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Type == "SumPool2d" }) {
		notes = append(notes, "0.9.4 has no SumPool2d, later releases have")
	}
	if AfterLoading(g) == "" {
		notes = append(notes, "a neuron that is above its threshold even after a spike fires again only above twice the threshold, unless reset_delay of every Leaky is True")
	}
	notes = append(notes, droppedPadding(g)...)
	return nil, append(notes, depthFirstNote(g, "0.9.4 ")...)
}

// Shape returns the shape of what a node gives, where its own parameters say it;
// nil otherwise, as for pools.
func (n *Node) Shape() []int {
	shape := func(field string) []int { return n.Data.Arrays[field].Shape }
	switch n.Type {
	case "Input", "Output":
		s, _ := n.Data.Arrays["shape"].Ints()
		return s
	case "Affine", "Linear":
		if s := shape("weight"); len(s) == 2 {
			return s[:1]
		}
	case "Flatten":
		// Unless it flattens the whole, the shape is not worth the trouble.
		if s, err := n.Data.Arrays["input_type"].Ints(); err == nil && n.flattensAll(len(s)) {
			size := 1
			for _, d := range s {
				size *= d
			}
			return []int{size}
		}
	case "Conv2d":
		w, err := n.convWindow()
		in, err2 := n.pairField("input_shape")
		if err != nil || err2 != nil {
			return nil
		}
		if rows, cols, err := w.Out(in[0], in[1]); err == nil {
			return []int{shape("weight")[0], rows, cols}
		}
	case "Scale":
		return shape("scale")
	case "Delay":
		return shape("delay")
	case "Threshold":
		return shape("threshold")
	case "IF", "LIF", "CubaLIF":
		return shape("v_threshold")
	case "I", "LI", "CubaLI":
		return shape("r")
	}
	return nil
}
