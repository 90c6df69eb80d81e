package main

import (
	"fmt"
	"math"
	"slices"

	"sresnet/internal/shell"
	"sresnet/internal/terminal"
)

// fewPage is everything the template of few steps shows.
type fewPage struct {
	Command           string // That writes the page.
	Only              string // The expression for these runs alone.
	Example           string // One run.
	Images            int    // 0 for all.
	CalibrationImages int
	Paper             int // T of the runs of the paper,
	PaperImages       int // and what they are calibrated on.
	Percentile        float64
	Checked           int

	Networks []row
	Accuracy []fewTable
	Costs    []row
	Same     []row
	Exits    []row
	Whole    []row
	provenance
}

// fewTable is the table of accuracy of one T.
type fewTable struct {
	Step int
	Rows []row
}

// fewOutcomes are the outcomes that the page is made from.
type fewOutcomes struct {
	o     options
	few   runs
	paper runs
}

func newFewPage(o options, all []configuration, few, paper runs) *fewPage {
	p := &fewPage{
		Command: "go run ./bench/results --data " + o.data, Only: "T[0-9]", Images: o.images,
		Example:           "sresnet " + shell.Join(all[0].arguments(o)),
		CalibrationImages: fewCalibrationImages, Paper: timesteps, PaperImages: calibrationImages, Percentile: percentile, Checked: checked,
		provenance: newProvenance(all, few),
	}
	if o.images > 0 {
		p.Command += fmt.Sprint(" --images ", o.images)
	}
	r := fewOutcomes{o, few, paper}
	for _, n := range fewNetworks {
		p.Networks = append(p.Networks, row{n, r.about(n), false})
		p.Costs = append(p.Costs, r.paperCosts(n)...)
		for _, f := range fewColumns {
			for _, f.timesteps = range fewTs {
				if slices.Contains(all, configuration{n, setting{}, f, o.images}) {
					p.Costs = append(p.Costs, r.costs(n, f))
				}
			}
		}
		p.Same = append(p.Same, r.same(n))
	}
	for _, t := range fewTs {
		p.Accuracy = append(p.Accuracy, r.accuracy(t))
	}
	for _, f := range wholeRuns {
		for _, n := range wholeNetworks {
			if slices.Contains(all, configuration{n, setting{}, fewSteps{preset: f.preset, timesteps: f.timesteps, bits: wholeBits[0]}, o.images}) {
				p.Whole = append(p.Whole, r.whole(n, f))
			}
		}
	}
	for _, f := range fewRuns {
		for _, n := range f.networks {
			if f.exit > 0 {
				p.Exits = append(p.Exits, r.exit(n, f.fewSteps))
			}
		}
	}
	return p
}

// run returns a run of few steps, or why there is none.
func (r *fewOutcomes) run(n network, f fewSteps) (*outcome, string) {
	c := configuration{n, setting{}, f, r.o.images}
	if out := r.few.outcomes[c.name()]; out != nil {
		return out, ""
	}
	if err := r.few.missing[c.name()]; err != nil {
		return nil, cell(err)
	}
	return nil, "–" // Not one of the runs.
}

// ofPaper returns the run of the paper at T = 350; nil for none.
func (r *fewOutcomes) ofPaper(n network) *outcome { return r.paper.of(n, settings[0], r.o) }

// mark is what stands behind a number of a run on fewer images than were asked for.
func (r *fewOutcomes) mark(out *outcome) string {
	if out.partial(configuration{images: r.o.images}) {
		return " *"
	}
	return ""
}

// phased returns a phased run of a network, any of those that are there; nil for none.
func (r *fewOutcomes) phased(n network) *outcome {
	for _, f := range fewRuns {
		if out, _ := r.run(n, f.fewSteps); out != nil && out.Result.Phased() {
			return out
		}
	}
	return nil
}

// about says what is to be known of a network: accuracy, products, and how many windows
// follow on each other.
func (r *fewOutcomes) about(n network) []string {
	cells := []string{"–", "–", "–", "–"}
	for _, out := range []*outcome{r.phased(n), r.ofPaper(n)} { // The paper's last: it is of all images.
		if out != nil {
			cells[0], cells[1] = percent(out.Result.TrainedTop1)+r.mark(out), terminal.Count(out.Result.DenseMACsPerImage)
		}
	}
	if out := r.phased(n); out != nil {
		if own := ownProducts(out); own > 0 {
			cells[2] = terminal.Count(own)
		}
		cells[3] = fmt.Sprint(out.Result.Latency / out.Result.Timesteps)
	}
	return cells
}

// ownProducts is how many products of the trained network are not zero because of the
// image, on average; 0 if the run does not say.
func ownProducts(out *outcome) float64 {
	if e := out.Result.Energy; e != nil && e.ANN != nil {
		return e.ANN.MACs
	}
	return 0
}

// accuracy is the table of one T.
func (r *fewOutcomes) accuracy(t int) fewTable {
	table := fewTable{Step: t}
	for _, n := range fewNetworks {
		cells := []string{r.about(n)[0], "not run"}
		if out := r.ofPaper(n); out != nil {
			cells[1] = r.lost(out, t)
		}
		latency, asked := "–", false
		for _, f := range fewColumns {
			f.timesteps = t
			out, missing := r.run(n, f)
			asked = asked || missing != "–"
			if out == nil {
				cells = append(cells, missing)
				continue
			}
			cells = append(cells, r.lost(out, t))
			if out.Result.Phased() {
				latency = fmt.Sprint(out.Result.Latency)
			}
		}
		if asked {
			table.Rows = append(table.Rows, row{n, append(cells, latency), false})
		}
	}
	return table
}

