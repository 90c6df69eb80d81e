package eval

import (
	"encoding/csv"
	"io"
	"strconv"
)

// WriteAccuracy writes one line per timestep, from 1: top-1 accuracy of the
// spiking network, agreement with the trained one, if there is one, and the spikes and synaptic
// additions per image up to then.
func (r *Result) WriteAccuracy(w io.Writer) error {
	c := newTable(w, "t", "snn_top1", "agreement", "spikes_per_image", "acs_per_image")
	for t := range r.SNN.Top1 {
		c.line(strconv.Itoa(t+1), number(r.SNN.Top1[t]), r.agreement(t), number(r.SpikesUpTo[t]), number(r.ACsUpTo[t]))
	}
	return c.close()
}

// agreement returns the number of a table at timestep t, counted from 0; none without
// a trained network.
func (r *Result) agreement(t int) string {
	if r.Alone {
		return ""
	}
	return number(r.Agreement[t])
}

// WriteLayers writes one line per layer.
func (r *Result) WriteLayers(w io.Writer) error {
	c := newTable(w, "name", "kind", "neurons", "lambda", "rate", "spikes_per_image", "acs_per_image")
	for _, l := range r.Layers {
		c.line(l.Name, l.Kind, strconv.Itoa(l.Neurons), number(l.Lambda), number(l.Rate), number(l.SpikesPerImage), number(l.ACsPerImage))
	}
	return c.close()
}

// WriteSpikes writes one line per layer and timestep, from 1: the spikes and the
// synaptic additions of that timestep alone, per image.
func (r *Result) WriteSpikes(w io.Writer) error {
	c := newTable(w, "layer", "timestep", "spikes_per_image", "acs_per_image")
	for _, l := range r.Layers {
		for t := range l.SpikesAt {
			c.line(l.Name, strconv.Itoa(t+1), number(l.SpikesAt[t]), number(l.ACsAt[t]))
		}
	}
	return c.close()
}

// WritePredictions writes one line per finished image: its index in the data
// set, its label, and the class that each network gives it after the last
// timestep; none of a trained network that is not at hand.
func (r *Result) WritePredictions(w io.Writer) error {
	c := newTable(w, "index", "label", "ann", "snn")
	for i := range r.Predictions {
		p := &r.Predictions[i]
		ann := ""
		if p.ANN != noClass {
			ann = strconv.Itoa(p.ANN)
		}
		c.line(strconv.Itoa(p.Index), strconv.Itoa(p.Label), ann, strconv.Itoa(p.SNN()))
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
