package main

import (
	"io"

	"sresnet/energy"
	"sresnet/internal/terminal"
)

// printEnergy shows what both networks do for one image, and what that takes on a
// device if there is one.
func printEnergy(w io.Writer, e *energy.Accounts) {
	if e.ANN == nil {
		printEnergyAlone(w, e)
		return
	}
	header, align := []string{"per image", "trained MACs", "trained ACs", "spiking MACs", "spiking ACs", "updates"}, "lrrrrr"
	if e.Device != nil {
		header, align = append(header, "trained energy", "spiking energy"), align+"rr"
	}
	t := terminal.NewTable(align, header...)
	row := func(name string, ann, snn *energy.Operations, cost ...any) { // Which is dropped where there is no column for it.
		t.Append(append([]any{name, count(ann.MACs), count(ann.ACs), count(snn.MACs), count(snn.ACs), count(snn.Updates)}, cost...)...)
	}
	for _, part := range energy.Parts() {
		ann, snn := e.ANN.Sum(part), e.SNN.Sum(part)
		if ann.Operations != (energy.Operations{}) || snn.Operations != (energy.Operations{}) {
			row(string(part), &ann.Operations, &snn.Operations, joules(&ann.Operations, ann.Joules), joules(&snn.Operations, snn.Joules))
		}
	}
	t.Separator()
	row("sum, effective", &e.ANN.Operations, &e.SNN.Operations, joules(&e.ANN.Operations, e.ANN.Joules), joules(&e.SNN.Operations, e.SNN.Joules))
	row("sum, dense", e.ANN.Dense(), e.SNN.Dense())
	t.Print(w)

	terminal.Printf(w, "sparsity:   activations %s %% trained, %s %% spiking; connections %s %% and %s %%\n",
		terminal.Percent(e.ANN.ActivationSparsity), terminal.Percent(e.SNN.ActivationSparsity), terminal.Percent(e.ANN.ConnectionSparsity), terminal.Percent(e.SNN.ConnectionSparsity))
	terminal.Printf(w, "footprint:  %s trained, %s spiking, potentials included\n", terminal.Bytes(e.ANN.FootprintBytes), terminal.Bytes(e.SNN.FootprintBytes))
	printLines(w, "energy:", energyLines(e))
	printLines(w, "break-even:", e.BreakEven.Words(e.Device, e.Timesteps))
}

// printEnergyAlone is printEnergy for a spiking network by itself.
func printEnergyAlone(w io.Writer, e *energy.Accounts) {
	header, align := []string{"per image", "MACs", "ACs", "updates"}, "lrrr"
	if e.Device != nil {
		header, align = append(header, "energy"), align+"r"
	}
	t := terminal.NewTable(align, header...)
	row := func(name string, o *energy.Operations, cost ...any) {
		t.Append(append([]any{name, count(o.MACs), count(o.ACs), count(o.Updates)}, cost...)...)
	}
	for _, part := range energy.Parts() {
		if s := e.SNN.Sum(part); s.Operations != (energy.Operations{}) {
			row(string(part), &s.Operations, joules(&s.Operations, s.Joules))
		}
	}
	t.Separator()
	row("sum, effective", &e.SNN.Operations, joules(&e.SNN.Operations, e.SNN.Joules))
	row("sum, dense", e.SNN.Dense())
	t.Print(w)

	terminal.Printf(w, "sparsity:   activations %s %%; connections %s %%\n", terminal.Percent(e.SNN.ActivationSparsity), terminal.Percent(e.SNN.ConnectionSparsity))
	terminal.Printf(w, "footprint:  %s, potentials included\n", terminal.Bytes(e.SNN.FootprintBytes))
	printLines(w, "energy:", energyLines(e))
	printLines(w, "spikes:", e.BreakEven.Words(nil, e.Timesteps))
}

// printLines writes a list after a name, one item per line.
func printLines(w io.Writer, name string, list []string) {
	for i, s := range list {
		if i > 0 {
			name = ""
		}
		terminal.Printf(w, "%-11s %s\n", name, s)
	}
}

// energyLines says whose energies the table has, and what it leaves out.
func energyLines(e *energy.Accounts) []string {
	if e.Device == nil {
		return []string{"--device 45nm, or another one, multiplies the effective operations by its energies"}
	}
	return e.Words()
}

// joules formats the energy of operations, and nothing where there are none.
func joules(o *energy.Operations, x *energy.Joules) string {
	switch {
	case *o == energy.Operations{}:
		return ""
	case x == nil:
		return "not counted"
	}
	return x.String()
}

// count formats a number of operations, and nothing for none.
func count(x float64) string {
	if x == 0 {
		return ""
	}
	return terminal.Count(x)
}
