package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sresnet/diagnose"
	"sresnet/energy"
	"sresnet/experiment"
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
	Caption Caption
	Runs    []string
	Rows    []rateRow
}

type rateRow struct {
	Layer string
	Rates []num
	Bars  []bar
}

// ratesAcross is of how many runs one table has the rates: as many as paper is wide for.
const ratesAcross = 4

// rates returns nothing unless all runs have the same layers, and there are several.
func (r *Report) rates() []rates {
	if len(r.Runs) < 2 {
		return nil
	}
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
	}
	most := largest(all)
	var list []rates
	for from := 0; from < len(r.Runs); from += ratesAcross {
		runs := r.Runs[from:min(from+ratesAcross, len(r.Runs))]
		t := rates{Caption: Caption{Title: "Rate per layer of all runs", Says: r.basis()}}
		for _, run := range runs {
			t.Runs = append(t.Runs, run.Name)
		}
		for i := range first {
			row := rateRow{Layer: first[i].Name}
			for k, run := range runs {
				x := num(run.Result.Layers[i].Rate)
				row.Rates = append(row.Rates, x)
				row.Bars = append(row.Bars, simple(x, most, fmt.Sprintf("f%d", (from+k)%len(palette.Colours)), fmt.Sprintf("%s: rate %.4f", run.Name, float64(x))))
			}
			t.Rows = append(t.Rows, row)
		}
		list = append(list, t)
	}
	return list
}

// errorTable shows the parts of every layer's error at the last mark. Roots of mean squares do not
// add up, and mean squares of parts that cancel are more than that of their sum: the bars are
// shares of what the mean squares of the parts add up to, and Ratio says how that is to
// the total.
type errorTable struct {
	T      int
	Legend []legend
	Rows   []errorRow
	// Ends of the axis of means.
	BiasLow, BiasHigh num
}

type legend struct{ Class, Name, Says string }

type errorRow struct {
	Name                                             string
	RMS, Bias, Correlation, Clipped, Dead, Saturated num
	Ratio                                            num   // Of the sum of the parts' mean squares to the total's: below 1 they add, above they cancel.
	Shares                                           []num // Of the parts, in the order of the legend; 1 in all, or NaN without an error.
	SharesBar, BiasBar                               bar
}

func (run *Run) errors() *errorTable {
	d := run.Diagnosis
	if d == nil || len(d.Layers) == 0 || len(d.Timesteps) == 0 {
		return nil
	}
	t := &errorTable{T: d.Timesteps[len(d.Timesteps)-1]}
	var classes []string
	parts := partsOf(d)
	for i, p := range parts {
		classes = append(classes, fmt.Sprintf("p%d", p.style))
		t.Legend = append(t.Legend, legend{classes[i], p.name, p.says})
	}
	// Of each layer with a split: the sizes of its parts.
	type sizes struct {
		layer *diagnose.Layer
		split *diagnose.Errors
		bias  []num
	}
	var list []sizes
	for i := range d.Layers {
		l := &d.Layers[i]
		k := slices.IndexFunc(l.At, func(s diagnose.Errors) bool { return s.Timesteps == t.T })
		if k < 0 {
			continue
		}
		s := sizes{layer: l, split: &l.At[k]}
		for _, p := range parts {
			s.bias = append(s.bias, num(p.of(s.split).Bias))
		}
		extent(s.bias, &t.BiasLow, &t.BiasHigh)
		list = append(list, s)
	}
	for _, s := range list {
		shares, sum := sharesOf(parts, s.split)
		t.Rows = append(t.Rows, errorRow{
			Ratio: sum / num(s.split.Total.RMS*s.split.Total.RMS), Shares: shares,
			Name: s.layer.Name, RMS: num(s.split.Total.RMS), Bias: num(s.split.Total.Bias), Correlation: num(s.split.Correlation),
			Clipped: num(s.layer.Clipped), Dead: num(s.layer.Dead), Saturated: num(s.layer.Saturated),
			SharesBar: stacked(shares, classes, 0, 1, nan, "shares of the mean square: "+spoken(parts, shares)),
			BiasBar:   stacked(s.bias, classes, t.BiasLow, t.BiasHigh, num(s.split.Total.Bias), "mean of "+spoken(parts, s.bias)),
		})
	}
	return t
}

