package diagnose

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"sresnet/ann/infer"
	"sresnet/internal/parallel"
	"sresnet/sim"
	"sresnet/snn"
)

// measurement is what the images showed. Sums are kept per image and added up in
// their order, so that they do not depend on the workers.
type measurement struct {
	images []imageSums
	fired  [][]uint64 // Per layer, a bit for every neuron that fired on any image.
}

// imageSums is one image.
type imageSums struct {
	ann     bool   // Whether the trained network names the label.
	correct []bool // Whether the spiking network does, at each length.
	layers  []layerSums
	scatter [][][2]float64 // Per layer; of the first images only.
}

// layerSums is one layer on one image.
type layerSums struct {
	at                 []errorSums // At each length.
	clipped, saturated int         // Neurons, at the last length.
	active             int         // Those that fired by then.
}

// errorSums adds up over neurons.
type errorSums struct {
	sum, square [5]float64 // Total, clipping, inherited, quantisation, unevenness.
	x, r        float64    // Activation over lambda, rate,
	xx, rr, xr  float64    // and their products.
	neurons     int
}

func (e *errorSums) add(x, r float64, s Split) {
	for i, v := range [...]float64{s.Total(), s.Clipping, s.Inherited, s.Quantisation, s.Unevenness} {
		e.sum[i] += v
		e.square[i] += v * v
	}
	e.x += x
	e.r += r
	e.xx += x * x
	e.rr += r * r
	e.xr += x * r
	e.neurons++
}

func (e *errorSums) join(f *errorSums) {
	for i := range e.sum {
		e.sum[i] += f.sum[i]
		e.square[i] += f.square[i]
	}
	e.x, e.r, e.xx, e.rr, e.xr = e.x+f.x, e.r+f.r, e.xx+f.xx, e.rr+f.rr, e.xr+f.xr
	e.neurons += f.neurons
}

// errors returns the means.
func (e *errorSums) errors(T int) Errors {
	n := float64(e.neurons)
	size := func(i int) Size { return Size{e.sum[i] / n, math.Sqrt(e.square[i] / n)} }
	r := Errors{Timesteps: T, Total: size(0), Clipping: size(1), Inherited: size(2), Quantisation: size(3), Unevenness: size(4)}
	if vx, vr := e.xx-e.x*e.x/n, e.rr-e.r*e.r/n; vx > 0 && vr > 0 {
		r.Correlation = min(max((e.xr-e.x*e.r/n)/math.Sqrt(vx*vr), -1), 1)
	}
	return r
}

// Scatter plots show neurons of the first images, evenly spaced.
const scatterImages, scatterPerImage = 5, 100

// observer watches one image at a time.
type observer struct {
	d      *diagnoser
	runner *infer.Runner
	engine *sim.Engine
	pixels []float32
	counts [][]uint16 // Per layer, spikes so far, channels last.
	fired  [][]uint64
	image  int
	sums   *imageSums
}

func (d *diagnoser) newObserver(plan *sim.Plan) *observer {
	o := &observer{d: d, runner: d.model.NewRunner(), engine: plan.NewEngine(), pixels: make([]float32, d.Images.Shape().Len())}
	for i := range d.Network.Layers {
		n := d.Network.Layers[i].Neurons()
		o.counts = append(o.counts, make([]uint16, n))
		o.fired = append(o.fired, make([]uint64, (n+63)/64))
	}
	o.engine.Probe, o.engine.Potentials = o.count, o.mark
	return o
}

// measure presents all images.
func (d *diagnoser) measure(ctx context.Context) (*measurement, error) {
	so := d.simulation(d.T)
	so.Marks = d.o.Timesteps
	plan, err := sim.Compile(d.Network, so)
	if err != nil {
		return nil, err
	}
	n := d.Images.Len()
	m := &measurement{images: make([]imageSums, n)}
	observers := make([]*observer, min(d.o.Workers, n))
	err = parallel.Do(ctx, len(observers), n, func(worker int) func(context.Context, int) error {
		o := d.newObserver(plan)
		observers[worker] = o
		return func(ctx context.Context, i int) error {
			o.image, o.sums = i, &m.images[i]
			return o.present(ctx)
		}
	}, d.progress)
	if err != nil {
		return nil, err
	}
	m.fired = observers[0].fired
	for _, o := range observers[1:] {
		for i := range m.fired {
			for j, b := range o.fired[i] {
				m.fired[i][j] |= b
			}
		}
	}
	return m, nil
}

func (o *observer) present(ctx context.Context) error {
	d, i := o.d, o.image
	if err := d.Images.Image(i, o.pixels); err != nil {
		return fmt.Errorf("diagnose: image %d: %w", i, err)
	}
	logits, err := o.runner.Run(o.pixels)
	if err != nil {
		return fmt.Errorf("diagnose: image %d: trained network: %w", i, err)
	}
	label := d.Images.Label(i)
	if label < 0 || label >= len(logits) {
		return fmt.Errorf("diagnose: image %d has label %d, the network has the classes 0 to %d", i, label, len(logits)-1)
	}
	o.sums.ann = argmax(logits) == label
	o.sums.layers = make([]layerSums, len(o.counts))
	o.sums.scatter = make([][][2]float64, len(o.counts))
	for j := range o.counts {
		o.sums.layers[j].at = make([]errorSums, len(d.o.Timesteps))
		clear(o.counts[j])
	}
	rec, err := o.engine.Run(ctx, o.pixels, i)
	if err != nil {
		return fmt.Errorf("diagnose: image %d: %w", i, err)
	}
	for _, T := range d.o.Timesteps {
		o.sums.correct = append(o.sums.correct, d.class(rec, T) == label)
	}
	return nil
}

