package tune

import (
	"context"
	"fmt"
	"slices"

	"sresnet/internal/parallel"
	"sresnet/snn"
	"sresnet/tensor"
)

// rounds is how many times biases are matched with the rates that they lead to.
const rounds = 4

// tuner is a calibration at work.
type tuner struct {
	net    *snn.Network // Unscaled; biases, and weights that are fitted, change.
	out    *snn.Network // The layers that are done, scaled, and the others.
	o      Options
	images Images
	report Report

	passes  []*currents
	plain   []*currents // The same of the trained network, whose weights and biases stay; for refitting only.
	trained []trained
	last    []int         // The last layer that takes the spikes of each.
	lambda  [][]float32   // Per layer and channel.
	counts  [][][]uint16  // Spikes per layer and image, channels last; nil for layers that nobody asks for any more.
	whole   [][][]float32 // In place of spikes, what they say with what is left, of layers that hand that on.
	trains  [][][]uint64  // Of a synchronous network, the spikes themselves: step after step.
	values  [][][]float32 // What they stand for in the trained network; kept for refitting only.

	hashes  []uint64 // Of the images that shape the network.
	remains []bool   // Layers whose shortcuts hand on what their neurons have left.

	integers *integers // Nil for real weights.

	widest, room int
	done, total  int
}

func newTuner(ctx context.Context, net *snn.Network, images Images, o Options) (*tuner, error) {
	n := len(net.Layers)
	t := &tuner{
		net: cloned(net), out: cloned(net), o: o, images: images, report: Report{Images: images.Len(), Silent: map[string]int{}},
		last: make([]int, n), lambda: make([][]float32, n), counts: make([][][]uint16, n), whole: make([][][]float32, n), trains: make([][][]uint64, n), values: make([][][]float32, n),
	}
	t.total = t.shaping() + n
	t.handOn()
	for i := range net.Layers {
		p := newCurrents(t.net, i)
		t.passes = append(t.passes, p)
		t.widest, t.room = max(t.widest, p.n), max(t.room, p.room())
		for _, s := range net.Layers[i].Synapses {
			if s.From != snn.FromInput {
				t.last[s.From] = i
			}
		}
	}
	if o.Refit {
		for i := range net.Layers {
			t.plain = append(t.plain, newCurrents(net, i))
		}
	}
	var err error
	if t.integers, err = t.newIntegers(); err != nil {
		return nil, err
	}
	return t, t.measure(ctx)
}

// cloned returns net with layers and biases of its own.
func cloned(net *snn.Network) *snn.Network {
	c := *net
	c.Layers = slices.Clone(net.Layers)
	for i := range c.Layers {
		c.Layers[i].Bias = slices.Clone(c.Layers[i].Bias)
		c.Layers[i].Synapses = slices.Clone(c.Layers[i].Synapses)
	}
	return &c
}

func (t *tuner) progress() {
	if t.done++; t.o.Progress != nil {
		t.o.Progress(t.done, t.total)
	}
}

func (t *tuner) at(layer, image int, err error) error {
	return fmt.Errorf("tune: layer %q, image %d: %w", t.net.Layers[layer].Name, image, err)
}

func (t *tuner) activation(layer int) Activation { return t.o.Activations[t.net.Layers[layer].Name] }

func (t *tuner) isOutput(layer int) bool { return layer == len(t.net.Layers)-1 }

// newImage returns what reads images, channels last, into room of its own.
func (t *tuner) newImage() func(i int) ([]float32, error) {
	s := t.net.Input.Shape
	chw, pixels := make([]float32, s.Len()), make([]float32, s.Len())
	return func(i int) ([]float32, error) {
		if err := t.images.Image(i, chw); err != nil {
			return nil, err
		}
		if err := tensor.CheckFinite(chw); err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		tensor.ChannelsLast(pixels, chw, s[0])
		return pixels, nil
	}
}

