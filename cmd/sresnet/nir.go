package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/experiment"
	"sresnet/internal/terminal"
	"sresnet/nir"
	"sresnet/snn"
	"sresnet/target"
	"sresnet/tensor"
)

// nirFile is what nir prints of a file.
type nirFile struct {
	File     string       `json:"file"`
	Version  string       `json:"version"` // Of the NIR package.
	Info     nir.Info     `json:"info"`    // Empty unless sresnet wrote the file.
	Nodes    []nirNode    `json:"nodes"`
	Edges    [][2]string  `json:"edges"`
	Problems []string     `json:"problems"`
	Readers  []nirReading `json:"readers"`
	Warnings []string     `json:"warnings"`                // Which sresnet left in the file.
	Runs     string       `json:"runs"`                    // Why sresnet cannot run it; empty if it can.
	Setup    string       `json:"after_loading,omitempty"` // Python, for the tool that the file is for.
	Rule     string       `json:"rule,omitempty"`          // By which neurons go, of a file of another tool.
	Timing   string       `json:"timing"`                  // When its populations fire, in words; empty for those of the paper.
}

type nirNode struct {
	Name       string              `json:"name"` // Nodes of graphs within graphs come after them, with a path.
	Type       string              `json:"type"`
	Shape      []int               `json:"shape"` // Of what it gives; null where its parameters do not say.
	Parameters map[string]nirArray `json:"parameters"`
	From       []string            `json:"from"`
}

type nirArray struct {
	Kind  string `json:"kind"`
	Shape []int  `json:"shape"`
	Value any    `json:"value,omitempty"` // Of scalars and short lists.
}

type nirReading struct {
	Reader string   `json:"reader"`
	Reads  *bool    `json:"reads"` // Null where that is not known.
	Why    string   `json:"why,omitempty"`
	Notes  []string `json:"notes"`
}

func newNIR() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "nir FILE[?reset=subtract&fires=at]",
		Short: "Show a NIR file, node by node, and which tools read it",
		Long: `nir prints every node of a NIR file with its type, the shape of its output, its
parameters and where its input comes from; what is wrong with the file; whether
sresnet can run it; and which tools of the field read it, with what they are
known to get wrong (docs/nir.md). Files of other tools do not say how neurons
reset and whether they fire at the threshold or above it: the rule that is taken
is shown, and FILE?reset=subtract&fires=at takes another, here and as MODEL of
other commands.`,
		Example: `  sresnet nir resnet20.nir
  sresnet nir resnet20.nir --json
  sresnet nir 'sinabs.nir?reset=subtract&fires=at'`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, net, rule, why, err := experiment.ReadNIR(args[0])
			if err != nil {
				return err
			}
			f := newNIRFile(args[0], g)
			f.simulated(g, net, rule, why)
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(f)
			}
			f.print(cmd.OutOrStdout())
			return nil
		},
	}
	jsonFlag(cmd, &asJSON)
	cmd.ValidArgsFunction = cobra.FixedCompletions([]string{"nir"}, cobra.ShellCompDirectiveFilterFileExt)
	finish(cmd)
	return cmd
}

func newNIRFile(name string, g *nir.Graph) *nirFile {
	f := &nirFile{File: name, Version: g.Version, Info: nir.InfoOf(g), Edges: [][2]string{}, Problems: append([]string{}, g.Check()...), Warnings: []string{}, Setup: nir.AfterLoading(g)}
	f.addNodes("", g)
	for _, r := range nir.Readers(g) {
		n := nirReading{Reader: r.Reader, Why: r.Why, Notes: append([]string{}, r.Notes...)}
		if !r.Unknown {
			n.Reads = &r.Reads
		}
		f.Readers = append(f.Readers, n)
	}
	if g.Metadata != nil {
		warnings, _ := g.Metadata.Arrays["warnings"].Data.([]string)
		f.Warnings = append(f.Warnings, warnings...)
	}
	return f
}

