package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"

	"sresnet/eval"
)

// output passes on what commands print, which they may do without a look at
// errors: it keeps the first one and writes nothing more.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (n int, err error) {
	if o.err == nil {
		n, o.err = o.w.Write(p)
	}
	return n, o.err
}

// join returns err, the outcome of a command, together with the error of its
// output.
func (o *output) join(err error) error {
	if o.err == nil {
		return err
	}
	lost := hinted(fmt.Errorf("cannot write the output: %w", o.err), "make room where the output goes, or send it elsewhere")
	if err == nil || err == o.err { // The command may have looked, as at JSON.
		return lost
	}
	return errors.Join(err, lost)
}

// shownTimesteps are the lengths at which the terminal shows the accuracy.
var shownTimesteps = []int{8, 16, 32, 64, 128, 256, 350}

// print shows a result as text.
func (p *pipeline) print(w io.Writer, r *eval.Result) {
	fmt.Fprintf(w, "%s on %d images of %s, pixels normalised as %s\n", r.Model, r.Images, p.data, p.normalize)
	c := p.conversion
	if c == nil {
		c = p.conversionNow()
	}
	fmt.Fprintf(w, "calibrated on %d images of %s, %s\n", c.Images, p.calibrate, p.scales())
	for _, d := range []struct {
		images, spec string
		skipped      int
	}{{"", p.test.Spec(), p.test.Skipped()}, {"calibration images ", p.calibrate, c.Skipped}} {
		if d.skipped > 0 {
			fmt.Fprintf(w, "%d more %sof %s could not be read and are left out\n", d.skipped, d.images, d.spec)
		}
	}
	fmt.Fprintf(w, "V[0] %v, reset %s, %s encoding, read-out %s\n", p.vInit, p.reset, p.encoding, p.readout)
	fmt.Fprintf(w, "compensation %s\n\n", c.Compensation)

	fmt.Fprintf(w, "trained network: %s %%\n", percent(r.TrainedTop1))
	t := newTable("rrrrr", "T", "spiking %", "agreement %", "spikes/image", "ACs/image")
	for _, T := range timestepsToShow(r.Timesteps) {
		t.AppendRow(table.Row{T, percent(r.SpikingTop1[T-1]), percent(r.Agreement[T-1]), short(r.SpikesPerImage[T-1]), short(r.ACsPerImage[T-1])})
	}
	printTable(w, t)
	choice := r.Choose()
	printChoice(w, r, &choice)
	printLayers(w, r)

	printEnergy(w, r.Energy)
	p.printTime(w, r)
	if n := c.Unspoken; 100*n >= c.Images && p.readout != eval.Potential.String() {
		fmt.Fprintf(w, "\nOn %d of %d calibration images no logit is positive. Output neurons do not fire for negative ones, so their\nspike counts cannot tell the classes apart there; the accumulated current can: --readout potential.\n",
			n, c.Images)
	}
	if chance := 1 / float64(p.test.Classes()); r.TrainedTop1 < 2*chance {
		fmt.Fprintf(w, "\nThe trained network itself is hardly better than chance (%s %%): --normalize %s may not be what it was trained with.\n",
			percent(chance), p.normalize)
	}
}

// printLayers shows what each layer did.
func printLayers(w io.Writer, r *eval.Result) {
	t := newTable("llrrrrr", "layer", "kind", "neurons", "lambda", "rate", "spikes/image", "ACs/image")
	for _, l := range r.Layers {
		t.AppendRow(table.Row{l.Name, l.Kind, l.Neurons, fmt.Sprintf("%.4g", l.Lambda), fmt.Sprintf("%.4f", l.Rate), short(l.SpikesPerImage), short(l.ACsPerImage)})
	}
	printTable(w, t)
}

func (p *pipeline) printTime(w io.Writer, r *eval.Result) {
	fmt.Fprintf(w, "time:      %.1f s, %.1f ms an image with %d workers, %.0f image-steps/s\n",
		r.Seconds, 1000*r.Seconds/float64(r.Images), min(p.workerCount(), p.test.Len()), r.ImageStepsPerSecond())
}

// timestepsToShow returns the lengths of a table for a simulation of T timesteps.
func timestepsToShow(T int) []int {
	var show []int
	for _, t := range shownTimesteps {
		if t < T {
			show = append(show, t)
		}
	}
	return append(show, T)
}

// percent formats a fraction in percent, without the sign.
func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 2, 64) }

// short formats a count with four digits and k, M or G.
func short(x float64) string {
	for _, u := range []struct {
		unit float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if x >= u.unit {
			return strconv.FormatFloat(x/u.unit, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}