// lost is the accuracy after t timesteps, with the points lost against the trained network
// on the same images.
func (r *fewOutcomes) lost(out *outcome, t int) string {
	top1 := out.Result.SpikingTop1[out.Result.Mark(t)]
	return fmt.Sprintf("%s (%s)%s", percent(top1), points(out.Result.TrainedTop1-top1), r.mark(out))
}

// points formats a difference of two fractions.
func points(d float64) string {
	return fmt.Sprintf("%.2f", math.Round(1e4*d)/100+0) // + 0: no -0.
}

// paperCosts are the rows of the paper: of all its timesteps, and of the longest of few.
func (r *fewOutcomes) paperCosts(n network) []row {
	out := r.ofPaper(n)
	if out == nil {
		return []row{{n, []string{fmt.Sprintf("paper, T = %d", timesteps), "not run"}, true}}
	}
	var rows []row
	for _, t := range []int{timesteps, fewTs[0]} {
		cells := append([]string{fmt.Sprintf("paper, T = %d", t), fmt.Sprint(t)}, r.operations(n, out, t)...)
		rows = append(rows, row{n, append(cells, "–", "–"), false})
	}
	return rows
}

// costs is the row of a run of few steps.
func (r *fewOutcomes) costs(n network, f fewSteps) row {
	out, missing := r.run(n, f)
	if out == nil {
		return row{n, []string{f.String(), missing}, true}
	}
	cells := append([]string{f.String(), fmt.Sprint(out.Result.Latency)}, r.operations(n, out, f.timesteps)...)
	return row{n, append(cells, times(out)...), false}
}

// operations are the cells of what an image takes up to timestep t: spikes, additions,
// these per product of the trained network, and updates of neurons.
func (r *fewOutcomes) operations(n network, out *outcome, t int) []string {
	acs, own, updates := out.Result.ACsPerImage[t-1], "–", "–"
	if e := r.phased(n); e != nil && ownProducts(e) > 0 {
		own = fmt.Sprintf("%.2f", acs/ownProducts(e))
	}
	if e := out.Result.Energy; e != nil && t == out.Result.Timesteps {
		updates = terminal.Count(e.SNN.Updates)
	}
	return []string{terminal.Count(out.Result.SpikesPerImage[t-1]) + r.mark(out), terminal.Count(acs), fmt.Sprintf("%.2f", acs/max(out.Result.DenseMACsPerImage, 1)), own, updates}
}

// times are the cells of how long a run took: per image, and for all but the images.
func times(out *outcome) []string {
	cells := []string{terminal.Seconds(out.Result.Seconds / float64(max(out.Result.Images, 1))), "–"}
	if s := out.Manifest.Finished.Sub(out.Manifest.Started).Seconds() - out.Result.Seconds; s >= 0 && out.machine.Cores > 0 && !out.machine.Resumed {
		cells[1] = terminal.Seconds(s)
	}
	return cells
}

// same counts the images on which one spike and the count of spikes give the same class.
func (r *fewOutcomes) same(n network) row {
	f := fewSteps{preset: "few-steps", timesteps: 16}
	counts, missing := r.run(n, f)
	if counts == nil {
		return row{n, []string{fmt.Sprint(f.timesteps), missing}, true}
	}
	f.preset = "one-spike"
	first, missing := r.run(n, f)
	if first == nil {
		return row{n, []string{fmt.Sprint(f.timesteps), missing}, true}
	}
	a, b := &counts.Result.Predictions, &first.Result.Predictions
	if !slices.Equal(a.Image, b.Image) {
		return row{n, []string{fmt.Sprint(f.timesteps), "not the same images"}, true}
	}
	same := 0
	for i := range a.Spiking {
		if a.Spiking[i] == b.Spiking[i] {
			same++
		}
	}
	return row{n, []string{
		fmt.Sprint(f.timesteps), fmt.Sprintf("%d of %d", same, len(a.Spiking)),
		terminal.Count(counts.Result.SpikesPerImage[f.timesteps-1]), terminal.Count(first.Result.SpikesPerImage[f.timesteps-1]),
	}, false}
}

// whole is the row of a run and of the same with whole weights: accuracy, and the points that
// are lost against real ones.
func (r *fewOutcomes) whole(n network, f fewSteps) row {
	cells := []string{f.String()}
	real, missing := r.run(n, f)
	if real == nil {
		return row{n, append(cells, missing), true}
	}
	cells = append(cells, percent(real.Result.Final())+r.mark(real))
	for _, f.bits = range wholeBits {
		out, missing := r.run(n, f)
		if out == nil {
			cells = append(cells, missing)
			continue
		}
		cells = append(cells, fmt.Sprintf("%s (%s)%s", percent(out.Result.Final()), points(real.Result.Final()-out.Result.Final()), r.mark(out)))
	}
	return row{n, cells, false}
}

// exit is the row of a run with an early exit.
func (r *fewOutcomes) exit(n network, f fewSteps) row {
	out, missing := r.run(n, f)
	if out != nil && out.Result.Exit == nil {
		out, missing = nil, "the run has no exit"
	}
	if out == nil {
		return row{n, []string{f.String(), missing}, true}
	}
	x := out.Result.Exit
	return row{n, []string{
		f.String(), percent(out.Result.Final()) + r.mark(out), percent(x.Top1), points(x.Loss), fmt.Sprintf("%.1f", x.MeanT),
		fmt.Sprintf("%d, %d, %d", x.Quartiles[0], x.Quartiles[1], x.Quartiles[2]), terminal.Count(x.SpikesPerImage), terminal.Count(x.ACsPerImage),
	}, false}
}
