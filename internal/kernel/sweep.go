package kernel

import "math/bits"

// SweepLayer is a layer after a 3x3 convolution with a border of one, or a tile of
// its channels: what [Sweep] needs beside masks and potentials.
type SweepLayer struct {
	Rows, Cols  int // Positions of the source.
	Stride      int // 1 or 2.
	SourceWords int // 64-bit words per position of the source's mask.
	Words       int // The same of the layer's own mask, and of the shortcut's.

	First int // The tile's first channel, a multiple of N.
	N     int // Channels of the tile: 16 or 32, or 64 with a stride of 2.
	Pitch int // Channels of the whole layer, padded: from one position's potentials to the next.

	// Weights, [source channel][ky reversed][kx reversed][N], of at least as many
	// source channels as have spikes.
	Weight []float32

	Constant  []float32 // Constant current, per channel of the tile.
	Threshold []float32 // θ, per channel of the tile; +Inf for padding.
	Shortcut  []float32 // Weights of a shortcut, one to one, per channel of the tile; nil for none.
}

// Out returns the rows and columns of the layer.
func (l *SweepLayer) Out() (rows, cols int) {
	return (l.Rows + l.Stride - 1) / l.Stride, (l.Cols + l.Stride - 1) / l.Stride
}

// PartLen returns the length of the scratch that [Sweep] needs: for the sums of two
// rows, or for the spikes of three.
func (l *SweepLayer) PartLen() int { return max(l.sumsLen(), 3*l.rowLen()) }

func (l *SweepLayer) sumsLen() int { return 2 * (l.Cols + 2) * l.N }

func (l *SweepLayer) rowLen() int { return l.Cols*len(l.Weight)/(9*l.N) + l.Cols + 1 }

// Sweep advances a tile of a layer by one timestep: all of a convolution, a
// shortcut, and neurons that reset by subtraction. It returns the number
// of spikes. For every output position (r, c), the p-th, and channel o of the tile:
//
//	sum := 0
//	for ky, kx in 0..3, (y, x) = (r*Stride+ky-1, c*Stride+kx-1) inside, every set bit i of position (y, x) of src, ascending:
//		sum += Weight[((i*3 + 2-ky)*3 + 2-kx)*N + o]
//	if bit First+o of position p of shortcut is set: sum += Shortcut[o]
//	v[p*Pitch+First+o] += sum + Constant[o]
//	bit First+o of position p of out = v[p*Pitch+First+o] >= Threshold[o]
//	if it is set: v[p*Pitch+First+o] -= Threshold[o]
//
// shortcut is nil where there is none. Other bits of out are unchanged. part is
// scratch, and what it holds does not matter.
func Sweep(out, src, shortcut []uint64, v, part []float32, l *SweepLayer) int {
	if l.Rows < 1 || l.Cols < 1 || l.Stride != 1 && l.Stride != 2 {
		panic("kernel: Sweep: shape")
	}
	rows, cols := l.Out()
	positions := rows * cols
	if l.N != Lanes && l.N != 2*Lanes && (l.N != 4*Lanes || l.Stride != 2) || l.First%l.N != 0 || l.First+l.N > min(l.Pitch, 64*l.Words) ||
		len(src) != l.Rows*l.Cols*l.SourceWords || len(out) != positions*l.Words || !shortcutFits(shortcut, out, l.Shortcut, l.N) ||
		len(v) != positions*l.Pitch || len(part) < l.PartLen() || len(l.Weight)%(9*l.N) != 0 || len(l.Weight) == 0 ||
		len(l.Constant) != l.N || len(l.Threshold) != l.N {
		panic("kernel: Sweep: length mismatch")
	}
	return sweep(out, src, shortcut, v, part[:l.PartLen()], l)
}

// sweepGeneric lists the spikes of each row of the source once. An output adds the
// weights of those of three rows under its window, all sums of [Lanes] channels in
// registers, and fires at once.
func sweepGeneric(out, src, shortcut []uint64, v, part []float32, l *SweepLayer) int {
	rows, cols := l.Out()
	weight, groups := lanesOf(l.Weight), l.N/Lanes
	seen := newSpikeRows(int32s(part), l.rowLen(), l.Cols)
	var sum [Lanes]float32
	spikes, p := 0, 0
	for r := range rows {
		seen.move(src, l.Rows, l.SourceWords, r*l.Stride-1, groups)
		for c := range cols {
			x := c*l.Stride - 1 // The first column under the window.
			from, to := max(x, 0), min(x+3, l.Cols)
			for j := range groups {
				sumLanes(&sum, weight, seen, from, to, (8+x)*groups+j, 3*groups)
				bit := l.First + j*Lanes
				word, shift := p*l.Words+bit/64, bit%64
				if shortcut != nil {
					addLanes(sum[:], l.Shortcut[j*Lanes:], shortcut[word]>>shift)
				}
				z := fireLanes((*[Lanes]float32)(v[p*l.Pitch+bit:]), &sum, (*[Lanes]float32)(l.Constant[j*Lanes:]), (*[Lanes]float32)(l.Threshold[j*Lanes:]))
				spikes += bits.OnesCount64(z)
				setLanes(&out[word], shift, z)
			}
			p++
		}
	}
	return spikes
}

// sumLanes adds up what an output gets from the spikes of columns from to to, from the
// upper row to the lower one. The weights of a spike of the upper row are at its offset
// and first, those of the next rows step less.
func sumLanes(dst *[Lanes]float32, weight [][Lanes]float32, seen *spikeRows, from, to, first, step int) {
	var a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15 float32
	for ky := range seen.rows {
		s := &seen.rows[ky]
		if len(s.start) == 0 {
			first -= step
			continue
		}
		for _, e := range s.offset[s.start[from]:s.start[to]] {
			w := &weight[int(e)+first]
			a0 += w[0]
			a1 += w[1]
			a2 += w[2]
			a3 += w[3]
			a4 += w[4]
			a5 += w[5]
			a6 += w[6]
			a7 += w[7]
			a8 += w[8]
			a9 += w[9]
			a10 += w[10]
			a11 += w[11]
			a12 += w[12]
			a13 += w[13]
			a14 += w[14]
			a15 += w[15]
		}
		first -= step
	}
	dst[0], dst[1], dst[2], dst[3], dst[4], dst[5], dst[6], dst[7] = a0, a1, a2, a3, a4, a5, a6, a7
	dst[8], dst[9], dst[10], dst[11], dst[12], dst[13], dst[14], dst[15] = a8, a9, a10, a11, a12, a13, a14, a15
}
