package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"sresnet/diagnose"
	"sresnet/internal/palette"
)

//go:embed page.html.tmpl
var pageText string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// uPlot draws lines; see uplot/LICENSE.
var (
	//go:embed uplot/uPlot.iife.min.js
	uplotJS string
	//go:embed uplot/uPlot.min.css
	uplotCSS string
	//go:embed uplot/LICENSE
	uplotLicense string
)

// pageTemplate is parsed when it is needed: other commands start without it.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"percent": percent, "points": points, "count": count, "significant": significant, "fixed": fixed, "joules": joules, "loss": loss,
		"sub": func(a, b num) num { return a - b }, "num": func(x float64) num { return num(x) },
		"add": func(a, b int) int { return a + b }, "mul": func(a, b int) int { return a * b },
		"known": num.known, "brief": brief, "breaks": breaks, "style": lineClass, "join": func(list []string) string { return strings.Join(list, "; ") },
		"exit": ExitWords, "caption": (*Run).caption, "sharesNote": func() string { return sharesNote },
		"settled": func(run *Run, s *settling) Caption {
			c := run.caption("settling")
			c.Says = s.Says
			return c
		},
		"energies": func(name string, both bool) any { return energyRow{Name: name, Both: both} },
	}).Parse(pageText))
})

// lineClass is the class of the lines of a style, on the page.
func lineClass(style int) string {
	return fmt.Sprintf("s%d d%d", style%len(palette.Colours), dash(style))
}

// breaks lets a name break where a reader would, behind what divides its parts.
func breaks(s string) template.HTML {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		template.HTMLEscape(&b, []byte(string(r)))
		next, more := utf8.DecodeRuneInString(s)
		if more > 0 && (strings.ContainsRune("/_:;,&?=-+", r) && !unicode.IsSpace(next) || r == '.' && unicode.IsLetter(next)) {
			b.WriteString("<wbr>")
		}
	}
	return template.HTML(b.String())
}

// page is what the template shows.
type page struct {
	Title   string
	Styles  template.CSS
	Library template.JS
	Script  template.JS
	Data    pageData

	Several bool
	Notes   []string
	Charts  []*curve
	Runs    []section
	Rates   []rates
	Compare *comparison
}

// pageData is what the script draws.
type pageData struct {
	Charts []*curve  `json:"charts"`
	Layers [][]layer `json:"layers"` // By run.
	Phased []bool    `json:"phased"` // By run.

	Settling []*settling `json:"settling"` // By run; null where a run has none.
}

// section is one run.
type section struct {
	ID      string
	N       int
	Style   int // Of its line.
	Run     *Run
	Tiles   []tile
	Over    []Point // Of some timesteps.
	Remarks map[int]string

	Settling  *settling
	Raster    *raster
	PerClass  *classTable
	Depth     *curve
	Losses    *lossTable
	Errors    *errorTable
	Latencies bool // Something that the diagnosis tried has another latency than T.
	Layers    []layerRow
	Energy    *energyTable
	Pairs     []pair
	Confusion *matrix
	Cards     []card
	Explorer  []string // Names of layers.
	First     int      // The one shown first.
	Command   string
	Settings  [][2]string
	Hashes    [][2]string
}

type tile struct{ Name, Value, Unit, Says string }

// layer is what the script draws of a layer.
type layer struct {
	Name    string   `json:"name"`
	Lambda  num      `json:"lambda"`
	Rate    []num    `json:"rate,omitempty"` // At every timestep.
	Zeros   num      `json:"zeros"`
	Edges   []num    `json:"edges,omitempty"`
	Counts  []uint64 `json:"counts,omitempty"`
	Scatter [][2]num `json:"scatter,omitempty"`
	T       int      `json:"T"` // Of the scatter.
}

