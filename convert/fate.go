package convert

import (
	"fmt"
	"maps"
	"slices"
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
	p, kept := populate(f.Graph), f.ByName()
	reasons := make(map[string]string)
	for _, e := range p.bad {
		reasons[e.Node] = e.Reason
	}
	if f.rewritten {
		return f.rewrittenFates(g, p, reasons), nil
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

// rewrittenFates is Fates where nodes do the work of others.
func (f *folding) rewrittenFates(g *ann.Graph, p *populator, reasons map[string]string) []Fate {
	kept := f.ByName()
	does := make(map[string][]string) // Nodes that are left, by the one whose work they do.
	gone := make(map[string]string)   // In words, likewise.
	for i := range f.Nodes {
		if name := f.Nodes[i].Name; f.fates[name] == "" {
			does[f.does(name)] = append(does[f.does(name)], name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.moved)) {
		if now := f.now(name, kept); kept[name] == nil && kept[now] != nil && f.fates[now] != "" {
			does[f.does(name)] = append(does[f.does(name)], now)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.fates)) {
		gone[f.does(name)] = f.fates[name]
	}
	unsupported := make(map[string]string)
	for _, e := range p.bad {
		unsupported[f.does(e.Node)] = reasons[e.Node]
	}
	fates := make([]Fate, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		var words []string
		for _, name := range does[n.Name] {
			fate := p.fates[name]
			fates[i].Neurons += fate.Neurons
			if fate.Becomes != "" && !slices.Contains(words, fate.Becomes) {
				words = append(words, fate.Becomes)
			}
		}
		for to := f.moved[n.Name]; to != "" && len(words) == 0 && gone[n.Name] == ""; to = f.moved[to] {
			for _, name := range does[to] { // Parts of what does its work, too.
				words = append(words, p.fates[name].Becomes)
			}
			if len(words) == 0 && gone[to] != "" {
				words = []string{gone[to]}
			}
		}
		if some := slices.DeleteFunc(slices.Clone(words), nothing); len(some) > 0 {
			words = some
		}
		switch reason, bad := unsupported[n.Name]; {
		case bad:
			words, fates[i].Unsupported = []string{"unsupported: " + reason}, true
		case len(words) > 0:
		case gone[n.Name] != "":
			words = []string{gone[n.Name]}
		case flat(n):
			words = []string{"nothing: the neurons stay in order"}
		default:
			words = []string{"nothing: the output does not need it"}
		}
		fates[i].Becomes = strings.Join(words, "; ")
	}
	return fates
}

// nothing reports whether words tell of a node that becomes nothing itself.
func nothing(words string) bool { return strings.HasPrefix(words, "nothing: ") }

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
