package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"sresnet/ann/infer"
	"sresnet/eval"
	"sresnet/internal/parallel"
	"sresnet/shard"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// Measurement is what the images, or some of them, showed. Sums are kept per image and
// added up in their order, so that they depend neither on the workers nor on how the
// images were divided.
type Measurement struct {
	images []imageSums // In no order.
	fired  [][]uint64  // Per layer, a bit for every neuron that fired on any image.

	channels [][]channelSums // Per layer; nil where neurons have no windows.
}

// imageSums is one image.
type imageSums struct {
	Index   int         `json:"index"`
	ANN     bool        `json:"ann"`     // Whether the trained network names the label.
	Correct []bool      `json:"correct"` // Whether the spiking network does, at each length.
	Layers  []layerSums `json:"layers"`

	Potential bool `json:"potential,omitempty"` // Whether it does by its accumulated current, at the last length.

	Twice *bool `json:"twice,omitempty"` // Whether it does after twice the last length, see [Diagnoser.runsOn]; else nil.
}

// layerSums is one layer on one image.
type layerSums struct {
	At        []errorSums  `json:"at"`                 // At each length.
	Clipped   int          `json:"clipped"`            // Neurons, at the last length,
	Saturated int          `json:"saturated"`          // the same,
	Active    int          `json:"active"`             // and those that fired by then.
	Vanished  int          `json:"vanished,omitempty"` // Of phased networks: those with an activation that make no spike.
	Unspoken  float64      `json:"unspoken,omitempty"` // Of the output, if no logit is positive: sum of their squares, over lambda.
	Scatter   [][2]float64 `json:"scatter,omitempty"`
}

// parts is how many parts of an error there are, and the total.
const parts = 10

// errorSums adds up over neurons.
type errorSums struct {
	sum, square [parts]float64 // Total, clipping, inherited, quantisation, unevenness, shift, vanished, rounding, leak, saturation.
	x, r        float64        // Activation over lambda, rate,
	xx, rr, xr  float64        // and their products.
}

func (e *errorSums) add(x, r float64, s Split) {
	for i, v := range [usual]float64{s.Total(), s.Clipping, s.Inherited, s.Quantisation, s.Unevenness} {
		e.sum[i] += v
		e.square[i] += v * v
	}
	for i, v := range [parts - usual]float64{s.Shift, s.Vanished, s.Rounding, s.Leak, s.Saturation} {
		if v != 0 { // Of most networks they are all nothing.
			e.sum[usual+i] += v
			e.square[usual+i] += v * v
		}
	}
	e.x += x
	e.r += r
	e.xx += x * x
	e.rr += r * r
	e.xr += x * r
}

func (e *errorSums) join(f *errorSums) {
	for i := range e.sum {
		e.sum[i] += f.sum[i]
		e.square[i] += f.square[i]
	}
	e.x, e.r, e.xx, e.rr, e.xr = e.x+f.x, e.r+f.r, e.xx+f.xx, e.rr+f.rr, e.xr+f.xr
}

// errors returns the means over n neurons and images.
func (e *errorSums) errors(T int, n float64) Errors {
	size := func(i int) Size { return Size{e.sum[i] / n, math.Sqrt(e.square[i] / n)} }
	r := Errors{Timesteps: T, Total: size(0), Clipping: size(1), Inherited: size(2), Quantisation: size(3), Unevenness: size(4), Shift: size(5), Vanished: size(6), Rounding: size(7), Leak: size(8), Saturation: size(9)}
	r.Activation = math.Sqrt(e.xx / n)
	if vx, vr := e.xx-e.x*e.x/n, e.rr-e.r*e.r/n; vx > 0 && vr > 0 {
		r.Correlation = min(max((e.xr-e.x*e.r/n)/math.Sqrt(vx*vr), -1), 1)
	}
	return r
}

// Scatter plots show neurons of the first images, evenly spaced.
const scatterImages, scatterPerImage = 5, 100