// WriteHTML writes r as one page that needs no other file and no network.
func (r *Report) WriteHTML(w io.Writer) error {
	p := page{
		Title: r.title(), Several: len(r.Runs) > 1, Notes: r.Notes,
		Styles:  template.CSS(uplotCSS + "\n" + pageCSS),
		Library: template.JS("/*!\n" + uplotLicense + "\n*/\n" + uplotJS),
		Script:  template.JS(pageJS),
		Charts:  r.curves(), Rates: r.rates(),
	}
	p.Data.Charts = p.Charts
	lines := r.series()
	for i, run := range r.Runs {
		s, err := r.section(i, run)
		if err != nil {
			return err
		}
		for _, x := range lines {
			if slices.Contains(x.runs, run) {
				s.Style = x.style
			}
		}
		p.Runs = append(p.Runs, s)
		if s.Depth != nil {
			p.Data.Charts = append(p.Data.Charts, s.Depth)
		}
		p.Data.Layers = append(p.Data.Layers, run.explore())
		p.Data.Settling = append(p.Data.Settling, s.Settling)
		p.Data.Phased = append(p.Data.Phased, run.Result.Phased())
	}
	if p.Several {
		p.Compare = r.compare(p.Runs)
	}
	return pageTemplate().Execute(w, &p)
}

func (r *Report) title() string {
	if len(r.Runs) == 1 {
		return r.Runs[0].Result.Model + " as a spiking network"
	}
	return fmt.Sprintf("%d runs of spiking networks", len(r.Runs))
}

func (r *Report) section(i int, run *Run) (section, error) {
	s := section{
		ID: fmt.Sprintf("run%d", i+1), N: i, Run: run, Tiles: run.tiles(),
		Errors: run.errors(), Layers: run.layers(), Energy: run.energy(),
		Pairs: run.worse(), Confusion: run.confusion(), Depth: run.depth(),
		Settling: run.settles(), Raster: run.raster(), PerClass: run.perClass(maxMatrix), Losses: run.losses(),
		Command: CommandLine(run.Manifest), Settings: run.settings(), Hashes: run.hashes(),
	}
	s.Over, s.Remarks = run.overview()
	if s.Depth != nil {
		s.Depth.ID = s.ID + "-depth"
	}
	if s.Raster != nil {
		if err := s.Raster.pictures(); err != nil {
			return s, err
		}
	}
	var err error
	s.Cards, err = run.cards()
	var worst string
	if run.Diagnosis != nil {
		s.Latencies = slices.ContainsFunc(run.Diagnosis.Counterfactuals, func(c diagnose.Counterfactual) bool { return c.Latency > 0 })
		for _, f := range run.Diagnosis.Verdict {
			if worst == "" {
				worst = f.Layer
			}
		}
	}
	for k := range run.Result.Layers {
		name := run.Result.Layers[k].Name
		s.Explorer = append(s.Explorer, name)
		if name == worst {
			s.First = k
		}
	}
	return s, err
}

// tiles are the figures at the top.
func (run *Run) tiles() []tile {
	res, last := run.Result, run.last()
	says := fmt.Sprintf("top-1 after T = %d timesteps", last.T)
	if res.Phased() {
		says = "top-1, " + res.Timing()
	}
	if last.Low.known() {
		says += fmt.Sprintf(", 95 %% interval %s to %s %%", percent(last.Low), percent(last.High))
	}
	t := []tile{{"Spiking", percent(last.Top1), "%", says}}
	if !res.Alone() {
		t = []tile{
			{"Trained", percent(run.TrainedTop1()), "%", "top-1 of the network it was converted from"},
			t[0],
			{"Difference", points(last.Top1 - run.TrainedTop1()), "points", fmt.Sprintf("spiking minus trained, on the same %d images: %s", res.Images, res.Compared())},
			{"Agreement", percent(last.Agreement), "%", "images that both put in the same class"},
		}
	}
	if res.Phased() {
		t = append(t, tile{"Latency", fmt.Sprint(res.Latency), "timesteps", fmt.Sprintf("from the image to the answer; T = %d per window", res.Timesteps)})
	} else {
		T, unit := fmt.Sprint(run.Choice.Recommended), "timesteps"
		if run.Choice.Recommended == 0 {
			T, unit = "none", ""
		}
		t = append(t, tile{"Recommended T", T, unit, run.Choice.Reason})
	}
	return append(t, run.cost()...)
}

