package main

import (
	"encoding/json"
	"fmt"
	"io"

	"sresnet/experiment"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/sweep"
)

// marks returns the lengths to show, ascending: beside --at and T, some usual ones.
func (k *keptSweep) marks() []int { return k.Marks(32, 64, 128, 256) }

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
	columns, align, header := k.Columns(), "", []string(nil)
	for _, name := range columns {
		letter, title := "L", name
		if experiment.OptionNamed(name).Words == nil { // A number.
			letter = "R"
		}
		if name == "v-init" {
			title = "V[0]"
		}
		align, header = align+letter, append(header, title)
	}
	if k.OneT() { // Not all settings have the same ones.
		align, header = align+"RRrrrr", append(header, "T", "latency", "spiking %", "95 % interval", "agreement %", "operations")
	} else {
		for _, T := range k.marks() {
			align, header = align+"r", append(header, fmt.Sprintf("T = %d", T))
		}
		align, header = align+"rrr", append(header, fmt.Sprintf("95 %% interval at %d", k.At), "agreement %", fmt.Sprintf("operations at %d", k.At))
	}
	best, standings := k.Chosen(), k.Standings()
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
		at := r.Point(k.JudgedAt(i))
		if k.OneT() {
			row = append(row, at.T, r.Latency-r.Timesteps+at.T, terminal.Percent(at.Top1))
		} else {
			for _, T := range k.marks() {
				row = append(row, terminal.Percent(r.Point(T).Top1))
			}
		}
		row = append(row, terminal.Percent(at.Low)+" to "+terminal.Percent(at.High), terminal.Percent(at.Agreement), terminal.Count(r.Candidate(at.T).Operations))
		if i == best {
			row = append(row, "◂")
		} else if standings != nil && standings[i].Tie {
			row = append(row, "≈")
		}
		t.Append(row...)
	}
	t.Print(w)
	if k.OneT() {
		terminal.Printf(w, "T of phased networks is T per window; latency is in timesteps, from the image to the answer\n\n")
	}
}

// printChoice shows the setting that is chosen, and its result on test images.
func (k *keptSweep) printChoice(w io.Writer) {
	best := k.Chosen()
	name, at := k.Settings[best].Name(), k.JudgedAt(best)
	terminal.Printf(w, "chosen: %s, with %s %% at T = %d on the selection images%s\n", name, terminal.Percent(k.Results[best].Point(at).Top1), at, k.Why())
	terminal.Printf(w, "        this writes it:\n")
	fmt.Fprintf(w, "%s\n", shell.Fold(k.ConvertCommand(), terminal.Width(w)))
	if c := k.Confirmed; c != nil {
		terminal.Printf(w, "\nconfirmation: %s on %d held-out test images of %s\n", name, c.Images, experiment.SourceOf(k.Options.Data))
		terminal.Printf(w, "              trained network: %s %%\n\n", terminal.Percent(c.TrainedTop1))
		t := terminal.NewTable("rrrr", "T", "spiking %", "agreement %", "operations/image")
		marks := k.marks()
		if k.Settings[best].OneT() {
			marks = []int{at}
		}
		for _, T := range marks {
			p := c.Point(T)
			t.Append(T, terminal.Percent(p.Top1), terminal.Percent(p.Agreement), terminal.Count(c.Candidate(T).Operations))
		}
		t.Print(w)
	}
	if k.out != "" {
		terminal.Printf(w, "kept in %s: a folder per setting, %s for the test run, sweep.csv for all numbers\n", k.out, sweep.Confirmation)
	}
}
