package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"sresnet/diagnose"
)

// WriteJSON writes all that r shows as one JSON object, with the captions of its figures. Unknown
// values are null.
func (r *Report) WriteJSON(w io.Writer) error {
	figures, err := r.Figures()
	if err != nil {
		return err
	}
	v := struct {
		*Report
		Figures []Caption `json:"figures"`
	}{Report: r}
	for _, f := range figures {
		v.Figures = append(v.Figures, f.Caption)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(v)
}

// WriteCSV writes one line per number, in tidy form: the run, its model, what the
// number is, the layer, the class and the timestep that it belongs to, if any, how many
// images it is of, and the number.
//
//	run,model,quantity,layer,class,t,images,value
//	resnet20,resnet20_cifar10,spiking_top1,,,8,10000,0.3767
//	resnet20,resnet20_cifar10,rate,layer1.0/Relu,,128,10000,0.1043
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"run", "model", "quantity", "layer", "class", "t", "images", "value"}) // Error reports it, as below.
	for _, run := range r.Runs {
		run.tidy(func(n number) {
			if !n.x.known() {
				return
			}
			whole := func(k int) string {
				if k > 0 {
					return strconv.Itoa(k)
				}
				return ""
			}
			_ = c.Write([]string{run.Name, run.Result.Model, n.quantity, n.layer, n.class, whole(n.T), whole(n.images), strconv.FormatFloat(float64(n.x), 'g', -1, 64)})
		})
	}
	c.Flush()
	return c.Error()
}

// number is a number with what it is of; 0 and "" where that does not matter.
type number struct {
	quantity, layer, class string
	T, images              int
	x                      num
}

// tidy hands every number of a run to to.
func (run *Run) tidy(to func(number)) {
	res, T := run.Result, run.Result.Timesteps
	put := func(quantity, layer string, T int, x num) { to(number{quantity, layer, "", T, res.Images, x}) }
	put("images", "", 0, num(res.Images))
	put("trained_top1", "", 0, run.TrainedTop1())
	put("dense_macs_per_image", "", 0, run.ofTrained(res.DenseMACsPerImage))
	put("macs_per_image", "", T, num(res.MACsPerImage))
	put("trained_operations_per_image", "", 0, run.trainedOperations())
	put("trained_joules_per_image", "", 0, run.trainedJoules())
	put("latency", "", T, num(res.Latency))
	if res.Energy != nil {
		put("membrane_updates", "", T, num(res.Energy.SNN.Updates))
	}
	for i := range run.Accuracy {
		p := &run.Accuracy[i]
		put("spiking_top1", "", p.T, p.Top1)
		put("spiking_top1_low", "", p.T, p.Low)
		put("spiking_top1_high", "", p.T, p.High)
		put("agreement", "", p.T, p.Agreement)
		put("spikes_per_image", "", p.T, p.Spikes)
		put("acs_per_image", "", p.T, p.ACs)
		put("operations_per_image", "", p.T, run.operations(p))
		put("joules_per_image", "", p.T, p.Joules)
	}
	if s := run.settles(); s != nil {
		for t, n := range run.settled() {
			put("settles_right", "", t+1, num(n[0]))
			put("settles_wrong", "", t+1, num(n[1]))
		}
		put("never_right", "", T, num(s.Never))
	}
	if t := run.perClass(math.MaxInt); t != nil {
		for i := range t.Rows {
			r := &t.Rows[i]
			class := func(quantity string, x num) { to(number{quantity, "", r.Name, T, r.Images, x}) }
			class("trained_top1", r.Trained)
			class("spiking_top1", r.Spiking)
			class("spiking_top1_low", r.Low)
			class("spiking_top1_high", r.High)
			class("change_points", r.Change)
			class("change_points_low", r.Least)
			class("change_points_high", r.Most)
		}
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
		if a := run.activation(l.Name); a != nil { // Of calibration images.
			for _, x := range []number{{quantity: "activation_max", x: num(a.Max)}, {quantity: "activation_mean", x: num(a.Mean)}, {quantity: "activation_zeros", x: num(a.Zeros)}} {
				x.layer, x.images = l.Name, run.calibrationImages()
				to(x)
			}
		}
		if d := run.diagnosed(l.Name); d != nil {
			run.tidyErrors(d, to)
		}
	}
	if t := run.energy(); t != nil {
		unit := "_operations_of_layer"
		if t.Device != "" {
			unit = "_joules_of_layer"
		}
		for i := range t.Rows {
			put("spiking"+unit, t.Rows[i].Name, T, t.Rows[i].snn)
			put("trained"+unit, t.Rows[i].Name, 0, t.Rows[i].ann)
		}
	}
	if t := run.losses(); t != nil {
		d := run.Diagnosis
		for i := range t.Rows {
			r := &t.Rows[i]
			for _, x := range []number{{quantity: "loss_points", x: r.Points}, {quantity: "loss_points_low", x: r.Low}, {quantity: "loss_points_high", x: r.High}} {
				x.layer, x.T, x.images = r.Layer, d.Timesteps[len(d.Timesteps)-1], d.Images
				to(x)
			}
		}
	}
}