// cost is the tile of energy or, without joules, operations: the sums of the table of layers.
func (run *Run) cost() []tile {
	res, last := run.Result, run.last()
	if run.device() != nil {
		by := ", by the table " + res.Energy.Device.Name
		spiking, trained := num(*res.Energy.SNN.Joules), run.trainedJoules()
		if trained > 0 {
			return []tile{{
				"Energy", significant(spiking / trained), "times the trained network’s",
				fmt.Sprintf("%s per image at T = %d against %s with all products, those of zeros included%s", joules(spiking), last.T, joules(trained), by),
			}}
		}
		return []tile{{"Energy", joules(spiking), "per image", fmt.Sprintf("at T = %d%s", last.T, by)}}
	}
	if trained := run.trainedOperations(); trained > 0 {
		spiking := run.operations(&last)
		return []tile{{
			"Operations", significant(spiking / trained), "times the trained network’s",
			fmt.Sprintf("%s additions and multiply-accumulates per image at T = %d against %s with all products, those of zeros included", count(spiking), last.T, count(trained)),
		}}
	}
	return nil
}

// overview returns the state at some timesteps, and what is to be said of one.
func (run *Run) overview() ([]Point, map[int]string) {
	if run.Result.Phased() {
		return run.Accuracy, map[int]string{run.Result.Timesteps: run.Choice.Reason}
	}
	remarks := make(map[int][]string)
	c := &run.Choice
	for _, w := range c.Within {
		unit := "points"
		if w.Points == 1 {
			unit = "point"
		}
		remarks[w.Sure] = append(remarks[w.Sure], "surely within "+significant(num(w.Points))+" "+unit)
	}
	remarks[c.Best] = append(remarks[c.Best], "best")
	remarks[c.Recommended] = append(remarks[c.Recommended], "recommended")
	delete(remarks, 0) // What is not reached.
	// Few of the undominated ones, evenly spread; more are a curve.
	for i, T := range c.Pareto {
		if i%(len(c.Pareto)/6+1) == 0 && remarks[T] == nil {
			remarks[T] = []string{}
		}
	}
	for _, T := range c.Pareto {
		if list, ok := remarks[T]; ok {
			remarks[T] = append(list, "Pareto")
		}
	}
	usual := map[int]bool{8: true, 16: true, 32: true, 64: true, 128: true, 256: true, 350: true, run.Result.Timesteps: true}
	var list []Point
	says := make(map[int]string)
	for _, p := range run.Accuracy {
		words, ok := remarks[p.T]
		if usual[p.T] || ok {
			list = append(list, p)
			says[p.T] = strings.Join(words, ", ")
		}
	}
	return list, says
}

// explore is what the script draws of each layer.
func (run *Run) explore() []layer {
	var list []layer
	for i := range run.Result.Layers {
		l := &run.Result.Layers[i]
		x := layer{Name: l.Name, Lambda: num(l.Lambda), Zeros: nan}
		for _, n := range l.SpikesAt {
			x.Rate = append(x.Rate, num(n/float64(max(l.Neurons, 1))))
		}
		if a := run.activation(l.Name); a != nil {
			x.Zeros, x.Counts = num(a.Zeros), a.Counts
			for _, e := range a.Edges {
				x.Edges = append(x.Edges, num(e))
			}
		}
		if d := run.diagnosed(l.Name); d != nil {
			for _, p := range d.Scatter {
				x.Scatter = append(x.Scatter, [2]num{num(p[0]), num(p[1])})
			}
			if n := len(run.Diagnosis.Timesteps); n > 0 {
				x.T = run.Diagnosis.Timesteps[n-1]
			}
		}
		list = append(list, x)
	}
	return list
}
