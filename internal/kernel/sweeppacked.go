package kernel

import "math/bits"

// This file is SweepWhole in plain Go for layers that are prepared. Four numbers a, b,
// c and d of 16 bits are packed as a + b<<16 + c<<32 + d<<48, where a negative one
// borrows from the next. One addition adds four of them, whatever their signs, if every
// sum fits into 16 bits in the end.

// packed is Lanes numbers of 16 bits.
type packed [Lanes / 4]uint64

// pack packs weights.
func pack(w []int16) []packed {
	p := make([]packed, len(w)/Lanes)
	for i, x := range w {
		p[i/Lanes][i%Lanes/4] += uint64(int64(x)) << (i % 4 * 16)
	}
	return p
}

// sweepWholePacked goes the way of sweepGeneric.
func sweepWholePacked(out, src, shortcut []uint64, v []int32, part []int16, l *SweepWholeLayer) int {
	rows, cols := l.Out()
	groups := l.N / Lanes
	seen := newSpikeRows(alignedInt32s(part), l.rowLen(), l.Cols)
	spikes, p := 0, 0
	for r := range rows {
		if l.sets == nil {
			seen.move(src, l.Rows, l.SourceWords, r*l.Stride-1, groups)
		}
		for c := range cols {
			x := c*l.Stride - 1 // The first column under the window.
			from, to := max(x, 0), min(x+3, l.Cols)
			for j := range groups {
				var sum packed
				if l.sets == nil {
					sum = sumPacked(l.packed, seen, from, to, (8+x)*groups+j, 3*groups)
				} else {
					sum = l.sumSets(src, r*l.Stride-1, x, j)
				}
				bit := l.First + j*Lanes
				word, shift := p*l.Words+bit/64, bit%64
				if shortcut != nil {
					sum.add(l.Shortcut[j*Lanes:], shortcut[word]>>shift)
				}
				z := firePacked((*[Lanes]int32)(v[p*l.Pitch+bit:]), &sum, (*[Lanes]int32)(l.Constant[j*Lanes:]), (*[Lanes]int32)(l.Threshold[j*Lanes:]))
				spikes += bits.OnesCount64(z)
				setLanes(&out[word], shift, z)
			}
			p++
		}
	}
	return spikes
}

// sumPacked adds up what an output gets from the spikes of columns from to to, from the
// upper row to the lower one; see SweepLayer.sum.
func sumPacked(weight []packed, seen *spikeRows, from, to, first, step int) packed {
	var a, b, c, d uint64
	for ky := range seen.rows {
		if s := &seen.rows[ky]; len(s.start) > 0 {
			for _, e := range s.offset[s.start[from]:s.start[to]] {
				w := &weight[int(e)+first]
				a += w[0]
				b += w[1]
				c += w[2]
				d += w[3]
			}
		}
		first -= step
	}
	return packed{a, b, c, d}
}

// sumSets is sumPacked with a sum for each half of the channels of a position, whose
// spikes need no list. The window begins at row y and column x.
func (l *SweepWholeLayer) sumSets(src []uint64, y, x, group int) packed {
	var a, b, c, d uint64
	groups := l.N / Lanes
	for ky := max(0, -y); ky < min(3, l.Rows-y); ky++ {
		for kx := max(0, -x); kx < min(3, l.Cols-x); kx++ {
			z, tap := src[(y+ky)*l.Cols+x+kx], (8-3*ky-kx)*groups+group
			lower, upper := &l.packed[int(uint8(z))*9*groups+tap], &l.packed[(1<<setBits+int(uint8(z>>setBits)))*9*groups+tap]
			a += lower[0] + upper[0]
			b += lower[1] + upper[1]
			c += lower[2] + upper[2]
			d += lower[3] + upper[3]
		}
	}
	return packed{a, b, c, d}
}

// add adds the weights of a few channels whose bit is set.
func (p *packed) add(weight []int16, spikes uint64) {
	for b := spikes & (1<<Lanes - 1); b != 0; b &= b - 1 {
		c := bits.TrailingZeros64(b)
		p[c/4%len(p)] += uint64(int64(weight[c])) << (c % 4 * 16)
	}
}

// firePacked is fireLanes for whole numbers.
func firePacked(v *[Lanes]int32, sum *packed, k, th *[Lanes]int32) (z uint64) {
	const half = 1 << 15
	for j := range sum {
		p := sum[j] + (half | half<<16 | half<<32 | half<<48) // Now none is negative, and none borrows.
		for c := 4 * j; c < 4*j+4; c++ {
			u := v[c%Lanes] + (k[c%Lanes] + int32(uint16(p)) - half)
			p >>= 16
			var fires int32 // Without a branch, as in fireLanes.
			if u >= th[c%Lanes] {
				fires = 1
			}
			v[c%Lanes] = u - th[c%Lanes]&-fires
			z = z>>1 | uint64(fires)<<(Lanes-1)
		}
	}
	return z
}
