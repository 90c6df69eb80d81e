package kernel

import "math/bits"

// SweepWholeLayer is a layer, or a tile of its channels, whose weights, thresholds and
// constant currents are whole numbers: what [SweepWhole] needs beside masks and
// potentials.
type SweepWholeLayer struct {
	Rows, Cols  int // Positions of the source.
	Stride      int // 1 or 2.
	SourceWords int // 64-bit words per position of the source's mask.
	Words       int // The same of the layer's own mask, and of the shortcut's.

	First int // The tile's first channel, a multiple of N.
	N     int // Channels of the tile: 16, 32 or 64.
	Pitch int // Channels of the whole layer, padded: from one position's potentials to the next.

	// Weights, [source channel][ky reversed][kx reversed][N], of at least as many
	// source channels as have spikes.
	Weight []int16

	Constant  []int32 // Constant current, per channel of the tile.
	Threshold []int32 // θ, per channel of the tile; the largest number for padding.
	Shortcut  []int16 // Weights of a shortcut, one to one, per channel of the tile; nil for none.

	sets   []int16  // See Prepare.
	packed []packed // The same, or the weights where there are none, for the generic code.
}

// Prepare makes [SweepWhole] faster, with tables that it computes from the weights,
// which must not change any more.
//
// For a source of up to 16 channels it adds up the weights of every set of the channels
// 0 to 7 and 8 to 15, as whole numbers may be added in any order. There are few spikes
// at a position, and that nobody can foretell how many costs more than their additions;
// two sums are always two. They take 9N KiB, of which the cache needs the part for sets
// of few channels, and as much again for the generic code. That adds four numbers at a
// time, packed into one; for other sources it takes the weights in this form.
func (l *SweepWholeLayer) Prepare() {
	strip := 9 * l.N
	channels := len(l.Weight) / strip
	if channels > 2*setBits || l.SourceWords != 1 || l.N > 2*Lanes {
		l.packed = pack(l.Weight)
		return
	}
	l.sets = make([]int16, 2<<setBits*strip)
	for i := range channels {
		for set := range 1 << setBits {
			if set>>(i%setBits)&1 != 0 {
				addWhole(l.sets[(i/setBits<<setBits+set)*strip:], l.Weight[i*strip:][:strip])
			}
		}
	}
	l.packed = pack(l.sets)
}

// setBits is the number of channels of a set.
const setBits = 8

// Out returns the rows and columns of the layer.
func (l *SweepWholeLayer) Out() (rows, cols int) {
	return (l.Rows + l.Stride - 1) / l.Stride, (l.Cols + l.Stride - 1) / l.Stride
}

// PartLen returns the length of the scratch that [SweepWhole] needs: for the sums of two
// rows, or for the spikes of three.
func (l *SweepWholeLayer) PartLen() int { return max(l.sumsLen(), 2*3*l.rowLen()+1) }

func (l *SweepWholeLayer) sumsLen() int { return 2 * (l.Cols + 2) * l.N }

func (l *SweepWholeLayer) rowLen() int { return l.Cols*len(l.Weight)/(9*l.N) + l.Cols + 1 }

