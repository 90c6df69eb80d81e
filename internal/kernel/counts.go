package kernel

import (
	"math"
	"slices"
	"unsafe"
)

// SpikeCount is the type of spike counts, the spikes of one neuron in a window: uint8 for
// up to [MaxCount8] of them and weights of 8 bits, uint16 for up to [MaxCount16] and
// weights of 16 bits. A [CountConv] takes numbers of 16 bits below zero, too, such as pixels,
// as two's complement.
type SpikeCount interface{ uint8 | uint16 }

// Largest counts. With them and the largest weights, the sum of two products fits
// into 16 bits, or 32, so that no instruction saturates.
const (
	MaxCount8  = 128
	MaxCount16 = math.MaxInt16
)

// maxCount returns the largest count of a type.
func maxCount[N SpikeCount]() int {
	if size[N]() == 1 {
		return MaxCount8
	}
	return MaxCount16
}

// size returns the bytes of a count.
func size[N SpikeCount]() int { return int(unsafe.Sizeof(N(0))) }

// group returns the number of counts whose products are added as one: 32 bits of
// them.
func group[N SpikeCount]() int { return 4 / size[N]() }

// signed returns a weight from its two's complement in the type of the counts.
func signed[N SpikeCount](w N) int32 {
	shift := 32 - 8*size[N]()
	return int32(w) << shift >> shift
}

// CountConv is a convolution of spike counts with whole weights. It is immutable:
// any number of goroutines may run it.
type CountConv[N SpikeCount] struct {
	g     Geometry
	pitch int
	n     int // Output channels, rounded up to a multiple of Lanes.

	// A window is rows*runs stretches of source counts, each of run counts (a multiple
	// of the group) that lie in a row: a position, or a whole row of the kernel.
	runs, run int
	heaviest  int // The largest sum of weights that a chain may add in 16 bits, all taken as positive.
	most      int // The largest count.
	weight    []N // [block][row][run][group][channel of the block][count of the group], two's complement.
}

// blockLanes is the number of output channels in a block of packed weights, but for
// the last one, which may have half of them.
const blockLanes = 2 * Lanes

// PackCountConv returns a convolution ready to run. weight is OIHW, whole numbers of
// at most 127 either way for counts of 8 bits, and 32767 for those of 16; it is not
// kept. pitch is the number of elements from one position of the source to the next,
// whole groups of 32 bits; channels beyond g.Channels are ignored, whatever they hold.
// g.Groups must be 1. The size of the source and its padding are not looked at: the
// caller keeps a border of zeros.
func PackCountConv[N SpikeCount](g Geometry, weight []int32, pitch int) *CountConv[N] {
	area := g.Kernel[0] * g.Kernel[1]
	if g.Groups != 1 || pitch < g.Channels || pitch%group[N]() != 0 || len(weight) != g.OutChannels*g.Channels*area {
		panic("kernel: PackCountConv: lengths do not fit the geometry")
	}
	k := &CountConv[N]{g: g, pitch: pitch, n: (g.OutChannels + Lanes - 1) / Lanes * Lanes}
	per := group[N]()
	k.runs, k.run = g.Kernel[1], (g.Channels+per-1)/per*per
	if g.Dilation[1] == 1 && k.run == pitch {
		k.runs, k.run = 1, k.run*g.Kernel[1]
	}
	k.weight = make([]N, k.n*k.taps())
	limit := int32(1)<<(8*size[N]()-1) - 1
	for o := range g.OutChannels {
		block, lane := o/blockLanes*blockLanes, o%blockLanes
		lanes := k.lanes(block)
		for i := range g.Channels {
			for t := range area {
				w := weight[(o*g.Channels+i)*area+t]
				if w < -limit || w > limit {
					panic("kernel: PackCountConv: weight out of range")
				}
				// Whether a row of the kernel is one run or one run for each column, its
				// counts follow each other.
				tap := t*(k.runs*k.run/g.Kernel[1]) + i
				k.weight[block*k.taps()+(tap/per*lanes+lane)*per+tap%per] = N(w)
			}
		}
	}
	k.most, k.heaviest = maxCount[N](), k.heaviestChain()
	return k
}

