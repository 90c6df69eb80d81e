package tune

import (
	"context"
	"fmt"
	"math"

	"sresnet/internal/kernel"
	"sresnet/internal/parallel"
	"sresnet/snn"
)

// A layer's weights are fitted anew to the inputs that it really gets by ridge regression
// towards the trained ones,
//
//	W' = W + R X^T (X X^T + m I)^-1
//
// with X the patches of its sources' spikes, and a row of ones for the bias, and R = z - z^
// what its current lacks of the trained network's value. A shortcut is in z^, so that each
// block also repairs what the ones before have left of the stream. m is a hundredth of the
// mean of the diagonal. It is kept only where it helps on images that shaped nothing.

// MinRefit is how many images fitting weights anew takes: with fewer, a convolution of 577
// weights per channel learns the images by heart.
const MinRefit = 500

const (
	heldOut    = 5    // One image of so many, the last ones, shapes nothing and judges.
	maxUnknown = 1200 // Weights per channel that are fitted; wider layers keep theirs.
	perUnknown = 200  // Samples for each of them.
	batchRows  = 256  // Samples that are multiplied at a time.
)

// FewImagesError says that there are too few images to fit weights.
type FewImagesError struct{ Images, Want int }

func (e *FewImagesError) Error() string {
	return fmt.Sprintf("tune: fitting weights anew takes at least %d calibration images, not %d: with fewer it learns them by heart", e.Want, e.Images)
}

// Refit says what fitting the weights of a layer anew brought, as the mean square of what
// its current lacks of the trained network's value, on images that shaped nothing.
type Refit struct {
	Layer         string
	Before, After float64
	Kept          bool // Whether it was an improvement and is kept.
}

// shaping returns how many images shape the network; the others judge.
func (t *tuner) shaping() int {
	n := t.images.Len()
	if t.o.Refit {
		n -= n / heldOut
	}
	return n
}

// part is one of the convolutions, or fully connected synapses, whose weights are fitted.
type part struct {
	synapse int
	from    int
	conv    *snn.Conv // Nil for a fully connected one,
	dense   *snn.Dense
}

// unknowns returns the weights of one output channel.
func (p part) unknowns() int {
	if p.conv != nil {
		ws := p.conv.Weight.Shape
		return ws[1] * ws[2] * ws[3]
	}
	return p.dense.Weight.Shape[1]
}

// refitted are the parts of layer i whose weights can be fitted, and the number of unknowns
// of a channel with its bias; none where that cannot be done.
func (t *tuner) refitted(i int) (parts []part, unknowns int) {
	unknowns = 1
	for j, s := range t.net.Layers[i].Synapses {
		if s.From == snn.FromInput {
			continue
		}
		switch k := s.Connection.(type) {
		case *snn.Conv:
			if k.Groups > 1 {
				return nil, 0
			}
			parts = append(parts, part{j, s.From, k, nil})
		case *snn.Dense:
			parts = append(parts, part{j, s.From, nil, k})
		default:
			continue
		}
		unknowns += parts[len(parts)-1].unknowns()
	}
	if unknowns > maxUnknown {
		return nil, 0
	}
	return parts, unknowns
}

// sample is what a regression sees of images: rows of X with what is lacking.
type sample struct {
	x, r []float32 // [row][unknown] and [row][channel].
	rows int
}

// sampler draws samples of layer i.
type sampler struct {
	t         *tuner
	i         int
	parts     []part
	k, c      int // Unknowns and channels.
	positions int // Per image.
	current   func(image int) ([]float32, error)
	trained   func(image int) ([]float32, error)
	values    map[int][]float32
}

func (t *tuner) newSampler(i int, parts []part, k int) *sampler {
	c := t.passes[i].c
	all := t.passes[i].n / c
	s := &sampler{t: t, i: i, parts: parts, k: k, c: c, current: t.newCurrent(i), trained: t.newPlain(i), values: map[int][]float32{}}
	s.positions = min(max(perUnknown*k/t.shaping(), 1), all)
	for _, p := range parts {
		s.values[p.from] = make([]float32, t.passes[p.from].n)
	}
	return s
}

