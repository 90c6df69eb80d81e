package report

import (
	"fmt"
	"slices"
)

// settling says when answers come to rest: after which timestep an image is right, or
// wrong, up to the end. A run keeps when each image becomes right and wrong, so that moves from
// one wrong class to another are not in it.
type settling struct {
	Width int    `json:"width"` // Of a bin, in timesteps: bin k has those from k Width + 1 to (k + 1) Width.
	T     int    `json:"T"`
	Right []int  `json:"right"` // Images that are right from then on, by bin.
	Wrong []int  `json:"wrong"` // Images that were right before and are wrong from then on.
	Never int    `json:"never"` // Images that are never right.
	Says  string `json:"says"`  // As in [Caption].

	at []int // When images are right for good, ascending.
}

// maxBins is how many bars a histogram has at most.
const maxBins = 40

// settles returns nil of a run that did not keep when answers change, and of a phased network,
// which answers once.
func (run *Run) settles() *settling {
	r := run.Result
	if r.Predictions.Turns == nil || r.Phased() {
		return nil
	}
	s := &settling{Width: binWidth(r.Timesteps), T: r.Timesteps}
	n := (r.Timesteps + s.Width - 1) / s.Width
	s.Right, s.Wrong = make([]int, n), make([]int, n)
	wrong := 0
	for t, n := range run.settled() {
		s.at = append(s.at, slices.Repeat([]int{t + 1}, n[0])...)
		s.Right[t/s.Width] += n[0]
		s.Wrong[t/s.Width] += n[1]
		wrong += n[1]
	}
	s.Never = r.Images - len(s.at) - wrong
	s.Says = fmt.Sprintf("%s Right for good: %s", sentence(run.basis()), images(len(s.at)))
	if len(s.at) > 0 {
		s.Says += fmt.Sprintf(", half of them from T = %d on, 95 %% from T = %d on", s.by(0.5), s.by(0.95))
	}
	s.Says += fmt.Sprintf(". Right at first and wrong in the end: %d. Never right: %d.", wrong, s.Never)
	return s
}

// by returns the T from which a share of the images that are right in the end are so.
func (s *settling) by(share float64) int {
	k := int(share * float64(len(s.at)))
	if float64(k) < share*float64(len(s.at)) {
		k++
	}
	return s.at[max(k, 1)-1]
}

// binWidth is the smallest of 1, 2, 5, 10, 20 and so on with which T timesteps have at
// most maxBins bins.
func binWidth(T int) int {
	w := 1
	for k := 0; (T+w-1)/w > maxBins; k++ {
		w = w * []int{2, 5, 2}[k%3] / []int{1, 2, 1}[k%3]
	}
	return w
}

// settled returns, for each timestep, the images that are right from it on and those that are wrong.
func (run *Run) settled() [][2]int {
	list := make([][2]int, run.Result.Timesteps)
	for _, turns := range run.Result.Predictions.Turns {
		if k := len(turns); k > 0 {
			list[turns[k-1]-1][1-k%2]++
		}
	}
	return list
}
