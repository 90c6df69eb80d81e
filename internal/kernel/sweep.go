package kernel

import "math/bits"

// SweepLayer is a layer behind a 3x3 convolution with a stride and a border of
// one, or a tile of its channels: what [Sweep] needs beside masks and potentials.
type SweepLayer struct {
	Rows, Cols  int // Positions of the layer, and of its source.
	SourceWords int // 64-bit words a position of the source's mask.
	Words       int // The same of the layer's own mask, and of the shortcut's.

	First int // The tile's first channel, a multiple of N.
	N     int // Channels of the tile: 16 or 32.
	Pitch int // Channels of the whole layer, padded: from one position's potentials to the next.

	// Weights, [source channel][ky reversed][kx reversed][N], of at least as many
	// source channels as have spikes.
	Weight []float32

	Constant  []float32 // Constant current, per channel of the tile.
	Threshold []float32 // θ, per channel of the tile; +Inf for padding.
	Shortcut  float32   // Weight of the identity shortcut, one to one.
}

// PartLen returns the length of the scratch that [Sweep] needs.
func (l *SweepLayer) PartLen() int { return 2 * (l.Cols + 2) * l.N }

// Sweep advances a tile of a layer by one timestep: all of a convolution, an
// identity shortcut, and neurons that reset by subtraction. It returns the number
// of spikes. For every output position (r, c) and channel o of the tile, with p =
// r*Cols + c:
//
//	sum := 0
//	for ky, kx in 0..3, (y, x) = (r+ky-1, c+kx-1) inside, every set bit i of position (y, x) of src, ascending:
//		sum += Weight[((i*3 + 2-ky)*3 + 2-kx)*N + o]
//	if bit First+o of position p of shortcut is set: sum += Shortcut
//	v[p*Pitch+First+o] += sum + Constant[o]
//	bit First+o of position p of out = v[p*Pitch+First+o] >= Threshold[o]
//	if it is set: v[p*Pitch+First+o] -= Threshold[o]
//
// shortcut is nil where there is none. Other bits of out are left alone. part is
// scratch, and what it holds does not matter.
func Sweep(out, src, shortcut []uint64, v, part []float32, l *SweepLayer) int {
	positions := l.Rows * l.Cols
	if l.Rows < 1 || l.Cols < 1 || l.N != Lanes && l.N != 2*Lanes || l.First%l.N != 0 || l.First+l.N > min(l.Pitch, 64*l.Words) ||
		len(src) != positions*l.SourceWords || len(out) != positions*l.Words || shortcut != nil && len(shortcut) != len(out) ||
		len(v) != positions*l.Pitch || len(part) < l.PartLen() || len(l.Weight)%(9*l.N) != 0 || len(l.Weight) == 0 ||
		len(l.Constant) != l.N || len(l.Threshold) != l.N {
		panic("kernel: Sweep: length mismatch")
	}
	return sweep(out, src, shortcut, v, part[:l.PartLen()], l)
}

// sweepGeneric computes one row of outputs after the other, from the three rows
// of the source that it sees.
func sweepGeneric(out, src, shortcut []uint64, v, part []float32, l *SweepLayer) int {
	strip, spikes := 3*l.N, 0
	row := part[:(l.Cols+2)*l.N] // Sums, with a position more on both sides.
	par := FireParams{First: l.First, N: l.N, Pitch: l.Pitch, Words: l.Words, Threshold: l.Threshold, Shortcut: l.Shortcut}
	for r := range l.Rows {
		clear(row)
		for ky := range 3 {
			y := r + ky - 1
			if y < 0 || y >= l.Rows {
				continue
			}
			for x := range l.Cols {
				for j, b := range src[(y*l.Cols+x)*l.SourceWords:][:l.SourceWords] {
					for ; b != 0; b &= b - 1 {
						i := j*64 + bits.TrailingZeros64(b)
						addStrip(row[x*l.N:][:strip], l.Weight[(i*3+2-ky)*strip:][:strip])
					}
				}
			}
		}
		first, positions := r*l.Cols, l.Cols
		var sc []uint64
		if shortcut != nil {
			sc = shortcut[first*l.Words:][:positions*l.Words]
		}
		spikes += fireGeneric(out[first*l.Words:][:positions*l.Words], sc, v[first*l.Pitch:][:positions*l.Pitch], row[l.N:][:positions*l.N], l.Constant, &par)
	}
	return spikes
}