// draw returns the samples of some images.
func (s *sampler) draw(first, last int) (sample, error) {
	var z sample
	all := s.t.passes[s.i].n / s.c
	for image := first; image < last; image++ {
		got, err := s.current(image)
		if err != nil {
			return z, err
		}
		want, err := s.trained(image)
		if err != nil {
			return z, err
		}
		for from, v := range s.values {
			s.t.read(v, from, image)
		}
		for j := range s.positions { // Evenly, from another place in every image.
			p := (j*all/s.positions + image*7919) % all
			z.x = append(s.patch(z.x, p), 1)
			for c := range s.c {
				z.r = append(z.r, want[p*s.c+c]-got[p*s.c+c])
			}
			z.rows++
		}
	}
	return z, nil
}

// patch appends what the weights of the layer meet at output position p.
func (s *sampler) patch(x []float32, p int) []float32 {
	out := s.t.net.Layers[s.i].Shape
	for _, part := range s.parts {
		v, in := s.values[part.from], s.t.net.ShapeOf(part.from)
		if part.dense != nil {
			for c := range in[0] {
				for q := range in[1] * in[2] {
					x = append(x, v[q*in[0]+c])
				}
			}
			continue
		}
		w := part.conv.Window
		for c := range in[0] {
			for ky := range w.Kernel[0] {
				for kx := range w.Kernel[1] {
					y, col := w.Row(p/out[2], ky), w.Col(p%out[2], kx)
					if y < 0 || y >= in[1] || col < 0 || col >= in[2] {
						x = append(x, 0)
					} else {
						x = append(x, v[(y*in[2]+col)*in[0]+c])
					}
				}
			}
		}
	}
	return x
}

// normal are the sums of a regression: X X^T and X R^T, both [unknown][column] with the
// columns padded.
type normal struct {
	k, c   int
	kk, kc int // Padded columns.
	xx, xr []float64
}

