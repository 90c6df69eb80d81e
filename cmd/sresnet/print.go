package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/run"
	"sresnet/snn"
)

// output passes on what commands print, so that they need not check for errors: it
// keeps the first one and writes nothing more.
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

// Unwrap returns the writer below, which may be a terminal.
func (o *output) Unwrap() io.Writer { return o.w }

// join returns err, the outcome of a command, together with the error of its
// output.
func (o *output) join(err error) error {
	if o.err == nil {
		return err
	}
	lost := hint.Error(fmt.Errorf("cannot write the output: %w", o.err), "make room where the output goes, or send it elsewhere")
	if err == nil || err == o.err { // The command may have looked, as at JSON.
		return lost
	}
	return errors.Join(err, lost)
}

// shownTimesteps are the lengths at which the terminal shows the accuracy.
var shownTimesteps = []int{8, 16, 32, 64, 128, 256, 350}

// showKept is showResult for a run that is kept.
func showKept(w io.Writer, k *run.Kept, r *eval.Result, asJSON bool) error {
	return showResult(w, k.Experiment, k.Config.Manifest.Data.Name, r, asJSON)
}

// showResult prints a result on the images that data names as JSON or as text.
func showResult(w io.Writer, e *experiment.Experiment, data string, r *eval.Result, asJSON bool) error {
	switch {
	case asJSON:
		return r.WriteJSON(w)
	case e.Graph == nil:
		printAlone(w, e, data, r)
	default:
		printResult(w, e, data, r)
	}
	return nil
}

func printResult(w io.Writer, e *experiment.Experiment, data string, r *eval.Result) {
	o, c := &e.Options, e.Made
	calibration := experiment.SourceOf(o.Calibrate)
	terminal.Printf(w, "%s on %s of %s, pixels normalised as %s\n", r.Model, images(r.Images), data, o.Normalize)
	terminal.Printf(w, "calibrated on %s of %s, %s\n", images(c.Images), calibration, o.Scales())
	for _, d := range []struct {
		images, spec string
		skipped      int
	}{{"", data, e.Test.Skipped()}, {"calibration images ", calibration, c.Skipped}} {
		if d.skipped > 0 {
			terminal.Printf(w, "%d more %sof %s could not be read and were left out\n", d.skipped, d.images, d.spec)
		}
	}
	neuron := ""
	if m := o.NeuronModel(); m != (snn.IF{}) {
		neuron = m.String() + ", "
	}
	terminal.Printf(w, "%sV[0] %v, reset %v, %s, read-out %s\n", neuron, o.VInit, o.Reset, e.Enters(), o.Readout)
	terminal.Printf(w, "compensation %s\n", c.Compensation)
	for _, found := range c.Tuning.Words() {
		terminal.Printf(w, "%s\n", found)
	}
	printTiming(w, r)

	terminal.Printf(w, "trained network: %s %%\n", terminal.Percent(r.TrainedTop1))
	t := terminal.NewTable("rrrrr", "T", "spiking %", "agreement %", "spikes/image", "ACs/image")
	for _, T := range timestepsToShow(r) {
		p := r.Point(T)
		t.Append(T, terminal.Percent(p.Top1), terminal.Percent(p.Agreement), terminal.Count(p.Spikes), terminal.Count(p.ACs))
	}
	t.Print(w)
	printChoice(w, r)
	printExit(w, r)
	printLayers(w, r)

	printEnergy(w, r.Energy)
	printTime(w, e, r)
	if n := c.Unspoken; 100*n >= c.Images && o.Readout != eval.Potential.String() {
		terminal.Printf(w, "\nOn %d of %d calibration images no logit is positive. Output neurons do not fire for negative ones, so their spike counts cannot tell the classes apart there; the accumulated current can: --readout potential.\n", n, c.Images)
	}
	for _, doubt := range e.Doubts(r) {
		terminal.Printf(w, "\n%s\n", flagWords(doubt))
	}
}

// printAlone shows the result of a spiking network by itself.
func printAlone(w io.Writer, e *experiment.Experiment, data string, r *eval.Result) {
	terminal.Printf(w, "%s on %s of %s, pixels normalised as %s\n", r.Model, images(r.Images), data, e.Options.Normalize)
	terminal.Printf(w, "spiking network of %s, read-out %s\n", e.Options.Model, e.Options.Readout)
	printTiming(w, r)
	t := terminal.NewTable("rrrr", "T", "spiking %", "spikes/image", "ACs/image")
	for _, T := range timestepsToShow(r) {
		p := r.Point(T)
		t.Append(T, terminal.Percent(p.Top1), terminal.Count(p.Spikes), terminal.Count(p.ACs))
	}
	t.Print(w)
	printChoice(w, r)
	printLayers(w, r)
	printEnergy(w, r.Energy)
	printTime(w, e, r)
}

// printTiming ends a heading, with how long a phased network takes.
func printTiming(w io.Writer, r *eval.Result) {
	if r.Phased() {
		terminal.Printf(w, "%s\n", r.Timing())
	}
	terminal.Printf(w, "\n")
}

// images returns "1 image" and the like.
func images(n int) string { return terminal.Plural(n, "image", "images") }

// printLayers shows what each layer did.
func printLayers(w io.Writer, r *eval.Result) {
	t := terminal.NewTable("llrrrrr", "layer", "kind", "neurons", "lambda", "rate", "spikes/image", "ACs/image")
	for _, l := range r.Layers {
		t.Append(l.Name, l.Kind, l.Neurons, fmt.Sprintf("%.4g", l.Lambda), fmt.Sprintf("%.4f", l.Rate), terminal.Count(l.SpikesPerImage), terminal.Count(l.ACsPerImage))
	}
	t.Print(w)
}

func printTime(w io.Writer, e *experiment.Experiment, r *eval.Result) {
	before := ""
	if r.CalibrationSeconds > 0 {
		before = fmt.Sprintf("; before that, %s of calibration", terminal.Seconds(r.CalibrationSeconds))
	}
	terminal.Printf(w, "time:       %s, %s per image with %d workers, %s image-steps/s%s\n",
		terminal.Seconds(r.Seconds), terminal.Seconds(r.Seconds/float64(r.Images)), min(e.Options.WorkerCount(), e.Test.Len()), terminal.Rate(r.ImageStepsPerSecond()), before)
}

// timestepsToShow returns the lengths of a table: those after which there is an answer.
func timestepsToShow(r *eval.Result) []int {
	return slices.DeleteFunc(r.Marks(), func(T int) bool { return T != r.Timesteps && !slices.Contains(shownTimesteps, T) })
}
