package main

import (
	"fmt"
	"io"
	"strings"

	"sresnet/eval"
	"sresnet/internal/terminal"
)

// printEnergy shows what both networks do for one image, and what that takes on a
// device if there is one.
func printEnergy(w io.Writer, e *eval.Energy) {
	if e.ANN == nil {
		printEnergyAlone(w, e)
		return
	}
	header, align := []string{"an image takes", "trained MACs", "trained ACs", "spiking MACs", "spiking ACs", "updates"}, "lrrrrr"
	if e.Device != nil {
		header, align = append(header, "trained", "spiking"), align+"rr"
	}
	t := terminal.NewTable(align, header...)
	row := func(name string, ann, snn *eval.Operations, joules ...string) {
		cells := []any{name, count(ann.MACs), count(ann.ACs), count(snn.MACs), count(snn.ACs), count(snn.Updates)}
		if e.Device != nil {
			for _, x := range joules {
				cells = append(cells, x)
			}
		}
		t.Append(cells...)
	}
	for _, part := range eval.Parts() {
		ann, snn := e.ANN.Sum(part), e.SNN.Sum(part)
		if ann.Operations != (eval.Operations{}) || snn.Operations != (eval.Operations{}) {
			row(string(part), &ann.Operations, &snn.Operations, energy(&ann.Operations, ann.Joules), energy(&snn.Operations, snn.Joules))
		}
	}
	t.Separator()
	row("sum, effective", &e.ANN.Operations, &e.SNN.Operations, energy(&e.ANN.Operations, e.ANN.Joules), energy(&e.SNN.Operations, e.SNN.Joules))
	row("sum, dense", dense(e.ANN), dense(&e.SNN))
	t.Print(w)

	terminal.Printf(w, "sparsity:  activations %s %% trained, %s %% spiking; connections %s %% and %s %%\n",
		terminal.Percent(e.ANN.ActivationSparsity), terminal.Percent(e.SNN.ActivationSparsity), terminal.Percent(e.ANN.ConnectionSparsity), terminal.Percent(e.SNN.ConnectionSparsity))
	terminal.Printf(w, "footprint: %s trained, %s spiking, potentials included\n", terminal.Bytes(e.ANN.FootprintBytes), terminal.Bytes(e.SNN.FootprintBytes))
	printLines(w, "energy:", energyLines(e))
	printLines(w, "even:", e.BreakEven.Words(e.Device, e.Timesteps))
}

// printEnergyAlone is printEnergy for a spiking network by itself.
func printEnergyAlone(w io.Writer, e *eval.Energy) {
	header, align := []string{"an image takes", "MACs", "ACs", "updates"}, "lrrr"
	if e.Device != nil {
		header, align = append(header, "energy"), align+"r"
	}
	t := terminal.NewTable(align, header...)
	row := func(name string, o *eval.Operations, joules ...string) {
		cells := []any{name, count(o.MACs), count(o.ACs), count(o.Updates)}
		if e.Device != nil {
			for _, x := range joules {
				cells = append(cells, x)
			}
		}
		t.Append(cells...)
	}
	for _, part := range eval.Parts() {
		if s := e.SNN.Sum(part); s.Operations != (eval.Operations{}) {
			row(string(part), &s.Operations, energy(&s.Operations, s.Joules))
		}
	}
	t.Separator()
	row("sum, effective", &e.SNN.Operations, energy(&e.SNN.Operations, e.SNN.Joules))
	row("sum, dense", dense(&e.SNN))
	t.Print(w)

	terminal.Printf(w, "sparsity:  activations %s %%; connections %s %%\n", terminal.Percent(e.SNN.ActivationSparsity), terminal.Percent(e.SNN.ConnectionSparsity))
	terminal.Printf(w, "footprint: %s, potentials included\n", terminal.Bytes(e.SNN.FootprintBytes))
	printLines(w, "energy:", energyLines(e))
	printLines(w, "spikes:", e.BreakEven.Words(nil, e.Timesteps))
}

// dense returns the operations of an account with those of zeros.
func dense(a *eval.Account) *eval.Operations {
	return &eval.Operations{MACs: a.DenseMACs, ACs: a.DenseACs, Updates: a.Updates}
}

// printLines writes a list behind a name, a line each.
func printLines(w io.Writer, name string, list []string) {
	for i, s := range list {
		if i > 0 {
			name = ""
		}
		terminal.Printf(w, "%-10s %s\n", name, s)
	}
}

// energyLines says whose energies the table has, and what it leaves out.
func energyLines(e *eval.Energy) []string {
	if e.Device == nil {
		return []string{"--device 45nm, or another, multiplies the effective operations with its energies"}
	}
	list := []string{
		e.Device.String(), e.Device.Source,
		"not counted: " + strings.Join(e.NotCounted, "; "),
	}
	if even := e.BreakEven.Effective; even != nil && even.Joules > 0 {
		list = append(list, fmt.Sprintf("of what is counted, the spiking network takes %.3g times as much as the trained one, %.3g times as much as one that multiplies zeros, too",
			*e.SNN.Joules/even.Joules, *e.SNN.Joules/e.BreakEven.Dense.Joules))
	}
	return list
}

// energy formats the energy of operations, and nothing where there are none.
func energy(o *eval.Operations, x *eval.Joules) string {
	switch {
	case *o == eval.Operations{}:
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
