package verify

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"sresnet/ann/infer"
	"sresnet/sim"
)

// findings is what one image showed. Slices have one element per layer.
type findings struct {
	image    int
	finished bool // Unset for an image whose comparisons were not all made.

	logits     gap   // Imported against folded.
	activation []gap // Folded against normalised.
	rates      []gap // Normalised against threshold-balanced, in the limit of many timesteps.

	spikes, exactSpikes []uint64 // Of the normalised networks, all timesteps.
	engineSpikes        []uint64 // Likewise, where the engines were compared; else nil.

	// Spikes that only one of two networks has.
	moved       []uint64 // Normalised against threshold-balanced, but for what rounding explains.
	exactMoved  []uint64 // Normalised against threshold-balanced, scales powers of two.
	engineMoved []uint64 // Event engine against reference engine.

	// Of phased networks: spikes, or what they are worth; levels that these are off what the
	// potentials lead to; and levels that rounding explains.
	levels, levelsOff, levelsRounded []uint64
}

// gap is the largest difference and the largest magnitude of two sets of numbers.
type gap struct{ diff, scale float64 }

// add takes in a pair of numbers. A NaN counts as an infinite difference.
func (g *gap) add(a, b float64) {
	d := math.Abs(a - b)
	if math.IsNaN(d) {
		d = math.Inf(1)
	}
	g.diff = max(g.diff, d)
	g.scale = max(g.scale, math.Abs(a), math.Abs(b))
}

// of takes in the size of terms of which a number is the sum: if they nearly cancel, it
// is small, but the rounding of its sum is not.
func (g *gap) of(terms float64) { g.scale = max(g.scale, terms) }

// join takes in all that h took in.
func (g *gap) join(h gap) {
	g.diff, g.scale = max(g.diff, h.diff), max(g.scale, h.scale)
}

// relative returns the difference relative to the magnitude.
func (g gap) relative() float64 {
	if g.diff == 0 {
		return 0
	}
	return g.diff / g.scale
}

// worker compares one image at a time.
type worker struct {
	*forms
	images           Images
	pixels           []float32
	imported, folded *infer.Runner
	noisy            [2]*infer.Runner // Both with other roundings; nil while they are not needed.
	trains           [][][]uint64     // [layer][t]: spikes of the network last recorded, as bits.
	potentials       [][]marked       // [layer]: its potentials, where the plan has marks.

	event, eventBalanced, eventExact, eventExactBalanced, reference *sim.Engine

	replay *replay // Of the threshold-balanced network.
	levels *levels // Of a phased network; else nil.
}

// marked is the potentials of a layer after so many timesteps.
type marked struct {
	steps int
	v     []float32
}

func newWorker(f *forms, images Images) *worker {
	return &worker{
		forms: f, images: images, pixels: make([]float32, f.input),
		imported: f.imported.NewRunner(), folded: f.folded.NewRunner(),
		trains: make([][][]uint64, len(f.normalised.Layers)), potentials: make([][]marked, len(f.normalised.Layers)),
		event: f.event.NewEngine(), reference: f.reference.NewEngine(),
		eventBalanced: f.eventBalanced.NewEngine(), eventExact: f.eventExact.NewEngine(), eventExactBalanced: f.eventExactBalanced.NewEngine(),
		replay: newReplay(f.balanced),
	}
}

// compare makes all comparisons on image i, that of the engines if asked to.
func (w *worker) compare(ctx context.Context, i int, engines bool, f *findings) error {
	if err := w.images.Image(i, w.pixels); err != nil {
		return err
	}
	if err := w.compareFloats(ctx, f); err != nil {
		return err
	}
	return w.compareSpikes(ctx, i, engines, f)
}

// compareFloats compares the networks that compute numbers rather than spikes: the
// trained ones, and the spiking ones with a rectifier in place of their neurons,
// which ends at the bound of a Clip where it stands for one. So every unit is
// compared, those at a bound and what they lead to among them.
func (w *worker) compareFloats(ctx context.Context, f *findings) error {
	if err := w.compareTrained(f); err != nil {
		return err
	}
	normalised, err := sim.Rates(ctx, w.normalised, w.pixels, w.most)
	if err != nil {
		return err
	}
	balanced, err := sim.Rates(ctx, w.balanced, w.pixels, w.most)
	if err != nil {
		return err
	}
	pixel := largest(w.pixels)
	layers := w.normalised.Layers
	f.activation, f.rates = make([]gap, len(layers)), make([]gap, len(layers))
	for li := range layers {
		l := &layers[li]
		positions := l.Shape[1] * l.Shape[2]
		activation := w.folded.Activation(l.Name) // Channels last; rates are CHW.
		if len(activation) != l.Neurons() {
			f.activation[li].diff = math.Inf(1) // No such layer in the trained network.
		}
		for j, r := range normalised[li] {
			c, p := j/positions, j%positions
			terms := rounded * w.terms[li].of(c, pixel)
			f.rates[li].add(r, balanced[li][j])
			f.rates[li].of(terms)
			if len(activation) == l.Neurons() {
				f.activation[li].add(float64(activation[p*l.Shape[0]+c]), float64(l.LambdaOf(c))*max(r, w.least[li]))
				f.activation[li].of(float64(l.LambdaOf(c)) * terms)
			}
		}
	}
	return nil
}

