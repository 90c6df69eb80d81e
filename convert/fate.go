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
		fates[i] = p.fate(f.now(n.Name, kept), f.does)
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
			fates[i].Becomes += "; with " + f.moved[n.Name] + ", " + p.fate(f.now(f.moved[n.Name], kept), f.does).Becomes
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
	gone := make(map[string][]string) // In words, likewise.
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
		if words := f.fates[name]; !slices.Contains(gone[f.does(name)], words) {
			gone[f.does(name)] = append(gone[f.does(name)], words)
		}
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
			fate := p.fate(name, f.does)
			fates[i].Neurons += fate.Neurons
			if !isSum(n) { // It is one of its parts.
				fate.Becomes = strings.ReplaceAll(strings.ReplaceAll(fate.Becomes, "; "+areCurrents, ""), areCurrents, "what it takes are currents")
			}
			if fate.Becomes != "" {
				words = append(words, fate.Becomes)
			}
		}
		for to := f.moved[n.Name]; to != "" && len(words) == 0 && gone[n.Name] == nil; to = f.moved[to] {
			for _, name := range does[to] { // Parts of what does its work, too.
				if w := p.fate(name, f.does).Becomes; w != "" {
					words = append(words, w)
				}
			}
			if len(words) == 0 {
				words = gone[to]
			}
		}
		words = joined(slices.Concat(gone[n.Name], words))
		if some := slices.DeleteFunc(slices.Clone(words), nothing); len(some) > 0 {
			words = some
		}
		switch reason, bad := unsupported[n.Name]; {
		case bad:
			words, fates[i].Unsupported = []string{"unsupported: " + reason}, true
		case len(words) > 0:
		case flat(n):
			words = []string{"nothing: the neurons stay in order"}
		default:
			words = []string{"nothing: the output does not need it"}
		}
		fates[i].Becomes = strings.Join(words, "; ")
	}
	return fates
}

// areCurrents is what becomes of a sum.
const areCurrents = "its branches are currents"

// nothing reports whether words tell of a node that becomes nothing itself.
func nothing(words string) bool { return strings.HasPrefix(words, "nothing: ") }

// now returns the node of the folded graph that does the work of the named one.
func (f *folding) now(name string, kept map[string]*ann.Node) string {
	for kept[name] == nil && f.moved[name] != "" {
		name = f.moved[name]
	}
	return name
}

// joined merges words that differ in the nodes they name, and such as are the same.
func joined(words []string) []string {
	names := make(map[string][]string)
	times := make(map[string]int)
	var out []string
	for i, w := range words {
		if off, ok := strings.CutPrefix(w, "OFF population"); ok && i > 0 && words[i-1] == "ON population"+off {
			if times[words[i-1]]--; times[words[i-1]] == 0 {
				out = slices.DeleteFunc(out, func(s string) bool { return s == words[i-1] })
			}
			w = "ON and OFF populations" + off + " each"
		}
		for _, start := range []string{"folded into ", "padding of ", "synapses into ", "synapses of one weight into ", "part of the shortcut into "} {
			if name, ok := strings.CutPrefix(w, start); ok {
				if w = start; !slices.Contains(names[start], name) {
					names[start] = append(names[start], name)
				}
			}
		}
		if times[w]++; times[w] == 1 {
			out = append(out, w)
		}
	}
	for i, w := range out {
		switch {
		case names[w] != nil:
			out[i] += enumerate(names[w])
		case times[w] > 1 && strings.HasSuffix(w, "IF neurons"):
			out[i] = strings.Replace(strings.Replace(w, "a population of", "population of", 1), "population of", fmt.Sprintf("%d populations of", times[w]), 1) + " each"
		}
	}
	return out
}

// most is how many nodes a fate names.
const most = 3

// enumerate puts names in a row.
func enumerate(names []string) string {
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, " and ")
}

// note notes what becomes of n, unless something is noted already.
func (p *populator) note(n *ann.Node, neurons int, format string, args ...any) bool {
	_, ok := p.fates[n.Name]
	if !ok {
		p.fates[n.Name] = Fate{Becomes: fmt.Sprintf(format, args...), Neurons: neurons}
	}
	return !ok
}

// noteSynapses notes that n becomes synapses of that kind into the population that is
// looked at.
func (p *populator) noteSynapses(n *ann.Node, kind string) {
	p.note(n, 0, "%s", kind)
	if into := p.targets[n.Name]; len(into) == 0 || into[len(into)-1] != p.into {
		p.targets[n.Name] = append(into, p.into)
	}
}

// fate returns what becomes of the named node, with other nodes under the names that
// does gives.
func (p *populator) fate(name string, does func(string) string) Fate {
	fate := p.fates[name]
	var from, into []string
	for _, of := range p.shortcuts[name] {
		if of = does(of); !slices.Contains(from, of) {
			from = append(from, of)
			fate.Becomes += fmt.Sprintf("; shortcut from %s, weight lambda(from)/lambda(to)", of)
		}
	}
	for _, to := range p.targets[name] {
		if to = does(to); to != does(name) && !slices.Contains(into, to) {
			into = append(into, to)
		}
	}
	if len(into) > 0 {
		fate.Becomes += " into " + enumerate(into)
	}
	return fate
}
