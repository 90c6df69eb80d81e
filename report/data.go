package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteJSON writes all that r shows as one JSON object. Unknown values are null.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// WriteCSV writes one line per number, in tidy form: the run, its model, what the
// number is, the layer and the timestep that it belongs to, if any, and the number.
//
//	run,model,quantity,layer,t,value
//	resnet20,resnet20_cifar10,spiking_top1,,8,0.3767
//	resnet20,resnet20_cifar10,rate,layer1.0/Relu,128,0.1043
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"run", "model", "quantity", "layer", "t", "value"}) // Error reports it, as below.
	for _, run := range r.Runs {
		run.tidy(func(quantity, layer string, T int, x num) {
			if !x.known() {
				return
			}
			t := ""
			if T > 0 {
				t = strconv.Itoa(T)
			}
			_ = c.Write([]string{run.Name, run.Result.Model, quantity, layer, t, strconv.FormatFloat(float64(x), 'g', -1, 64)})
		})
	}
	c.Flush()
	return c.Error()
}

// tidy hands every number of a run to put.
func (run *Run) tidy(put func(quantity, layer string, T int, x num)) {
	res, T := run.Result, run.Result.Timesteps
	put("images", "", 0, num(res.Images))
	put("trained_top1", "", 0, run.TrainedTop1())
	put("dense_macs_per_image", "", 0, run.ofTrained(res.DenseMACsPerImage))
	put("macs_per_image", "", T, num(res.MACsPerImage))
	put("latency", "", T, num(res.Latency))
	if res.Energy != nil {
		put("membrane_updates", "", T, num(res.Energy.SNN.Updates))
	}
	for _, p := range run.Accuracy {
		put("spiking_top1", "", p.T, p.Top1)
		put("spiking_top1_low", "", p.T, p.Low)
		put("spiking_top1_high", "", p.T, p.High)
		put("agreement", "", p.T, p.Agreement)
		put("spikes_per_image", "", p.T, p.Spikes)
		put("acs_per_image", "", p.T, p.ACs)
		put("joules_per_image", "", p.T, p.Joules)
	}
	for i := range res.Layers {
		l := &res.Layers[i]
		put("neurons", l.Name, 0, num(l.Neurons))
		put("lambda", l.Name, 0, num(l.Lambda))
		put("rate", l.Name, T, num(l.Rate))
		put("spikes_per_image", l.Name, T, num(l.SpikesPerImage))
		put("acs_per_image", l.Name, T, num(l.ACsPerImage))
		for t := range l.SpikesAt {
			put("spikes_at", l.Name, t+1, num(l.SpikesAt[t]))
			put("acs_at", l.Name, t+1, num(l.ACsAt[t]))
		}
		if a := run.activation(l.Name); a != nil {
			put("activation_max", l.Name, 0, num(a.Max))
			put("activation_mean", l.Name, 0, num(a.Mean))
			put("activation_zeros", l.Name, 0, num(a.Zeros))
		}
		if d := run.diagnosed(l.Name); d != nil {
			put("clipped", l.Name, 0, num(d.Clipped))
			put("dead", l.Name, 0, num(d.Dead))
			put("saturated", l.Name, 0, num(d.Saturated))
			if run.Diagnosis.Latency > 0 {
				put("vanished", l.Name, 0, num(d.Vanished))
			}
			for j := range d.At {
				s := &d.At[j]
				put("correlation", l.Name, s.Timesteps, num(s.Correlation))
				put("error_bias", l.Name, s.Timesteps, num(s.Total.Bias))
				put("error_rms", l.Name, s.Timesteps, num(s.Total.RMS))
				for _, p := range partsOf(run.Diagnosis) {
					put(p.name+"_bias", l.Name, s.Timesteps, num(p.of(s).Bias))
					put(p.name+"_rms", l.Name, s.Timesteps, num(p.of(s).RMS))
				}
			}
		}
	}
}

