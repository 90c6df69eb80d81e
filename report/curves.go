package report

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/diagnose"
	"sresnet/eval"
)

// curve is one chart of lines over a common axis. A page and a figure draw the
// same curves.
type curve struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Says  string `json:"says"` // As in [Caption].
	X     string `json:"x"`
	Y     string `json:"y"`
	Log   int    `json:"log"` // Base of the logarithmic axis of X; 0 for a linear one.
	Zero  bool   `json:"zero"`
	Unit  string `json:"unit,omitempty"` // Of X, with prefixes: "J" or none.

	At    []num    `json:"at"`
	Names []string `json:"names,omitempty"` // Of the places, from 1, where they are layers.
	Lines []line   `json:"lines"`
	Bands []band   `json:"bands"`
}

// line has a value for every point of the axis, or NaN.
type line struct {
	Label  string `json:"label"`
	Y      []num  `json:"values"`
	Style  int    `json:"style"`         // Colour and dashes; -1 is a reference of all other lines.
	Ref    bool   `json:"ref,omitempty"` // A thin line or a hollow dot: of the trained network.
	Hidden bool   `json:"hidden"`
	Dots   bool   `json:"dots,omitempty"` // Its points are seen, where the line between them was not measured.
}

// band fills the space between two lines.
type band struct {
	High  int `json:"high"` // Index of the line.
	Low   int `json:"low"`
	Style int `json:"style"`
}

// phased reports whether a run is of a phased network.
func (r *Report) phased() bool {
	return slices.ContainsFunc(r.Runs, func(run *Run) bool { return run.Result.Phased() })
}

// when returns how many timesteps after the image appears the network has the answer p: T,
// or the latency of a phased network.
func (run *Run) when(p *Point) num { return num(p.T + run.Result.Latency - run.Result.Timesteps) }

// times returns the timesteps at which a run has an answer, ascending, and what they are.
func (r *Report) times() (at []num, label string) {
	for _, run := range r.Runs {
		for i := range run.Accuracy {
			at = append(at, run.when(&run.Accuracy[i]))
		}
	}
	slices.Sort(at)
	if r.phased() {
		return slices.Compact(at), "latency in timesteps, T if synchronous"
	}
	return slices.Compact(at), "timesteps T"
}

// line is that of a series.
func (r *Report) line(s *series, alone string, y []num) line {
	l := line{Label: s.label, Style: s.style, Y: y, Dots: len(s.runs) > 1}
	if len(r.Runs) == 1 {
		l.Label = alone
	}
	return l
}

// label names the line of a run.
func (r *Report) label(run *Run, alone string) string {
	if len(r.Runs) == 1 {
		return alone
	}
	return run.Name
}

// accuracy is top-1 over time, with the trained network's as reference.
func (r *Report) accuracy() *curve {
	c := &curve{ID: "accuracy", Title: "Accuracy over time", Y: "top-1 accuracy (%)", Log: 2}
	c.At, c.X = r.times()
	for _, s := range r.series() {
		c.Lines = append(c.Lines, r.line(&s, "spiking", s.overTime(c.At, func(p *Point) num { return 100 * p.Top1 })))
		if s.runs[0].last().Low.known() {
			k := len(c.Lines)
			c.Lines = append(c.Lines,
				line{Label: "high", Style: s.style, Hidden: true, Y: s.overTime(c.At, func(p *Point) num { return 100 * p.High })},
				line{Label: "low", Style: s.style, Hidden: true, Y: s.overTime(c.At, func(p *Point) num { return 100 * p.Low })})
			c.Bands = append(c.Bands, band{k, k + 1, s.style})
		}
	}
	for _, ref := range r.references() {
		c.Lines = append(c.Lines, line{Label: ref.label, Style: ref.style, Ref: true, Y: slices.Repeat([]num{num(100 * ref.run.Result.TrainedTop1)}, len(c.At))})
	}
	return c
}

// reference is a trained network that runs are compared with.
type reference struct {
	run   *Run // The first of them.
	label string
	style int
}

// references returns the trained networks with what they are compared on, each once. One by itself
// is a reference of all lines; each of several has the style of its first run.
func (r *Report) references() []reference {
	var list []reference
	seen := make(map[string]bool)
	for _, s := range r.series() {
		for _, run := range s.runs {
			key := fmt.Sprint(run.Manifest.Model.SHA256, run.Result.TrainedTop1, testImages(run))
			if run.Result.Alone() || seen[key] {
				continue
			}
			seen[key] = true
			list = append(list, reference{run, "trained, " + s.label, s.style})
		}
	}
	if len(list) == 1 {
		list[0].style, list[0].label = -1, "trained"
	}
	return list
}

// agreement is how often both networks name the same class.
func (r *Report) agreement() *curve {
	c := &curve{ID: "agreement", Title: "Agreement with the trained network", Y: "images with the same class (%)", Log: 2}
	c.At, c.X = r.times()
	for _, s := range r.series() {
		if !s.runs[0].Result.Alone() {
			c.Lines = append(c.Lines, r.line(&s, "agreement", s.overTime(c.At, func(p *Point) num { return 100 * p.Agreement })))
		}
	}
	return c
}

// operations is accuracy against what it costs, with the trained network and all its products.
func (r *Report) operations() *curve {
	c := &curve{ID: "operations", Title: "Accuracy against operations", X: "operations per image", Log: 10, Says: "Additions and multiply-accumulates."}
	return r.against(c, (*Run).operations, (*Run).trainedOperations)
}

