package infer

import (
	"fmt"
	"slices"
)

// Runner runs a [Model] on one image after the other, with buffers of its own
// that are allocated once. One goroutine at a time may use it.
type Runner struct {
	m       *Model
	bufs    [][]float32
	srcs    [][][]float32 // The inputs of every step.
	scratch []float32
	out     []float32 // The output in CHW order.
}

// NewRunner returns a runner for m.
func (m *Model) NewRunner() *Runner {
	bufs := make([][]float32, len(m.slots))
	for i, n := range m.slots {
		bufs[i] = make([]float32, n)
	}
	return m.newRunner(bufs)
}

func (m *Model) newRunner(bufs [][]float32) *Runner {
	r := &Runner{m: m, bufs: bufs, srcs: make([][][]float32, len(m.steps)), scratch: make([]float32, m.work)}
	for i, s := range m.steps {
		for _, j := range s.src {
			r.srcs[i] = append(r.srcs[i], r.bufs[j])
		}
	}
	r.out = r.bufs[m.out]
	if !m.outLay.isPlain() {
		r.out = make([]float32, len(r.out))
	}
	return r
}

// Run computes the network for one image, normalised and in CHW order, and
// returns the network's output, in CHW order too where it is an image. The
// result is valid until the next Run.
func (r *Runner) Run(image []float32) ([]float32, error) {
	if err := r.enter(image); err != nil {
		return nil, err
	}
	for i := range r.m.steps {
		r.step(i)
	}
	return r.leave(), nil
}

func (r *Runner) enter(image []float32) error {
	if len(image) != len(r.bufs[0]) {
		return fmt.Errorf("infer: an image of %d elements for a network that takes %v (%d elements)", len(image), r.m.input, len(r.bufs[0]))
	}
	layoutOf(r.m.input).fromCHW(r.bufs[0], image)
	return nil
}

func (r *Runner) step(i int) {
	s := &r.m.steps[i]
	s.op.run(r.bufs[s.dst], r.srcs[i], r.scratch)
}

func (r *Runner) leave() []float32 {
	if !r.m.outLay.isPlain() {
		r.m.outLay.toCHW(r.out, r.bufs[r.m.out])
	}
	return r.out
}

// Activation returns the output of the named node after a Run, or the image for
// the name of the input, channels last; nil for an unknown name. The output of a
// Flatten is the image it flattens as it lies in memory, channels last, and so
// are vectors that elementwise operators make of it. The result is valid until
// the next Run and must not be written to.
func (r *Runner) Activation(node string) []float32 {
	i, ok := r.m.names[node]
	if !ok {
		return nil
	}
	return slices.Clip(r.bufs[i])
}
