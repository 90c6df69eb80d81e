package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sresnet/ann"
)

// Fate is what becomes of a node of a trained network.
type Fate struct {
	Becomes     string // In words, such as "population of 512 IF neurons", or why it is unsupported.
	Neurons     int    // That it becomes.
	Unsupported bool   // It keeps the network from being converted.
}

// Fates returns what becomes of every node of g, in order, whether g converts or
// not. It needs no calibration. An error means that g is not valid.
func Fates(g *ann.Graph) ([]Fate, error) {
	f, err := fold(g)
	if err != nil {
		return nil, err
	}
	p, kept := f.populate(), f.ByName()
	reasons := make(map[string]string)
	for _, e := range p.bad {
		reasons[e.Node] = e.Reason
	}
	fates := make([]Fate, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if reason, bad := reasons[n.Name]; bad {
			fates[i] = Fate{Becomes: "unsupported: " + reason, Unsupported: true}
		} else {
			fates[i] = f.fate(n.Name, n.Op, p, kept)
		}
	}
	return fates, nil
}

const unneeded = "nothing: the output does not need it"

// fate returns what becomes of the named node, which was op and is not named as unsupported.
func (f *folding) fate(name string, op ann.Op, p *populator, kept map[string]*ann.Node) Fate {
	now := f.now(name, kept)
	fate := p.fates[now]
	words, away := f.fates[name]
	_, flattens := op.(*ann.Flatten)
	switch as := kept[name]; {
	case f.parts[name] != nil && !away:
		return f.together(name, op, p, kept)
	case f.parts[now] != nil && !away:
		fate = f.together(now, op, p, kept)
		fate.Neurons = 0 // Which are counted there.
	case away && f.parts[name] != nil:
		fate = f.together(name, op, p, kept)
		return Fate{Becomes: words + "; " + fate.Becomes, Neurons: fate.Neurons}
	case away && (as == nil || as.Op.Type() != op.Type()):
		return Fate{Becomes: words}
	case flattens:
		fate.Becomes = "nothing: the neurons stay in order"
	case as != nil && f.moved[name] != "": // Others take it without the batch norm.
		fate.Becomes += "; with " + f.moved[name] + ", " + p.fates[f.now(f.moved[name], kept)].Becomes
	case fate.Becomes == "":
		fate.Becomes = unneeded
	}
	if _, folded := f.fates[now]; now != name && f.ops[now] != "" && !folded { // Which counts them itself.
		fate.Neurons = 0
	}
	return fate
}

// together returns what becomes of a node whose work several do.
func (f *folding) together(name string, op ann.Op, p *populator, kept map[string]*ann.Node) Fate {
	var all Fate
	var words []string
	n := 0
	if as := kept[name]; as != nil {
		own := p.fates[name]
		if all.Neurons = own.Neurons; as.Op.Type() == op.Type() && own.Becomes != "" {
			words = append(words, own.Becomes)
		}
	}
	for _, part := range f.parts[name] {
		if f.now(part, kept) == name { // A part that went into the whole.
			continue
		}
		x := f.fate(part, op, p, kept)
		if x.Becomes == unneeded {
			continue
		}
		n++
		all.Neurons += x.Neurons
		if !slices.Contains(words, x.Becomes) {
			words = append(words, x.Becomes)
		}
	}
	if all.Becomes = strings.Join(words, "; "); n > 1 {
		all.Becomes = fmt.Sprintf("in %d parts: %s", n, all.Becomes)
	} else if n == 0 && all.Becomes == "" {
		all.Becomes = unneeded
	}
	return all
}

// populate finds the populations of the graph. What it finds wrong is named as in the
// graph that was folded.
func (f *folding) populate() *populator {
	p := populate(f.Graph)
	origin := make(map[string]string)
	for whole, parts := range f.parts {
		for _, part := range parts {
			origin[part] = whole
		}
	}
	bad := p.bad[:0]
	named := make(map[string]bool)
	for _, e := range p.bad {
		for origin[e.Node] != "" {
			e.Node = origin[e.Node]
		}
		for part, whole := range origin {
			e.Reason = strings.ReplaceAll(e.Reason, strconv.Quote(part), strconv.Quote(whole))
		}
		if op := f.ops[e.Node]; op != "" {
			e.Op = op
		}
		if !named[e.Node] {
			bad = append(bad, e)
		}
		named[e.Node] = true
	}
	p.bad = bad
	return p
}

// now returns the node of the folded graph that does the work of the named one.
func (f *folding) now(name string, kept map[string]*ann.Node) string {
	for kept[name] == nil && f.moved[name] != "" {
		name = f.moved[name]
	}
	return name
}

// note notes what becomes of n. The first note of a node stays.
func (p *populator) note(n *ann.Node, neurons int, format string, args ...any) {
	if _, ok := p.fates[n.Name]; !ok {
		p.fates[n.Name] = Fate{Becomes: fmt.Sprintf(format, args...), Neurons: neurons}
	}
}