// layer calibrates layer i, which all layers before spike for.
func (t *tuner) layer(ctx context.Context, i int) error {
	l := &t.net.Layers[i]
	if l.IsGate() {
		t.lambda[i] = t.lambda[l.Synapses[0].From]
		t.scale(i)
		if t.integers != nil {
			if _, err := t.integers.Layer(i, &t.out.Layers[i], nil); err != nil {
				return err
			}
		}
		if t.o.Refit {
			if err := t.keepValues(ctx, i); err != nil {
				return err
			}
		}
		err := t.emit(ctx, i)
		t.forget(i)
		return err
	}
	hist, err := t.currentsInto(ctx, i)
	if err != nil {
		return err
	}
	if t.o.Refit {
		if err := t.keepValues(ctx, i); err != nil {
			return err
		}
		changed, err := t.refit(ctx, i)
		if err != nil {
			return err
		}
		if changed {
			if hist, err = t.currentsInto(ctx, i); err != nil {
				return err
			}
		}
	}
	shift := make([]float64, l.Shape[0])
	if t.o.Bias {
		for c := range shift {
			shift[c] = t.trained[i].meanZ(c) - hist[c].mean()
		}
	}
	if t.chooseLambdas(i, hist, shift) && t.net.Schedule == snn.Synchronous {
		if err := t.widen(ctx, i, shift); err != nil {
			return err
		}
	}
	if t.integers != nil {
		if hist, err = t.roundWeights(ctx, i); err != nil {
			return err
		}
		if t.o.Bias {
			for c := range shift {
				shift[c] = t.trained[i].meanZ(c) - hist[c].mean()
			}
		}
	}
	if t.o.Bias && !t.isOutput(i) {
		for round := range rounds {
			if err := t.matchRates(ctx, i, hist, round, shift); err != nil {
				return err
			}
		}
	}
	t.roundBias(i, shift)
	t.shift(i, shift)
	t.scale(i)
	if t.o.Start && !t.isOutput(i) && t.net.Schedule == snn.Synchronous {
		if err := t.matchStart(ctx, i); err != nil {
			return err
		}
	}
	if err := t.emit(ctx, i); err != nil {
		return err
	}
	t.forget(i)
	return nil
}

// quantiser returns that of the neurons of layer i.
func (t *tuner) quantiser(i int) quantiser {
	return quantiser{T: t.o.Timesteps, vInit: float64(t.net.Layers[i].Neuron.VInitOf(0)), act: t.activation(i), cubed: t.net.Schedule == snn.Phased && !t.remains[i]}
}

// chooseLambdas chooses those of layer i, and reports whether channels have their own. A channel that no image makes positive has the
// largest of the others, so that a spike of it is not worth more than one of theirs.
func (t *tuner) chooseLambdas(i int, hist []*histogram, shift []float64) bool {
	lambda, act := make([]float32, len(hist)), t.activation(i)
	t.lambda[i] = lambda
	for c := range lambda {
		lambda[c] = t.o.Lambda[i]
		if act.Fixed {
			lambda[c] = act.Max
		}
	}
	if !t.o.Lambdas || act.Fixed || t.isOutput(i) {
		return false
	}
	q, most, silent := t.quantiser(i), float32(0), []int(nil)
	for c, h := range hist {
		x, ok := q.lambda(h, shift[c])
		if !ok || x < t.o.noise(i) {
			silent = append(silent, c)
			continue
		}
		lambda[c] = float32(x)
		most = max(most, lambda[c])
	}
	for _, c := range silent {
		if most > 0 {
			lambda[c] = most
		}
	}
	if len(silent) > 0 {
		t.report.Silent[t.net.Layers[i].Name] = len(silent)
	}
	return true
}

// noise is what currents of layer i that no spike has made may be: what rounding leaves of
// terms that cancel. A lambda as small would leave nothing of the weights behind it.
func (o *Options) noise(i int) float64 { return float64(o.Lambda[i]) * 0x1p-20 }

