package sweep

import (
	"fmt"
	"io"

	"sresnet/experiment"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
)

// marks returns the lengths to show, ascending: beside At and T, some usual ones.
func (s *Sweep) marks() []int { return s.Marks(32, 64, 128, 256) }

// Print writes what has been found so far as text.
func (s *Sweep) Print(w io.Writer) {
	terminal.Printf(w, "%s, %s, pixels normalised as %s\n", s.Graph.Name, terminal.Plural(len(s.Settings), "setting", "settings"), s.Options.Normalize)
	terminal.Printf(w, "calibration: %s, for scales and compensation\n", s.CalibrationName())
	terminal.Printf(w, "selection:   %s, held out from calibration\n", s.SelectionName())
	for _, r := range s.Results {
		if r != nil {
			terminal.Printf(w, "             trained network: %s %%; below, the accuracy of the spiking network on them in percent\n\n", terminal.Percent(r.TrainedTop1))
			break
		}
	}
	s.printSettings(w)
	if s.Chosen() >= 0 {
		s.printChoice(w)
	}
}

// printSettings prints a line for each finished setting.
func (s *Sweep) printSettings(w io.Writer) {
	columns, align, header := s.Columns(), "", []string(nil)
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
	if s.OneT() { // Not all settings have the same ones.
		align, header = align+"RRrrrr", append(header, "T", "latency", "spiking %", "95 % interval", "agreement %", "operations")
	} else {
		for _, T := range s.marks() {
			align, header = align+"r", append(header, fmt.Sprintf("T = %d", T))
		}
		align, header = align+"rrr", append(header, fmt.Sprintf("95 %% interval at %d", s.At), "agreement %", fmt.Sprintf("operations at %d", s.At))
	}
	best, standings := s.Chosen(), s.Standings()
	if best >= 0 {
		align, header = align+"l", append(header, "")
	}
	t := terminal.NewTable(align, header...)
	for i, v := range s.Settings {
		r := s.Results[i]
		if r == nil {
			continue
		}
		var row []any
		for _, name := range columns {
			row = append(row, v.Value(name))
		}
		at := r.Point(s.JudgedAt(i))
		if s.OneT() {
			row = append(row, at.T, r.Latency-r.Timesteps+at.T, terminal.Percent(at.Top1))
		} else {
			for _, T := range s.marks() {
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
	if s.OneT() {
		terminal.Printf(w, "T of phased networks is T per window; latency is in timesteps, from the image to the answer\n\n")
	}
}

// printChoice shows the setting that is chosen, and its result on test images.
func (s *Sweep) printChoice(w io.Writer) {
	best := s.Chosen()
	name, at := s.Settings[best].Name(), s.JudgedAt(best)
	terminal.Printf(w, "chosen: %s, with %s %% at T = %d on the selection images%s\n", name, terminal.Percent(s.Results[best].Point(at).Top1), at, s.Why())
	terminal.Printf(w, "        this writes it:\n")
	fmt.Fprintf(w, "%s\n", shell.Fold(s.ConvertCommand(), terminal.Width(w)))
	if c := s.Confirmed; c != nil {
		terminal.Printf(w, "\nconfirmation: %s on %d held-out test images of %s\n", name, c.Images, experiment.SourceOf(s.Options.Data))
		terminal.Printf(w, "              trained network: %s %%\n\n", terminal.Percent(c.TrainedTop1))
		t := terminal.NewTable("rrrr", "T", "spiking %", "agreement %", "operations/image")
		marks := s.marks()
		if s.Settings[best].OneT() {
			marks = []int{at}
		}
		for _, T := range marks {
			p := c.Point(T)
			t.Append(T, terminal.Percent(p.Top1), terminal.Percent(p.Agreement), terminal.Count(c.Candidate(T).Operations))
		}
		t.Print(w)
	}
	if s.options.Out != "" {
		terminal.Printf(w, "kept in %s: a folder per setting, %s for the test run, sweep.csv for all numbers\n", s.options.Out, Confirmation)
	}
}
