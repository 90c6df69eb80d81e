package nir

import (
	"fmt"
	"slices"
	"strings"
)

// Reading is what a tool makes of a graph.
type Reading struct {
	Reader string
	Reads  bool
	Why    string   // If it does not read the graph, or if nothing is known of it.
	Notes  []string // What it does otherwise than NIR, or than the network that sresnet wrote.
}

// reader is what is known of a tool, from NIR's table of supported primitives and
// the tools' code as of January 2026.
type reader struct {
	name    string
	types   string // Types of nodes it reads, beside those of every reader of convolutions.
	neurons string // What it takes IF for.
	zero    bool   // Neurons reset to zero.
	r       string // "1", "1/dt" or "" for any.
	uniform bool   // One threshold a node.
	noBias  bool   // Of convolutions.
	refuses string // What it has not; empty if it reads convolutional networks.
	more    func(g *Graph) string
}

// everyReader lists types that every reader of convolutional networks has.
const everyReader = " Input Output Conv2d Flatten Affine IF "

var readers = []reader{
	{name: "Sinabs, Speck", types: "SumPool2d", neurons: "IAFSqueeze: subtracts its threshold, fires several times a timestep where it can, goes no lower than minus its threshold; r and v_reset are ignored", more: sinabsNote},
	{name: "SpiNNaker2", types: "SumPool2d AvgPool2d Linear", neurons: "lif_no_delay: reset as configured, by subtraction unless told otherwise; the threshold is v_threshold / r"},
	{name: "Norse", types: "SumPool2d AvgPool2d Linear", neurons: "IAFCell: resets to 0, v_reset is ignored", zero: true},
	{name: "snnTorch", types: "AvgPool2d Linear", neurons: "Leaky with beta 0.9: a leaky neuron, which is another network", r: "1", uniform: true},
	{name: "SpikingJelly", types: "AvgPool2d Linear", neurons: "IFNode: resets to v_reset", zero: true, r: "1/dt", uniform: true},
	{name: "Spyx", types: "SumPool2d Scale Linear", neurons: "IF"},
	{name: "Lava-DL", types: "SumPool2d Linear", neurons: "CUBA neuron without decay of the potential", noBias: true},
	{name: "Nengo, Rockpool, hxtorch, jaxsnn", refuses: "IF neurons and convolutions"},
}

// judgedTypes are the types of nodes that the table of readers says something of.
const judgedTypes = everyReader + " SumPool2d AvgPool2d Scale Linear "

// Readers says of the tools of the field which read the graph, and what they will
// get wrong.
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
	var refused, unknown []string
	note := func(list *[]string, s string) {
		if !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	neurons := false
	for _, n := range g.Nodes {
		switch {
		case !has(judgedTypes, n.Type):
			note(&unknown, n.Type)
		case r.refuses != "":
			if n.Type == "IF" || n.Type == "Conv2d" {
				note(&refused, "it has no "+r.refuses)
			}
		case !has(everyReader+r.types, n.Type):
			note(&refused, "it has no "+n.Type)
		case n.Type == "IF":
			neurons = true
			r.checkNeurons(n, func(s string) { note(&refused, s) })
		case n.Type == "Conv2d" && r.noBias && !allAre(n.Data.Arrays["bias"], 0):
			note(&refused, "it refuses convolutions with a bias")
		}
	}
	if len(refused) > 0 {
		v.Why = strings.Join(refused, "; ")
		return v
	}
	if len(unknown) > 0 {
		v.Why = "not known of nodes of type " + strings.Join(unknown, ", ")
		return v
	}
	v.Reads = true
	if neurons {
		v.Notes = append(v.Notes, "IF becomes "+r.neurons)
		if r.zero && g.Metadata.Text("reset") == "subtract" {
			v.Notes = append(v.Notes, "loses the charge above the threshold with every spike")
		}
	}
	if r.more != nil {
		if s := r.more(g); s != "" {
			v.Notes = append(v.Notes, s)
		}
	}
	return v
}

func (r *reader) checkNeurons(n *Node, refuse func(string)) {
	one := allAre(n.Data.Arrays["r"], 1)
	if r.r == "1" && !one {
		refuse("it wants r = 1")
	}
	if r.r == "1/dt" && one {
		refuse("it wants r = 1/dt, such as 10000")
	}
	if th, err := n.Data.Arrays["v_threshold"].Float32s(); r.uniform && err == nil && len(th) > 0 && !allAre(n.Data.Arrays["v_threshold"], th[0]) {
		refuse("it wants one threshold a population")
	}
}

// allAre reports whether all elements of a are v.
func allAre(a Array, v float32) bool {
	x, err := a.Float32s()
	return err == nil && !slices.ContainsFunc(x, func(e float32) bool { return e != v })
}

func sinabsNote(g *Graph) string {
	for _, n := range g.Nodes {
		if n.Type == "Conv2d" && !allAre(n.Data.Arrays["groups"], 1) {
			return fmt.Sprintf("takes the number of input channels of %q wrongly, which has groups", n.Name)
		}
		if n.Type == "SumPool2d" && !allAre(n.Data.Arrays["padding"], 0) {
			return fmt.Sprintf("drops the padding of %q", n.Name)
		}
	}
	return ""
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
		if s, err := n.Data.Arrays["input_type"].Ints(); err == nil && allAre(n.Data.Arrays["start_dim"], 0) && allAre(n.Data.Arrays["end_dim"], -1) {
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