// matchRates shifts the biases of layer i by what its spikes lack of the mean activation.
// The first rounds only come near, and simulate fewer images for it.
func (t *tuner) matchRates(ctx context.Context, i int, hist []*histogram, round int, shift []float64) error {
	if t.net.Schedule == snn.Phased {
		q := t.quantiser(i)
		for c := range shift {
			shift[c] += t.trained[i].meanA(c) - q.mean(hist[c], shift[c], float64(t.lambda[i][c]))
		}
		return nil
	}
	images, some := t.samples()
	if round < rounds/2 {
		images = some
	}
	rates, err := t.simulatedRates(ctx, i, images, shift)
	if err != nil {
		return err
	}
	for c := range shift {
		shift[c] += t.trained[i].meanA(c) - rates[c]*float64(t.lambda[i][c])
	}
	return nil
}

// shift adds it to the biases of layer i.
func (t *tuner) shift(i int, shift []float64) {
	l := &t.net.Layers[i]
	if !slices.ContainsFunc(shift, func(x float64) bool { return x != 0 }) {
		return
	}
	if l.Bias == nil {
		l.Bias = make([]float32, l.Shape[0])
	}
	if l.Shift = slices.Clone(l.Shift); l.Shift == nil {
		l.Shift = make([]float32, l.Shape[0])
	}
	for c, s := range shift {
		l.Shift[c] = float32(float64(l.Shift[c]) + s)
		l.Bias[c] = float32(float64(l.Bias[c]) + s)
	}
}

// forget lets go of spikes that no later layer takes.
func (t *tuner) forget(i int) {
	for j := range i + 1 {
		if t.last[j] <= i {
			t.counts[j], t.whole[j], t.trains[j], t.values[j] = nil, nil, nil, nil
		}
	}
}

// currentsInto measures what layer i gets from the spikes of the layers before, per channel.
func (t *tuner) currentsInto(ctx context.Context, i int) ([]*histogram, error) {
	all := make([][]*histogram, t.o.Workers)
	p := t.passes[i]
	most := slices.Max(t.trained[i].most)
	err := parallel.Do(ctx, t.o.Workers, t.shaping(), func(worker int) func(context.Context, int) error {
		hist := make([]*histogram, p.c)
		for c := range hist {
			hist[c] = newHistogram(max(float64(t.trained[i].most[c]), float64(most)/64, 1e-30))
		}
		all[worker] = hist
		current := t.newCurrent(i)
		sums := make([]float64, p.c)
		return func(_ context.Context, job int) error {
			z, err := current(job)
			if err == nil {
				err = tensor.CheckFinite(z)
			}
			if err != nil {
				return t.at(i, job, err)
			}
			clear(sums)
			for j := 0; j < len(z); j += p.c {
				for c, x := range z[j:][:p.c] {
					hist[c].add(x)
					sums[c] += float64(x)
				}
			}
			for c, h := range hist {
				h.sum.add(sums[c])
				h.n += uint64(len(z) / p.c)
			}
			return nil
		}
	}, func() {})
	if err != nil {
		return nil, err
	}
	sum := all[0]
	for _, hist := range all[1:] {
		for c, h := range hist {
			sum[c].merge(h)
		}
	}
	return sum, nil
}

// keepValues keeps what the trained network has at layer i, for the layers behind.
func (t *tuner) keepValues(ctx context.Context, i int) error {
	if t.last[i] <= i {
		return nil
	}
	t.values[i] = make([][]float32, t.images.Len())
	return parallel.Do(ctx, t.o.Workers, t.images.Len(), func(int) func(context.Context, int) error {
		z, act := t.newPlain(i), t.activation(i)
		return func(_ context.Context, job int) error {
			x, err := z(job)
			if err != nil {
				return err
			}
			a := make([]float32, len(x))
			for j, v := range x {
				a[j] = act.value(v)
			}
			t.values[i][job] = a
			return nil
		}
	}, func() {})
}

