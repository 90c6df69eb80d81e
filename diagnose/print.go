package diagnose

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"sresnet/internal/terminal"
)

// column is one of the table of errors.
type column struct {
	name string
	of   func(*Layer, *Errors) string
	part func(*Errors) Size // Of the parts of an error, what it shows; else nil.
}

// partColumn is the column of a part, or of the whole error.
func partColumn(name string, part func(*Errors) Size) column {
	return column{name, func(_ *Layer, e *Errors) string { return terminal.Percent(part(e).RMS) }, part}
}

// columns are those that the table of errors can have.
var columns = []column{
	partColumn("total", func(e *Errors) Size { return e.Total }),
	partColumn("clipping", func(e *Errors) Size { return e.Clipping }),
	partColumn("inherited", func(e *Errors) Size { return e.Inherited }),
	partColumn("rounding", func(e *Errors) Size { return e.Rounding }),
	partColumn("saturation", func(e *Errors) Size { return e.Saturation }),
	partColumn("shift", func(e *Errors) Size { return e.Shift }),
	partColumn("quantisation", func(e *Errors) Size { return e.Quantisation }),
	partColumn("leak", func(e *Errors) Size { return e.Leak }),
	partColumn("vanished", func(e *Errors) Size { return e.Vanished }),
	partColumn("unevenness", func(e *Errors) Size { return e.Unevenness }),
	{"bias", func(_ *Layer, e *Errors) string { return terminal.Percent(e.Total.Bias) }, nil},
	{"correlation", func(_ *Layer, e *Errors) string { return fmt.Sprintf("%.4f", e.Correlation) }, nil},
	{"clipped", func(l *Layer, _ *Errors) string { return terminal.Percent(l.Clipped) }, nil},
	{"dead", func(l *Layer, _ *Errors) string { return terminal.Percent(l.Dead) }, nil},
	{"saturated", func(l *Layer, _ *Errors) string { return terminal.Percent(l.Saturated) }, nil},
}

// shown returns the columns that the table of r has: of parts that only some networks have,
// those that there are.
func (r *Diagnosis) shown() []column {
	return slices.DeleteFunc(slices.Clone(columns), func(c column) bool {
		switch c.name {
		case "unevenness":
			return r.Latency > 0
		case "rounding", "saturation", "shift", "leak", "vanished":
			return !r.has(c.part)
		}
		return false
	})
}

// has reports whether a part of the error, at the last length, is something in any layer.
func (r *Diagnosis) has(part func(*Errors) Size) bool {
	return slices.ContainsFunc(r.Layers, func(l Layer) bool { return part(l.last()) != Size{} })
}

// Print writes what was found as text.
func (r *Diagnosis) Print(w io.Writer) {
	var spiking strings.Builder
	for k, T := range r.Timesteps {
		fmt.Fprintf(&spiking, ", T = %d %s %%", T, terminal.Percent(r.SNNTop1[k]))
	}
	terminal.Printf(w, "%s on %s: trained %s %%%s\n\n", r.Model, terminal.Plural(r.Images, "image", "images"), terminal.Percent(r.ANNTop1), spiking.String())
	if r.Latency > 0 {
		terminal.Printf(w, "%s schedule, %s coding: T = %d in every window, %d timesteps from the image to the answer.\n\n", r.Schedule, r.Coding, lastT(r), r.Latency)
	}
	terminal.Printf(w, "Errors after %d timesteps, root mean square, in percent of lambda; shares of neurons in percent:\n\n", lastT(r))
	r.printLayers(w)
	if r.Bits > 0 && !r.has(func(e *Errors) Size { return e.Rounding }) { // The real weights are not known, as those of a NIR file.
		terminal.Printf(w, "What rounding the weights to %d bits does is among the inherited errors.\n\n", r.Bits)
	}
	terminal.Printf(w, "Verdict, largest gain first; intervals of 95 %%, and advice measured on images that did not choose it:\n")
	for i, f := range r.Verdict {
		terminal.Printf(w, "%3d. %s\n", i+1, f.Text)
	}
	fmt.Fprintln(w)
	if len(r.Losses) > 0 {
		r.printLosses(w)
	}
	if len(r.Counterfactuals) > 0 {
		r.printTried(w)
	}
}

// printLosses writes the table of what is lost between cuts.
func (r *Diagnosis) printLosses(w io.Writer) {
	terminal.Printf(w, "Where the %.2f points are lost; all up to a layer, and what shortcuts bring around it, computes what the trained network does:\n\n", 100*(r.ANNTop1-r.SNNTop1[len(r.SNNTop1)-1]))
	t := terminal.NewTable("trrt", "up to", "points", "interval", "largest error there")
	for i := range r.Losses {
		l := &r.Losses[i]
		t.Append(l.Layer, fmt.Sprintf("%+.2f", l.Points), interval(l.Low, l.High), fmt.Sprintf("%s, %s", l.Part, l.Own))
	}
	t.Print(w)
}

// interval formats the ends of one.
func interval(low, high float64) string { return fmt.Sprintf("%+.1f to %+.1f", low, high) }

// printLayers writes the table of errors.
func (r *Diagnosis) printLayers(w io.Writer) {
	list := r.shown()
	header := []string{"layer", "lambda"}
	for _, c := range list {
		header = append(header, c.name)
	}
	t := terminal.NewTable("l"+strings.Repeat("r", len(header)-1), header...)
	for i := range r.Layers {
		l := &r.Layers[i]
		row := []any{l.Name, fmt.Sprintf("%.4g", l.Lambda)}
		for _, c := range list {
			row = append(row, c.of(l, l.last()))
		}
		t.Append(row...)
	}
	t.Print(w)
}

// printTried writes the table of what was tried. Where a trial is of a phased network, it
// has the latency.
func (r *Diagnosis) printTried(w io.Writer) {
	terminal.Printf(w, "Tried on these %d images, each of which is worth %.2f points:\n\n", r.Images, 100/float64(r.Images))
	header := []string{"change", "latency", "points", "interval", "regained", "lost"}
	phased := slices.ContainsFunc(r.Counterfactuals, func(c Counterfactual) bool { return c.Latency > 0 })
	if !phased {
		header = slices.Delete(header, 1, 2)
	}
	t := terminal.NewTable("t"+strings.Repeat("r", len(header)-1), header...)
	for _, c := range r.Counterfactuals {
		if c.Replaced { // In the table of losses.
			continue
		}
		latency := c.Latency
		if latency == 0 {
			latency = c.Timesteps
		}
		row := []any{c.Change, latency, fmt.Sprintf("%+.2f", c.Gain), interval(c.Low, c.High), c.Regained, c.Lost}
		if !phased {
			row = slices.Delete(row, 1, 2)
		}
		t.Append(row...)
	}
	t.Print(w)
}