// tidyErrors hands every number of the diagnosis of a layer to to.
func (run *Run) tidyErrors(l *diagnose.Layer, to func(number)) {
	d := run.Diagnosis
	put := func(quantity string, T int, x num) { to(number{quantity, l.Name, "", T, d.Images, x}) }
	put("clipped", 0, num(l.Clipped))
	put("dead", 0, num(l.Dead))
	put("saturated", 0, num(l.Saturated))
	if d.Latency > 0 {
		put("vanished", 0, num(l.Vanished))
	}
	parts := partsOf(d)
	for j := range l.At {
		s := &l.At[j]
		put("correlation", s.Timesteps, num(s.Correlation))
		put("error_bias", s.Timesteps, num(s.Total.Bias))
		put("error_rms", s.Timesteps, num(s.Total.RMS))
		shares, _ := sharesOf(parts, s)
		for k, p := range parts {
			put(p.name+"_bias", s.Timesteps, num(p.of(s).Bias))
			put(p.name+"_rms", s.Timesteps, num(p.of(s).RMS))
			put(p.name+"_share", s.Timesteps, shares[k])
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
			bounds(p), points(p.Top1 - run.TrainedTop1()), percent(p.Agreement), count(p.Spikes), count(p.ACs),
		})
	}
	writeTable(&b, 2, rows)
	fmt.Fprintf(&b, "%s\n\n", escape(r.basis()))
	for _, run := range r.Runs {
		run.markdown(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func bounds(p Point) string { return between(percent, p.Low, p.High) }

// between shows an interval.
func between(show func(num) string, low, high num) string {
	if !low.known() || !high.known() {
		return unknown
	}
	return show(low) + " to " + show(high)
}

// heading writes the caption of a table.
func (run *Run) heading(b *strings.Builder, name, more string) {
	c := run.caption(name)
	fmt.Fprintf(b, "### %s\n\n%s\n\n", escape(c.Title), escape(strings.TrimSpace(c.Says+" "+more)))
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
	run.heading(b, "choice", "")
	rows := [][]string{{"T", "spiking %", "95 % interval", "agreement %", "spikes/image", "ACs/image", "remarks"}}
	for _, p := range over {
		rows = append(rows, []string{strconv.Itoa(p.T), percent(p.Top1), bounds(p), percent(p.Agreement), count(p.Spikes), count(p.ACs), remarks[p.T]})
	}
	writeTable(b, 0, rows)

	run.heading(b, "rates", "")
	rows = [][]string{{"layer", "kind", "neurons", "lambda", "rate", "spikes/image", "ACs/image"}}
	for _, l := range run.layers() {
		rows = append(rows, []string{l.Name, l.Kind, strconv.Itoa(l.Neurons), significant(l.Lambda), fixed(l.Rate), count(l.Spikes), count(l.ACs)})
	}
	writeTable(b, 2, rows)

	if t := run.perClass(maxMatrix); t != nil {
		run.heading(b, "classes", t.Note())
		rows = [][]string{{"class", "images", "trained %", "spiking %", "95 % interval", "change, points", "95 % interval"}}
		for i := range t.Rows {
			r := &t.Rows[i]
			rows = append(rows, []string{
				r.Name, strconv.Itoa(r.Images), percent(r.Trained), percent(r.Spiking), between(percent, r.Low, r.High),
				points(r.Change / 100), between(points, r.Least/100, r.Most/100),
			})
		}
		writeTable(b, 1, rows)
	}
	if t := run.losses(); t != nil {
		run.heading(b, "losses", t.Note())
		rows = [][]string{{"up to", "lost, points", "95 % interval", "top-1 % if right"}}
		for i := range t.Rows {
			r := &t.Rows[i]
			rows = append(rows, []string{r.Layer, loss(r.Points), between(loss, r.Low, r.High), percent(r.Top1)})
		}
		writeTable(b, 1, rows)
	}
	if t := run.errors(); t != nil {
		run.heading(b, "errors", "In units of lambda. "+sharesNote)
		head := []string{"layer", "rms", "mean", "correlation", "clipped %", "dead %", "saturated %"}
		for _, l := range t.Legend {
			head = append(head, l.Name+", share %")
		}
		rows = [][]string{head}
		for i := range t.Rows {
			r := &t.Rows[i]
			row := []string{r.Name, fixed(r.RMS), fixed(r.Bias), fixed(r.Correlation), percent(r.Clipped), percent(r.Dead), percent(r.Saturated)}
			for _, x := range r.Shares {
				row = append(row, percent(x))
			}
			rows = append(rows, row)
		}
		writeTable(b, 1, rows)
	}
	if t := run.energy(); t != nil {
		run.heading(b, "energy", strings.TrimSpace(t.Even+" "+t.Skipping))
		head := []string{"layer", "spiking"}
		if t.Sum.Both {
			head = append(head, "trained")
		}
		rows = [][]string{head}
		for _, r := range append(slices.Clone(t.Rows), *t.Sum) {
			row := []string{r.Name, r.SNN}
			if r.Both {
				row = append(row, r.ANN)
			}
			rows = append(rows, row)
		}
		writeTable(b, 1, rows)
	}
	if pairs := run.worse(); len(pairs) > 0 {
		run.heading(b, "pairs", "")
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
