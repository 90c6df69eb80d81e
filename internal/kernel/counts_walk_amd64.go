//go:build !purego

package kernel

import "unsafe"

// countFunc adds the products of tiles, see the generator in _asm.
type countFunc func(v *int32, src, weight *byte, n, tiles, tileStep, baseStep, step, vTile, vBase, vStep, rows, rowStep, runs, runStep, groups, weightStep int)

// countFuncs are the functions of an instruction set, for 16 output channels and for
// 32, if it has that. A tile is up to most positions of a row, or two such pieces of
// up to mostPairs positions.
type countFuncs struct {
	single, pairs   [2]countFunc
	most, mostPairs [2]int
	chain           int // Groups that are taken at once.
}

// Functions for counts of 8 bits and of 16.
var (
	countsVNNI = [2]countFuncs{
		{
			single:    [2]countFunc{countConv8OneVNNI, countConv8TwoVNNI},
			pairs:     [2]countFunc{countConv8OneVNNIPairs, countConv8TwoVNNIPairs},
			most:      [2]int{8, 8},
			mostPairs: [2]int{8, 7},
		},
		{
			single:    [2]countFunc{countConv16OneVNNI, countConv16TwoVNNI},
			pairs:     [2]countFunc{countConv16OneVNNIPairs, countConv16TwoVNNIPairs},
			most:      [2]int{8, 8},
			mostPairs: [2]int{8, 7},
		},
	}
	countsAVX2 = [2]countFuncs{
		{single: [2]countFunc{countConv8OneAVX2}, most: [2]int{6}},
		{single: [2]countFunc{countConv16OneAVX2}, most: [2]int{6}},
	}
	countsAVX2Chain = countFuncs{single: [2]countFunc{countConv8OneAVX2Chain}, most: [2]int{5}, chain: chainGroups}
)

// walkCounts covers rows of outputs with tiles. One block of output channels passes
// over all rows before the next, so that its weights stay in cache.
func walkCounts[N SpikeCount](k *CountConv[N], f *countFuncs, v []int32, src []N, stride, r0, r1 int) {
	g, bytes := &k.g, size[N]()
	w := countWalk{
		step: g.Stride[1] * k.pitch * bytes, vStep: 4 * k.n,
		rows: g.Kernel[0], rowStep: g.Dilation[0] * stride * bytes,
		runs: k.runs, runStep: g.Dilation[1] * k.pitch * bytes,
		groups: k.run * bytes / 4 / max(1, f.chain),
	}
	row, vRow := g.Stride[0]*stride*bytes, g.OutCols*w.vStep
	from := unsafe.Pointer(&src[r0*g.Stride[0]*stride])
	for o := 0; o < k.n; {
		block, i := o/blockLanes*blockLanes, 0
		if f.single[1] != nil && k.lanes(block) == blockLanes {
			i = 1
		}
		w.single, w.pairs, w.mostPairs = f.single[i], f.pairs[i], f.mostPairs[i]
		w.weight = bytesOf(k.weight[block*k.taps()+(o-block)*group[N]():])
		w.weightStep = 4 * k.lanes(block)
		to := unsafe.Pointer(&v[o])
		if pieces := (g.OutCols + f.most[i] - 1) / f.most[i]; pieces == 1 {
			w.cover(to, from, g.OutCols, r1-r0, row, vRow)
		} else {
			n, longer := g.OutCols/pieces, g.OutCols%pieces
			for r := range r1 - r0 {
				to, from := unsafe.Add(to, r*vRow), unsafe.Add(from, r*row)
				w.cover(to, from, n+1, longer, (n+1)*w.step, (n+1)*w.vStep)
				at := longer * (n + 1)
				w.cover(unsafe.Add(to, at*w.vStep), unsafe.Add(from, at*w.step), n, pieces-longer, n*w.step, n*w.vStep)
			}
		}
		o += Lanes << i
	}
}

// countWalk is what all tiles of a block of output channels have in common.
type countWalk struct {
	single, pairs countFunc
	mostPairs     int
	weight        *byte

	step, vStep, rows, rowStep, runs, runStep, groups, weightStep int
}

// cover computes pieces of n positions that lie step and vStep bytes apart, in pairs
// as far as possible.
func (w *countWalk) cover(v, src unsafe.Pointer, n, pieces, step, vStep int) {
	if pairs := pieces / 2; pairs > 0 && n <= w.mostPairs {
		w.pairs((*int32)(v), (*byte)(src), w.weight, n, pairs, 2*step, step, w.step, 2*vStep, vStep, w.vStep,
			w.rows, w.rowStep, w.runs, w.runStep, w.groups, w.weightStep)
		if pieces %= 2; pieces == 0 {
			return
		}
		v, src = unsafe.Add(v, 2*pairs*vStep), unsafe.Add(src, 2*pairs*step)
	}
	if pieces > 0 {
		w.single((*int32)(v), (*byte)(src), w.weight, n, pieces, step, 0, w.step, vStep, 0, w.vStep,
			w.rows, w.rowStep, w.runs, w.runStep, w.groups, w.weightStep)
	}
}
