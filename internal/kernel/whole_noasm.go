//go:build !amd64 || purego

package kernel

func countRows[N SpikeCount](k *CountConv[N], v []int32, src []N, stride, r0, r1 int) {
	countRowsGeneric(k, v, src, stride, r0, r1)
}

func fireCounts[N SpikeCount](n []N, v []int32, f *CountFire) { fireCountsGeneric(n, v, f) }

func addCounts[N SpikeCount](v []int32, n []N, weight []int32) { addCountsGeneric(v, n, weight) }

func addRemainders(v, u, start []int32, factor []float64) { addRemaindersGeneric(v, u, start, factor) }

func tallyCounts[N SpikeCount](tally []uint32, n []N) { tallyGeneric(tally, n) }

func maxCounts[N SpikeCount](dst, src []N) { maxCountsGeneric(dst, src) }

func sweepWhole(out, src, shortcut []uint64, v []int32, part []int16, l *SweepWholeLayer) int {
	return sweepWholeGeneric(out, src, shortcut, v, part, l)
}
