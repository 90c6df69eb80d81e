package report

import (
	"slices"

	"sresnet/diagnose"
	"sresnet/eval"
)

// curve is one chart of lines over a common axis. A page and a figure draw the
// same curves.
type curve struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	X     string `json:"x"`
	Y     string `json:"y"`
	Log   int    `json:"log"` // Base of the logarithmic axis of X; 0 for a linear one.
	Zero  bool   `json:"zero"`

	At    []num  `json:"at"`
	Lines []line `json:"lines"`
	Bands []band `json:"bands"`
}

// line has a value for every point of the axis, or NaN.
type line struct {
	Label  string `json:"label"`
	Y      []num  `json:"values"`
	Style  int    `json:"style"` // Colour and dashes; -1 is a reference line.
	Hidden bool   `json:"hidden"`
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
		return slices.Compact(at), "timesteps from the image: T, or the latency of a phased network"
	}
	return slices.Compact(at), "timesteps T"
}

// overTime returns a value of run at each of some times, NaN where it has no answer.
func overTime(run *Run, at []num, of func(*Point) num) []num {
	y := slices.Repeat([]num{nan}, len(at))
	for i := range run.Accuracy {
		p := &run.Accuracy[i]
		if t, ok := slices.BinarySearch(at, run.when(p)); ok {
			y[t] = of(p)
		}
	}
	return y
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
	type reference struct {
		model string
		top1  float64
	}
	var seen []reference
	for i, run := range r.Runs {
		c.Lines = append(c.Lines, line{Label: r.label(run, "spiking"), Style: i, Y: overTime(run, c.At, func(p *Point) num { return 100 * p.Top1 })})
		if run.last().Low.known() {
			k := len(c.Lines)
			c.Lines = append(c.Lines,
				line{Label: "high", Style: i, Hidden: true, Y: overTime(run, c.At, func(p *Point) num { return 100 * p.High })},
				line{Label: "low", Style: i, Hidden: true, Y: overTime(run, c.At, func(p *Point) num { return 100 * p.Low })})
			c.Bands = append(c.Bands, band{k, k + 1, i})
		}
	}
	for _, run := range r.Runs {
		if run.Result.Alone() {
			continue
		}
		ref := reference{run.Manifest.Model.SHA256 + run.Manifest.Data.SHA256, run.Result.TrainedTop1}
		if slices.Contains(seen, ref) {
			continue
		}
		seen = append(seen, ref)
		name := "trained"
		if len(r.Runs) > 1 {
			name = "trained: " + run.Result.Model
		}
		c.Lines = append(c.Lines, line{Label: name, Style: -1, Y: slices.Repeat([]num{num(100 * run.Result.TrainedTop1)}, len(c.At))})
	}
	return c
}

// agreement is how often both networks name the same class.
func (r *Report) agreement() *curve {
	c := &curve{ID: "agreement", Title: "Agreement with the trained network", Y: "images with the same class (%)", Log: 2}
	c.At, c.X = r.times()
	for i, run := range r.Runs {
		if run.Result.Alone() {
			continue
		}
		c.Lines = append(c.Lines, line{Label: r.label(run, "agreement"), Style: i, Y: overTime(run, c.At, func(p *Point) num { return 100 * p.Agreement })})
	}
	return c
}

// operations is accuracy against what it costs.
func (r *Report) operations() *curve {
	c := &curve{ID: "operations", Title: "Accuracy against operations", X: "additions (ACs) per image", Y: "top-1 accuracy (%)", Log: 10}
	for _, run := range r.Runs {
		for i := range run.Accuracy {
			if p := &run.Accuracy[i]; p.ACs > 0 {
				c.At = append(c.At, p.ACs)
			}
		}
	}
	slices.Sort(c.At)
	c.At = slices.Compact(c.At)
	for i, run := range r.Runs {
		l := line{Label: r.label(run, "spiking"), Style: i, Y: slices.Repeat([]num{nan}, len(c.At))}
		for j := range run.Accuracy {
			if k, ok := slices.BinarySearch(c.At, run.Accuracy[j].ACs); ok {
				l.Y[k] = 100 * run.Accuracy[j].Top1
			}
		}
		c.Lines = append(c.Lines, l)
	}
	return c
}

// spikes is what all layers together emit at every timestep; in a phased network, of their
// windows.
func (r *Report) spikes() *curve {
	c := &curve{ID: "spikes", Title: "Spikes over time, all layers", X: "timestep", Y: "spikes per image", Zero: true}
	if r.phased() {
		c.X = "timestep; in a phased network, of the window of each layer"
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
	c := &curve{Title: "Error with depth", X: "layer, from the input", Y: "rms error (λ)", Zero: true}
	for i := range d.Layers {
		c.At = append(c.At, num(i+1))
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
	all := []*curve{r.accuracy(), r.agreement(), r.operations(), r.spikes()}
	return slices.DeleteFunc(all, func(c *curve) bool { return len(c.Lines) == 0 }) // No agreement without a trained network.
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
