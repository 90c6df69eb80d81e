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
	fates := make([]Fate, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		fates[i] = p.fates[f.now(n.Name, kept)]
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

// note notes what becomes of n. The first note of a node stays.
func (p *populator) note(n *ann.Node, neurons int, format string, args ...any) {
	if _, ok := p.fates[n.Name]; !ok {
		p.fates[n.Name] = Fate{Becomes: fmt.Sprintf(format, args...), Neurons: neurons}
	}
}
