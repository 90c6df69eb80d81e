package eval

import "sort"

// Prediction is what both networks said of one image.
type Prediction struct {
	Index int // Of the image in the data set.
	Label int
	ANN   int // Class that the trained network names.

	// Changes is the class of the spiking network over time, as the timesteps at
	// which it changed; the first is at step 0. A class rarely changes after the
	// first few steps, so this is far smaller than one class a step.
	Changes []Change
}

// Change says that from timestep Step on (counted from 0) the class is Class.
type Change struct{ Step, Class int32 }

// At returns the class of the spiking network after timestep t, counted from 0.
func (p *Prediction) At(t int) int {
	i := sort.Search(len(p.Changes), func(i int) bool { return int(p.Changes[i].Step) > t })
	return int(p.Changes[i-1].Class)
}

// SNN returns the class of the spiking network after the last timestep.
func (p *Prediction) SNN() int { return int(p.Changes[len(p.Changes)-1].Class) }