// simulated says whether sresnet runs the network, and how.
func (f *nirFile) simulated(g *nir.Graph, net *snn.Network, rule nir.Rule, why error) {
	if why != nil {
		f.Runs = strings.TrimPrefix(why.Error(), "nir: ")
		return
	}
	f.Timing = net.Timing(net.TunedFor)
	if g.Foreign() {
		f.Rule = rule.String()
	}
}

// addNodes adds the nodes of g, with prefix before their names, in the order of the
// edges where these define one.
func (f *nirFile) addNodes(prefix string, g *nir.Graph) {
	from, shapes := make(map[string][]string), g.Shapes()
	for _, e := range g.Edges {
		f.Edges = append(f.Edges, [2]string{prefix + e.From, prefix + e.To})
		from[e.To] = append(from[e.To], e.From)
	}
	for _, n := range g.AlongEdges() {
		node := nirNode{Name: prefix + n.Name, Type: n.Type, Shape: shapes[n.Name], From: append([]string{}, from[n.Name]...), Parameters: make(map[string]nirArray)}
		for name, a := range n.Data.Arrays {
			v := nirArray{Kind: a.Kind(), Shape: a.Shape}
			if x, err := a.Ints(); err == nil && len(x) <= 4 && len(a.Shape) <= 1 && strings.Contains(a.Kind(), "int") {
				v.Value = x
			}
			if s, err := a.Text(); err == nil {
				v.Value = s
			}
			node.Parameters[name] = v
		}
		f.Nodes = append(f.Nodes, node)
		if n.Graph != nil {
			f.addNodes(prefix+n.Name+"/", n.Graph)
		}
	}
}

func (f *nirFile) print(w io.Writer) {
	from := ""
	if i := f.Info; i.Version != "" {
		from = fmt.Sprintf(", written by sresnet %s from %s", i.Version, cmp.Or(i.Model, "a network"))
	}
	terminal.Printf(w, "%s\n\n", terminal.Clean(f.File+": NIR "+cmp.Or(f.Version, "without a version")+from))
	t := terminal.NewTable("llltt", "node", "type", "output", "parameters", "from")
	for _, n := range f.Nodes {
		var shape any = ""
		if n.Shape != nil {
			shape = tensor.Shape(n.Shape)
		}
		t.Append(n.Name, n.Type, shape, n.parameters(), strings.Join(n.From, ", "))
	}
	t.Print(w)
	terminal.List(w, "What is wrong with the file:", f.Problems)
	if f.Runs == "" {
		terminal.Printf(w, "%s.\n\n", strings.TrimSuffix("sresnet runs it: "+f.Timing, ": "))
		if f.Rule != "" {
			terminal.Printf(w, "Neurons: %s. Another tool wrote the file, which does not say it; name it as FILE?reset=subtract&fires=at for another rule.\n\n", f.Rule)
		}
	} else {
		terminal.Printf(w, "sresnet cannot run it: %s\n\n", terminal.Clean(f.Runs))
	}
	t = terminal.NewTable("llt", "reader", "reads it", "")
	for _, r := range f.Readers {
		reads, why := "no", strings.Split(r.Why, "; ")
		switch {
		case r.Reads == nil:
			reads = "?"
		case *r.Reads:
			reads, why = "yes", r.Notes
		}
		t.Append(r.Reader, reads, strings.Join(why, "\n"))
	}
	t.Print(w)
	terminal.List(w, "What readers will do differently from sresnet:", f.Warnings)
	target.PrintSetup(w, f.Setup)
}

// parameters lists the parameters in short: values of sizes, shapes of arrays.
func (n *nirNode) parameters() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(n.Parameters)) {
		if name == "shape" || name == "input_shape" || name == "input_type" {
			continue // The column of shapes says as much.
		}
		switch a := n.Parameters[name]; v := a.Value.(type) {
		case []int:
			words = append(words, name+" "+tensor.Shape(v).String())
		case string:
			words = append(words, name+" "+v)
		default:
			words = append(words, name+" "+tensor.Shape(a.Shape).String())
		}
	}
	return strings.Join(words, ", ")
}
