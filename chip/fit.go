package chip

import (
	"fmt"

	"sresnet/snn"
)

// Report is what a network needs of a chip, and what the chip has.
type Report struct {
	Chip      string `json:"chip"`
	Title     string `json:"title"`
	Bits      int    `json:"bits"` // Of the network's weights; 0 for real numbers.
	Timesteps int    `json:"timesteps"`
	Fits      bool   `json:"fits"` // Everything, as far as limits are published.

	// Advice is what to do about real numbers, with options in braces; see package
	// internal/hint.
	Advice string `json:"advice,omitempty"`

	Populations []Population `json:"populations"`
	Whole       []Need       `json:"whole"` // Of all populations together.
	Notes       []string     `json:"notes"` // What else there is to know, and what is not published.

	columns []string // Of the needs of populations, in their order; empty for none.
}

// Population is what one population needs.
type Population struct {
	Name     string `json:"name"`
	Neurons  int    `json:"neurons"` // 0 of a gate.
	Cores    int    `json:"cores"`   // At least.
	FanIn    int    `json:"fan_in"`  // Synapses of a neuron, the most.
	FanOut   int    `json:"fan_out"` // Synapses that a spike meets, the most.
	Synapses uint64 `json:"synapses"`
	Fits     bool   `json:"fits"`
	Needs    []Need `json:"needs"`
}

// Need is what is needed of something that is limited.
type Need struct {
	Of     string `json:"of"`
	Needs  *int   `json:"needs"` // Null where it is no whole number.
	Most   int    `json:"most"`
	Fits   bool   `json:"fits"`
	Source string `json:"source"`

	// Beyond is how many channels need more than there is, of what every channel needs by itself.
	Beyond int `json:"channels_beyond,omitempty"`
}

// Fit says what of net fits the chip of that name if it runs for T timesteps, or windows of
// as many; nil if there is no such chip.
func Fit(net *snn.Network, name string, T int) *Report {
	c := Named(name)
	if c == nil {
		return nil
	}
	v := newView(net, c, T)
	r := &Report{Chip: c.Name, Title: c.Title, Bits: net.Bits, Timesteps: T, Fits: true, Notes: c.Notes}
	if !net.Integer() {
		r.Advice = fmt.Sprintf("weights are real numbers, and %s has whole ones: give {bits} %d, or less, so that its limits can be told", c.Title, c.WeightBits())
	}
	for i := range c.Limits {
		if l := &c.Limits[i]; !l.Whole {
			r.columns = append(r.columns, l.Column)
		}
	}
	for i := range net.Layers {
		p := Population{Name: net.Layers[i].Name, Neurons: v.neurons(i), Cores: c.cores(v, i), FanIn: fanIn(v, i), FanOut: fanOut(v, i), Synapses: synapses(v, i), Fits: true}
		for j := range c.Limits {
			if l := &c.Limits[j]; !l.Whole {
				n := l.need(v, i)
				p.Needs, p.Fits = append(p.Needs, n), p.Fits && n.Fits
			}
		}
		r.Populations, r.Fits = append(r.Populations, p), r.Fits && p.Fits
	}
	for j := range c.Limits {
		if l := &c.Limits[j]; l.Whole {
			n := l.need(v, 0)
			r.Whole, r.Fits = append(r.Whole, n), r.Fits && n.Fits
		}
	}
	return r
}

// need returns what population i needs of l.
func (l *Limit) need(v *view, i int) Need {
	need := Need{Of: l.Name, Most: l.Most, Source: l.Source}
	n := 0
	if l.each == nil {
		n = l.needs(v, i)
	} else {
		n = v.whole(i, func() (most int) {
			for c := range v.layer(i).Shape[0] {
				x := l.each(v, i, c)
				most = max(most, x)
				need.Beyond += one(!l.fits(x))
			}
			return most
		})
	}
	need.Fits = l.fits(n)
	if n != real {
		need.Needs = &n
	}
	return need
}