// scatterEvery returns of how many neurons of a layer a scatter plot shows one.
func scatterEvery(neurons int) int { return max(neurons/scatterPerImage, 1) }

// Measuring returns the work that splits the errors of all neurons, on every image.
func (d *Diagnoser) Measuring() shard.Work[*Measurement] {
	return shard.Work[*Measurement]{Images: d.Images.Len(), New: d.newMeasurement, Read: d.readMeasurement, Present: d.measure}
}

func (d *Diagnoser) measure(ctx context.Context, n int, next func() (int, bool, error), add func(*Measurement) error) error {
	so := d.simulation(d.T)
	if d.runsOn() {
		so.Timesteps = 2 * d.T
	}
	so.Marks = d.o.Timesteps
	plan, err := sim.Compile(d.Network, so)
	if err != nil {
		return err
	}
	return parallel.Feed(ctx, min(d.o.Workers, n), func() func(context.Context, int) (*Measurement, error) {
		return d.newObserver(plan).present
	}, next, add)
}

// runsOn reports whether images are presented for twice the last length: more timesteps are the
// first thing to try, and so the network is simulated once for both. Frames of an image would
// lie otherwise in time.
func (d *Diagnoser) runsOn() bool {
	s, ok := d.Images.(sim.Sequences)
	return !d.made() && 2*d.T <= sim.MaxTimesteps && !(ok && s.Frames() > 1)
}

// observer watches one image at a time.
type observer struct {
	d      *Diagnoser
	runner *infer.Runner
	engine *sim.Engine
	pixels []float32
	counts [][]uint16 // Per layer, spikes so far, channels last.
	fired  [][]uint64 // Of the image.
	sums   imageSums  // Of the image.

	channels [][]channelSums // Of the image.

	rounder *rounder // Nil where there is nothing that is known to be rounded.
}

func (d *Diagnoser) newObserver(plan *sim.Plan) *observer {
	o := &observer{d: d, runner: d.model.NewRunner(), engine: plan.NewEngine(), pixels: make([]float32, d.Images.Shape().Len()), rounder: d.newRounder()}
	for i := range d.Network.Layers {
		o.counts = append(o.counts, make([]uint16, d.Network.Layers[i].Neurons()))
	}
	o.engine.Probe, o.engine.Potentials = o.count, o.mark
	return o
}

// present measures image i.
func (o *observer) present(ctx context.Context, i int) (*Measurement, error) {
	d := o.d
	if err := d.Images.Image(i, o.pixels); err != nil {
		return nil, fmt.Errorf("diagnose: image %d: %w", i, err)
	}
	logits, err := o.runner.Run(o.pixels)
	if err != nil {
		return nil, fmt.Errorf("diagnose: image %d: trained network: %w", i, err)
	}
	label := d.Images.Label(i)
	if label < 0 || label >= len(logits) {
		return nil, fmt.Errorf("diagnose: image %d has label %d, the network has the classes 0 to %d", i, label, len(logits)-1)
	}
	m := d.newMeasurement()
	o.fired, o.channels = m.fired, m.channels
	o.sums = imageSums{Index: i, ANN: tensor.ArgMax(logits) == label, Layers: make([]layerSums, len(o.counts))}
	for j := range o.counts {
		o.sums.Layers[j].At = make([]errorSums, len(d.o.Timesteps))
		clear(o.counts[j])
	}
	if o.rounder != nil {
		if err := o.rounder.begin(ctx, i, o.pixels); err != nil {
			return nil, fmt.Errorf("diagnose: image %d: %w", i, err)
		}
	}
	rec, err := o.engine.Present(ctx, d.Images, i, o.pixels)
	if err == nil && o.rounder != nil {
		err = o.rounder.err
	}
	if err != nil {
		return nil, fmt.Errorf("diagnose: image %d: %w", i, err)
	}
	for _, T := range d.o.Timesteps {
		o.sums.Correct = append(o.sums.Correct, classAt(rec, T, d.o.Readout) == label)
	}
	o.sums.Potential = classAt(rec, d.T, eval.Potential) == label
	if d.runsOn() {
		right := classAt(rec, 2*d.T, d.o.Readout) == label
		o.sums.Twice = &right
	}
	m.images = []imageSums{o.sums}
	return m, nil
}