// compareTrained compares the trained network as it was imported with the folded one.
func (w *worker) compareTrained(f *findings) error {
	for _, r := range []*infer.Runner{w.imported, w.folded} {
		if _, err := r.Run(w.pixels); err != nil {
			return err
		}
	}
	// By name: folding leaves out a softmax after the logits.
	want, got := w.imported.Activation(w.output), w.folded.Activation(w.output)
	if len(got) != len(want) {
		f.logits.diff = math.Inf(1)
	}
	for k := range min(len(want), len(got)) {
		f.logits.add(float64(want[k]), float64(got[k]))
	}
	if g := f.logits; g.diff > MaxRelative*g.scale && !math.IsInf(g.diff, 1) {
		for i, r := range []*infer.Runner{w.imported, w.folded} {
			noise, err := w.noise(i, r)
			if err != nil {
				return err
			}
			f.logits.of(noise / MaxRelative)
		}
	}
	return nil
}

// noise returns how far rounding may move the logits of the image that r has computed, the
// imported network or the folded one: logits may be what large terms leave, in the last
// layer or before it.
func (w *worker) noise(i int, r *infer.Runner) (float64, error) {
	m, err := w.perturbed[i]()
	if err != nil {
		return 0, err
	}
	if w.noisy[i] == nil {
		w.noisy[i] = m.NewRunner()
	}
	if _, err := w.noisy[i].Run(w.pixels); err != nil {
		return 0, err
	}
	var g gap
	logits := r.Activation(w.output)
	for k, v := range w.noisy[i].Activation(w.output) {
		g.add(float64(v), float64(logits[k]))
	}
	if math.IsInf(g.diff, 1) {
		return 0, nil
	}
	return rounded * MaxRelative / perturbation * g.diff, nil
}

// compareSpikes compares the simulations, spike for spike.
func (w *worker) compareSpikes(ctx context.Context, i int, engines bool, f *findings) (err error) {
	if f.spikes, err = w.record(ctx, w.event, i); err != nil {
		return err
	}
	if f.moved, err = w.replayed(ctx, w.eventBalanced, i); err != nil {
		return err
	}
	if err := w.compareEngines(ctx, i, engines, f); err != nil {
		return err
	}
	if f.exactSpikes, err = w.record(ctx, w.eventExact, i); err != nil {
		return err
	}
	f.exactMoved, err = w.against(ctx, w.eventExactBalanced, i)
	return err
}

// compareEngines compares the reference engine with the spikes last recorded, if asked to.
func (w *worker) compareEngines(ctx context.Context, i int, engines bool, f *findings) (err error) {
	if engines {
		f.engineSpikes = f.spikes
		f.engineMoved, err = w.against(ctx, w.reference, i)
	}
	return err
}

// record runs an engine on the image, keeps all its spikes, and returns their
// number per layer.
func (w *worker) record(ctx context.Context, e *sim.Engine, i int) ([]uint64, error) {
	e.Probe = func(s sim.Spikes) {
		if s.Step == len(w.trains[s.Layer]) {
			w.trains[s.Layer] = append(w.trains[s.Layer], nil)
		}
		w.trains[s.Layer][s.Step] = append(w.trains[s.Layer][s.Step][:0], s.Bits...)
		if w.levels != nil {
			w.levels.count(s)
		}
	}
	e.Potentials = func(p sim.Potentials) {
		list := w.potentials[p.Layer]
		k := slices.IndexFunc(list, func(m marked) bool { return m.steps == p.Steps })
		if k < 0 {
			k, list = len(list), append(list, marked{steps: p.Steps})
			w.potentials[p.Layer] = list
		}
		list[k].v = append(list[k].v[:0], p.V...)
	}
	rec, err := e.Present(ctx, w.images, i, w.pixels)
	if err != nil {
		return nil, err
	}
	spikes := make([]uint64, len(rec.Spikes))
	for l := range rec.Spikes {
		for _, n := range rec.Spikes[l] {
			spikes[l] += uint64(n)
		}
	}
	return spikes, nil
}

// against runs another engine on the image and counts, per layer, the spikes that
// only one of it and the recorded network has.
func (w *worker) against(ctx context.Context, e *sim.Engine, i int) ([]uint64, error) {
	moved := make([]uint64, len(w.trains))
	e.Probe = func(s sim.Spikes) {
		for j, b := range w.trains[s.Layer][s.Step] {
			moved[s.Layer] += uint64(bits.OnesCount64(b ^ s.Bits[j]))
		}
	}
	_, err := e.Present(ctx, w.images, i, w.pixels)
	return moved, err
}

// replayed runs another engine, which traces all neurons, on the image, with the recorded
// spikes in place of its own, and counts, per layer, those that its neurons would not have
// fired, or fired besides, unless rounding explains it.
func (w *worker) replayed(ctx context.Context, e *sim.Engine, i int) ([]uint64, error) {
	w.replay.reset(w.pixels)
	e.Trace = func(t sim.Trace) {
		w.replay.step(t.Layer, t.I, w.trains[t.Layer][t.Step])
		for _, m := range w.potentials[t.Layer] {
			if m.steps == t.Step+1 {
				w.replay.compare(t.Layer, m.v, w.normalised.Layers[t.Layer].Neuron.ThresholdOf)
			}
		}
	}
	e.Probe = func(s sim.Spikes) {
		recorded := w.trains[s.Layer][s.Step]
		if w.replay.states[s.Layer] == nil { // A gate's follow from those before it.
			for j, b := range recorded {
				w.replay.wrong[s.Layer] += uint64(bits.OnesCount64(b ^ s.Bits[j]))
			}
		}
		copy(s.Bits, recorded)
	}
	_, err := e.Present(ctx, w.images, i, w.pixels)
	return slices.Clone(w.replay.wrong), err
}