// chainGroups is the number of groups of bytes whose products may be added in 16 bits
// before they go into sums of 32 bits.
const chainGroups = 4

// heaviestChain returns the largest sum of weights, all taken as positive, of those
// that meet in one lane of 16 bits: two of each group of a chain.
func (k *CountConv[N]) heaviestChain() int {
	heaviest, per := 0, group[N]()
	if per != 4 || k.run%(chainGroups*per) != 0 {
		return math.MaxInt
	}
	for o := 0; o < k.n; o += blockLanes {
		w, step := k.weight[o*k.taps():][:k.lanes(o)*k.taps()], k.lanes(o)*per
		for i := 0; i < len(w); i += chainGroups * step {
			for j := i; j < i+step; j += 2 {
				sum := 0
				for g := range chainGroups {
					sum += abs(signed(w[j+g*step])) + abs(signed(w[j+g*step+1]))
				}
				heaviest = max(heaviest, sum)
			}
		}
	}
	return heaviest
}

func abs(w int32) int { return int(max(w, -w)) }

// Bounded returns k for sources without counts beyond most, such as the number of
// timesteps. The results are the same; some processors are faster when they know.
func (k *CountConv[N]) Bounded(most int) *CountConv[N] {
	bounded := *k
	bounded.most = min(most, maxCount[N]())
	return &bounded
}

// chained reports whether no chain leaves 16 bits.
func (k *CountConv[N]) chained() bool { return k.heaviest <= math.MaxInt16/max(1, k.most) }

// taps returns the counts under the window of an output, those of weight zero that
// fill up groups included.
func (k *CountConv[N]) taps() int { return k.g.Kernel[0] * k.runs * k.run }

// lanes returns the number of output channels of the block that begins at one.
func (k *CountConv[N]) lanes(first int) int { return min(blockLanes, k.n-first) }

// Row adds row r of the outputs, see [CountConv.Rows].
func (k *CountConv[N]) Row(v []int32, src []N, first, stride, r int) {
	k.Rows(v, src, first, stride, r, r+1)
}

// Rows adds the rows r0 <= r < r1 of the outputs; with P, the output channels rounded
// up to a multiple of [Lanes]:
//
//	for r, c, o, ky, kx, i {
//		v[((r-r0)*OutCols+c)*P+o] += whole(src[first + (r*Stride[0]+ky*Dilation[0])*stride +
//			(c*Stride[1]+kx*Dilation[1])*pitch + i]) * weight[o, i, ky, kx]
//	}
//
// where a number of 8 bits has no sign, and one of 16 has. first is where the first tap of the first output lies, in a border of zeros that the
// caller keeps around the image, and stride is from one row of the source to the next;
// both are in elements. Of every source position, channels up to a multiple of four
// may be read. All sums must fit 32 bits. What v holds beyond OutChannels stays.
//
// It panics if src is too short, or v has not (r1-r0)*OutCols*P elements.
//
// The weights of a wide layer pass through the cache once for all rows, which is best
// if the sums of these stay in it.
func (k *CountConv[N]) Rows(v []int32, src []N, first, stride, r0, r1 int) {
	g := &k.g
	if len(v) != (r1-r0)*g.OutCols*k.n || first < 0 || stride < 0 || r0 < 0 || r1 < r0 {
		panic("kernel: CountConv.Rows: length mismatch")
	}
	if len(v) == 0 || len(k.weight) == 0 {
		return
	}
	last := first + ((r1-1)*g.Stride[0]+(g.Kernel[0]-1)*g.Dilation[0])*stride +
		((g.OutCols-1)*g.Stride[1]+(k.runs-1)*g.Dilation[1])*k.pitch + k.run
	if last > len(src) {
		panic("kernel: CountConv.Rows: source too short")
	}
	countRows(k, v, src[first:], stride, r0, r1)
}

