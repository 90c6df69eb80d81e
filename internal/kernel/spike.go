package kernel

import "math/bits"

// The kernels of this file and of fire.go work on spiking layers, whose channels
// callers pad to a multiple of [Lanes], so that none of them has a tail.

// An event is a spike as position<<16 | channel, with the position row*W + column
// in its layer. Events come in ascending order.
const (
	eventShift  = 16
	channelMask = 1<<eventShift - 1

	// MaxPositions and MaxChannels are what an event has room for.
	MaxPositions = 1 << 16
	MaxChannels  = 1 << 16
)

// Events lists the spikes in mask, which holds words 64-bit words per position,
// bit c%64 of word c/64 for channel c; none of them at n or above, a multiple of
// [Lanes]:
//
//	start[p] = i
//	for every set bit c of position p, ascending:
//		dst[i] = p<<16 | c
//		i++
//
// at last start[positions] = i, the result. dst must have room for them and Lanes
// more, start for positions + 1.
func Events(dst []uint32, start []int32, mask []uint64, words, n int) int {
	if n%Lanes != 0 || n > 64*words || len(mask)%words != 0 || len(start) < len(mask)/words+1 || len(dst) < OnesCount(mask)+Lanes {
		panic("kernel: Events: length mismatch")
	}
	return events(dst, start, mask, words, n)
}

func eventsGeneric(dst []uint32, start []int32, mask []uint64, words int) int {
	n, p := 0, 0
	for i := 0; i < len(mask); i += words {
		start[p] = int32(n)
		for j, b := range mask[i : i+words] {
			base := uint32(p<<eventShift | j*64)
			for ; b != 0; b &= b - 1 {
				dst[n] = base + uint32(bits.TrailingZeros64(b))
				n++
			}
		}
		p++
	}
	start[p] = int32(n)
	return n
}

// ScatterShape is the geometry of [Scatter]: a kernel of Rows x Cols taps, N
// output channels (a multiple of [Lanes]) and a current buffer of Stride floats
// per row.
type ScatterShape struct {
	Rows, Cols, N, Stride int
}

// Scatter adds, for every event of one row of the source, its weights to the
// current of all the outputs that it reaches:
//
//	for each event with position p and channel c:
//		for j in 0..Rows, i in 0..Cols, o in 0..N:
//			cur[j*Stride + (p-first+i)*N + o] += w[((c*Rows+j)*Cols+i)*N + o]
//
// with first the position of the row's first column. Weights are laid out with
// the taps reversed, so that a spike adds Rows contiguous strips. start tells
// where the events of each position of the row begin, as [Events] counts them, and
// ends with where those of the last one end.
func Scatter(cur, w []float32, ev []uint32, start []int32, first int, s ScatterShape) {
	if len(ev) == 0 {
		return
	}
	cols := len(start) - 1
	if int(start[cols]-start[0]) != len(ev) || (s.Rows-1)*s.Stride+(cols-1+s.Cols)*s.N > len(cur) {
		panic("kernel: Scatter: events outside of the current buffer")
	}
	if s.N%Lanes != 0 {
		panic("kernel: Scatter: channels are not a multiple of Lanes")
	}
	scatter(cur, w, ev, start, first, s)
}

func scatterGeneric(cur, w []float32, ev []uint32, first int, s ScatterShape) {
	strip := s.Cols * s.N
	for _, e := range ev {
		o := (int(e>>eventShift) - first) * s.N
		r := int(e&channelMask) * s.Rows * strip
		for range s.Rows {
			addStrip(cur[o:o+strip], w[r:r+strip])
			o += s.Stride
			r += strip
		}
	}
}

// GatherShape is the geometry of [Gather]: a row of the source with a number of
// channels, a window of Kernel columns whose first output begins at column First
// (negative within the padding) and moves on by Stride, and N output channels (a
// multiple of [Lanes]).
type GatherShape struct {
	Channels, Kernel, First, Stride, N int
}