// classAt is what a spiking network names after T timesteps.
func classAt(rec *sim.Record, T int, readout eval.Readout) int {
	lo, hi := (T-1)*rec.Classes, T*rec.Classes
	return readout.Class(rec.Counts[lo:hi], rec.Potential[lo:hi], rec.Current[lo:hi])
}

// count is the probe of spikes.
func (o *observer) count(s sim.Spikes) {
	if s.Step >= o.d.T {
		return
	}
	l := &o.d.Network.Layers[s.Layer]
	channels, counts, worth := l.Shape[0], o.counts[s.Layer], uint16(1)
	if o.d.Network.Coding == snn.FirstSpike {
		worth = uint16(o.d.T - s.Step) // In spikes of rate coding.
	}
	for i, b := range s.Bits {
		first := i / s.Words * channels
		for ; b != 0; b &= b - 1 {
			counts[first+i%s.Words*64+bits.TrailingZeros64(b)] += worth
		}
	}
	// A gate has no potentials to be handed out at the marks.
	if k, marked := slices.BinarySearch(o.d.o.Timesteps, s.Step+1); marked && l.IsGate() {
		o.split(s.Layer, k, sim.Potentials{})
	}
}

// mark is the probe of potentials.
func (o *observer) mark(p sim.Potentials) {
	k, _ := slices.BinarySearch(o.d.o.Timesteps, p.Steps)
	o.split(p.Layer, k, p)
}

// split takes in the errors of a layer at the k-th length. There is nothing in m for a
// gate.
func (o *observer) split(layer, k int, m sim.Potentials) {
	l := &o.d.Network.Layers[layer]
	T, last := o.d.o.Timesteps[k], k == len(o.d.o.Timesteps)-1
	a, counts, channels := o.runner.Activation(l.Name), o.counts[layer], l.Shape[0]
	positions := len(counts) / channels
	sums, errs := &o.sums.Layers[layer], &o.sums.Layers[layer].At[k]
	every, period, phased := scatterEvery(len(counts)), l.Neuron.Period(), o.d.Network.Schedule == snn.Phased
	var added, arrived []float64
	if o.rounder != nil {
		o.rounder.note(layer, k, counts, m)
		if m.V != nil {
			added, arrived = o.rounder.added(layer, k), o.rounder.arrived(layer, k)
		}
	}
	if last && layer == len(o.counts)-1 && slices.Max(a) <= 0 {
		for c, x := range a {
			sums.Unspoken += math.Pow(float64(x)/float64(l.LambdaOf(c%channels)), 2)
		}
	}
	if m.V != nil && m.I == nil && l.Shift == nil && l.Start == nil && added == nil && arrived == nil && !phased && period == 1 {
		o.splitPlain(layer, k, m.V)
		return
	}
	for i, n := range counts {
		c, p := i%channels, i/channels
		x := max(float64(a[i])/float64(l.LambdaOf(c)), 0) // Negative logits: an output neuron can only be silent.
		r := float64(n) / float64(T)
		var s Split
		switch j := c*positions + p; {
		case m.I != nil:
			th := float64(l.Neuron.ThresholdOf(c))
			s = splitByCurrent(&l.Neuron, c, x, float64(m.I[j])/th/float64(T), int(n), T)
		case m.V != nil && n == 0 && x == 0 && l.Shift == nil && added == nil && arrived == nil && m.V[j] <= l.StartOf(j):
			if last && o.sums.Index < scatterImages && i%every == 0 { // It should be silent, and is: there is nothing to add up.
				sums.Scatter = append(sums.Scatter, [2]float64{})
			}
			continue
		case m.V != nil:
			th, shift, delta := float64(l.Neuron.ThresholdOf(c)), 0.0, 0.0
			if l.Shift != nil {
				shift = float64(l.Shift[c]) / th
			}
			if added != nil {
				delta = added[j]
			}
			if s = splitOf(x, float64(l.StartOf(j))/th, float64(m.V[j])/th, shift, delta, int(n), T); phased {
				s = s.phased(int(n))
			}
			if arrived != nil {
				measured := (float64(m.V[j])/th - float64(l.StartOf(j))/th + float64(n)) / float64(T)
				s = s.saturated(measured-shift-delta, arrived[j]-shift-delta)
			}
		default:
			s.Inherited = r - x
		}
		errs.add(x, r, s)
		if !last {
			continue
		}
		if o.channels != nil {
			o.channels[layer][c].add(x, s, n == 0)
		}
		if x*float64(period) > 1 {
			sums.Clipped++
		}
		if int(n) == (T-1)/period+1 {
			sums.Saturated++
		}
		if phased && n == 0 && x > 0 {
			sums.Vanished++
		}
		if n > 0 {
			sums.Active++
			o.fired[layer][i/64] |= 1 << (i % 64)
		}
		if o.sums.Index < scatterImages && i%every == 0 {
			sums.Scatter = append(sums.Scatter, [2]float64{x, r})
		}
	}
}