// WriteMarkdown writes the tables of r.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", escape(r.title()))
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "> %s\n\n", escape(n))
	}
	rows := [][]string{{"run", "model", "images", "T", "latency", "trained %", "spiking %", "95 % interval", "difference", "agreement %", "spikes/image", "ACs/image"}}
	for _, run := range r.Runs {
		p := run.last()
		rows = append(rows, []string{
			run.Name, run.Result.Model, strconv.Itoa(run.Result.Images), strconv.Itoa(p.T), strconv.Itoa(run.Result.Latency), percent(run.TrainedTop1()), percent(p.Top1),
			interval(p), points(p.Top1 - run.TrainedTop1()), percent(p.Agreement), count(p.Spikes), count(p.ACs),
		})
	}
	writeTable(&b, 2, rows)
	for _, run := range r.Runs {
		run.markdown(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func interval(p Point) string {
	if !p.Low.known() {
		return unknown
	}
	return percent(p.Low) + " to " + percent(p.High)
}

func (run *Run) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n", escape(run.Name))
	if d := run.Diagnosis; d != nil {
		for _, f := range d.Verdict {
			fmt.Fprintf(b, "- %s\n", escape(f.Text))
		}
		b.WriteByte('\n')
	}
	over, remarks := run.overview()
	rows := [][]string{{"T", "spiking %", "95 % interval", "agreement %", "spikes/image", "ACs/image", "remarks"}}
	for _, p := range over {
		rows = append(rows, []string{strconv.Itoa(p.T), percent(p.Top1), interval(p), percent(p.Agreement), count(p.Spikes), count(p.ACs), remarks[p.T]})
	}
	writeTable(b, 0, rows)

	rows = [][]string{{"layer", "kind", "neurons", "lambda", "rate", "spikes/image", "ACs/image"}}
	for _, l := range run.layers() {
		rows = append(rows, []string{l.Name, l.Kind, strconv.Itoa(l.Neurons), significant(l.Lambda), fixed(l.Rate), count(l.Spikes), count(l.ACs)})
	}
	writeTable(b, 2, rows)

	if t := run.errors(); t != nil {
		fmt.Fprintf(b, "Error of every layer at %s, in units of lambda:\n\n", t.When)
		rows = [][]string{{"layer", "rms", "mean", "correlation", "clipped %", "dead %", "saturated %"}}
		for _, l := range t.Rows {
			rows = append(rows, []string{l.Name, fixed(l.RMS), fixed(l.Bias), fixed(l.Correlation), percent(l.Clipped), percent(l.Dead), percent(l.Saturated)})
		}
		writeTable(b, 1, rows)
	}
	if pairs := run.worse(); len(pairs) > 0 {
		rows = [][]string{{"label", "taken for", "trained", "spiking"}}
		for _, p := range pairs {
			trained := strconv.Itoa(p.Trained)
			if run.Result.Alone() {
				trained = "–"
			}
			rows = append(rows, []string{p.Label, p.Answer, trained, strconv.Itoa(p.Spiking)})
		}
		writeTable(b, 2, rows)
	}
	fmt.Fprintf(b, "Repeat it, with sresnet %s:\n\n    %s\n\n", escape(run.Manifest.Version), strings.ReplaceAll(CommandLine(run.Manifest), "\n", " "))
	for _, m := range run.Missing {
		fmt.Fprintf(b, "> %s\n\n", escape(m))
	}
}

// writeTable writes rows, the first of which is the header, as a table whose first
// columns are words and whose others are numbers.
func writeTable(b *strings.Builder, words int, rows [][]string) {
	for i, row := range rows {
		for _, s := range row {
			b.WriteString("| " + escape(s) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			for k := range row {
				if k < words {
					b.WriteString("|---")
				} else {
					b.WriteString("|--:")
				}
			}
			b.WriteString("|\n")
		}
	}
	b.WriteByte('\n')
}

// escape keeps a name from being Markdown or HTML.
func escape(s string) string {
	return markdownEscapes.Replace(s)
}

var markdownEscapes = strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", "\\*", "`", "\\`", "[", "\\[", "]", "\\]", "_", "\\_", "\n", " ", "\r", " ")