// SweepWhole is [Sweep] for whole numbers. It returns the number of spikes. For every
// output position (r, c), the p-th, and channel o of the tile:
//
//	sum := int16(0)
//	for ky, kx in 0..3, (y, x) = (r*Stride+ky-1, c*Stride+kx-1) inside, every set bit i of position (y, x) of src:
//		sum += Weight[((i*3 + 2-ky)*3 + 2-kx)*N + o]
//	if bit First+o of position p of shortcut is set: sum += Shortcut[o]
//	v[p*Pitch+First+o] += int32(sum) + Constant[o]
//	bit First+o of position p of out = v[p*Pitch+First+o] >= Threshold[o]
//	if it is set: v[p*Pitch+First+o] -= Threshold[o]
//
// The sums must fit into 16 bits, and the potentials into 32; what comes out otherwise
// is left open. shortcut is nil where there is none. Other bits of out are unchanged.
// part is scratch, and what it holds does not matter.
func SweepWhole(out, src, shortcut []uint64, v []int32, part []int16, l *SweepWholeLayer) int {
	if l.Rows < 1 || l.Cols < 1 || l.Stride != 1 && l.Stride != 2 {
		panic("kernel: SweepWhole: shape")
	}
	rows, cols := l.Out()
	positions := rows * cols
	if l.N != Lanes && l.N != 2*Lanes && l.N != 4*Lanes || l.First%l.N != 0 || l.First+l.N > min(l.Pitch, 64*l.Words) ||
		len(src) != l.Rows*l.Cols*l.SourceWords || len(out) != positions*l.Words ||
		shortcut != nil && (len(shortcut) != len(out) || len(l.Shortcut) != l.N) ||
		len(v) != positions*l.Pitch || len(part) < l.PartLen() || len(l.Weight)%(9*l.N) != 0 || len(l.Weight) == 0 ||
		len(l.Constant) != l.N || len(l.Threshold) != l.N {
		panic("kernel: SweepWhole: length mismatch")
	}
	return sweepWhole(out, src, shortcut, v, part[:l.PartLen()], l)
}

// sweepWholeGeneric computes one row of outputs after the other, from the three rows
// of the source that it sees.
func sweepWholeGeneric(out, src, shortcut []uint64, v []int32, part []int16, l *SweepWholeLayer) int {
	if l.packed != nil {
		return sweepWholePacked(out, src, shortcut, v, part, l)
	}
	rows, cols := l.Out()
	sums := part[:(l.Cols+2)*l.N] // Of a row, with a position more on both sides.
	spikes := 0
	for r := range rows {
		clear(sums)
		for ky := range 3 {
			y := r*l.Stride + ky - 1
			if y < 0 || y >= l.Rows {
				continue
			}
			for x := range l.Cols {
				for j, b := range src[(y*l.Cols+x)*l.SourceWords:][:l.SourceWords] {
					for ; b != 0; b &= b - 1 {
						i := j*64 + bits.TrailingZeros64(b)
						l.addRow(sums, x, l.Weight[(i*3+2-ky)*3*l.N:][:3*l.N])
					}
				}
			}
		}
		for c := range cols {
			spikes += l.fire(out, shortcut, v, sums[(c+1)*l.N:], r*cols+c)
		}
	}
	return spikes
}

// addRow adds what a spike in source column x gives to a row of outputs, for which
// w has the three taps in reversed order. Output c is at position c+1 of sums.
func (l *SweepWholeLayer) addRow(sums []int16, x int, w []int16) {
	n := l.N
	switch {
	case l.Stride == 1:
		addWhole(sums[x*n:], w)
	case x%2 == 0:
		addWhole(sums[(x/2+1)*n:], w[n:2*n])
	default: // The last tap of one output, the first of the next.
		addWhole(sums[(x/2+1)*n:], w[:n])
		addWhole(sums[(x/2+2)*n:], w[2*n:])
	}
}

// addWhole adds w to the first sums.
func addWhole(sums, w []int16) {
	sums = sums[:len(w)]
	for i, x := range w {
		sums[i] += x
	}
}

// fire advances the neurons of position p and returns the number of spikes.
func (l *SweepWholeLayer) fire(out, shortcut []uint64, v []int32, sums []int16, p int) (spikes int) {
	v = v[p*l.Pitch+l.First:][:l.N]
	for o := range v {
		word, bit := p*l.Words+(l.First+o)/64, (l.First+o)%64
		sum := sums[o]
		if shortcut != nil && shortcut[word]>>bit&1 != 0 {
			sum += l.Shortcut[o]
		}
		u := v[o] + (int32(sum) + l.Constant[o])
		var z uint64
		if u >= l.Threshold[o] {
			u -= l.Threshold[o]
			z = 1
			spikes++
		}
		v[o] = u
		out[word] = out[word]&^(1<<bit) | z<<bit
	}
	return spikes
}
