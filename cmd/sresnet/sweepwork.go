package main

import "sresnet/ann"

// work counts the whole sweep for one bar, in images that are simulated.
type work struct {
	update      func(done, total int)
	done, total int
}

// part returns what a step that is worth n images calls to say how far it is.
func (w *work) part(n int) func(done, total int) {
	before := w.done
	return func(done, total int) {
		if done == total {
			w.done = before + n
		}
		w.update(min(before+n*done/total, w.total-1), w.total) // A full bar disappears, and the total is an estimate.
	}
}

// newWork begins a bar for all that is to do. The caller must call stop, which may be
// called twice.
func (sw *sweep) newWork() (w *work, stop func()) {
	update, stop := sw.progress.Bar("sweeping")
	return &work{update: update, total: sw.estimate()}, stop
}

// estimate returns about how much is to do.
func (sw *sweep) estimate() int {
	n := sw.test.Len()
	calibrated := make(map[float64]bool)
	for i, v := range sw.variants {
		if sw.results[i] != nil {
			continue
		}
		n += sw.selection.Len()
		if sw.planned[i] {
			continue
		}
		n += sw.compensationWork(v)
		if !calibrated[v.Percentile] {
			calibrated[v.Percentile] = true
			n += sw.calibrationWork()
		}
	}
	return n
}

// calibrationWork is two passes of the trained network, each about as long as ten
// timesteps.
func (sw *sweep) calibrationWork() int {
	return max(2*sw.calibration.Len()*10/sw.timesteps, 1)
}

// compensationWork is the simulations of a search: 14 factors, or for a factor a
// layer, every layer with those below it.
func (sw *sweep) compensationWork(v variant) int {
	n := min(sw.compensationImages, sw.calibration.Len())
	switch v.Compensation {
	case "global":
		return 14 * n
	case "layer":
		layers := 1
		for i := range sw.graph.Nodes {
			if _, ok := sw.graph.Nodes[i].Op.(ann.Rectifier); ok {
				layers++
			}
		}
		return layers * n / 2
	}
	return 0
}