// newPlain returns what computes the values of layer i of the trained network.
func (t *tuner) newPlain(i int) func(image int) ([]float32, error) {
	p := t.plain[i]
	pixels, z, scratch := t.newImage(), make([]float32, p.n), make([]float32, t.room)
	return func(image int) ([]float32, error) {
		x, err := pixels(image)
		if err != nil {
			return nil, err
		}
		p.run(z, x, func(from int, _ bool) []float32 { return t.values[from][image] }, scratch)
		return z, nil
	}
}

// newCurrent returns what computes the mean current into the neurons of layer i over a
// window, as a trained network's value, channels last.
func (t *tuner) newCurrent(i int) func(image int) ([]float32, error) {
	p := t.passes[i]
	pixels, z, scratch := t.newImage(), make([]float32, p.n), make([]float32, t.room)
	values := make(map[int][]float32)
	needsImage := false
	for _, s := range p.terms {
		if s.from == snn.FromInput {
			needsImage = true
		} else if !s.whole {
			values[s.from] = make([]float32, t.passes[s.from].n)
		}
	}
	return func(image int) ([]float32, error) {
		var x []float32
		if needsImage {
			var err error
			if x, err = pixels(image); err != nil {
				return nil, err
			}
			t.enter(x)
		}
		for from, v := range values {
			t.read(v, from, image)
		}
		p.run(z, x, func(from int, whole bool) []float32 {
			if whole {
				return t.whole[from][image]
			}
			return values[from]
		}, scratch)
		return z, nil
	}
}

// read fills v with what the spikes of a layer say.
func (t *tuner) read(v []float32, layer, image int) {
	lambda := t.lambda[layer]
	if t.remains[layer] {
		vInit := t.quantiser(layer).vInit
		for j, x := range t.whole[layer][image] {
			l := float64(lambda[j%len(lambda)])
			v[j] = float32(level(float64(x), l, vInit, t.o.Timesteps) * l / float64(t.o.Timesteps))
		}
		return
	}
	unit := make([]float32, len(lambda))
	for c, x := range lambda {
		unit[c] = x / float32(t.o.Timesteps)
	}
	counts := t.counts[layer][image]
	for j := 0; j < len(v); j += len(unit) {
		for c, n := range counts[j:][:len(unit)] {
			v[j+c] = float32(n) * unit[c]
		}
	}
}

// emit lets layer i spike on all images.
func (t *tuner) emit(ctx context.Context, i int) error {
	if t.last[i] <= i { // Nobody listens.
		return nil
	}
	if t.remains[i] {
		return t.keepWhole(ctx, i)
	}
	t.counts[i] = make([][]uint16, t.images.Len())
	if t.net.Schedule == snn.Synchronous {
		return t.simulate(ctx, i)
	}
	p, q, gate := t.passes[i], t.quantiser(i), t.net.Layers[i].IsGate()
	return t.currentsOf(ctx, i, func(image int, z []float32) {
		counts := make([]uint16, len(z))
		for j := 0; j < len(z); j += p.c {
			for c, x := range z[j:][:p.c] {
				lambda, v := float64(t.lambda[i][c]), q.vInit
				if gate { // What it hands on is a number of spikes.
					v = 0.5
				}
				counts[j+c] = uint16(level(float64(x), lambda, v, t.o.Timesteps))
			}
		}
		t.counts[i][image] = counts
	})
}

// currentsOf calls see, for several images at a time, with the currents into layer i, which
// it must not keep.
func (t *tuner) currentsOf(ctx context.Context, i int, see func(image int, z []float32)) error {
	return parallel.Do(ctx, t.o.Workers, t.images.Len(), func(int) func(context.Context, int) error {
		current := t.newCurrent(i)
		return func(_ context.Context, job int) error {
			z, err := current(job)
			if err == nil {
				see(job, z)
			}
			return err
		}
	}, func() {})
}