// class is what the spiking network names after T timesteps.
func (d *diagnoser) class(rec *sim.Record, T int) int {
	lo, hi := (T-1)*rec.Classes, T*rec.Classes
	return d.o.Readout.Class(rec.Counts[lo:hi], rec.Potential[lo:hi], rec.Current[lo:hi])
}

func argmax(x []float32) int {
	best := 0
	for k, v := range x {
		if v > x[best] {
			best = k
		}
	}
	return best
}

// count is the probe of spikes.
func (o *observer) count(s sim.Spikes) {
	l := &o.d.Network.Layers[s.Layer]
	channels, counts := l.Shape[0], o.counts[s.Layer]
	for i, b := range s.Bits {
		first := i / s.Words * channels
		for ; b != 0; b &= b - 1 {
			counts[first+i%s.Words*64+bits.TrailingZeros64(b)]++
		}
	}
	// A gate has no potentials to be handed out at the marks.
	if k, marked := slices.BinarySearch(o.d.o.Timesteps, s.Step+1); marked && l.IsGate() {
		o.split(s.Layer, k, nil)
	}
}

// mark is the probe of potentials.
func (o *observer) mark(p sim.Potentials) {
	k, _ := slices.BinarySearch(o.d.o.Timesteps, p.Steps)
	o.split(p.Layer, k, p.V)
}

// split takes in the errors of a layer at the k-th length. v is CHW, or nil for a
// gate.
func (o *observer) split(layer, k int, v []float32) {
	l := &o.d.Network.Layers[layer]
	T, last := o.d.o.Timesteps[k], k == len(o.d.o.Timesteps)-1
	a, counts, channels := o.runner.Activation(l.Name), o.counts[layer], l.Shape[0]
	positions := len(counts) / channels
	sums, errs := &o.sums.layers[layer], &o.sums.layers[layer].at[k]
	every := max(len(counts)/scatterPerImage, 1)
	for i, n := range counts {
		c, p := i%channels, i/channels
		x := max(float64(a[i])/float64(l.Lambda), 0) // Negative logits: an output neuron can only be silent.
		r := float64(n) / float64(T)
		var s Split
		if v == nil {
			s.Inherited = r - x
		} else {
			th := float64(l.Neuron.ThresholdOf(c))
			s = splitOf(x, float64(l.Neuron.VInitOf(c))/th, float64(v[c*positions+p])/th, int(n), T)
		}
		errs.add(x, r, s)
		if !last {
			continue
		}
		if x > 1 {
			sums.clipped++
		}
		if int(n) == T {
			sums.saturated++
		}
		if n > 0 {
			sums.active++
			o.fired[layer][i/64] |= 1 << (i % 64)
		}
		if o.image < scatterImages && i%every == 0 {
			o.sums.scatter[layer] = append(o.sums.scatter[layer], [2]float64{x, r})
		}
	}
}

// diagnosis turns the sums into means.
func (m *measurement) diagnosis(d *diagnoser) *Diagnosis {
	n := float64(len(m.images))
	share := func(ok func(*imageSums) bool) float64 {
		count := 0
		for i := range m.images {
			if ok(&m.images[i]) {
				count++
			}
		}
		return float64(count) / n
	}
	r := &Diagnosis{Model: d.Graph.Name, Images: len(m.images), Timesteps: d.o.Timesteps}
	r.ANNTop1 = share(func(s *imageSums) bool { return s.ann })
	for k := range d.o.Timesteps {
		r.SNNTop1 = append(r.SNNTop1, share(func(s *imageSums) bool { return s.correct[k] }))
	}
	for j := range d.Network.Layers {
		l := &d.Network.Layers[j]
		units := n * float64(l.Neurons())
		out := Layer{Name: l.Name, Kind: kind(l), Neurons: l.Neurons(), Lambda: float64(l.Lambda), Dead: float64(l.Neurons())}
		for k, T := range d.o.Timesteps {
			var sums errorSums
			for i := range m.images {
				sums.join(&m.images[i].layers[j].at[k])
			}
			out.At = append(out.At, sums.errors(T))
		}
		for i := range m.images {
			out.Clipped += float64(m.images[i].layers[j].clipped)
			out.Saturated += float64(m.images[i].layers[j].saturated)
			out.Scatter = append(out.Scatter, m.images[i].scatter[j]...)
		}
		for _, b := range m.fired[j] {
			out.Dead -= float64(bits.OnesCount64(b))
		}
		out.Clipped, out.Saturated, out.Dead = out.Clipped/units, out.Saturated/units, out.Dead/float64(l.Neurons())
		r.Layers = append(r.Layers, out)
	}
	return r
}

// activeRate returns the mean rate of the neurons that fire, over all layers of
// neurons, at the last length.
func (m *measurement) activeRate(net *snn.Network) float64 {
	rate, active := 0.0, 0
	for i := range m.images {
		for j := range m.images[i].layers {
			if s := &m.images[i].layers[j]; !net.Layers[j].IsGate() {
				rate += s.at[len(s.at)-1].r
				active += s.active
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
