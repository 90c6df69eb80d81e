package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"sresnet/experiment"
	"sresnet/internal/terminal"
	"sresnet/sweep"
)

// sweepTimesteps are the lengths at which the table of a sweep shows accuracies,
// beside --at and T.
var sweepTimesteps = []int{32, 64, 128, 256}

// marks returns the lengths to show, ascending.
func (k *keptSweep) marks() []int {
	list := []int{k.At, k.Options.Timesteps}
	for _, t := range sweepTimesteps {
		if t < k.Options.Timesteps {
			list = append(list, t)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// showSweep prints a sweep as JSON or as text.
func showSweep(w io.Writer, k *keptSweep, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(k.Report())
	}
	terminal.Printf(w, "%s, %s, pixels normalised as %s\n", k.Graph.Name, terminal.Plural(len(k.Settings), "setting", "settings"), k.Options.Normalize)
	terminal.Printf(w, "calibration: %s, for scales and compensation\n", k.CalibrationName())
	terminal.Printf(w, "selection:   %s, held out from calibration\n", k.SelectionName())
	for _, r := range k.Results {
		if r != nil {
			terminal.Printf(w, "             trained network: %s %%; below, the accuracy of the spiking network on them in percent\n\n", terminal.Percent(r.TrainedTop1))
			break
		}
	}
	k.printSettings(w)
	if k.Chosen() >= 0 {
		k.printChoice(w)
	}
	return nil
}

// printSettings prints a line for each finished setting.
func (k *keptSweep) printSettings(w io.Writer) {
	var columns []string
	align, header := "", []string(nil)
	for i, name := range sweep.Axes() {
		p := experiment.OptionNamed(name)
		// Columns in which all lines would be the same tell nothing, except the first ones.
		if !p.Setting.Always && !slices.ContainsFunc(k.Settings, func(s sweep.Setting) bool { return s[i] != k.Settings[0][i] }) {
			continue
		}
		columns = append(columns, name)
		letter, title := "L", name
		if p.Words == nil { // A number.
			letter = "R"
		}
		if name == "v-init" {
			title = "V[0]"
		}
		align, header = align+letter, append(header, title)
	}
	for _, T := range k.marks() {
		align, header = align+"r", append(header, fmt.Sprintf("T = %d", T))
	}
	align, header = align+"r", append(header, fmt.Sprintf("operations at %d", k.At))
	best := k.Chosen()
	if best >= 0 {
		align, header = align+"l", append(header, "")
	}
	t := terminal.NewTable(align, header...)
	for i, s := range k.Settings {
		r := k.Results[i]
		if r == nil {
			continue
		}
		var row []any
		for _, name := range columns {
			row = append(row, s.Value(name))
		}
		for _, T := range k.marks() {
			row = append(row, terminal.Percent(r.SpikingTop1[T-1]))
		}
		row = append(row, terminal.Count(r.Candidate(k.At).Operations))
		if i == best {
			row = append(row, "◂")
		}
		t.Append(row...)
	}
	t.Print(w)
}

// printChoice shows the setting that is chosen, and its result on test images.
func (k *keptSweep) printChoice(w io.Writer) {
	best := k.Chosen()
	name, r, ties := k.Settings[best].Name(), k.Results[best], ""
	if n := k.Ties(); n > 1 {
		ties = fmt.Sprintf(";\n        %d settings are equally accurate there; this one takes the fewest operations", n)
	}
	terminal.Printf(w, "chosen: %s, with %s %% at T = %d on the selection images%s\n", name, terminal.Percent(r.SpikingTop1[k.At-1]), k.At, ties)
	if c := k.Confirmed; c != nil {
		terminal.Printf(w, "\nconfirmation: %s on %d held-out test images of %s\n", name, c.Images, experiment.SourceOf(k.Options.Data))
		terminal.Printf(w, "              trained network: %s %%\n\n", terminal.Percent(c.TrainedTop1))
		t := terminal.NewTable("rrrr", "T", "spiking %", "agreement %", "operations/image")
		for _, T := range k.marks() {
			t.Append(T, terminal.Percent(c.SpikingTop1[T-1]), terminal.Percent(c.Agreement[T-1]), terminal.Count(c.Candidate(T).Operations))
		}
		t.Print(w)
	}
	if k.out != "" {
		terminal.Printf(w, "kept in %s: a folder per setting, %s for the test run, sweep.csv for all numbers\n", k.out, sweep.Confirmation)
	}
}
