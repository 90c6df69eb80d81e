package snn

import (
	"fmt"
	"math"
	"slices"

	"sresnet/tensor"
)

// Schedule says when the populations of a network fire: each has a window of T timesteps.
type Schedule uint8

// Schedules.
const (
	// Synchronous is the schedule of the paper: every population integrates and fires at
	// all timesteps. The windows of all populations are the same T timesteps, and no
	// synapse delays.
	Synchronous Schedule = iota

	// Phased lets a population fire only when it has its whole input: its window opens
	// when those of all its sources have closed. In the T timesteps before, it integrates,
	//
	//	v[0] = VInit θ
	//	v[t] = v[t-1] + I[t]
	//
	// and in its window, with no current, it fires:
	//
	//	z[t] = v[t-1] >= θ
	//	v[t] = v[t-1] - θ z[t]
	//
	// so that it makes exactly clip(floor(v/θ), 0, T) spikes: the network is the trained
	// one with every activation rounded to T + 1 levels.
	//
	// A sum that a shortcut with [Shortcut.Remainder] goes around, such as the stream of a
	// stage of residual blocks, is not rounded anew by every block. When the window of the
	// population that it ends on opens, that takes over what the source, s, has left:
	//
	//	v = v + Scale (v_s - V[0])        rounded to 1/1024 of θ, which is 1
	//	v = v + (Scale / θ_s) (v_s - V[0])    rounded to 1, in an integer network
	//
	// and so that the rectifier is not undone, a source that holds less than V[0] when its own
	// window opens holds V[0] from then on, which is no spike either. With a Scale of 1 both
	// are one neuron that goes on, and its spikes come back to it.
	Phased
)

// Coding is what the spikes of a window say.
type Coding uint8

// Codings.
const (
	// Rate is rate coding: the number of spikes is the value.
	Rate Coding = iota

	// FirstSpike is at most one spike per neuron, whose time is its value; of phased
	// networks only. A neuron fires at the first step k = 0 .. T-1 of its window with
	//
	//	v >= (T - k) θ         and then    v = v - (T - k) θ
	//
	// which says what T - k spikes of rate coding would. A receiver holds what has
	// arrived as a current: at step t of its integration
	//
	//	I[t] = sum of the weights of all spikes that have arrived in the window + b
	//
	// summed, like all currents, in the order of the synapses.
	FirstSpike
)

var (
	schedules = []string{Synchronous: "synchronous", Phased: "phased"}
	codings   = []string{Rate: "rate", FirstSpike: "first-spike"}
)

// Schedules returns the words of all schedules, that of the paper first.
func Schedules() []string { return slices.Clone(schedules) }

// Codings returns the words of all codings, that of the paper first.
func Codings() []string { return slices.Clone(codings) }

// ScheduleNamed returns the schedule of that word.
func ScheduleNamed(word string) (Schedule, error) {
	i := slices.Index(schedules, word)
	if i < 0 {
		return 0, fmt.Errorf("snn: there is no schedule %q, only %v", word, schedules)
	}
	return Schedule(i), nil
}

// CodingNamed returns the coding of that word.
func CodingNamed(word string) (Coding, error) {
	i := slices.Index(codings, word)
	if i < 0 {
		return 0, fmt.Errorf("snn: there is no coding %q, only %v", word, codings)
	}
	return Coding(i), nil
}

// String returns the word: "synchronous" or "phased".
func (s Schedule) String() string {
	if int(s) < len(schedules) {
		return schedules[s]
	}
	return fmt.Sprintf("Schedule(%d)", uint8(s))
}

// String returns the word: "rate" or "first-spike".
func (c Coding) String() string {
	if int(c) < len(codings) {
		return codings[c]
	}
	return fmt.Sprintf("Coding(%d)", uint8(c))
}

// Phases returns the phase d of every layer, in windows of T timesteps: the layer integrates
// at timesteps [(d-1) T, d T) of the network and fires at [d T, (d+1) T). It is one more
// than the largest of its sources, and that of the image, which enters in the first window,
// is 0. A max-pool gate has the phase of its source, whose spikes it hands on at once. All
// are 0 in a synchronous network.
func (n *Network) Phases() []int {
	d := make([]int, len(n.Layers))
	if n.Schedule == Synchronous {
		return d
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		if l.IsGate() {
			d[i] = d[l.Synapses[0].From]
			continue
		}
		for _, s := range l.Synapses {
			d[i] = max(d[i], phaseOf(d, s.From)+1)
		}
	}
	return d
}

