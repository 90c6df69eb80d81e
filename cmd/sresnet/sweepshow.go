package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"

	"sresnet/eval"
)

// sweepTimesteps are the lengths at which the table of a sweep shows accuracies,
// beside --at and T.
var sweepTimesteps = []int{32, 64, 128, 256}

// marks returns the lengths to show, ascending.
func (sw *sweep) marks() []int {
	list := []int{sw.at, sw.timesteps}
	for _, t := range sweepTimesteps {
		if t < sw.timesteps {
			list = append(list, t)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// chosen returns the index of the best variant, or -1 while some are not finished.
func (sw *sweep) chosen() int {
	if sw.finished() < len(sw.variants) {
		return -1
	}
	return sw.best()
}

// show prints the sweep as JSON or as text.
func (sw *sweep) show(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(sw.report())
	}
	sw.print(w)
	return nil
}

func (sw *sweep) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %d settings, pixels normalised as %s\n", sw.graph.Name, len(sw.variants), sw.normalize)
	fmt.Fprintf(w, "calibration: %s, for scales and compensation\n", trainingImages(sw.calibrate, 0, sw.calibration.Len()))
	fmt.Fprintf(w, "selection:   %s, which shaped nothing\n", sw.selectionName)
	for _, r := range sw.results {
		if r != nil {
			fmt.Fprintf(w, "             trained network: %s %%; below, the spiking one's accuracy there in percent\n\n", percent(r.TrainedTop1))
			break
		}
	}
	sw.printVariants(w)
	best := sw.chosen()
	if best < 0 {
		return
	}
	name, r := sw.variants[best].name(), sw.results[best]
	fmt.Fprintf(w, "chosen: %s, with %s %% at T = %d on the selection images%s\n", name, percent(r.SpikingTop1[sw.at-1]), sw.at, sw.ties(best))
	if c := sw.confirmed; c != nil {
		fmt.Fprintf(w, "\nconfirmation: %s on %d test images of %s, which chose nothing\n", name, c.Images, sw.data)
		fmt.Fprintf(w, "              trained network: %s %%\n\n", percent(c.TrainedTop1))
		t := newTable("rrrr", "T", "spiking %", "agreement %", "operations/image")
		for _, T := range sw.marks() {
			t.AppendRow(table.Row{T, percent(c.SpikingTop1[T-1]), percent(c.Agreement[T-1]), short(c.Candidate(T).Operations)})
		}
		printTable(w, t)
	}
	if sw.out != "" {
		fmt.Fprintf(w, "kept in %s: a folder for each setting, %s for the test run, sweep.csv for all numbers\n", sw.out, confirmation)
	}
}

// printVariants prints a line for each finished variant.
func (sw *sweep) printVariants(w io.Writer) {
	align, header := "rrl", []any{"percentile", "V[0]", "compensation"}
	// Columns in which all lines would be the same say nothing.
	first, resets, encodings := sw.variants[0], false, false
	for _, v := range sw.variants {
		resets, encodings = resets || v.Reset != first.Reset, encodings || v.Encoding != first.Encoding
	}
	if resets {
		align, header = align+"l", append(header, "reset")
	}
	if encodings {
		align, header = align+"l", append(header, "encoding")
	}
	for _, T := range sw.marks() {
		align, header = align+"r", append(header, fmt.Sprintf("T = %d", T))
	}
	align, header = align+"r", append(header, fmt.Sprintf("operations at %d", sw.at))
	best := sw.chosen()
	if best >= 0 {
		align, header = align+"l", append(header, "")
	}
	t := newTable(align, header...)
	for i, v := range sw.variants {
		r := sw.results[i]
		if r == nil {
			continue
		}
		row := table.Row{v.Percentile, v.VInit, v.Compensation}
		if resets {
			row = append(row, v.Reset)
		}
		if encodings {
			row = append(row, v.Encoding)
		}
		for _, T := range sw.marks() {
			row = append(row, percent(r.SpikingTop1[T-1]))
		}
		row = append(row, short(r.Candidate(sw.at).Operations))
		if i == best {
			row = append(row, "◂ chosen")
		}
		t.AppendRow(row)
	}
	printTable(w, t)
}

// ties says how many settings were as accurate as the best.
func (sw *sweep) ties(best int) string {
	n := 0
	for _, r := range sw.results {
		if r.Candidate(sw.at).Correct == sw.results[best].Candidate(sw.at).Correct {
			n++
		}
	}
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(";\n        %d settings were as accurate there, and this one takes the fewest operations", n)
}

// sweepReport is the JSON form of a sweep. Index t of a list over time is the
// state after t+1 timesteps; accuracies are fractions of 1.
type sweepReport struct {
	Model        string         `json:"model"`
	Timesteps    int            `json:"timesteps"`
	At           int            `json:"t"` // At which settings are compared.
	Complete     bool           `json:"complete"`
	Calibration  sweepImages    `json:"calibration"`
	Selection    sweepImages    `json:"selection"`
	Settings     []sweepSetting `json:"settings"` // On the selection images; finished ones only.
	Chosen       string         `json:"chosen,omitempty"`
	Confirmation *sweepRun      `json:"confirmation,omitempty"` // Of the chosen one on test images.
}

type sweepImages struct {
	Data   string `json:"data"`
	Images int    `json:"images"`
	SHA256 string `json:"sha256"`
}

type sweepSetting struct {
	Name string `json:"setting"`
	variant
	measures
	Chosen bool `json:"chosen"`
}

type sweepRun struct {
	sweepImages
	measures
}

// measures are the figures of one run.
type measures struct {
	ANNTop1            float64   `json:"trained_top1"`
	Top1               []float64 `json:"spiking_top1"`
	Agreement          []float64 `json:"agreement"`
	SpikesPerImage     []float64 `json:"spikes_per_image"`     // Up to each timestep.
	OperationsPerImage []float64 `json:"operations_per_image"` // The same.
}

func newMeasures(r *eval.Result) measures {
	m := measures{ANNTop1: r.TrainedTop1, Top1: r.SpikingTop1, Agreement: r.Agreement, SpikesPerImage: r.SpikesPerImage}
	for T := 1; T <= r.Timesteps; T++ {
		m.OperationsPerImage = append(m.OperationsPerImage, r.Candidate(T).Operations)
	}
	return m
}

func (sw *sweep) report() *sweepReport {
	best := sw.chosen()
	rep := &sweepReport{
		Model: sw.graph.Name, Timesteps: sw.timesteps, At: sw.at, Complete: sw.confirmed != nil,
		Calibration: sweepImages{trainingImages(sw.calibrate, 0, sw.calibration.Len()), sw.calibration.Len(), sw.calibration.Hash()},
		Selection:   sweepImages{sw.selectionName, sw.selection.Len(), sw.selection.Hash()},
		Settings:    []sweepSetting{},
	}
	for i, v := range sw.variants {
		if r := sw.results[i]; r != nil {
			rep.Settings = append(rep.Settings, sweepSetting{v.name(), v, newMeasures(r), i == best})
		}
	}
	if best >= 0 {
		rep.Chosen = sw.variants[best].name()
	}
	if sw.confirmed != nil {
		rep.Confirmation = &sweepRun{sweepImages{sw.data, sw.test.Len(), sw.test.Hash()}, newMeasures(sw.confirmed)}
	}
	return rep
}