// countRowsGeneric is Rows for a source that begins at the first tap.
func countRowsGeneric[N SpikeCount](k *CountConv[N], v []int32, src []N, stride, r0, r1 int) {
	g := &k.g
	for r := r0; r < r1; r++ {
		for c := range g.OutCols {
			sums := v[:k.n]
			v = v[k.n:]
			for ky := range g.Kernel[0] {
				for j := range k.runs {
					at := (r*g.Stride[0]+ky*g.Dilation[0])*stride + (c*g.Stride[1]+j*g.Dilation[1])*k.pitch
					k.addRun(sums, src[at:][:k.run], (ky*k.runs+j)*k.run)
				}
			}
		}
	}
}

// addRun adds the products of a run of counts to the outputs of a position. Two
// outputs at a time have their sums in registers.
func (k *CountConv[N]) addRun(sums []int32, x []N, tap int) {
	for o := 0; o < k.n; o += 2 {
		block := o / blockLanes * blockLanes
		lanes := k.lanes(block)
		w := k.weight[block*k.taps()+tap*lanes+(o-block)*group[N]():]
		if group[N]() == 4 {
			addRun4((*[2]int32)(sums[o:]), x, w, 4*lanes)
		} else {
			addRun2((*[2]int32)(sums[o:]), x, w, 2*lanes)
		}
	}
}

// addRun4 adds products of groups of four counts, whose weights lie step apart.
func addRun4[N SpikeCount](sums *[2]int32, x, w []N, step int) {
	u0, u1 := sums[0], sums[1]
	for i := 0; i+4 <= len(x); i += 4 {
		n, q := (*[4]N)(x[i:]), (*[8]N)(w[i/4*step:])
		u0 += int32(n[0])*signed(q[0]) + int32(n[1])*signed(q[1]) + int32(n[2])*signed(q[2]) + int32(n[3])*signed(q[3])
		u1 += int32(n[0])*signed(q[4]) + int32(n[1])*signed(q[5]) + int32(n[2])*signed(q[6]) + int32(n[3])*signed(q[7])
	}
	sums[0], sums[1] = u0, u1
}

// addRun2 is addRun4 for groups of two.
func addRun2[N SpikeCount](sums *[2]int32, x, w []N, step int) {
	u0, u1 := sums[0], sums[1]
	for i := 0; i+2 <= len(x); i += 2 {
		n, q := (*[2]N)(x[i:]), (*[4]N)(w[i/2*step:])
		u0 += signed(n[0])*signed(q[0]) + signed(n[1])*signed(q[1])
		u1 += signed(n[0])*signed(q[2]) + signed(n[1])*signed(q[3])
	}
	sums[0], sums[1] = u0, u1
}

// CountFire is what [FireCounts] needs to know of neurons. It is immutable.
type CountFire struct {
	floor      []int32
	threshold  []int32
	reciprocal []float32 // Of thresholds, rounded down.
	t          int       // The largest number of spikes.
}

// NewCountFire returns neurons that fire t times at most. Thresholds are positive, a
// multiple of [Lanes] of them. floor is the least potential of each channel when they begin to
// fire; nil for none. Neither is kept.
func NewCountFire(threshold, floor []int32, t int) *CountFire {
	if len(threshold)%Lanes != 0 || floor != nil && len(floor) != len(threshold) || t < 0 || t > MaxCount16 {
		panic("kernel: NewCountFire: number of thresholds, floors or spikes out of range")
	}
	f := &CountFire{slices.Clone(floor), slices.Clone(threshold), make([]float32, len(threshold)), t}
	if floor == nil {
		f.floor = slices.Repeat([]int32{math.MinInt32}, len(threshold))
	}
	for i, th := range threshold {
		if th < 1 {
			panic("kernel: NewCountFire: threshold that is not positive")
		}
		// Less by four times what two roundings may add, those of the reciprocal and of its
		// product with a potential: an estimate of a quotient that is never too large, and,
		// as no quotient of interest reaches 1<<15, too small by less than one.
		f.reciprocal[i] = float32(1 / float64(th) * (1 - 1.0/(1<<21)))
	}
	return f
}

