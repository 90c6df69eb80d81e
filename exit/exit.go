// Package exit says when a network that answers more than once is sure enough of an
// image to stop.
//
// An answer is a class and a gap: by how much that class is ahead of the next one, in
// the unit of the read-out. A synchronous network answers at every timestep; a cascade
// of networks, once each. [Learn] takes the answers of calibration images and finds a
// threshold beta for every answer: an image stops at the first answer t whose gap
// exceeds beta[t], and at the last one in any case. It is the top-k cut-off of [wu2023]
// with the class of the trained network in place of labels, which calibration has not.
//
// An image is settled at t if its class is that of the trained network there and at all
// later answers. For a share delta, beta[t] is the smallest gap, at least 0, for which of
// the m calibration images beyond it k are not settled and
//
//	(k + 1) / (m + 1) <= delta
//
// where one more image is imagined that was not seen and went wrong: few images do not
// make others stop. An image stops at the first threshold that it exceeds, so that what
// goes wrong adds up over the answers, and with delta = epsilon it would be many times
// epsilon. So delta is the largest share for which K of all N calibration images stop
// before the last answer and before they are settled, and
//
//	(K + 1) / (N + 1) <= epsilon, or K = 0
//
// where each half of the images is judged by the thresholds of the other half. Smaller
// delta have larger thresholds, so that K only grows with it, and conformal risk control
// [angelopoulos2024] says of such a choice that of further images, drawn like these, a
// share of at most epsilon is expected to stop too early. The thresholds that are used are
// those of both halves together, which are smaller, for the share that was tried before.
//
// The package knows no network and no images.
//
// References:
//
//	[wu2023]            Dengyu Wu, Gaojie Jin, Han Yu, Xinping Yi, Xiaowei Huang.
//	                    Optimising Event-Driven Spiking Neural Network with Regularisation
//	                    and Cutoff. arXiv:2301.09522. 2023.
//	[angelopoulos2024]  Anastasios N. Angelopoulos, Stephen Bates, Adam Fisch, Lihua Lei, Tal
//	                    Schuster. Conformal Risk Control. ICLR 2024.
package exit

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// MinImages is how many calibration images [Learn] takes at the least.
const MinImages = 100

// Sample is what a network answered of one calibration image.
type Sample struct {
	Gaps []float32 // Of each answer, not negative.

	// Settled is the first answer, from 0, from which on the class is that of the trained
	// network; len(Gaps) if it is not at the last one.
	Settled int
}

// Rule says when to stop.
type Rule struct {
	Epsilon float64
	Images  int       // Calibration images that it was learned from.
	Delta   float64   // The share at each answer by itself; 0 if no image stops early.
	Beta    []float32 // The threshold of each answer; +Inf where no image stops, and for the last, where all do.

	// Stops is how many of the calibration images stop at each answer, and Early how many
	// before the last one and before they are settled: by the thresholds of the other half
	// or by these, whichever are more.
	Stops []int
	Early int
}

// Learn returns the rule for a share epsilon, from 0 to below 1. The samples are
// answers of one network, in any order, which does not matter.
func Learn(epsilon float64, samples []Sample) (*Rule, error) {
	if err := Check(epsilon, len(samples)); err != nil {
		return nil, err
	}
	answers := len(samples[0].Gaps)
	for _, s := range samples {
		if len(s.Gaps) != answers || answers == 0 || s.Settled < 0 || s.Settled > answers {
			return nil, fmt.Errorf("exit: a sample of %d answers, settled from %d on, among samples of %d", len(s.Gaps), s.Settled, answers)
		}
		for _, g := range s.Gaps {
			if !(g >= 0) || math.IsInf(float64(g), 0) {
				return nil, errors.New("exit: a gap that is negative or not a number")
			}
		}
	}
	samples = slices.Clone(samples)
	slices.SortFunc(samples, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(a.Settled, b.Settled), slices.Compare(a.Gaps, b.Gaps))
	})
	return learn(epsilon, samples), nil
}

