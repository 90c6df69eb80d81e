package report

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/diagnose"
)

// part is a part of an error.
type part struct {
	name, says string
	style      int // Colour and hatch.
	of         func(*diagnose.Errors) diagnose.Size
}

// parts are those that there can be, in the order of a stack.
var parts = []part{
	{"clipping", "activations above lambda", 0, func(s *diagnose.Errors) diagnose.Size { return s.Clipping }},
	{"inherited", "errors of earlier layers", 1, func(s *diagnose.Errors) diagnose.Size { return s.Inherited }},
	{"rounding", "weights rounded to whole numbers", 6, func(s *diagnose.Errors) diagnose.Size { return s.Rounding }},
	{"saturation", "potentials that ran out of bits", 7, func(s *diagnose.Errors) diagnose.Size { return s.Saturation }},
	{"shift", "what calibration for T added to biases", 4, func(s *diagnose.Errors) diagnose.Size { return s.Shift }},
	{"quantisation", "T timesteps allow T+1 rates", 2, func(s *diagnose.Errors) diagnose.Size { return s.Quantisation }},
	{"leak", "potentials that faded", 4, func(s *diagnose.Errors) diagnose.Size { return s.Leak }}, // Calibration for T takes no neurons that leak.
	{"vanished", "activations below the lowest level", 5, func(s *diagnose.Errors) diagnose.Size { return s.Vanished }},
	{"unevenness", "spikes that later input would have prevented", 3, func(s *diagnose.Errors) diagnose.Size { return s.Unevenness }},
}

// partsOf returns the parts that the errors of d have: of those that only some networks
// have, where there is some. A phased network fires when it has its whole input, which is
// no unevenness.
func partsOf(d *diagnose.Diagnosis) []part {
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool {
		switch p.name {
		case "unevenness":
			return d.Latency > 0
		case "rounding", "saturation", "shift", "leak", "vanished":
			return !slices.ContainsFunc(d.Layers, func(l diagnose.Layer) bool {
				return slices.ContainsFunc(l.At, func(e diagnose.Errors) bool { return p.of(&e) != diagnose.Size{} })
			})
		}
		return false
	})
}

// sharesNote says what the shares of parts are of.
const sharesNote = "Shares of what the mean squares of the parts add up to. That sum is larger than the mean square of the total where parts cancel, and smaller where they go together."

// lossRow is what is lost between two cuts of the network, in points, with its 95 % interval.
type lossRow struct {
	After, Layer      string // Between which; After is empty for the image.
	With              []string
	Points, Low, High num
	Top1              num // With all up to Layer right.
	Own, Part         string
	Size              num
	Bar               bar
}

// lossTable shows what is lost by depth.
type lossTable struct {
	Rows      []lossRow
	Sum       num // Of Points: all that is lost.
	Low, High num // Ends of the axis.
}

// losses returns nil without a diagnosis, or of one that did not look.
func (run *Run) losses() *lossTable {
	d := run.Diagnosis
	if d == nil || len(d.Losses) == 0 || len(d.Timesteps) == 0 {
		return nil
	}
	t := &lossTable{}
	for i := range d.Losses {
		l := &d.Losses[i]
		r := lossRow{After: l.After, Layer: l.Layer, With: l.With, Points: num(l.Points), Low: num(l.Low), High: num(l.High), Top1: num(l.Top1), Own: l.Own, Part: l.Part, Size: num(l.Size)}
		t.Sum += r.Points
		t.Low, t.High = min(t.Low, r.Low, r.Points), max(t.High, r.High, r.Points)
		t.Rows = append(t.Rows, r)
	}
	for i := range t.Rows {
		r := &t.Rows[i]
		r.Bar = interval(r.Points, r.Low, r.High, t.Low, t.High, "f1", "loss up to "+r.Layer+": "+loss(r.Points)+" points, "+loss(r.Low)+" to "+loss(r.High))
	}
	return t
}

// Note says what the losses are and what they add up to, in sentences.
func (t *lossTable) Note() string {
	return fmt.Sprintf("What accuracy rises by if all up to a layer is right, over the layer before, with intervals of 95 %%; in all %s points.", loss(t.Sum))
}

// loss formats a loss in points, which a gain of accuracy makes negative.
func loss(points num) string {
	s := minus(percent(points / 100))
	if strings.Trim(s, "−0.") == "" {
		return "0.00"
	}
	return s
}

// Axis names the ends of the axis.
func (t *lossTable) Axis() string { return loss(t.Low) + " to " + loss(t.High) }