// phaseOf returns the phase of layer from, or of the image.
func phaseOf(d []int, from int) int {
	if from == FromInput {
		return 0
	}
	return d[from]
}

// Delay returns for how many timesteps synapse j of layer i holds spikes back, or the
// image, if windows have T timesteps: as many windows as its source is earlier than the
// latest of the layer's sources. None does in a synchronous network.
func (n *Network) Delay(i, j, T int) int {
	l := &n.Layers[i]
	if n.Schedule == Synchronous || l.IsGate() {
		return 0
	}
	d := n.Phases()
	return (d[i] - 1 - phaseOf(d, l.Synapses[j].From)) * T
}

// Latency returns the timesteps from the first one of the image to the last one of the
// output's window, if windows have T timesteps: T in a synchronous network and T (D + 1) in
// a phased one of D populations in a row.
func (n *Network) Latency(T int) int { return T * (n.Phases()[len(n.Layers)-1] + 1) }

// Timing says in words when populations fire, what spikes say and how long an answer takes
// with windows of T timesteps, or with any if T is 0: "phased schedule, first-spike coding,
// calibrated for T = 16: 16 timesteps a window, 21 windows, a latency of 336 timesteps". Of
// a network as in the paper, for any T, there is nothing to say: "".
func (n *Network) Timing(T int) string {
	if n.Schedule == Synchronous && n.TunedFor == 0 {
		return ""
	}
	words := n.Schedule.String() + " schedule"
	if n.Coding != Rate {
		words += fmt.Sprintf(", %v coding", n.Coding)
	}
	if n.TunedFor > 0 {
		words += fmt.Sprintf(", calibrated for T = %d", n.TunedFor)
	}
	if n.Schedule == Synchronous {
		return words
	}
	windows := n.Latency(1)
	if T == 0 {
		return words + fmt.Sprintf(": T timesteps a window, %d windows, a latency of %d T timesteps", windows, windows)
	}
	return words + fmt.Sprintf(": %d timesteps a window, %d windows, a latency of %d timesteps", T, windows, n.Latency(T))
}

// checkSchedule returns an error if the schedule is not one for the network's neurons.
func (n *Network) checkSchedule() error {
	if int(n.Schedule) >= len(schedules) || int(n.Coding) >= len(codings) {
		return fmt.Errorf("snn: unknown schedule %v or coding %v", n.Schedule, n.Coding)
	}
	if n.Schedule == Synchronous {
		if i := slices.IndexFunc(n.Layers, func(l Layer) bool { return l.TakesOver() }); i >= 0 {
			return fmt.Errorf("snn: layer %q: a synchronous neuron never has a remainder to hand on", n.Layers[i].Name)
		}
		if n.Coding != Rate {
			return fmt.Errorf("snn: %v coding takes a phased schedule: a synchronous neuron fires before it has its whole input", n.Coding)
		}
		return nil
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		if l.IsGate() {
			continue
		}
		if a, ok := l.Neuron.Decay(); !ok || a != 1 {
			return fmt.Errorf("snn: layer %q: %v neurons lose charge while they wait: a phased schedule takes IF neurons", l.Name, l.Neuron.model())
		}
		if err := n.checkRemainders(l); err != nil {
			return fmt.Errorf("snn: layer %q: %w", l.Name, err)
		}
		if l.Neuron.Reset != ResetSubtract {
			return fmt.Errorf("snn: layer %q: reset %v loses what the potential holds beyond one spike: a phased schedule takes neurons that reset by subtraction", l.Name, l.Neuron.Reset)
		}
	}
	return nil
}

// Remainder returns what shortcut k hands on from source channel c to layer i, of a neuron
// that began with the potential start and has v left; see [Phased].
func (n *Network) Remainder(k *Shortcut, from, c int) func(v, start float32) float32 {
	scale, grid := n.RemainderScale(k, from, c)
	return func(v, start float32) float32 {
		return float32(math.RoundToEven(scale*float64(v-start)*grid) / grid)
	}
}