// sharesOf returns the share of each part in the sum of their mean squares, and that sum;
// NaN where it is 0.
func sharesOf(parts []part, e *diagnose.Errors) (shares []num, sum num) {
	for _, p := range parts {
		rms := num(p.of(e).RMS)
		shares = append(shares, rms*rms)
		sum += rms * rms
	}
	for i := range shares {
		shares[i] /= sum
	}
	return shares, sum
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
	Baseline     string // What the trained network does, a sentence.
	Even         string // Up to what T the spiking network takes no more than that, a sentence.
	Skipping     string // What the trained network takes if it skips zeros, a sentence.
	Sum          *energyRow
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
	c := costs{show: count, spiking: func(o *energy.Operations) num { return num(o.ACs + o.MACs) }, trained: func(o *energy.Operations) num { return num(o.DenseACs + o.DenseMACs) }}
	if d := run.device(); d != nil {
		t.Unit, t.Device = "energy", d.Name
		c = costs{show: joules, spiking: func(o *energy.Operations) num {
			x, ok := d.Joules(o)
			if !ok {
				return nan
			}
			return num(x)
		}, trained: func(o *energy.Operations) num { return joulesOf(d, o) }}
		if even := e.BreakEven.Dense; even != nil {
			t.Even = evenWords(even, e.BreakEven.Window)
		}
	}
	if c.both = e.ANN != nil && c.trained(&e.ANN.Operations).known(); c.both {
		t.Baseline = allProducts
		if x := c.spiking(&e.ANN.Operations); x.known() { // What is not zero, of either network.
			t.Skipping = "One that skips zeros takes " + c.show(x) + "."
		}
	} else if e.ANN != nil {
		t.Baseline = "The trained network is left out: the table does not price all that it does."
	}
	t.Rows = rowsBy(e, func(c *energy.Contribution) string { return c.Layer }, &c)
	t.Parts = rowsBy(e, func(c *energy.Contribution) string { return string(c.Part) }, &c)
	t.Sum = sumOf(e, &c)
	if t.Memory = memoryRows(e); t.Memory != nil {
		t.MemoryWords = e.Memory.Words(e.BreakEven.Spikes)
	}
	return t
}

// evenWords says up to what T the spiking network takes no more than the trained one.
func evenWords(even *energy.Even, window bool) string {
	switch {
	case window && even.Timesteps == 0:
		return "The spiking network takes more than that."
	case window:
		return "The spiking network takes no more than that."
	case even.Timesteps == 0:
		return "The spiking network takes more than that from the first timestep on."
	}
	return fmt.Sprintf("The spiking network takes no more than that up to T = %d.", even.Timesteps)
}

// costs is how operations are counted or priced, and shown.
type costs struct {
	show    func(num) string
	spiking func(*energy.Operations) num // Without zeros.
	trained func(*energy.Operations) num // With them.
	both    bool                         // All of a trained network is known.
}

// sumOf is the row of all: what the device prices of both networks.
func sumOf(e *energy.Accounts, c *costs) *energyRow {
	r := &energyRow{Name: "sum", snn: c.spiking(&e.SNN.Operations), ann: nan, ACs: num(e.SNN.ACs), MACs: num(e.SNN.MACs), Updates: num(e.SNN.Updates), Both: c.both}
	if e.Device != nil && e.SNN.Joules != nil { // Updates without a price are left out of it.
		r.snn = num(*e.SNN.Joules)
	}
	if c.both {
		r.ann = c.trained(&e.ANN.Operations)
	}
	r.SNN, r.ANN = c.show(r.snn), c.show(r.ann)
	return r
}

// rowsBy adds up contributions of one key, in the order in which keys come.
func rowsBy(e *energy.Accounts, key func(*energy.Contribution) string, of *costs) []energyRow {
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
		plus(&s.snn, of.spiking(&c.Operations))
		s.ops.ACs, s.ops.MACs, s.ops.Updates = s.ops.ACs+c.ACs, s.ops.MACs+c.MACs, s.ops.Updates+c.Updates
	}
	if of.both {
		for i := range e.ANN.Contributions {
			c := &e.ANN.Contributions[i]
			plus(&at(c).ann, of.trained(&c.Operations))
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
			k, of.show(s.snn), of.show(s.ann),
			simple(s.snn, most, "f0", "spiking "+of.show(s.snn)), simple(s.ann, most, "p1", "trained "+of.show(s.ann)),
			num(s.ops.ACs), num(s.ops.MACs), num(s.ops.Updates), of.both, s.snn, s.ann,
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
// other columns show or that change no result. What a run does not have is as it is by
// default: options of later versions, and those that a file of a network has settled.
func (r *Report) differ() []string {
	usual := experiment.DefaultOptions()
	defaults := make(map[string]string)
	for _, p := range experiment.Table() {
		defaults[p.Key()] = p.Get(&usual)
	}
	of := func(run *Run, key string) string {
		if v, ok := run.Manifest.Options[key]; ok {
			return setting(v)
		}
		return defaults[key]
	}
	differ := make(map[string]bool)
	for _, a := range r.Runs {
		for key := range a.Manifest.Options {
			for _, b := range r.Runs {
				if of(a, key) != of(b, key) {
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
