package verify

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/convert"
	"sresnet/sim"
	"sresnet/snn"
)

// Made compares what there is to compare of a spiking network that was not converted and
// no more, such as one that was calibrated for T or one that is phased, with the trained
// network g that it was made of:
//
//   - imported = folded, as [Run] does;
//   - folded = converted: the activations, from which the biases that calibration added are
//     taken out. Layers that depend on weights which were fitted anew are not compared, and
//     the stage's Note says so;
//   - phased = quantised float pass: the spikes of every neuron, or what its spike is worth,
//     are those that rounding its potential gives; of phased networks only;
//   - event engine = reference engine, on the first images.
//
// Options.Convert is unused. If ctx ends, it returns as [Run] does.
func Made(ctx context.Context, g *ann.Graph, net *snn.Network, images Images, o Options) ([]Stage, error) {
	if images.Len() == 0 {
		return nil, fmt.Errorf("verify: no images")
	}
	m, err := newMade(g, net, o)
	if err != nil {
		return nil, err
	}
	return m.compare(ctx, images, o)
}

// made is a network that is verified as it is.
type made struct {
	*forms
	plain    *snn.Network // Without what calibration added to biases.
	refitted []bool       // Layers that are not comparable with the trained network.
}

func newMade(g *ann.Graph, net *snn.Network, o Options) (*made, error) {
	folded, err := convert.Fold(g)
	if err != nil {
		return nil, err
	}
	m := &made{&forms{input: g.Input.Shape.Len(), output: folded.Output, networks: networks{normalised: net}}, net.Unshifted(), net.Refitted()}
	if o.Original == nil {
		o.Original = g
	}
	if err := m.trained(o.Original, folded); err != nil {
		return nil, err
	}
	m.terms = termsOf(net, m.plain)
	for i := range net.Layers {
		m.roundings = append(m.roundings, roundingsOf(net, &net.Layers[i]))
	}
	return m, m.engines(net, o)
}

func (m *made) compare(ctx context.Context, images Images, o Options) ([]Stage, error) {
	found, err := each(ctx, images.Len(), o, func() comparison {
		w := &worker{
			forms: m.forms, images: images, pixels: make([]float32, m.input), trains: make([][][]uint64, len(m.normalised.Layers)),
			imported: m.imported.NewRunner(), folded: m.folded.NewRunner(),
			event: m.event.NewEngine(), reference: m.reference.NewEngine(),
		}
		w.levelled(m.normalised, o)
		return func(ctx context.Context, i int, engines bool, x *findings) (err error) {
			if err := images.Image(i, w.pixels); err != nil {
				return err
			}
			if err := w.compareTrained(x); err != nil {
				return err
			}
			if err := w.compareActivations(ctx, m.plain, m.refitted, x); err != nil {
				return err
			}
			return w.compareMade(ctx, i, engines, x)
		}
	})
	stages := append([]Stage{m.foldStage(found), m.activationStage(found, m.refitted)}, m.madeStages(found)...)
	return slices.DeleteFunc(stages, func(s Stage) bool { return s.Images == 0 }), err
}

// engines compiles net for both engines.
func (f *forms) engines(net *snn.Network, o Options) error {
	so := sim.Options{Timesteps: o.Timesteps, Seed: o.Seed}
	var err error
	if f.event, err = sim.Compile(net, so); err != nil {
		return err
	}
	so.Reference = true
	f.reference, err = sim.Compile(net, so)
	return err
}

// trained makes the trained network ready, as it was imported and as it was folded.
func (f *forms) trained(original, folded *ann.Graph) (err error) {
	f.least, f.most = bounds(folded, f.normalised)
	// Levels to which a file rounds are no question of the conversion, and a rounding that
	// differs by one bit is a level.
	original, folded = original.Unrounded(), folded.Unrounded()
	for i, g := range []*ann.Graph{original, folded} {
		f.perturbed[i] = sync.OnceValues(func() (*infer.Model, error) { return infer.New(perturb(g)) })
	}
	if f.imported, err = infer.New(original); err != nil {
		return err
	}
	f.folded, err = infer.New(folded)
	return err
}

// levelled makes w compute the levels of net, if that is phased.
func (w *worker) levelled(net *snn.Network, o Options) {
	if net.Schedule == snn.Phased {
		w.levels = newLevels(net, o)
	}
}

// compareMade compares the simulations of a network with what its potentials lead to, if
// it is phased, and with each other.
func (w *worker) compareMade(ctx context.Context, i int, engines bool, f *findings) (err error) {
	if w.levels != nil {
		w.levels.reset()
	}
	if f.spikes, err = w.record(ctx, w.event, i); err != nil {
		return err
	}
	if err := w.compareLevels(ctx, i, f); err != nil {
		return err
	}
	return w.compareEngines(ctx, i, engines, f)
}

// compareLevels compares the spikes last recorded with the levels of their potentials.
func (w *worker) compareLevels(ctx context.Context, i int, f *findings) error {
	if w.levels == nil {
		return nil
	}
	image := w.pixels
	if s, ok := w.images.(sim.Sequences); ok && s.Frames() > 1 {
		image = make([]float32, s.Frames()*len(w.pixels))
		if err := s.Sequence(i, image); err != nil {
			return err
		}
	}
	if err := w.levels.compare(ctx, image, i); err != nil {
		return err
	}
	f.levels = make([]uint64, len(w.levels.counts))
	for l, counts := range w.levels.counts {
		for _, n := range counts {
			f.levels[l] += uint64(n)
		}
	}
	f.levelsOff, f.levelsRounded = w.levels.wrong, w.levels.rounded
	return nil
}