// FireCounts lets neurons fire that hold the whole input of a window, for every
// position p and each of the C channels c, of which f has thresholds:
//
//	v[p*C+c] = max(v[p*C+c], floor[c])
//	q := v[p*C+c] / threshold[c], rounded down, but 0 at least and t at most
//	n[p*C+c] = q
//	v[p*C+c] -= q * threshold[c]
//
// Potentials are less than 1<<24 either way, but for channels with a threshold of
// MaxInt32, which may hold any. v and n have the same length, a multiple of C, and the
// type of the counts must hold t.
func FireCounts[N SpikeCount](n []N, v []int32, f *CountFire) {
	if len(n) != len(v) || len(v) > 0 && (len(f.threshold) == 0 || len(v)%len(f.threshold) != 0) || f.t > maxCount[N]() {
		panic("kernel: FireCounts: length mismatch")
	}
	if len(v) > 0 {
		fireCounts(n, v, f)
	}
}

func fireCountsGeneric[N SpikeCount](n []N, v []int32, f *CountFire) {
	t := int32(f.t)
	for ; len(v) > 0; n, v = n[len(f.threshold):], v[len(f.threshold):] {
		for c, th := range f.threshold {
			q, u := int32(0), max(v[c], f.floor[c])
			if u >= th {
				q = min(u/th, t)
				u -= q * th
			}
			n[c], v[c] = N(q), u
		}
	}
}

// AddCounts adds what an identity shortcut brings, for every position p and each of
// the C = len(weight) channels c, a multiple of [Lanes]:
//
//	v[p*C+c] += int32(n[p*C+c]) * weight[c]
//
// v and n have the same length, a multiple of C. All sums must fit 32 bits.
func AddCounts[N SpikeCount](v []int32, n []N, weight []int32) {
	if len(n) != len(v) || len(weight)%Lanes != 0 || len(v) > 0 && (len(weight) == 0 || len(v)%len(weight) != 0) {
		panic("kernel: AddCounts: length mismatch")
	}
	if len(v) > 0 {
		addCounts(v, n, weight)
	}
}

func addCountsGeneric[N SpikeCount](v []int32, n []N, weight []int32) {
	for ; len(v) > 0; n, v = n[len(weight):], v[len(weight):] {
		for c, w := range weight {
			v[c] += int32(n[c]) * w
		}
	}
}

// AddRemainders adds what neurons still hold when they have fired, for every position
// p and each of the C = len(start) channels c, a multiple of [Lanes]:
//
//	v[p*C+c] += int32(math.RoundToEven(float64(u[p*C+c]-start[c]) * factor[c]))
//
// v and u have the same length, a multiple of C; u and start are less than 1<<24
// either way. Products and sums must fit 32 bits.
func AddRemainders(v, u, start []int32, factor []float64) {
	if len(u) != len(v) || len(factor) != len(start) || len(start)%Lanes != 0 || len(v) > 0 && (len(start) == 0 || len(v)%len(start) != 0) {
		panic("kernel: AddRemainders: length mismatch")
	}
	if len(v) > 0 {
		addRemainders(v, u, start, factor)
	}
}

func addRemaindersGeneric(v, u, start []int32, factor []float64) {
	for ; len(v) > 0; v, u = v[len(start):], u[len(start):] {
		for c, f := range factor {
			v[c] += int32(math.RoundToEven(float64(u[c]-start[c]) * f))
		}
	}
}

// Tally counts how often each count occurs:
//
//	for x in n { tally[x]++ }
//
// It panics if tally is too short for some count.
func Tally[N SpikeCount](tally []uint32, n []N) {
	tallyCounts(tally, n)
}

func tallyGeneric[N SpikeCount](tally []uint32, n []N) {
	for _, x := range n {
		tally[x]++
	}
}

// MaxCounts takes the larger of two counts:
//
//	dst[i] = max(dst[i], src[i])
//
// Both slices must have the same length.
func MaxCounts[N SpikeCount](dst, src []N) {
	if len(dst) != len(src) {
		panic("kernel: MaxCounts: length mismatch")
	}
	if len(dst) > 0 {
		maxCounts(dst, src)
	}
}

func maxCountsGeneric[N SpikeCount](dst, src []N) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = max(dst[i], x)
	}
}
