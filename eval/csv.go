package eval

import (
	"encoding/csv"
	"io"
	"strconv"
)

// WriteAccuracy writes one line per mark, see [Result.Marks]: top-1 accuracy of the spiking
// network with the bounds of its 95 % interval, agreement with the trained one, and
// spikes, synaptic additions and joules per image up to then. Agreement is empty
// without a trained network, joules without a device.
func (r *Result) WriteAccuracy(w io.Writer) error {
	c := newTable(w, "t", "spiking_top1", "spiking_top1_low", "spiking_top1_high", "agreement", "spikes_per_image", "acs_per_image", "joules_per_image")
	for _, T := range r.Marks() {
		p, agreement, joules := r.Point(T), "", ""
		if !r.Alone() {
			agreement = number(p.Agreement)
		}
		if r.Energy != nil && r.Energy.Device != nil {
			joules = number(float64(p.Joules))
		}
		c.line(strconv.Itoa(T), number(p.Top1), number(p.Low), number(p.High), agreement, number(p.Spikes), number(p.ACs), joules)
	}
	return c.close()
}

// WriteLayers writes one line per layer.
func (r *Result) WriteLayers(w io.Writer) error {
	c := newTable(w, "layer", "kind", "neurons", "lambda", "rate", "spikes_per_image", "acs_per_image")
	for _, l := range r.Layers {
		c.line(l.Name, l.Kind, strconv.Itoa(l.Neurons), number(l.Lambda), number(l.Rate), number(l.SpikesPerImage), number(l.ACsPerImage))
	}
	return c.close()
}

// WriteSpikes writes one line per layer and timestep, from 1: the spikes and the
// synaptic additions of that timestep alone, per image.
func (r *Result) WriteSpikes(w io.Writer) error {
	c := newTable(w, "layer", "t", "spikes_at", "acs_at")
	for _, l := range r.Layers {
		for t := range l.SpikesAt {
			c.line(l.Name, strconv.Itoa(t+1), number(l.SpikesAt[t]), number(l.ACsAt[t]))
		}
	}
	return c.close()
}

// WritePredictions writes one line per finished image: its index in the data
// set, its label, and the class that each network gives it after the last
// timestep; none of a missing trained network.
func (r *Result) WritePredictions(w io.Writer) error {
	c := newTable(w, "image", "label", "trained_class", "spiking_class")
	p := &r.Predictions
	for i := range p.Image {
		trained := ""
		if p.Trained != nil {
			trained = strconv.Itoa(p.Trained[i])
		}
		c.line(strconv.Itoa(p.Image[i]), strconv.Itoa(p.Label[i]), trained, strconv.Itoa(p.Spiking[i]))
	}
	return c.close()
}

// table is a csv.Writer that keeps its error for the end, as bufio does.
type table struct{ w *csv.Writer }

func newTable(w io.Writer, header ...string) table {
	t := table{csv.NewWriter(w)}
	t.line(header...)
	return t
}

func (t table) line(fields ...string) { _ = t.w.Write(fields) } // Error reports it.

func (t table) close() error {
	t.w.Flush()
	return t.w.Error()
}

// number writes x with as few digits as read back to the same value.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