// Gather adds, for every output of a row, the weights of the events of one source
// row that lie under its window:
//
//	for each output column r, with x = First + r*Stride:
//		for each event with column x <= i < x+Kernel and channel c, for o in 0..N:
//			acc[r*N + o] += w[((i-x)*Channels + c)*N + o]
//
// ev are all events of the layer, start tells where those of each column of the
// row begin, as [Events] counts them, and ends with where those of the last column
// end; position is that of the row's first column.
func Gather(acc, w []float32, ev []uint32, start []int32, position int, s GatherShape) {
	if len(acc) == 0 {
		return
	}
	if s.N%Lanes != 0 || len(acc)%s.N != 0 || len(w) != s.Kernel*s.Channels*s.N || len(ev) < int(start[len(start)-1]) {
		panic("kernel: Gather: length mismatch")
	}
	gather(acc, w, ev, start, position, s)
}

func gatherGeneric(acc, w []float32, ev []uint32, start []int32, position int, s GatherShape) {
	x, cols := s.First, len(start)-1
	for ; len(acc) > 0; acc, x = acc[s.N:], x+s.Stride {
		from, to := max(x, 0), min(x+s.Kernel, cols)
		if from < to {
			gatherColumn(acc[:s.N], w, ev[start[from]:start[to]], position+x, s.Channels)
		}
	}
}

// gatherColumn is one output of Gather; first is the position of the first column
// under its window.
func gatherColumn(acc, w []float32, ev []uint32, first, channels int) {
	if len(ev) == 0 {
		return
	}
	sums, weight := lanesOf(acc), lanesOf(w)
	for j := range sums {
		// The sums of a group stay in registers while the events go by.
		s := &sums[j]
		s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
		s8, s9, s10, s11, s12, s13, s14, s15 := s[8], s[9], s[10], s[11], s[12], s[13], s[14], s[15]
		for _, e := range ev {
			w := &weight[((int(e>>eventShift)-first)*channels+int(e&channelMask))*len(sums)+j]
			s0 += w[0]
			s1 += w[1]
			s2 += w[2]
			s3 += w[3]
			s4 += w[4]
			s5 += w[5]
			s6 += w[6]
			s7 += w[7]
			s8 += w[8]
			s9 += w[9]
			s10 += w[10]
			s11 += w[11]
			s12 += w[12]
			s13 += w[13]
			s14 += w[14]
			s15 += w[15]
		}
		s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = s0, s1, s2, s3, s4, s5, s6, s7
		s[8], s[9], s[10], s[11], s[12], s[13], s[14], s[15] = s8, s9, s10, s11, s12, s13, s14, s15
	}
}

// addStrip is dst[i] += x[i]; lengths are equal and a multiple of Lanes.
func addStrip(dst, x []float32) {
	for len(dst) >= 8 && len(x) >= 8 {
		d, s := (*[8]float32)(dst), (*[8]float32)(x)
		d[0] += s[0]
		d[1] += s[1]
		d[2] += s[2]
		d[3] += s[3]
		d[4] += s[4]
		d[5] += s[5]
		d[6] += s[6]
		d[7] += s[7]
		dst, x = dst[8:], x[8:]
	}
}

// AddSpikes adds its channel's weight to the current of every neuron whose bit is
// set, one to one, for n = len(weight) channels per position (a multiple of [Lanes]):
//
//	cur[p*n + c] += weight[c]    if bit c of position p of mask is set
func AddSpikes(cur []float32, mask []uint64, words int, weight []float32) {
	n := len(weight)
	if n < 1 || n%Lanes != 0 || n > 64*words || len(mask)%words != 0 || len(cur) != len(mask)/words*n {
		panic("kernel: AddSpikes: length mismatch")
	}
	if len(mask) > 0 {
		addSpikes(cur, mask, words, weight)
	}
}

func addSpikesGeneric(cur []float32, mask []uint64, words int, weight []float32) {
	for i, p := 0, 0; i < len(mask); i, p = i+words, p+len(weight) {
		for j, b := range mask[i : i+words] {
			for ; b != 0; b &= b - 1 {
				c := j*64 + bits.TrailingZeros64(b)
				cur[p+c] += weight[c]
			}
		}
	}
}

// Position returns the position of an event.
func Position(e uint32) int { return int(e >> eventShift) }

// Channel returns the channel of an event.
func Channel(e uint32) int { return int(e & channelMask) }

// OnesCount returns the number of set bits of mask.
func OnesCount(mask []uint64) int {
	n := 0
	for _, b := range mask {
		n += bits.OnesCount64(b)
	}
	return n
}