// joules is accuracy against energy, likewise; it has no lines without joules.
func (r *Report) joules() *curve {
	c := &curve{ID: "joules", Title: "Accuracy against energy", X: "energy per image", Log: 10, Unit: "J"}
	if !slices.ContainsFunc(r.Runs, func(run *Run) bool { return run.device() != nil }) {
		return &curve{}
	}
	c.Says = r.devices()
	return r.against(c, func(run *Run, p *Point) num {
		if run.device() == nil {
			return nan
		}
		return p.Joules
	}, (*Run).trainedJoules)
}

// timesteps is accuracy against T where that is not when the answer comes; else it has no lines.
func (r *Report) timesteps() *curve {
	if !r.phased() {
		return &curve{}
	}
	c := &curve{ID: "timesteps", Title: "Accuracy against T", X: "T, per window of a phased network", Log: 2}
	return r.against(c, func(_ *Run, p *Point) num { return num(p.T) }, nil)
}

// against makes c accuracy against something positive, of the trained network too unless
// that is nil.
func (r *Report) against(c *curve, of func(*Run, *Point) num, ofTrained func(*Run) num) *curve {
	c.Y = "top-1 accuracy (%)"
	add := func(x num) {
		if x.known() && x > 0 {
			c.At = append(c.At, x)
		}
	}
	for _, run := range r.Runs {
		for i := range run.Accuracy {
			add(of(run, &run.Accuracy[i]))
		}
		if ofTrained != nil && !run.Result.Alone() {
			add(ofTrained(run))
		}
	}
	slices.Sort(c.At)
	c.At = slices.Compact(c.At)
	for _, s := range r.series() {
		c.Lines = append(c.Lines, r.line(&s, "spiking", s.over(c.At, of, func(p *Point) num { return 100 * p.Top1 })))
	}
	if ofTrained == nil {
		return c
	}
	for _, ref := range r.references() {
		k, ok := slices.BinarySearch(c.At, ofTrained(ref.run))
		if !ok {
			continue
		}
		y := slices.Repeat([]num{nan}, len(c.At))
		y[k] = num(100 * ref.run.Result.TrainedTop1)
		if !strings.HasSuffix(c.Says, allProducts) {
			c.Says = strings.TrimSpace(c.Says + " " + allProducts)
		}
		c.Lines = append(c.Lines, line{Label: fmt.Sprintf("%s (%s)", ref.label, formatOf(c.Unit)(c.At[k])), Style: ref.style, Ref: true, Y: y})
	}
	return c
}

// spikes is what all layers together emit at every timestep; in a phased network, of their
// windows.
func (r *Report) spikes() *curve {
	c := &curve{ID: "spikes", Title: "Spikes over time, all layers", X: "timestep", Y: "spikes per image", Zero: true}
	if r.phased() {
		c.X = "timestep, if phased of each layer’s window"
	}
	longest := 0
	for _, run := range r.Runs {
		longest = max(longest, run.Result.Timesteps)
	}
	for t := range longest {
		c.At = append(c.At, num(t+1))
	}
	for i, run := range r.Runs {
		l, before := line{Label: r.label(run, "spikes"), Style: i, Y: slices.Repeat([]num{nan}, longest)}, 0.0
		for t, sum := range run.Result.SpikesPerImage {
			l.Y[t], before = num(sum-before), sum
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

// depth is how the error grows from layer to layer; nil without a diagnosis.
func (run *Run) depth() *curve {
	d := run.Diagnosis
	if d == nil || len(d.Layers) < 2 {
		return nil
	}
	says := run.caption("depth")
	c := &curve{Title: says.Title, Says: says.Says, X: "layer, from the input", Y: "rms error (λ)", Zero: true}
	for i := range d.Layers {
		c.At, c.Names = append(c.At, num(i+1)), append(c.Names, d.Layers[i].Name)
	}
	for i, T := range d.Timesteps {
		l := line{Label: "T = " + digits(float64(T), 6), Style: i}
		for j := range d.Layers {
			y := nan
			for k := range d.Layers[j].At {
				if s := &d.Layers[j].At[k]; s.Timesteps == T {
					y = num(s.Total.RMS)
				}
			}
			l.Y = append(l.Y, y)
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

// curves returns what all runs are shown in together.
func (r *Report) curves() []*curve {
	all := []*curve{r.accuracy(), r.agreement(), r.timesteps(), r.operations(), r.joules(), r.spikes()}
	all = slices.DeleteFunc(all, func(c *curve) bool { return len(c.Lines) == 0 }) // No agreement without a trained network.
	for _, c := range all {
		c.Says = strings.TrimSpace(r.basis() + " " + c.Says)
	}
	return all
}

// activation returns what calibration saw of a layer, or nil.
func (run *Run) activation(layer string) *eval.Activation {
	if run.Activations == nil {
		return nil
	}
	for i := range run.Activations.Layers {
		if a := &run.Activations.Layers[i]; a.Name == layer {
			return a
		}
	}
	return nil
}

// diagnosed returns what a diagnosis says of a layer, or nil.
func (run *Run) diagnosed(layer string) *diagnose.Layer {
	if run.Diagnosis == nil {
		return nil
	}
	for i := range run.Diagnosis.Layers {
		if d := &run.Diagnosis.Layers[i]; d.Name == layer {
			return d
		}
	}
	return nil
}