// RemainderScale returns what a remainder of channel c of layer from is multiplied by on its
// way over k, and how many parts of a unit it is rounded to: what a spike brings, over the
// charge that it costs, and 1 in an integer network.
func (n *Network) RemainderScale(k *Shortcut, from, c int) (scale, grid float64) {
	if n.Integer() {
		return float64(k.ScaleOf(c)) / float64(n.Layers[from].Neuron.ThresholdOf(c)), 1
	}
	return float64(k.ScaleOf(c)), 1024
}

// Remains reports, per layer, whether a shortcut takes over what its neurons have left.
func (n *Network) Remains() []bool {
	list := make([]bool, len(n.Layers))
	for i := range n.Layers {
		for _, s := range n.Layers[i].Synapses {
			if k, ok := s.Connection.(*Shortcut); ok && k.Remainder {
				list[s.From] = true
			}
		}
	}
	return list
}

// TakesOver reports whether a shortcut brings l what its source has left.
func (l *Layer) TakesOver() bool {
	return slices.ContainsFunc(l.Synapses, func(s Synapse) bool {
		k, ok := s.Connection.(*Shortcut)
		return ok && k.Remainder
	})
}

// checkRemainders returns an error unless l can take over what its shortcuts bring.
func (n *Network) checkRemainders(l *Layer) error {
	for j, s := range l.Synapses {
		if k, ok := s.Connection.(*Shortcut); !ok || !k.Remainder {
			continue
		}
		for _, end := range []*Layer{&n.Layers[s.From], l} {
			th := end.Neuron.Threshold
			plain := len(th) == 1 && th[0] == 1 && len(end.Neuron.VInit) <= 1 || n.Integer()
			if end.IsGate() || end.Charge != 1 || end.Start != nil || !plain {
				return fmt.Errorf("synapse %d: remainders are taken over between neurons of threshold 1 and charge 1 that begin with one potential; those of %q are not", j, end.Name)
			}
		}
	}
	if l == n.Output() && l.TakesOver() {
		return fmt.Errorf("the output cannot take over remainders")
	}
	return nil
}

// LambdaOf returns the activation of the trained network that a neuron of channel c firing
// at every timestep stands for.
func (l *Layer) LambdaOf(c int) float32 {
	if l.Lambdas == nil {
		return l.Lambda
	}
	return l.Lambdas[c]
}

// StartOf returns the potential of neuron j, in CHW order, before the first timestep.
func (l *Layer) StartOf(j int) float32 {
	if l.Start != nil {
		return l.Start[j]
	}
	return l.Neuron.VInitOf(j / (l.Shape[1] * l.Shape[2]))
}

// checkCalibrated returns an error unless what calibration for T chose is sound.
func (l *Layer) checkCalibrated() error {
	if l.Lambdas != nil {
		if len(l.Lambdas) != l.Shape[0] {
			return fmt.Errorf("%d lambdas for %d channels", len(l.Lambdas), l.Shape[0])
		}
		if err := tensor.CheckFinite(l.Lambdas); err != nil {
			return fmt.Errorf("lambda: %w", err)
		}
		if slices.Min(l.Lambdas) <= 0 || slices.Max(l.Lambdas) != l.Lambda {
			return fmt.Errorf("lambdas of channels must be positive, and the largest be %v", l.Lambda)
		}
	}
	if l.Start != nil && (l.IsGate() || len(l.Start) != l.Neurons()) {
		return fmt.Errorf("%d start potentials for %d neurons", len(l.Start), l.Neurons())
	}
	if err := tensor.CheckFinite(l.Start); err != nil {
		return fmt.Errorf("start potential: %w", err)
	}
	if l.Shift != nil && (l.IsGate() || len(l.Shift) != l.Shape[0]) {
		return fmt.Errorf("%d shifts of biases for %d channels", len(l.Shift), l.Shape[0])
	}
	if err := tensor.CheckFinite(l.Shift); err != nil {
		return fmt.Errorf("shift of the bias: %w", err)
	}
	return nil
}
