package eval

// Candidate is how well one setting did on the images that settings are compared
// on. Those must not be test images: the best of many is partly so by luck, and
// only held-out images tell how good it is.
type Candidate struct {
	Correct    int     // Images that the spiking network classifies correctly.
	Operations float64 // Per image.
}

// Candidate returns what the spiking network did up to timestep T, one of [Result.Marks]:
// its operations are additions so far and the multiply-accumulates of the analog
// image, or of its frames so far.
func (r *Result) Candidate(T int) Candidate {
	macs := r.MACsPerImage
	if r.Energy != nil && r.Energy.FrameMACs > 0 {
		macs = r.Energy.MACsAt(T)
	}
	return Candidate{
		Correct:    r.right(r.SpikingTop1[r.Mark(T)]),
		Operations: r.ACsPerImage[T-1] + macs,
	}
}

// Best returns the index of the candidate with the most correct images, all of them
// having seen the same ones. Equals go to the fewest operations, and if these are
// equal as well, to the first. It returns -1 if there is none.
func Best(candidates []Candidate) int {
	best := -1
	for i, c := range candidates {
		if best < 0 || c.better(candidates[best]) {
			best = i
		}
	}
	return best
}

func (c Candidate) better(d Candidate) bool {
	if c.Correct != d.Correct {
		return c.Correct > d.Correct
	}
	return c.Operations < d.Operations
}

// Cheapest returns the index of the candidate with the fewest operations of those among. Equals
// go to the most correct images, and if these are equal as well, to the first. It returns -1 if
// there is none.
func Cheapest(candidates []Candidate, among func(i int) bool) int {
	best := -1
	for i, c := range candidates {
		switch {
		case !among(i):
		case best < 0, c.Operations < candidates[best].Operations, c.Operations == candidates[best].Operations && c.Correct > candidates[best].Correct:
			best = i
		}
	}
	return best
}
