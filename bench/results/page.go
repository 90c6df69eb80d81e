package main

import (
	"bytes"
	"embed"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"text/template"

	"sresnet/internal/shell"
	"sresnet/internal/terminal"
)

//go:embed *.tmpl
var templates embed.FS

// steps are the timesteps of the tables.
var steps = []int{32, 64, 128, 256, timesteps}

// compared are those that have a table with all settings beside each other.
var compared = []int{32, 128, timesteps}

// row is one line of a table that a network names: cells in the order of the
// header, or a single one that says why there are none.
type row struct {
	Network network
	Cells   []string
	Missing bool
}

// section is the table of one setting.
type section struct {
	Setting setting
	Rows    []row
}

// comparison is a table with one column a setting.
type comparison struct {
	Step int
	Rows []row
}

// checkLine compares one timestep with the independent simulation.
type checkLine struct {
	Step       int
	Want, Got  string
	Difference string
}

// page is everything the template shows.
type page struct {
	Command           string // That writes the page.
	Example           string // One run.
	Images            int    // 0 for all.
	Timesteps         int
	Percentile        float64
	CalibrationImages int
	Checked           int

	Models      []row
	Steps       []int
	Sections    []section
	Settings    []setting
	Comparisons []comparison

	CompensationImages int
	Factors            []row // Of every run with compensation: setting, factors.
	Search             []searchLine
	SearchNetwork      string

	Check        []checkLine
	CheckNetwork string
	CheckMissing string  // Why there is no check.
	CheckTrained string  // Accuracy of our trained network there.
	CheckFrom    int     // Step from which CheckWorst counts.
	CheckWorst   string  // Largest difference, in points.
	CheckHolds   bool    // Whether that is within CheckBound.
	CheckBound   float64 // In points.

	SameAsFolded string // What the file with batch norm shows against the folded one; empty if one is missing.
	Published    []publishedLine
	provenance
}

// runs are the outcomes of all configurations by name.
type runs struct {
	outcomes map[string]*outcome
	missing  map[string]error // Why a configuration has none.
}

func loadAll(o options, all []configuration) runs {
	r := runs{make(map[string]*outcome), make(map[string]error)}
	for _, c := range all {
		out, err := load(o, c)
		if err != nil && c.images == 0 { // A run on some images, if there is one, is better than none.
			some := c
			some.images = checked
			if o, e := load(o, some); e == nil {
				out, err = o, nil
			}
		}
		if err != nil {
			r.missing[c.name()] = err
			continue
		}
		r.outcomes[c.name()] = out
	}
	return r
}

// writePages writes the pages from the runs that are there.
func writePages(o options) error {
	all, few := configurations(o.images), fewConfigurations(o.images)
	paper := loadAll(o, all)
	if err := render(o.page, "page.md.tmpl", newPage(o, all, paper)); err != nil {
		return err
	}
	file := strings.TrimSuffix(o.page, ".md") + "-few-steps.md"
	return render(file, "fewsteps.md.tmpl", newFewPage(o, few, loadAll(o, few), paper))
}

