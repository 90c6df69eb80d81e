package tune

import (
	"context"
	"math"

	"sresnet/internal/parallel"
	"sresnet/tensor"
)

// trained is what the trained network does on the calibration images: per layer and
// channel, the range and the mean of z and the mean of a.
type trained struct {
	least, most []float32
	z, a        []sum
	aa          []sum   // Of the squares of a.
	count       float64 // Of values of a channel.
	each        []sum   // Of a, per neuron, channels last; nil where nobody asks.
}

func newTrained(c int) trained {
	t := trained{least: make([]float32, c), most: make([]float32, c), z: make([]sum, c), a: make([]sum, c), aa: make([]sum, c)}
	for i := range c {
		t.least[i], t.most[i] = float32(math.Inf(1)), float32(math.Inf(-1))
	}
	return t
}

// see takes the values of one image.
func (t *trained) see(z, a []float32) {
	c := len(t.least)
	sums := make([]float64, 3*c)
	for j := 0; j < len(z); j += c {
		for i, x := range z[j:][:c] {
			t.least[i], t.most[i] = min(t.least[i], x), max(t.most[i], x)
			sums[i] += float64(x)
			y := float64(a[j+i])
			sums[c+i] += y
			sums[2*c+i] += y * y
		}
	}
	for j := range t.each {
		t.each[j].add(float64(a[j]))
	}
	for i := range c {
		t.z[i].add(sums[i])
		t.a[i].add(sums[c+i])
		t.aa[i].add(sums[2*c+i])
	}
	t.count += float64(len(z) / c)
}

func (t *trained) merge(o *trained) {
	for i := range t.least {
		t.least[i], t.most[i] = min(t.least[i], o.least[i]), max(t.most[i], o.most[i])
		t.z[i].merge(o.z[i])
		t.a[i].merge(o.a[i])
		t.aa[i].merge(o.aa[i])
	}
	for j := range t.each {
		t.each[j].merge(o.each[j])
	}
	t.count += o.count
}

func (t *trained) meanZ(c int) float64 { return t.z[c].value() / t.count }
func (t *trained) meanA(c int) float64 { return t.a[c].value() / t.count }

// squareA returns the mean square of a.
func (t *trained) squareA(c int) float64 { return t.aa[c].value() / t.count }

// value returns what the trained network makes of z.
func (a Activation) value(z float32) float32 {
	z = max(z, 0)
	if a.Max == 0 {
		return z
	}
	if z = min(z, a.Max); a.Levels > 0 {
		step := a.Max / float32(a.Levels)
		z = step * float32(math.Floor(float64(z/step+0.5)))
	}
	return z
}

// measure runs the trained network on all images.
func (t *tuner) measure(ctx context.Context) error {
	t.hashes = make([]uint64, t.shaping())
	all := make([][]trained, t.o.Workers)
	err := parallel.Do(ctx, t.o.Workers, t.shaping(), func(worker int) func(context.Context, int) error {
		stats := make([]trained, len(t.net.Layers))
		values := make([][]float32, len(t.net.Layers))
		for i := range stats {
			if stats[i] = newTrained(t.passes[i].c); t.o.Start {
				stats[i].each = make([]sum, t.passes[i].n)
			}
			values[i] = make([]float32, t.passes[i].n)
		}
		all[worker] = stats
		image, z, scratch := t.newImage(), make([]float32, t.widest), make([]float32, t.room)
		return func(_ context.Context, job int) error {
			pixels, err := image(job)
			if err != nil {
				return err
			}
			t.hashes[job] = hash(pixels)
			for i, p := range t.passes {
				z := z[:p.n]
				p.run(z, pixels, func(from int, _ bool) []float32 { return values[from] }, scratch)
				if err := tensor.CheckFinite(z); err != nil {
					return t.at(i, job, err)
				}
				act := t.activation(i)
				for j, x := range z {
					values[i][j] = act.value(x)
				}
				stats[i].see(z, values[i])
			}
			return nil
		}
	}, t.progress)
	if err != nil {
		return err
	}
	for _, stats := range all {
		if t.trained == nil {
			t.trained = stats
			continue
		}
		for i := range stats {
			t.trained[i].merge(&stats[i])
		}
	}
	return nil
}