// compareActivations compares the activations of the trained network with the rates of the
// spiking one in the limit of many timesteps, in units of lambda, which may be one a
// channel; those of refitted layers not. Each layer gets the trained activations of those
// before it, so that what the rounding of weights does does not spread.
func (w *worker) compareActivations(ctx context.Context, net *snn.Network, refitted []bool, f *findings) error {
	image, pixel := make([]float64, len(w.pixels)), largest(w.pixels)
	for i, v := range w.pixels {
		image[i] = float64(v)
		if u := net.Input.Unit; u > 0 { // What the weights of an integer network take, not rounded.
			image[i] /= float64(u)
		}
	}
	if u := net.Input.Unit; u > 0 {
		pixel /= float64(u)
	}
	rates := make([][]float64, len(net.Layers))
	f.activation = make([]gap, len(net.Layers))
	for li := range net.Layers {
		l := &net.Layers[li]
		y, err := sim.Currents(ctx, net, li, rates, image)
		if err != nil {
			return err
		}
		rates[li] = w.trainedRates(li, l)
		if g := &f.activation[li]; rates[li] == nil {
			g.diff, g.scale = 1, 1 // No such layer in the trained network.
			rates[li] = y
		} else if !refitted[li] {
			w.compareLayer(li, l, rates[li], y, pixel, largestSource(l, rates), g)
		}
	}
	return nil
}

// trainedRates returns the activations of a layer in the trained network, CHW and in units
// of lambda; nil if it has none of that name.
func (w *worker) trainedRates(li int, l *snn.Layer) []float64 {
	activation := w.folded.Activation(l.Name) // Channels last.
	if len(activation) != l.Neurons() {
		return nil
	}
	rates, positions := make([]float64, len(activation)), l.Shape[1]*l.Shape[2]
	for j := range rates {
		c, p := j/positions, j%positions
		rates[j] = float64(activation[p*l.Shape[0]+c]) / float64(l.LambdaOf(c))
	}
	return rates
}

// compareLayer compares the rates of layer li in the trained network with those that the
// currents y lead to, where the largest rate of its sources is source.
func (w *worker) compareLayer(li int, l *snn.Layer, trained, y []float64, pixel, source float64, g *gap) {
	positions := l.Shape[1] * l.Shape[2]
	neurons := l // That fire the spikes: a gate hands them on.
	for neurons.IsGate() {
		neurons = &w.normalised.Layers[neurons.Synapses[0].From]
	}
	for j, r := range y {
		c := j / positions
		th := float64(neurons.Neuron.ThresholdOf(c))
		if !l.IsGate() {
			gain, offset := l.Neuron.Line()
			r = (r/th - offset) / gain
			if li < len(w.normalised.Layers)-1 {
				r = max(r, 0)
			}
			if w.most != nil {
				r = min(r, w.most[li]/float64(l.LambdaOf(c)))
			}
		}
		g.add(trained[j], max(r, w.least[li]))
		g.of((rounded*w.terms[li].of(c, pixel) + w.roundings[li].spikes[c]*source + w.roundings[li].pixels[c]*pixel) / th)
	}
}

// largestSource returns the largest rate of the sources of l, and 1 if all are less: trained
// activations may be beyond lambda.
func largestSource(l *snn.Layer, rates [][]float64) float64 {
	x := 1.0
	for _, s := range l.Synapses {
		if s.From != snn.FromInput {
			x = max(x, slices.Max(rates[s.From]))
		}
	}
	return x
}

// activationStage is the stage of what compareActivations found.
func (f *forms) activationStage(found []findings, refitted []bool) Stage {
	s := f.layerStage("folded = converted (activations)", found, func(x *findings) []gap { return x.activation })
	n := 0
	for _, r := range refitted {
		if r {
			n++
		}
	}
	if n > 0 {
		s.Note = fmt.Sprintf("%d of %d layers are not comparable with the trained network: refit has changed their weights, or those of a layer before them.", n, len(refitted))
		s.Unit += fmt.Sprintf("; %d of %d layers not compared: refit", n, len(refitted))
	}
	return s
}

// madeStages are those of what compareMade found.
func (f *forms) madeStages(found []findings) []Stage {
	return []Stage{f.levelStage(found), f.engineStage(found)}
}

// levelStage reports the levels that counts are off, beyond what rounding explains.
func (f *forms) levelStage(found []findings) Stage {
	s := f.spikeStage("phased = quantised float pass (levels)", 0, found,
		func(x *findings) []uint64 { return x.levels }, func(x *findings) []uint64 { return x.levelsOff })
	var all, rounded uint64
	for i := range found {
		for l, n := range found[i].levels {
			all, rounded = all+n, rounded+found[i].levelsRounded[l]
		}
	}
	s.Unit = fmt.Sprintf("of %d levels on %d images; rounding moved %d more", all, s.Images, rounded)
	return s
}
