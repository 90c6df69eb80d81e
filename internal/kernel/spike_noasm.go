package kernel

func events(dst []uint32, start []int32, mask []uint64, words int) int {
	return eventsGeneric(dst, start, mask, words)
}

func scatter(cur, w []float32, ev []uint32, first int, s ScatterShape) {
	scatterGeneric(cur, w, ev, first, s)
}

func gather(acc, w []float32, ev []uint32, first, channels int) {
	gatherGeneric(acc, w, ev, first, channels)
}

func fire(mask []uint64, v, cur, constant []float32, par *FireParams) int {
	return fireGeneric(mask, v, cur, constant, par)
}
