package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sresnet/diagnose"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/internal/palette"
)

// layerRow is one line of the table of layers.
type layerRow struct {
	Name, Kind   string
	Neurons      int
	Lambda, Rate num
	Spikes, ACs  num
	Bar          bar
}

func (run *Run) layers() []layerRow {
	var rates []num
	for i := range run.Result.Layers {
		rates = append(rates, num(run.Result.Layers[i].Rate))
	}
	most := largest(rates)
	var rows []layerRow
	for i := range run.Result.Layers {
		l := &run.Result.Layers[i]
		rows = append(rows, layerRow{
			l.Name, l.Kind, l.Neurons, num(l.Lambda), num(l.Rate), num(l.SpikesPerImage), num(l.ACsPerImage),
			simple(num(l.Rate), most, "f0", fmt.Sprintf("rate %.4f", l.Rate)),
		})
	}
	return rows
}

// rates puts the rates of several runs of the same layers side by side.
type rates struct {
	Runs []string
	Rows []rateRow
}

type rateRow struct {
	Layer string
	Rates []num
	Bars  []bar
}

// rates returns nil unless all runs have the same layers, and there are several.
func (r *Report) rates() *rates {
	if len(r.Runs) < 2 {
		return nil
	}
	t := &rates{}
	first := r.Runs[0].Result.Layers
	var all []num
	for _, run := range r.Runs {
		if len(run.Result.Layers) != len(first) {
			return nil
		}
		for i := range first {
			if run.Result.Layers[i].Name != first[i].Name {
				return nil
			}
			all = append(all, num(run.Result.Layers[i].Rate))
		}
		t.Runs = append(t.Runs, run.Name)
	}
	most := largest(all)
	for i := range first {
		row := rateRow{Layer: first[i].Name}
		for k, run := range r.Runs {
			x := num(run.Result.Layers[i].Rate)
			row.Rates = append(row.Rates, x)
			row.Bars = append(row.Bars, simple(x, most, fmt.Sprintf("f%d", k%len(palette.Colours)), fmt.Sprintf("%s: rate %.4f", run.Name, float64(x))))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// errorTable shows the parts of every layer's error at the last mark.
type errorTable struct {
	T      int
	When   string // " at T = 40", or of a phased network what it is, with the latency.
	Legend []legend
	Rows   []errorRow
	// Ends of the axes.
	RMS, BiasLow, BiasHigh num
}

type legend struct{ Class, Name, Says string }

type errorRow struct {
	Name                                             string
	RMS, Bias, Correlation, Clipped, Dead, Saturated num
	RMSBar, BiasBar                                  bar
}

func (run *Run) errors() *errorTable {
	d := run.Diagnosis
	if d == nil || len(d.Layers) == 0 || len(d.Timesteps) == 0 {
		return nil
	}
	t := &errorTable{T: d.Timesteps[len(d.Timesteps)-1]}
	t.When = when(d)
	var classes []string
	parts := partsOf(d)
	for i, p := range parts {
		classes = append(classes, fmt.Sprintf("p%d", p.style))
		t.Legend = append(t.Legend, legend{classes[i], p.name, p.says})
	}
	// Of each layer with a split: the sizes of its parts.
	type sizes struct {
		layer     *diagnose.Layer
		split     *diagnose.Errors
		rms, bias []num
	}
	var list []sizes
	var none num
	for i := range d.Layers {
		l := &d.Layers[i]
		k := slices.IndexFunc(l.At, func(s diagnose.Errors) bool { return s.Timesteps == t.T })
		if k < 0 {
			continue
		}
		s := sizes{layer: l, split: &l.At[k]}
		for _, p := range parts {
			x := p.of(s.split)
			s.rms, s.bias = append(s.rms, num(x.RMS)), append(s.bias, num(x.Bias))
		}
		extent(s.rms, &none, &t.RMS)
		extent([]num{num(s.split.Total.RMS)}, &none, &t.RMS)
		extent(s.bias, &t.BiasLow, &t.BiasHigh)
		list = append(list, s)
	}
	for _, s := range list {
		t.Rows = append(t.Rows, errorRow{
			Name: s.layer.Name, RMS: num(s.split.Total.RMS), Bias: num(s.split.Total.Bias), Correlation: num(s.split.Correlation),
			Clipped: num(s.layer.Clipped), Dead: num(s.layer.Dead), Saturated: num(s.layer.Saturated),
			RMSBar:  stacked(s.rms, classes, 0, t.RMS, num(s.split.Total.RMS), "rms of "+spoken(parts, s.rms)),
			BiasBar: stacked(s.bias, classes, t.BiasLow, t.BiasHigh, num(s.split.Total.Bias), "mean of "+spoken(parts, s.bias)),
		})
	}
	return t
}

// when says after how long the verdict of d is, behind what it is of.
func when(d *diagnose.Diagnosis) string {
	timing := eval.Timing(d.Schedule, d.Coding, d.Timesteps[len(d.Timesteps)-1], d.Latency)
	if d.Latency > 0 {
		return " (" + timing + ")"
	}
	return " at " + timing
}

// spoken names the parts of an error with their sizes.
func spoken(parts []part, sizes []num) string {
	var words []string
	for i, p := range parts {
		words = append(words, p.name+" "+significant(sizes[i]))
	}
	return strings.Join(words, ", ")
}

// energyTable shows what each layer takes in both networks, in joules where the
// device prices it and in operations otherwise.
type energyTable struct {
	Unit, Device string
	Rows         []energyRow
	Parts        []energyRow
	NotCounted   []string
	Energy       *energy.Accounts
	All          string // What the trained network takes if it multiplies zeros, too.
	Even         string // Up to what T the spiking network takes no more than that, a sentence.
	Memory       []memoryRow
	MemoryWords  []string // What the memory model says, in sentences.
}

// memoryRow is what the three networks of the memory model spend on one thing.
type memoryRow struct{ Name, SNN, ANN, Quantised string }

// memoryRows shows what the memory model says, with the sums last; nothing without joules.
func memoryRows(e *energy.Accounts) []memoryRow {
	m := e.Memory
	if m == nil || e.Device == nil || m.Spiking.Joules == nil {
		return nil
	}
	parts := func(b *energy.Bill) []energy.BillPart {
		return append(b.Parts(), energy.BillPart{Name: "sum", Joules: b.Total})
	}
	var rows []memoryRow
	for i, p := range parts(m.Spiking.Joules) {
		r := memoryRow{Name: p.Name, SNN: joules(num(p.Joules))}
		if m.Compares() {
			r.ANN, r.Quantised = joules(num(parts(m.Trained.Joules)[i].Joules)), joules(num(parts(m.Quantised.Joules)[i].Joules))
		}
		rows = append(rows, r)
	}
	return rows
}

type energyRow struct {
	Name               string
	SNN, ANN           string
	SNNBar, ANNBar     bar
	ACs, MACs, Updates num
	Both               bool // There is a trained network, too.
	snn, ann           num
}

func (run *Run) energy() *energyTable {
	e := run.Result.Energy
	if e == nil {
		return nil
	}
	t := &energyTable{Unit: "operations", NotCounted: e.NotCounted, Energy: e}
	size, show := func(c *energy.Contribution) num { return num(c.ACs + c.MACs) }, count
	if e.Device != nil && e.SNN.Joules != nil {
		t.Unit, t.Device, show = "energy", e.Device.Name, joules
		size = func(c *energy.Contribution) num {
			if c.Joules == nil {
				return nan
			}
			return num(*c.Joules)
		}
		if d := e.BreakEven.Dense; d != nil {
			t.All = joules(num(d.Joules))
			switch {
			case e.BreakEven.Window && d.Timesteps == 0:
				t.Even = "The spiking network takes more than that."
			case e.BreakEven.Window:
				t.Even = "The spiking network takes no more than that."
			case d.Timesteps == 0:
				t.Even = "The spiking network takes more than that from the first timestep on."
			default:
				t.Even = fmt.Sprintf("The spiking network takes no more than that up to T = %d.", d.Timesteps)
			}
		}
	}
	if t.Memory = memoryRows(e); t.Memory != nil {
		t.MemoryWords = e.Memory.Words(e.BreakEven.Spikes)
	}
	t.Rows = rowsBy(e, func(c *energy.Contribution) string { return c.Layer }, size, show)
	t.Parts = rowsBy(e, func(c *energy.Contribution) string { return string(c.Part) }, size, show)
	return t
}

// rowsBy adds up contributions of one key, in the order in which keys come.
func rowsBy(e *energy.Accounts, key func(*energy.Contribution) string, size func(*energy.Contribution) num, show func(num) string) []energyRow {
	type sum struct {
		snn, ann num
		ops      energy.Operations
	}
	var keys []string
	sums := make(map[string]*sum)
	at := func(c *energy.Contribution) *sum {
		k := key(c)
		if sums[k] == nil {
			sums[k] = &sum{snn: nan, ann: nan} // Until something is known.
			keys = append(keys, k)
		}
		return sums[k]
	}
	for i := range e.SNN.Contributions {
		c := &e.SNN.Contributions[i]
		s := at(c)
		plus(&s.snn, size(c))
		s.ops.ACs, s.ops.MACs, s.ops.Updates = s.ops.ACs+c.ACs, s.ops.MACs+c.MACs, s.ops.Updates+c.Updates
	}
	if e.ANN != nil {
		for i := range e.ANN.Contributions {
			c := &e.ANN.Contributions[i]
			plus(&at(c).ann, size(c))
		}
	}
	var all []num
	for _, s := range sums {
		all = append(all, s.snn, s.ann)
	}
	most := largest(all)
	var rows []energyRow
	for _, k := range keys {
		s := sums[k]
		rows = append(rows, energyRow{
			k, show(s.snn), show(s.ann),
			simple(s.snn, most, "f0", "spiking "+show(s.snn)), simple(s.ann, most, "f1", "trained "+show(s.ann)),
			num(s.ops.ACs), num(s.ops.MACs), num(s.ops.Updates), e.ANN != nil, s.snn, s.ann,
		})
	}
	return rows
}

// plus adds x to a sum of what is known.
func plus(sum *num, x num) {
	switch {
	case !x.known():
	case sum.known():
		*sum += x
	default:
		*sum = x
	}
}

// settings are the options of a run.
func (run *Run) settings() [][2]string {
	var list [][2]string
	for _, k := range slices.Sorted(maps.Keys(run.Manifest.Options)) {
		v := setting(run.Manifest.Options[k])
		if v == "" {
			v = unknown
		}
		list = append(list, [2]string{strings.ReplaceAll(k, "_", " "), v})
	}
	return list
}

// hashes are what a run was made from, with SHA-256.
func (run *Run) hashes() [][2]string {
	m := run.Manifest
	list := [][2]string{
		{"model " + m.Model.Name, m.Model.SHA256},
		{"test images " + m.Data.Name, m.Data.SHA256},
		{"calibration images " + m.Calibration.Name, m.Calibration.SHA256},
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		list = append(list, [2]string{name, m.Files[name]})
	}
	return list
}

// differ returns the options that are not the same in all runs, except those that
// other columns show or that change no result.
func (r *Report) differ() []string {
	differ := make(map[string]bool)
	for _, a := range r.Runs {
		for _, b := range r.Runs {
			for key, v := range a.Manifest.Options {
				if setting(v) != setting(b.Manifest.Options[key]) {
					differ[key] = true
				}
			}
		}
	}
	for _, key := range []string{"workers", "images", "timesteps"} {
		delete(differ, key)
	}
	return slices.Sorted(maps.Keys(differ))
}
