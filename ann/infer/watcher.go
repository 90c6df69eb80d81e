package infer

// Watcher runs a [Model] as a [Runner] does, with memory for the activations that are
// still needed only: a tenth of all for a ResNet-50. Who wants to know an activation looks
// at it while it is there. One goroutine at a time may use it.
type Watcher struct {
	r   *Runner
	see func(node string, x []float32)
}

// NewWatcher returns a watcher for m. see is called during a run for the image, under the
// name of the input, and for every node in the order of the graph, with what
// [Runner.Activation] returns for it, valid until see returns.
func (m *Model) NewWatcher(see func(node string, x []float32)) *Watcher {
	place, sizes := m.share()
	shared := make([][]float32, len(sizes))
	for i, n := range sizes {
		shared[i] = make([]float32, n)
	}
	bufs := make([][]float32, len(m.slots))
	for i, n := range m.slots {
		bufs[i] = shared[place[i]][:n:n]
	}
	return &Watcher{m.newRunner(bufs), see}
}

// Run is [Runner.Run].
func (w *Watcher) Run(image []float32) ([]float32, error) {
	if err := w.r.enter(image); err != nil {
		return nil, err
	}
	done := 0
	for _, s := range w.r.m.seen {
		for ; done < s.steps; done++ {
			w.r.step(done)
		}
		w.see(s.name, w.r.bufs[s.buf])
	}
	return w.r.leave(), nil
}

// share gives every buffer a place that others have when it is not needed, and the
// places their lengths.
func (m *Model) share() (place, sizes []int) {
	last := make([]int, len(m.slots)) // The last step that a buffer outlives.
	for i, s := range m.steps {
		last[s.dst] = i
		for _, j := range s.src {
			last[j] = i
		}
	}
	for _, s := range m.seen { // Until the step behind it begins.
		last[s.buf] = max(last[s.buf], s.steps-1)
	}
	last[m.out] = len(m.steps)
	place = make([]int, len(m.slots))
	sizes = []int{m.slots[0]}
	held := []int{0} // By place: the buffer there.
	for i, s := range m.steps {
		best := -1
		for p, j := range held {
			if last[j] >= i {
				continue
			}
			// The shortest that is long enough, or else the longest.
			switch n := m.slots[s.dst]; {
			case best < 0, sizes[best] < n && sizes[p] > sizes[best], sizes[p] >= n && sizes[p] < sizes[best]:
				best = p
			}
		}
		if best < 0 {
			best = len(held)
			held, sizes = append(held, 0), append(sizes, 0)
		}
		place[s.dst], held[best] = best, s.dst
		sizes[best] = max(sizes[best], m.slots[s.dst])
	}
	return place, sizes
}
