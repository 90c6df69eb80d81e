package energy

import (
	"fmt"
	"strings"
)

// Balance says how many spikes a synapse may carry before the spiking network costs
// as much as the trained one. Spikes per synapse are the additions per image, divided by
// the synapses that spikes may take, those inside the border.
type Balance struct {
	Synapses uint64  `json:"synapses"`           // That carry spikes.
	Spikes   float64 `json:"spikes_per_synapse"` // Per synapse in T timesteps, averaged over synapses and images.
	Window   bool    `json:"window,omitempty"`   // The network is phased: its T timesteps are those of a window, of which a part says nothing.

	// Ratio is how many additions a multiply-accumulate would have to cost for both
	// networks to break even at T, without membrane updates; 0 if no ratio does.
	Ratio float64 `json:"ratio"`

	// On the device, with all that it prices: the spikes per synapse at which the
	// networks break even, and the last T at which the spiking one takes no more. Dense
	// compares with a trained network that multiplies everything, Effective with one
	// that skips zeros. Nil if the device prices no addition or no multiply-accumulate.
	Dense     *Even `json:"dense,omitempty"`
	Effective *Even `json:"effective,omitempty"`
}

// Even is where two networks take the same energy.
type Even struct {
	Joules    Joules  `json:"joules_per_image"`   // Of the trained network.
	Spikes    float64 `json:"spikes_per_synapse"` // Below 0 if the spiking one takes more even without a spike.
	Timesteps int     `json:"t"`                  // The last T at which the spiking one takes no more; 0 if the spiking network takes more from the first timestep on. Of a phased network it is all of T or 0.
}

// even returns where the spiking network, with acs additions up to each timestep,
// takes as much as those operations of the trained one.
func (a *Accounts) even(acs []float64, trained *Operations) *Even {
	v := &Even{}
	v.Joules, _ = a.Device.Joules(trained)
	silent, _ := a.Device.Joules(&Operations{MACs: a.SNN.MACs, Updates: a.SNN.Updates})
	v.Spikes = float64(v.Joules-silent) / (*a.Device.AC * picojoule * float64(a.BreakEven.Synapses))
	if a.BreakEven.Window {
		if a.JoulesAt(a.Timesteps, acs[a.Timesteps-1]) <= v.Joules {
			v.Timesteps = a.Timesteps
		}
		return v
	}
	for v.Timesteps < a.Timesteps && a.JoulesAt(v.Timesteps+1, acs[v.Timesteps]) <= v.Joules {
		v.Timesteps++
	}
	return v
}

// Words says where the two networks break even, in sentences. Without a trained
// network d is nil.
func (b *Balance) Words(d *Device, timesteps int) []string {
	in := fmt.Sprintf("%d timesteps", timesteps)
	if b.Window {
		in = fmt.Sprintf("a window of T = %d", timesteps)
	}
	s := []string{fmt.Sprintf("A synapse carries %.3g spikes per image in %s.", b.Spikes, in)}
	if b.Ratio > 0 {
		s = append(s, fmt.Sprintf("Without memory and membrane updates, that is cheaper than all products of the trained network if a MAC costs more than %.3g ACs.", b.Ratio))
	}
	switch {
	case b.Dense != nil:
		s = append(s, fmt.Sprintf("Break-even on %s: %s; if the trained network skips zeros, %s.", d.Name, b.Dense.words(timesteps, b.Window), b.Effective.words(timesteps, b.Window)))
	case d != nil && len(d.missing()) > 0:
		s = append(s, fmt.Sprintf("Break-even on %s: unknown without the energy of %s.", d.Name, strings.Join(d.missing(), " and ")))
	}
	return s
}

// words says where two networks break even, in an evaluation of that many timesteps, those
// of a window or not.
func (v *Even) words(timesteps int, window bool) string {
	switch {
	case v.Spikes <= 0:
		return fmt.Sprintf("none at T = %d, where neurons and the image alone take more energy", timesteps)
	case v.Timesteps == timesteps:
		return fmt.Sprintf("%.3g spikes per synapse, not reached at T = %d", v.Spikes, timesteps)
	case window:
		return fmt.Sprintf("%.3g spikes per synapse, exceeded in a window of T = %d", v.Spikes, timesteps)
	}
	return fmt.Sprintf("%.3g spikes per synapse, reached at T = %d", v.Spikes, v.Timesteps+1)
}
