// Package energy counts what a trained and a spiking network compute per image, and
// multiplies the counts by the energies of a device.
//
// A [Meter] knows what can be counted in a pair of networks; each image adds to
// [Counts], which are whole numbers; and these become [Accounts], means per image of
// every part of both networks. A [Device] is a table of energies in picojoules. A [Model]
// has what memory, addresses and transport take besides.
// docs/energy.md has the rules of counting. This package presents no images.
package energy

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Accounts are what both networks, or a spiking one by itself, do for one image, operation
// by operation, and what that takes on a device.
type Accounts struct {
	Images     int      `json:"images"`    // That the means are taken over.
	Timesteps  int      `json:"timesteps"` // T
	Device     *Device  `json:"device,omitempty"`
	SNN        Account  `json:"spiking"`
	ANN        *Account `json:"trained"` // Nil without a trained network.
	BreakEven  Balance  `json:"break_even"`
	Memory     *Model   `json:"memory,omitempty"`     // Traffic of both networks besides.
	FrameMACs  float64  `json:"frame_macs,omitempty"` // Of the spiking network's MACs, those of frames, which take place timestep by timestep.
	NotCounted []string `json:"not_counted"`          // What joules leave out, in phrases; none without a device.
}

// WriteJSON writes a as one JSON object.
func (a *Accounts) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(a)
}

// price fills in what depends on the device, and the break-even. acs are the additions
// of the spiking network up to each timestep.
func (a *Accounts) price(acs []float64) {
	b := &a.BreakEven
	for i := range a.SNN.Contributions {
		if k := &a.SNN.Contributions[i]; k.DenseACs > 0 {
			b.Synapses += k.Synapses
		}
	}
	if b.Synapses > 0 {
		b.Spikes = a.SNN.ACs / float64(b.Synapses)
	}
	if a.ANN != nil {
		if acs, macs := a.SNN.ACs-a.ANN.DenseACs, a.ANN.DenseMACs-a.SNN.MACs; acs > 0 && macs > 0 {
			b.Ratio = acs / macs
		}
	}
	d := a.Device
	if d == nil {
		return
	}
	for _, n := range []struct {
		*Account
		main *float64 // Without this price, a sum of the rest would mislead.
	}{{&a.SNN, d.AC}, {a.ANN, d.MAC}} {
		if n.Account == nil {
			continue
		}
		for i := range n.Contributions {
			k := &n.Contributions[i]
			if x, ok := d.Joules(&k.Operations); ok {
				k.Joules = &x
			}
		}
		if n.main != nil {
			x, _ := d.Joules(&n.Operations)
			n.Joules = &x
		}
	}
	a.NotCounted = a.notCounted()
	if a.ANN != nil && len(d.missing()) == 0 && *d.AC > 0 && b.Synapses > 0 {
		b.Dense = a.even(acs, &Operations{ACs: a.ANN.DenseACs, MACs: a.ANN.DenseMACs})
		b.Effective = a.even(acs, &a.ANN.Operations)
	}
}

// notCounted names what the device does not price although it happens.
func (a *Accounts) notCounted() []string {
	var list []string
	for _, p := range a.Device.prices() {
		if p.pj != nil {
			continue
		}
		for _, n := range []struct {
			network string
			done    *Account
		}{{"spiking", &a.SNN}, {"trained", a.ANN}} {
			if n.done != nil && p.count(&n.done.Operations) > 0 {
				list = append(list, fmt.Sprintf("%s of the %s network", p.what, n.network))
			}
		}
	}
	return append(list, "memory, transport of spikes and leakage, unless the figures include them")
}

// MACsAt returns the multiply-accumulates of the spiking network in its first T timesteps.
// Those of frames are taken to be the same at every one.
func (a *Accounts) MACsAt(T int) float64 {
	if a.FrameMACs == 0 {
		return a.SNN.MACs
	}
	return a.SNN.MACs - a.FrameMACs*(1-float64(T)/float64(a.Timesteps))
}

// JoulesAt returns the energy of the spiking network in its first T timesteps, in
// which acs additions are done per image, of what the device prices; 0 without a
// device.
func (a *Accounts) JoulesAt(T int, acs float64) Joules {
	if a.Device == nil {
		return 0
	}
	x, _ := a.Device.Joules(&Operations{ACs: acs, MACs: a.MACsAt(T), Updates: a.SNN.Updates * float64(T) / float64(a.Timesteps)})
	return x
}

// Words says whose energies a has, what they leave out and how the networks compare,
// in sentences or phrases; nothing without a device.
func (a *Accounts) Words() []string {
	if a.Device == nil {
		return nil
	}
	list := []string{
		a.Device.String(), a.Device.Source,
		"not counted: " + strings.Join(a.NotCounted, "; "),
	}
	if even := a.BreakEven.Effective; even != nil && even.Joules > 0 {
		list = append(list, fmt.Sprintf("of what is counted, the spiking network takes %.3g times as much as the trained one, %.3g times as much as one that also multiplies zeros",
			*a.SNN.Joules/even.Joules, *a.SNN.Joules/a.BreakEven.Dense.Joules))
	}
	if a.Memory != nil {
		list = append(list, a.Memory.Words(a.BreakEven.Spikes)...)
	}
	return list
}