func pad(n int) int { return (n + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes }

func newNormal(k, c int) *normal {
	n := &normal{k: k, c: c, kk: pad(k), kc: pad(c)}
	n.xx, n.xr = make([]float64, k*n.kk), make([]float64, k*n.kc)
	return n
}

// multiply returns the sums of one sample in single precision, a batch of rows at a time.
func (n *normal) multiply(z sample) *normal {
	sum := newNormal(n.k, n.c)
	xx, xr := make([]float32, len(sum.xx)), make([]float32, len(sum.xr))
	for first := 0; first < z.rows; first += batchRows {
		rows := min(batchRows, z.rows-first)
		x, r := z.x[first*n.k:][:rows*n.k], z.r[first*n.c:][:rows*n.c]
		transposed := make([]float32, rows*n.k)
		for i := range rows {
			for j := range n.k {
				transposed[j*rows+i] = x[i*n.k+j]
			}
		}
		clear(xx)
		clear(xr)
		product(xx, transposed, x, rows, n.k, n.k, n.kk)
		product(xr, transposed, r, rows, n.k, n.c, n.kc)
		for j, v := range xx {
			sum.xx[j] += float64(v)
		}
		for j, v := range xr {
			sum.xr[j] += float64(v)
		}
	}
	return sum
}

// product adds to dst, m x ldc, the product of a, m x rows, and b, rows x n.
func product(dst, a, b []float32, rows, m, n, ldc int) {
	panel := make([]float32, rows*kernel.Lanes)
	for c := 0; c < n; c += kernel.Lanes {
		clear(panel)
		for i := range rows {
			copy(panel[i*kernel.Lanes:][:kernel.Lanes], b[i*n+c:i*n+min(c+kernel.Lanes, n)])
		}
		kernel.Gemm16(m, rows, a, rows, panel, dst[c:], ldc)
	}
}

func (n *normal) add(o *normal) {
	for j, v := range o.xx {
		n.xx[j] += v
	}
	for j, v := range o.xr {
		n.xr[j] += v
	}
}

// solve returns the change of the weights, [unknown][channel], by Cholesky's method.
func (n *normal) solve() []float64 {
	k, mean := n.k, 0.0
	for j := range k {
		mean += n.xx[j*n.kk+j] / float64(k)
	}
	l := make([]float64, k*k)
	for i := range k {
		for j := range i + 1 {
			s := n.xx[i*n.kk+j]
			if i == j {
				s += mean / 100
			}
			a, b := l[i*k:][:j], l[j*k:][:j]
			for p, v := range a {
				s -= v * b[p]
			}
			if i == j {
				l[i*k+i] = math.Sqrt(s)
			} else {
				l[i*k+j] = s / l[j*k+j]
			}
		}
	}
	d := make([]float64, k*n.c)
	for c := range n.c {
		for i := range k {
			s := n.xr[i*n.kc+c]
			for p := range i {
				s -= l[i*k+p] * d[p*n.c+c]
			}
			d[i*n.c+c] = s / l[i*k+i]
		}
		for i := k - 1; i >= 0; i-- {
			s := d[i*n.c+c]
			for p := i + 1; p < k; p++ {
				s -= l[p*k+i] * d[p*n.c+c]
			}
			d[i*n.c+c] = s / l[i*k+i]
		}
	}
	return d
}

// refit fits the weights of layer i anew and reports whether that changed them.
func (t *tuner) refit(ctx context.Context, i int) (bool, error) {
	parts, k := t.refitted(i)
	if len(parts) == 0 {
		return false, nil
	}
	sums, err := t.regress(ctx, i, parts, k)
	if err != nil {
		return false, err
	}
	d := sums.solve()
	r := Refit{Layer: t.net.Layers[i].Name}
	if r.Before, r.After, err = t.judge(ctx, i, parts, k, d); err != nil {
		return false, err
	}
	r.Kept = r.After < r.Before
	t.report.Refit = append(t.report.Refit, r)
	if r.Kept {
		t.change(i, parts, d)
	}
	return r.Kept, nil
}

// regress sums over the images that shape the network. Each worker takes images that have
// their place in the order of the sum, so that it does not depend on the workers.
func (t *tuner) regress(ctx context.Context, i int, parts []part, k int) (*normal, error) {
	sums := newNormal(k, t.passes[i].c)
	each := max(batchRows/t.newSampler(i, parts, k).positions, 1) // Images of a batch.
	batches := (t.shaping() + each - 1) / each
	const round = 8 // Batches that wait for their turn: memory for as many sums.
	for first := 0; first < batches; first += round {
		done := make([]*normal, min(round, batches-first))
		err := parallel.Do(ctx, t.o.Workers, len(done), func(int) func(context.Context, int) error {
			s := t.newSampler(i, parts, k)
			return func(_ context.Context, job int) error {
				from := (first + job) * each
				z, err := s.draw(from, min(from+each, t.shaping()))
				if err == nil {
					done[job] = sums.multiply(z)
				}
				return err
			}
		}, func() {})
		if err != nil {
			return nil, err
		}
		for _, n := range done {
			sums.add(n)
		}
	}
	return sums, nil
}

// judge returns the mean square of what the layer lacks on images that shaped nothing,
// before and after the change d.
func (t *tuner) judge(ctx context.Context, i int, parts []part, k int, d []float64) (before, after float64, err error) {
	n, c := t.images.Len()-t.shaping(), t.passes[i].c
	type squares struct{ before, after float64 }
	each := make([]squares, n)
	err = parallel.Do(ctx, t.o.Workers, n, func(int) func(context.Context, int) error {
		s := t.newSampler(i, parts, k)
		return func(_ context.Context, job int) error {
			z, err := s.draw(t.shaping()+job, t.shaping()+job+1)
			if err != nil {
				return err
			}
			for row := range z.rows {
				for o := range c {
					r := float64(z.r[row*c+o])
					each[job].before += r * r
					for j, x := range z.x[row*k:][:k] {
						r -= float64(x) * d[j*c+o]
					}
					each[job].after += r * r
				}
			}
			each[job].before /= float64(z.rows * c)
			each[job].after /= float64(z.rows * c)
			return nil
		}
	}, func() {})
	for _, s := range each {
		before += s.before / float64(n)
		after += s.after / float64(n)
	}
	return before, after, err
}

// change adds d to the weights of layer i and to its biases.
func (t *tuner) change(i int, parts []part, d []float64) {
	l := &t.net.Layers[i]
	c := t.passes[i].c
	l.Synapses = append([]snn.Synapse(nil), l.Synapses...)
	first := 0
	for _, p := range parts {
		k := p.unknowns()
		weighted := l.Synapses[p.synapse].Connection.(snn.Weighted)
		w := weighted.Weights().Clone()
		for j := range w.Data {
			w.Data[j] = float32(float64(w.Data[j]) + d[(first+j%k)*c+j/k])
		}
		l.Synapses[p.synapse].Connection = weighted.WithWeights(w)
		first += k
	}
	shift := make([]float64, c)
	for o := range shift {
		shift[o] = d[first*c+o]
	}
	t.shift(i, shift)
	l.Refit = true
	t.passes[i] = newCurrents(t.net, i)
}
