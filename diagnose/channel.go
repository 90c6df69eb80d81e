package diagnose

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"sresnet/internal/terminal"
	"sresnet/snn"
)

// Channel is one channel of a layer of a phased network, over all its neurons and images. Its
// lambda is its own where the network is calibrated for T. Sizes are roots of mean squares, in
// units of that lambda.
type Channel struct {
	Lambda       float64 `json:"lambda"`
	Activation   float64 `json:"activation"`
	Clipping     float64 `json:"clipping"`
	Quantisation float64 `json:"quantisation"` // What vanishes included.
	Clipped      float64 `json:"clipped"`      // Share of neurons on an image whose activation exceeds lambda.
	Vanished     float64 `json:"vanished"`     // Share of those that make no spike although their activation is above zero.
}

// channelSums are those of a channel. Unlike those of a layer they are not kept image by image, so
// that they are of whole numbers, which add up in any order.
type channelSums struct {
	Activation   wide `json:"x"` // Squares.
	Clipping     wide `json:"c"`
	Quantisation wide `json:"q"`
	Clipped      int  `json:"clipped"`
	Vanished     int  `json:"vanished"`
}

// add takes in a neuron on an image.
func (s *channelSums) add(x float64, e Split, silent bool) {
	s.Activation.add(x * x)
	s.Clipping.add(e.Clipping * e.Clipping)
	q := e.Quantisation + e.Vanished
	s.Quantisation.add(q * q)
	if x > 1 {
		s.Clipped++
	}
	if silent && x > 0 {
		s.Vanished++
	}
}

func (s *channelSums) join(t *channelSums) {
	s.Activation.join(t.Activation)
	s.Clipping.join(t.Clipping)
	s.Quantisation.join(t.Quantisation)
	s.Clipped += t.Clipped
	s.Vanished += t.Vanished
}

// wide is a sum in units of 2^-44: its high and its low 64 bits.
type wide [2]uint64

// most bounds what is added at once.
const most = 1 << 19

func (w *wide) add(x float64) { w.join(wide{0, uint64(math.Round(min(x, most) * (1 << 44)))}) }

func (w *wide) join(v wide) {
	var carry uint64
	w[1], carry = bits.Add64(w[1], v[1], 0)
	w[0], _ = bits.Add64(w[0], v[0], carry)
}

// root returns the root of the mean of n squares.
func (w wide) root(n float64) float64 {
	return math.Sqrt((math.Ldexp(float64(w[0]), 20) + math.Ldexp(float64(w[1]), -44)) / n)
}

// channelsOf returns what n images showed of the channels of layer i; nil for a gate, and where
// nothing was counted.
func (m *Measurement) channelsOf(l *snn.Layer, i int, n float64) (list []Channel) {
	if m.channels == nil || l.IsGate() {
		return nil
	}
	for c := range m.channels[i] {
		s := &m.channels[i][c]
		units := n * float64(l.Neurons()/l.Shape[0])
		list = append(list, Channel{
			Lambda: float64(l.LambdaOf(c)), Activation: s.Activation.root(units), Clipping: s.Clipping.root(units), Quantisation: s.Quantisation.root(units),
			Clipped: float64(s.Clipped) / units, Vanished: float64(s.Vanished) / units,
		})
	}
	return list
}

// worstChannels is how many channels a sentence names at most.
const worstChannels = 3

// inChannels says in which channels of a layer clipping or quantisation arises; empty where there
// is just one, or nothing is known of them.
func (l *Layer) inChannels(cause string) string {
	size, what := func(c *Channel) float64 { return c.Quantisation }, "quantisation"
	switch cause {
	case CauseClipping:
		size, what = func(c *Channel) float64 { return c.Clipping }, "clipping"
	case CauseQuantisation, CauseVanished:
	default:
		return ""
	}
	if len(l.Channels) < 2 {
		return ""
	}
	order, sum := make([]int, len(l.Channels)), 0.0
	square := func(i int) float64 { x := l.Channels[i].Lambda * size(&l.Channels[i]); return x * x }
	for i := range order {
		order[i] = i
		sum += square(i)
	}
	if sum == 0 {
		return ""
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := square(a), square(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	share, names := 0.0, []string(nil)
	for _, i := range order[:min(worstChannels, len(order))] {
		if share > 0.9*sum {
			break
		}
		share += square(i)
		names = append(names, fmt.Sprint(i))
	}
	word, verb := "channels", "make"
	if len(names) == 1 {
		word, verb = "channel", "makes"
	}
	list := names[0]
	if n := len(names) - 1; n > 0 {
		list = strings.Join(names[:n], ", ") + " and " + names[n]
	}
	c := &l.Channels[order[0]]
	about := fmt.Sprintf("%s %% of its activations exceed its lambda, %.3g", terminal.Percent(c.Clipped), c.Lambda)
	if cause != CauseClipping {
		about = fmt.Sprintf("levels are %.3g apart, activations have %.3g (root of the mean square), and of %s %% of its neurons they vanish", c.Lambda/float64(l.last().Timesteps), c.Lambda*c.Activation, terminal.Percent(c.Vanished))
	}
	return fmt.Sprintf(" Of %d channels, %s %s %s %s %% of that %s; in channel %d, %s.", len(order), word, list, verb, terminal.Percent(share/sum), what, order[0], about)
}