// splitPlain is split for neurons that are reset by subtraction and nothing else, whose potentials
// are v: what most networks have, where it takes a third of the time. It does what
// [splitOf] and [errorSums.add] do.
func (o *observer) splitPlain(layer, k int, v []float32) {
	l := &o.d.Network.Layers[layer]
	T, last := float64(o.d.o.Timesteps[k]), k == len(o.d.o.Timesteps)-1
	a, counts, channels := o.runner.Activation(l.Name), o.counts[layer], l.Shape[0]
	positions := len(counts) / channels
	sums, e := &o.sums.Layers[layer], o.sums.Layers[layer].At[k]
	every := scatterEvery(len(counts))
	shown := last && o.sums.Index < scatterImages
	type channel struct{ lambda, threshold, start float64 }
	of := make([]channel, channels)
	for c := range of {
		th := float64(l.Neuron.ThresholdOf(c))
		of[c] = channel{float64(l.LambdaOf(c)), th, float64(l.StartOf(c*positions)) / th}
	}
	for p := range positions {
		row := counts[p*channels:][:channels]
		for c, n := range row {
			i, of := p*channels+c, &of[c]
			x, potential := float64(a[i])/of.lambda, float64(v[c*positions+p])/of.threshold
			if !(x > 0) { // Negative logits: an output neuron can only be silent.
				x = 0
			}
			if n == 0 && x == 0 && potential <= of.start {
				if shown && i%every == 0 { // It should be silent, and is: there is nothing to add up.
					sums.Scatter = append(sums.Scatter, [2]float64{})
				}
				continue
			}
			spikes := float64(n)
			r, most := spikes/T, x
			if most > 1 {
				most = 1
			}
			zbar := (potential - of.start + spikes) / T
			mean, q := zbar, 0.0
			switch {
			case zbar >= 1:
				mean, q = 1, 1
			case zbar > 0:
				if q = math.Floor(potential + spikes); q < 0 {
					q = 0
				} else if q > T {
					q = T
				}
				q /= T
			default:
				mean = 0
			}
			clipping, inherited, quantisation, unevenness := most-x, mean-most, q-mean, r-q
			total := clipping + inherited + quantisation + unevenness
			e.sum[0] += total
			e.square[0] += total * total
			e.sum[1] += clipping
			e.square[1] += clipping * clipping
			e.sum[2] += inherited
			e.square[2] += inherited * inherited
			e.sum[3] += quantisation
			e.square[3] += quantisation * quantisation
			e.sum[4] += unevenness
			e.square[4] += unevenness * unevenness
			e.x += x
			e.r += r
			e.xx += x * x
			e.rr += r * r
			e.xr += x * r
			if !last {
				continue
			}
			if x > 1 {
				sums.Clipped++
			}
			if spikes == T {
				sums.Saturated++
			}
			if n > 0 {
				sums.Active++
				o.fired[layer][i/64] |= 1 << (i % 64)
			}
			if shown && i%every == 0 {
				sums.Scatter = append(sums.Scatter, [2]float64{x, r})
			}
		}
	}
	sums.At[k] = e
}