// render writes what a template makes of the data of a page.
func render(file, name string, data any) error {
	t, err := template.New(name).Funcs(template.FuncMap{"join": strings.Join}).ParseFS(templates, "*.tmpl")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

func newPage(o options, all []configuration, r runs) *page {
	p := &page{
		Command: "go run ./bench/results --data " + o.data, Images: o.images,
		Example:   "sresnet " + shell.Join(all[1].arguments(o)),
		Timesteps: timesteps, Percentile: percentile, CalibrationImages: calibrationImages, Checked: checked,
		CompensationImages: compensationImages, Steps: steps, Settings: settings,
	}
	if o.images > 0 {
		p.Command += fmt.Sprint(" --images ", o.images)
	}
	p.models(o, r)
	for _, s := range settings {
		p.Sections = append(p.Sections, newSection(s, all, r))
	}
	for _, t := range compared {
		p.Comparisons = append(p.Comparisons, newComparison(t, o, all, r))
	}
	p.factors(all, r)
	p.Search, p.SearchNetwork = searchLines(r.of(resnet20, setting{0, "global", byCount}, o), r.of(resnet20, setting{0.5, "global", byCount}, o)), resnet20.Title
	p.check(r)
	p.sameAsFolded(o, r)
	p.Published = published(o, r)
	p.provenance = newProvenance(all, r)
	return p
}

// of returns the run of a network under a setting.
func (r runs) of(n network, s setting, o options) *outcome {
	return r.outcomes[paperRun(n, s, o.images).name()]
}

// models describes the networks; what a run tells comes from the first one there
// is.
func (p *page) models(o options, r runs) {
	for _, n := range append(slices.Clone(networks), resnet20BatchNorm) {
		cells := []string{"–", "–", "–", "–"}
		for _, s := range settings {
			if out := r.of(n, s, o); out != nil {
				neurons := 0
				for _, l := range out.Result.Layers {
					neurons += l.Neurons
				}
				trained := percent(out.Result.TrainedTop1)
				if out.partial(paperRun(n, s, o.images)) {
					trained += " *"
				}
				cells = []string{trained, terminal.Count(float64(neurons)), terminal.Count(out.Result.DenseMACsPerImage), terminal.Count(out.Result.MACsPerImage)}
				break
			}
		}
		p.Models = append(p.Models, row{n, append([]string{fmt.Sprintf("%.2f", n.Published)}, cells...), false})
	}
}

func newSection(s setting, all []configuration, r runs) section {
	sec := section{Setting: s}
	for _, c := range all {
		if c.setting != s || c == check {
			continue
		}
		out := r.outcomes[c.name()]
		if out == nil {
			sec.Rows = append(sec.Rows, row{c.network, []string{cell(r.missing[c.name()])}, true})
			continue
		}
		res := out.Result
		cells := []string{percent(res.TrainedTop1)}
		for _, t := range steps {
			cells = append(cells, percent(res.SpikingTop1[t-1]))
		}
		cells = append(cells, percent(res.Agreement[timesteps-1]), terminal.Count(res.SpikesPerImage[timesteps-1]), terminal.Count(res.ACsPerImage[timesteps-1]),
			fmt.Sprintf("%.1f", res.ACsPerImage[timesteps-1]/max(res.DenseMACsPerImage, 1)))
		n := c.network
		if out.partial(c) {
			n.Title += fmt.Sprintf(" (first %d images)", out.Result.Images)
		}
		sec.Rows = append(sec.Rows, row{n, cells, false})
	}
	return sec
}

func newComparison(t int, o options, all []configuration, r runs) comparison {
	c := comparison{Step: t}
	for _, n := range networks {
		cells := []string{"–"} // Of the trained network.
		for _, s := range settings {
			cell := "not run"
			if !slices.Contains(all, paperRun(n, s, o.images)) {
				cell = "–"
			}
			if out := r.of(n, s, o); out != nil {
				cell = percent(out.Result.SpikingTop1[t-1])
				if out.partial(paperRun(n, s, o.images)) {
					cell += " *"
				} else {
					cells[0] = percent(out.Result.TrainedTop1)
				}
			}
			cells = append(cells, cell)
		}
		c.Rows = append(c.Rows, row{n, cells, false})
	}
	return c
}

// factors lists what the searches found.
func (p *page) factors(all []configuration, r runs) {
	for _, c := range all {
		if out := r.outcomes[c.name()]; out != nil && c.setting.compensation != "none" {
			p.Factors = append(p.Factors, row{c.network, []string{c.setting.String(), out.factors()}, false})
		}
	}
}

// independent is what a PyTorch simulation gave that shares no code with this
// project: accuracy in percent of resnet20 on the first 1,000 test images, with the
// setting of check.
var independent = []struct {
	step int
	top1 float64
}{{8, 37.2}, {16, 67.4}, {32, 86.7}, {64, 91.4}, {128, 91.8}, {256, 91.6}, {350, 91.5}}

func (p *page) check(r runs) {
	p.CheckNetwork, p.CheckFrom, p.CheckBound = check.network.Title, 32, 0.5
	out := r.outcomes[check.name()]
	if out == nil {
		p.CheckMissing = cell(r.missing[check.name()])
		return
	}
	worst := 0.0
	for _, l := range independent {
		got := 100 * out.Result.SpikingTop1[l.step-1]
		d := got - l.top1
		if l.step >= p.CheckFrom {
			worst = math.Max(worst, math.Abs(d))
		}
		p.Check = append(p.Check, checkLine{l.step, fmt.Sprintf("%.1f", l.top1), fmt.Sprintf("%.1f", got), fmt.Sprintf("%+.1f", d)})
	}
	p.CheckTrained = fmt.Sprintf("%.1f", 100*out.Result.TrainedTop1)
	p.CheckWorst = fmt.Sprintf("%.1f", worst)
	p.CheckHolds = worst <= p.CheckBound+1e-9
}

// sameAsFolded compares the two files of the same network.
func (p *page) sameAsFolded(o options, r runs) {
	a, b := r.of(resnet20, settings[0], o), r.of(resnet20BatchNorm, settings[0], o)
	if a != nil && b != nil && a.Result.Images != b.Result.Images {
		a = r.outcomes[check.name()] // The same network on as few images.
	}
	if a == nil || b == nil || a.Result.Images != b.Result.Images {
		return
	}
	worst := 0.0
	for t := range timesteps {
		worst = math.Max(worst, 100*math.Abs(a.Result.SpikingTop1[t]-b.Result.SpikingTop1[t]))
	}
	p.SameAsFolded = fmt.Sprintf("%.2f", worst)
}

// cell turns a reason into what can stand in a table.
func cell(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	return strings.ReplaceAll(s, "|", "\\|")
}

// percent formats a fraction.
func percent(x float64) string { return fmt.Sprintf("%.2f", 100*x) }
