//go:build (!amd64 && !arm64) || purego

package kernel

func gemm16(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	gemm16Generic(m, k, a, lda, b, c, ldc)
}

func add(dst, x, y []float32) { addGeneric(dst, x, y) }

func mulAdd(dst, x, w []float32) { mulAddGeneric(dst, x, w) }

func scaleShift(dst, x, scale, shift []float32) { scaleShiftGeneric(dst, x, scale, shift) }

func clip(dst, x []float32, limit float32) { clipGeneric(dst, x, limit) }

func events(dst []uint32, start []int32, mask []uint64, words, _ int) int {
	return eventsGeneric(dst, start, mask, words)
}

func scatter(cur, w []float32, ev []uint32, _ []int32, first int, s ScatterShape) {
	scatterGeneric(cur, w, ev, first, s)
}

func gather(acc, w []float32, ev []uint32, start []int32, position int, s GatherShape) {
	gatherGeneric(acc, w, ev, start, position, s)
}

func fire(mask, shortcut []uint64, v, cur, constant []float32, par *FireParams) int {
	return fireGeneric(mask, shortcut, v, cur, constant, par)
}

func fireWindow(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	fireWindowGeneric(masks, spikes, v, par)
}

func fireOnce(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	fireOnceGeneric(masks, spikes, v, par)
}

func addSpikes(cur []float32, mask []uint64, words int, weight []float32) {
	addSpikesGeneric(cur, mask, words, weight)
}

func sweep(out, src, shortcut []uint64, v, part []float32, l *SweepLayer) int {
	return sweepGeneric(out, src, shortcut, v, part, l)
}

func count(n []uint16, mask []uint64, words, channels int) { countGeneric(n, mask, words, channels) }

func gate(out []uint64, m []uint16, src []uint64, n []uint16, s GateShape) {
	gateGeneric(out, m, src, n, s)
}

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