// sorted returns the images in their order.
func (m *Measurement) sorted() []imageSums {
	return slices.SortedFunc(slices.Values(m.images), func(a, b imageSums) int { return cmp.Compare(a.Index, b.Index) })
}

// diagnosis turns the sums into means.
func (m *Measurement) diagnosis(d *Diagnoser) *Diagnosis {
	images := m.sorted()
	n := float64(len(images))
	share := func(ok func(*imageSums) bool) float64 {
		count := 0
		for i := range images {
			if ok(&images[i]) {
				count++
			}
		}
		return float64(count) / n
	}
	r := &Diagnosis{Model: d.Graph.Name, Images: len(images), Timesteps: d.o.Timesteps, Bits: d.Network.Bits}
	if d.Network.Schedule != snn.Synchronous {
		r.Schedule, r.Coding, r.Latency = d.Network.Schedule.String(), d.Network.Coding.String(), d.Network.Latency(d.T)
	}
	r.ANNTop1 = share(func(s *imageSums) bool { return s.ANN })
	for k := range d.o.Timesteps {
		r.SNNTop1 = append(r.SNNTop1, share(func(s *imageSums) bool { return s.Correct[k] }))
	}
	for j := range d.Network.Layers {
		l := &d.Network.Layers[j]
		units := n * float64(l.Neurons())
		out := Layer{Name: l.Name, Kind: kind(l), Neurons: l.Neurons(), Lambda: float64(l.Lambda), Dead: float64(l.Neurons())}
		for k, T := range d.o.Timesteps {
			var sums errorSums
			for i := range images {
				sums.join(&images[i].Layers[j].At[k])
			}
			out.At = append(out.At, sums.errors(T, units))
		}
		for i := range images {
			s := &images[i].Layers[j]
			out.Clipped += float64(s.Clipped)
			out.Saturated += float64(s.Saturated)
			out.Vanished += float64(s.Vanished)
			out.Unspoken += s.Unspoken
			out.Scatter = append(out.Scatter, s.Scatter...)
		}
		for _, b := range m.fired[j] {
			out.Dead -= float64(bits.OnesCount64(b))
		}
		out.Clipped, out.Saturated, out.Dead = out.Clipped/units, out.Saturated/units, out.Dead/float64(l.Neurons())
		out.Vanished, out.Unspoken = out.Vanished/units, math.Sqrt(out.Unspoken/units)
		out.Channels = m.channelsOf(l, j, n)
		r.Layers = append(r.Layers, out)
	}
	return r
}

// activeRate returns the mean rate of the neurons that fire, over all layers of
// neurons, at the last length.
func (m *Measurement) activeRate(net *snn.Network) float64 {
	rate, active := 0.0, 0
	for _, image := range m.sorted() {
		for j := range image.Layers {
			if s := &image.Layers[j]; !net.Layers[j].IsGate() {
				rate += s.At[len(s.At)-1].r
				active += s.Active
			}
		}
	}
	return rate / float64(max(active, 1))
}

// kind joins the words of the connections that end on l.
func kind(l *snn.Layer) string {
	var words []string
	for _, s := range l.Synapses {
		words = append(words, s.Connection.Kind())
	}
	return strings.Join(words, "+")
}