// Check returns an error where [Learn] would return one for a share and so many images.
func Check(epsilon float64, images int) error {
	if !(epsilon >= 0 && epsilon < 1) {
		return fmt.Errorf("exit: a share of %v of unsettled images; it is from 0 to below 1", epsilon)
	}
	if images < MinImages {
		return fmt.Errorf("exit: %d calibration images are too few to learn from when to stop: at least %d are needed", images, MinImages)
	}
	return nil
}

// learn chooses delta, of samples that are in order.
func learn(epsilon float64, samples []Sample) *Rule {
	var halves [2][]Sample // Alike, since they take turns.
	for i, s := range samples {
		halves[i%2] = append(halves[i%2], s)
	}
	shares := deltas(len(samples))
	all, first, second := thresholds(shares, samples), thresholds(shares, halves[0]), thresholds(shares, halves[1])
	r := &Rule{Epsilon: epsilon, Images: len(samples), Beta: slices.Repeat([]float32{never}, len(samples[0].Gaps)), Stops: make([]int, len(samples[0].Gaps))}
	for d := range shares {
		early := max(tooEarly(first[d], halves[1])+tooEarly(second[d], halves[0]), tooEarly(all[d], samples))
		if early > 0 && float64(early+1)/float64(len(samples)+1) > epsilon {
			break
		}
		// All together have smaller thresholds than a half: the share before is theirs.
		r.Delta, r.Beta, r.Early = shares[max(d-1, 0)], all[max(d-1, 0)], early
	}
	for _, s := range samples {
		r.Stops[r.Stop(s.Gaps)]++
	}
	if r.Stops[len(r.Stops)-1] == len(samples) {
		r.Delta = 0
	}
	return r
}

// never is a threshold that no gap exceeds.
var never = float32(math.Inf(1))

// deltas returns the shares that are tried with n images, ascending: four to a factor of 2,
// from one by which no image stops.
func deltas(n int) []float64 {
	var list []float64
	for x := 1.0; x > 1/float64(n+1); x /= 2 {
		list = append(list, 0.84*x, 0.71*x, 0.59*x, 0.5*x)
	}
	slices.Reverse(list)
	return list
}

// thresholds returns those of every answer for every share.
func thresholds(shares []float64, samples []Sample) [][]float32 {
	answers := len(samples[0].Gaps)
	beta := make([][]float32, len(shares))
	for d := range beta {
		beta[d] = slices.Repeat([]float32{never}, answers)
	}
	left := slices.Clone(samples)
	for t := range answers - 1 {
		slices.SortFunc(left, func(a, b Sample) int { return cmp.Compare(b.Gaps[t], a.Gaps[t]) })
		unsettled := 0
		for i, s := range left {
			if s.Settled > t {
				unsettled++
			}
			next := float32(0) // The gap beyond which the images up to this one are.
			if i+1 < len(left) {
				next = left[i+1].Gaps[t]
			}
			if s.Gaps[t] == next {
				continue
			}
			share := float64(unsettled+1) / float64(i+2)
			for d := len(shares) - 1; d >= 0 && share <= shares[d]; d-- {
				beta[d][t] = next
			}
		}
	}
	return beta
}

// tooEarly returns how many images stop before the last answer that are not settled.
func tooEarly(beta []float32, samples []Sample) int {
	r, n := Rule{Beta: beta}, 0
	for _, s := range samples {
		if t := r.Stop(s.Gaps); t < len(beta)-1 && s.Settled > t {
			n++
		}
	}
	return n
}

// Needed returns how many calibration images it takes for one of them to be let stop too
// early; with fewer, the rule is that of epsilon 0. It is 0 for epsilon 0.
func Needed(epsilon float64) int {
	if epsilon == 0 {
		return 0
	}
	return int(math.Ceil(min(2/epsilon, math.MaxInt32))) - 1
}

// StopsAt reports whether an image whose gap at answer t, counted from 0, is the given one
// stops there.
func (r *Rule) StopsAt(t int, gap float32) bool { return t >= len(r.Beta)-1 || gap > r.Beta[t] }

// Stop returns the answer at which an image of these gaps stops.
func (r *Rule) Stop(gaps []float32) int {
	for t, g := range gaps {
		if r.StopsAt(t, g) {
			return t
		}
	}
	return len(gaps) - 1
}
