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
// later answers. With K unsettled ones among the M calibration images that stop up to
// and including t, beta[t] is the smallest gap, at least 0, for which
//
//	(K + 1) / (M + 1) <= epsilon, or none stops unsettled at t,
//
// so that of all that stop a share of at least 1 - epsilon is settled, but for those that
// wait for the last answer in vain. Were shares counted at each answer by itself, over all
// images beyond beta[t], they would add up over the answers: an image stops at the first
// threshold that it exceeds. The image that is added is one that was not seen and went
// wrong: with few images, few stop.
//
// The package knows no network and no images.
//
// References:
//
//	[wu2023]  Dengyu Wu, Gaojie Jin, Han Yu, Xinping Yi, Xiaowei Huang. Optimising
//	          Event-Driven Spiking Neural Network with Regularisation and Cutoff.
//	          arXiv:2301.09522. 2023.
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
	Beta    []float32 // The threshold of each answer; +Inf where no image stops. That of the last answer is not asked for.

	// What it does on the calibration images themselves: how many stop at each answer, and
	// how many of all stop unsettled, those included that never settle.
	Stops     []int
	Unsettled int
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
	return learn(epsilon, samples, answers), nil
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

// learn goes through the answers with the images that have not stopped.
func learn(epsilon float64, samples []Sample, answers int) *Rule {
	r := &Rule{Epsilon: epsilon, Images: len(samples), Beta: make([]float32, answers), Stops: make([]int, answers)}
	left, stopped := slices.Clone(samples), 0
	for t := range answers {
		slices.SortFunc(left, func(a, b Sample) int { return cmp.Compare(b.Gaps[t], a.Gaps[t]) })
		r.Beta[t] = float32(math.Inf(1))
		stops, wrong, unsettled := 0, 0, 0
		for i, s := range left {
			if s.Settled > t {
				unsettled++
			}
			next := float32(0) // The gap beyond which the images up to this one are.
			if i+1 < len(left) {
				next = left[i+1].Gaps[t]
			}
			switch {
			case t == answers-1: // All stop.
				stops, wrong = i+1, unsettled
			case s.Gaps[t] > next && (unsettled == 0 || few(epsilon, r.Unsettled+unsettled, stopped+i+1)):
				r.Beta[t], stops, wrong = next, i+1, unsettled
			}
		}
		r.Stops[t], stopped, left = stops, stopped+stops, left[stops:]
		r.Unsettled += wrong
	}
	return r
}

// few reports whether k of m images are few enough to be unsettled.
func few(epsilon float64, k, m int) bool { return float64(k+1)/float64(m+1) <= epsilon }

// Needed returns from how many calibration images on a rule may let an image stop that is
// not settled; with fewer it is the rule of epsilon 0. It is 0 for epsilon 0.
func Needed(epsilon float64) int {
	if epsilon == 0 {
		return 0
	}
	return int(math.Ceil(2/epsilon)) - 1
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

// MeanStop returns the mean over the calibration images of the answer at which they stop,
// counted from 1.
func (r *Rule) MeanStop() float64 {
	sum := 0
	for t, n := range r.Stops {
		sum += n * (t + 1)
	}
	return float64(sum) / float64(r.Images)
}
