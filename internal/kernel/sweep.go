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

// PartLen returns the length of the scratch that [Sweep] needs.
func (l *SweepLayer) PartLen() int { return 2 * (l.Cols + 2) * l.N }

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

// sweepGeneric computes one row of outputs after the other, from the three rows
// of the source that it sees.
func sweepGeneric(out, src, shortcut []uint64, v, part []float32, l *SweepLayer) int {
	outRows, outCols := l.Out()
	spikes := 0
	row := part[:(l.Cols+2)*l.N] // Sums, with a position more on both sides.
	par := FireParams{First: l.First, N: l.N, Pitch: l.Pitch, Words: l.Words, Threshold: l.Threshold, Shortcut: l.Shortcut}
	for r := range outRows {
		clear(row)
		for ky := range 3 {
			y := r*l.Stride + ky - 1
			if y < 0 || y >= l.Rows {
				continue
			}
			for x := range l.Cols {
				for j, b := range src[(y*l.Cols+x)*l.SourceWords:][:l.SourceWords] {
					for ; b != 0; b &= b - 1 {
						i := j*64 + bits.TrailingZeros64(b)
						l.addRow(row, x, l.Weight[(i*3+2-ky)*3*l.N:][:3*l.N])
					}
				}
			}
		}
		first, positions := r*outCols, outCols
		var sc []uint64
		if shortcut != nil {
			sc = shortcut[first*l.Words:][:positions*l.Words]
		}
		spikes += fireGeneric(out[first*l.Words:][:positions*l.Words], sc, v[first*l.Pitch:][:positions*l.Pitch], row[l.N:][:positions*l.N], l.Constant, &par)
	}
	return spikes
}

// addRow adds what a spike in source column x gives to a row of outputs, for which
// w has the three taps in reversed order. Output c is at position c+1 of row.
func (l *SweepLayer) addRow(row []float32, x int, w []float32) {
	n := l.N
	switch {
	case l.Stride == 1:
		addStrip(row[x*n:][:3*n], w)
	case x%2 == 0:
		addStrip(row[(x/2+1)*n:][:n], w[n:2*n])
	default: // The last tap of one output, the first of the next.
		addStrip(row[((x-1)/2+1)*n:][:n], w[:n])
		addStrip(row[((x+1)/2+1)*n:][:n], w[2*n:])
	}
}
