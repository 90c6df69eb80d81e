package convert

import (
	"fmt"

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
	p, kept := populate(f.Graph), f.ByName()
	reasons := make(map[string]string)
	for _, e := range p.bad {
		reasons[e.Node] = e.Reason
	}
	parts := make(map[string][]Fate) // Of new nodes, by the node that they do a part of.
	for i := range f.Nodes {
		name := f.Nodes[i].Name
		if from := f.origin[name]; from != "" {
			if reason, bad := reasons[name]; bad && reasons[from] == "" {
				reasons[from] = reason
			}
			if fate := p.fates[name]; fate.Neurons > 0 && !f.standsIn(name) {
				parts[from] = append(parts[from], fate)
			}
		}
	}
	fates := make([]Fate, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		now := f.now(n.Name, kept)
		for f.stands[now] != "" && now == n.Name {
			n := f.stands[now]
			for f.stands[n] != "" {
				n = f.stands[n]
			}
			now = f.now(n, kept)
		}
		fates[i] = p.fates[now]
		words, away := f.fates[n.Name]
		reason, bad := reasons[n.Name]
		switch as := kept[n.Name]; {
		case bad:
			fates[i].Becomes, fates[i].Unsupported = "unsupported: "+reason, true
		case away && (as == nil || as.Op.Type() != n.Op.Type()):
			fates[i] = Fate{Becomes: words}
		case flat(n):
			fates[i].Becomes = "nothing: the neurons stay in order"
		case as != nil && f.moved[n.Name] != "": // Others take it without the batch norm.
			fates[i].Becomes += "; with " + f.moved[n.Name] + ", " + p.fates[f.now(f.moved[n.Name], kept)].Becomes
		case fates[i].Becomes == "":
			fates[i].Becomes = "nothing: the output does not need it"
		}
		for _, part := range parts[n.Name] {
			fates[i].Becomes += "; " + part.Becomes
			fates[i].Neurons += part.Neurons
		}
	}
	return fates, nil
}

// now returns the node of the folded graph that does the work of the named one.
func (f *folding) now(name string, kept map[string]*ann.Node) string {
	for kept[name] == nil && f.moved[name] != "" {
		name = f.moved[name]
	}
	return name
}

// standsIn reports whether a new node does the work of another.
func (f *folding) standsIn(name string) bool {
	for _, n := range f.stands {
		if n == name {
			return true
		}
	}
	return false
}

// note notes what becomes of n. The first note of a node stays.
func (p *populator) note(n *ann.Node, neurons int, format string, args ...any) {
	if _, ok := p.fates[n.Name]; !ok {
		p.fates[n.Name] = Fate{Becomes: fmt.Sprintf(format, args...), Neurons: neurons}
	}
}
