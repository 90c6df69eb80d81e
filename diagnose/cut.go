package diagnose

import (
	"fmt"
	"slices"

	"sresnet/eval"
	"sresnet/snn"
)

// A cut divides a network in two: all that layers behind it read of those before comes
// from its own layers. Where these have the trained network's activations, everything up to
// the cut is right, shortcuts included. What accuracy rises by from one cut to the next is
// lost between the two, so that these losses add up to the whole.

// cut returns the layers of the cut behind layer i, ascending: i, and before it those that a
// shortcut around it begins at.
func (d *Diagnoser) cut(i int) []int {
	layers := d.Network.Layers
	var list []int
	for j := range layers[i+1:] {
		for _, s := range layers[i+1+j].Synapses {
			if s.From != snn.FromInput && s.From <= i {
				list = append(list, s.From)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// gated reports whether a max-pool gate behind layer i hands on spikes of a layer of its cut c. It
// takes spikes alone, so that the cut behind the gate is one, and this is none.
func (d *Diagnoser) gated(c []int, i int) bool {
	return slices.ContainsFunc(d.Network.Layers[i+1:], func(l snn.Layer) bool {
		return l.IsGate() && slices.Contains(c, l.Synapses[0].From)
	})
}

// maxCuts is how many cuts are tried at most.
const maxCuts = 8

// cuts returns the layers behind which the network is cut, evenly spread over the depth, the
// last one before the output among them. Those with one layer, such as ends of blocks, come first;
// where there are few of them, cuts inside of blocks are taken, too.
func (d *Diagnoser) cuts() []int {
	var all, single []int
	for i := range d.Network.Layers[:len(d.Network.Layers)-1] {
		c := d.cut(i)
		if len(c) == 0 || c[len(c)-1] != i || d.gated(c, i) {
			continue // Nobody reads it, or not its rates.
		}
		if all = append(all, i); len(c) == 1 {
			single = append(single, i)
		}
	}
	if len(single) >= min(maxCuts, len(all)) {
		all = single
	}
	n := min(len(all), maxCuts)
	var some []int
	for k := 1; k <= n; k++ {
		some = append(some, all[k*len(all)/n-1])
	}
	return some
}

// Loss is the accuracy that is lost between two cuts of the network.
type Loss struct {
	After  string   `json:"after"`          // The layer that the last cut lies behind; empty for the image.
	Layer  string   `json:"layer"`          // The layer that this one lies behind; the output at the end.
	With   []string `json:"with,omitempty"` // The other layers of this cut, where shortcuts begin.
	Top1   float64  `json:"top1"`           // With all layers up to Layer right, a fraction of 1; of the output that of the trained network.
	Points float64  `json:"points"`         // What is lost; over all of a diagnosis they add up.
	Low    float64  `json:"low"`            // Interval of 95 % of it.
	High   float64  `json:"high"`
	P      float64  `json:"p"`    // Of McNemar's exact test.
	Part   string   `json:"part"` // The largest part of an error that arises there, one of the Cause constants,
	Own    string   `json:"own"`  // and the layer that has it: of those between the cuts, or, if its input is uneven, of those that read them.
	Size   float64  `json:"size"` // Root of the mean square, in units of lambda,

	Relative float64 `json:"relative"` // and in units of the layer's activations, by which layers are compared.
}

// losses returns what is lost between cuts; right says, for every cut, on which images the
// network is right behind it, and trained the same of the trained network.
func (d *Diagnoser) losses(r *Diagnosis, before []bool, cuts []int, right [][]bool, trained []bool) []Loss {
	cuts = append(slices.Clone(cuts), len(d.Network.Layers)-1)
	right = append(slices.Clone(right), trained)
	var list []Loss
	after, first := "", 0
	for k, i := range cuts {
		var t eval.Pairs
		correct := 0
		for j, ok := range right[k] {
			count(&t, before[j], ok)
			if ok {
				correct++
			}
		}
		l := Loss{After: after, Layer: d.Network.Layers[i].Name, Top1: float64(correct) / float64(max(t.Images, 1)), Points: gain(t), P: t.PValue()}
		l.Low, l.High = gainInterval(t)
		if i < len(d.Network.Layers)-1 {
			for _, j := range d.cut(i) {
				if j != i {
					l.With = append(l.With, d.Network.Layers[j].Name)
				}
			}
		}
		most := -1.0
		for j := first; j < len(r.Layers); j++ {
			e := r.Layers[j].last()
			take := func(part string, size float64) {
				if relative := e.relative(size); relative > most {
					most, l.Part, l.Own, l.Size, l.Relative = relative, part, r.Layers[j].Name, size, relative
				}
			}
			if j <= i {
				take(e.largest(ownParts))
			}
			if j == i {
				take(CauseReadout, r.Layers[j].Unspoken)
			}
			if d.reads(j, first, i) {
				take(CauseUnevenness, e.Unevenness.RMS)
			}
		}
		list = append(list, l)
		after, first, before = l.Layer, i+1, right[k]
	}
	return list
}

// reads reports whether layer j reads any of the layers from first to last.
func (d *Diagnoser) reads(j, first, last int) bool {
	return slices.ContainsFunc(d.Network.Layers[j].Synapses, func(s snn.Synapse) bool { return s.From >= first && s.From <= last })
}

// where says between which cuts accuracy is lost, of those losses that are no chance.
func where(r *Diagnosis) (list []Finding) {
	p := make([]float64, len(r.Losses))
	for k := range r.Losses {
		p[k] = r.Losses[k].P
	}
	significant := eval.Holm(p, alpha)
	for k := range r.Losses {
		l := &r.Losses[k]
		if !significant[k] || l.Points <= 0 {
			continue
		}
		place := "Up to " + l.Layer
		if l.After != "" {
			place = fmt.Sprintf("After %s, up to %s", l.After, l.Layer)
		}
		list = append(list, Finding{
			Layer: l.Own, Cause: l.Part, Points: l.Points, Low: l.Low, High: l.High,
			Text: fmt.Sprintf("%s: %.2f points are lost there (%.1f to %.1f). The largest error that arises there is %s in %s, %.3g of lambda, %.2g times its activations.", place, l.Points, l.Low, l.High, inWords(l.Part), l.Own, l.Size, l.Relative) + r.layer(l.Own).inChannels(l.Part),
		})
	}
	return list
}

// layer returns the layer of that name, which there must be.
func (r *Diagnosis) layer(name string) *Layer {
	return &r.Layers[slices.IndexFunc(r.Layers, func(l Layer) bool { return l.Name == name })]
}

// inWords puts a part of an error into words.
func inWords(part string) string {
	if part == CauseReadout {
		return "logits below zero, which make no spikes,"
	}
	return part
}
