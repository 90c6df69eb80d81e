// Package paired compares two classifiers that saw the same images, which tells smaller
// differences than their accuracies alone: only images on which one is right and the other
// is wrong count.
package paired

import (
	"cmp"
	"math"
	"slices"
)

// Table is how often two classifiers, the first and the second, are right on N images.
type Table struct {
	N            int `json:"n"`
	Gained, Lost int // Images that only the second gets right, and only the first.
}

// Add takes in an image.
func (t *Table) Add(first, second bool) {
	t.N++
	switch {
	case second && !first:
		t.Gained++
	case first && !second:
		t.Lost++
	}
}

// Gain returns how much more accurate the second is, in points.
func (t Table) Gain() float64 {
	if t.N == 0 {
		return 0
	}
	return 100 * float64(t.Gained-t.Lost) / float64(t.N)
}

// P returns the probability that images on which both are equally likely to be the right one
// differ at least as much, to either side: McNemar's exact test (McNemar 1947, with the
// binomial distribution).
func (t Table) P() float64 {
	n, k := t.Gained+t.Lost, min(t.Gained, t.Lost)
	if n == 0 {
		return 1
	}
	return min(1, 2*below(n, k))
}

// Better returns the probability of as many images gained, or more, if the second is not
// better: the exact test to one side.
func (t Table) Better() float64 {
	n := t.Gained + t.Lost
	if n == 0 {
		return 1
	}
	return below(n, t.Lost)
}

// below returns the probability of at most k heads of n fair coins.
func below(n, k int) float64 {
	sum := 0.0
	for j := range k + 1 {
		sum += math.Exp(logChoose(n, j) - float64(n)*math.Ln2)
	}
	return min(1, sum)
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// Z95 is the normal quantile of an interval of 95 %.
const Z95 = 1.959963984540054

// Interval returns, in points, between what the gain lies with the confidence that z stands
// for, such as [Z95]: the score interval for the difference of paired proportions (Tango
// 1998, Statistics in Medicine 17, 891-908).
func (t Table) Interval(z float64) (low, high float64) {
	if t.N == 0 {
		return -100, 100
	}
	at := float64(t.Gained-t.Lost) / float64(t.N)
	low, high = at, at
	for lo, hi := -1.0, at; ; { // The score falls as the difference rises.
		if low = (lo + hi) / 2; hi-lo < 1e-9 {
			break
		}
		if t.score(low) > z {
			lo = low
		} else {
			hi = low
		}
	}
	for lo, hi := at, 1.0; ; {
		if high = (lo + hi) / 2; hi-lo < 1e-9 {
			break
		}
		if t.score(high) < -z {
			hi = high
		} else {
			lo = high
		}
	}
	return 100 * low, 100 * high
}

// score is how far the gain lies from a difference d, in its standard deviations if d were
// true.
func (t Table) score(d float64) float64 {
	n, gained, lost := float64(t.N), float64(t.Gained), float64(t.Lost)
	a, b, c := 2*n, -gained-lost+(2*n-gained+lost)*d, -lost*d*(1-d)
	q := (math.Sqrt(max(0, b*b-4*a*c)) - b) / (2 * a) // Of an image lost, most likely for that d.
	v := n * (2*q + d*(1-d))
	if v <= 0 {
		return math.Copysign(math.Inf(1), gained-lost-n*d)
	}
	return (gained - lost - n*d) / math.Sqrt(v)
}

// Holm returns which of several tests, with these probabilities, are significant at the level
// alpha for all of them together (Holm 1979, Scandinavian Journal of Statistics 6, 65-70).
func Holm(p []float64, alpha float64) []bool {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	significant := make([]bool, len(p))
	for k, i := range order {
		if p[i] > alpha/float64(len(p)-k) {
			break
		}
		significant[i] = true
	}
	return significant
}
