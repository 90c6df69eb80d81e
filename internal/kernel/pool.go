package kernel

import "math/bits"

// Count adds the spikes of a mask to counters, for channels channels per position
// (a multiple of [Lanes]):
//
//	n[p*channels + c]++    if bit c of position p of mask is set
func Count(n []uint16, mask []uint64, words, channels int) {
	if channels%Lanes != 0 || channels > 64*words || len(mask)%words != 0 || len(n) != len(mask)/words*channels {
		panic("kernel: Count: length mismatch")
	}
	if len(mask) > 0 {
		count(n, mask, words, channels)
	}
}

func countGeneric(n []uint16, mask []uint64, words, channels int) {
	for i, p := 0, 0; i < len(mask); i, p = i+words, p+channels {
		for j, b := range mask[i : i+words] {
			for ; b != 0; b &= b - 1 {
				n[p+j*64+bits.TrailingZeros64(b)]++
			}
		}
	}
}

// GateShape is the geometry of [Gate]: Rows rows of Cols source positions, a window
// of Kernel columns whose first output begins at column First (negative within the
// padding) and moves on by Stride, Words words and Channels channels (a multiple of
// [Lanes]) per position.
type GateShape struct {
	Rows, Cols, Kernel, First, Stride, Words, Channels int
}

// Gate passes the spikes of a max pool for one row of outputs:
//
//	for each output column r, with x = First + r*Stride, and channel c:
//		passed := false
//		if bit c of any source position with column x <= i < x+Kernel is set and
//		   the largest n of those positions > m[r*Channels+c] {
//			passed = true
//			m[r*Channels+c]++
//		}
//		bit c of output r = passed
//
// src and n are the masks and counts, this timestep included, of the rows under the
// window; m counts what outputs passed so far.
func Gate(out []uint64, m []uint16, src []uint64, n []uint16, s GateShape) {
	if s.Channels%Lanes != 0 || s.Channels > 64*s.Words || len(out)%s.Words != 0 || len(m) != len(out)/s.Words*s.Channels ||
		len(src) != s.Rows*s.Cols*s.Words || len(n) != s.Rows*s.Cols*s.Channels {
		panic("kernel: Gate: length mismatch")
	}
	switch {
	case len(out) == 0:
	case s.Rows == 0:
		clear(out)
	default:
		gate(out, m, src, n, s)
	}
}

func gateGeneric(out []uint64, m []uint16, src []uint64, n []uint16, s GateShape) {
	for x := s.First; len(out) > 0; x += s.Stride {
		from, to := max(x, 0), min(x+s.Kernel, s.Cols)
		for j := range s.Words {
			var busy, passed uint64
			for r := range s.Rows {
				for i := from; i < to; i++ {
					busy |= src[(r*s.Cols+i)*s.Words+j]
				}
			}
			for ; busy != 0; busy &= busy - 1 {
				bit := bits.TrailingZeros64(busy)
				c, most := j*64+bit, uint16(0)
				for r := range s.Rows {
					for i := from; i < to; i++ {
						most = max(most, n[(r*s.Cols+i)*s.Channels+c])
					}
				}
				if most > m[c] {
					m[c]++
					passed |= 1 << bit
				}
			}
			out[j] = passed
		}
		out, m = out[s.Words:], m[s.Channels:]
	}
}
