package eval

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Quantiles of the normal distribution.
const (
	z95  = 1.6448536269514722 // 95 % lie below: one-sided bounds.
	z975 = 1.959963984540054  // 97.5 %: both bounds of an interval of 95 %.
	z80  = 0.8416212335729143
)

// Pairs compares the answers of two networks, or of one at two timesteps, to the same
// images. Images that both get right, or both wrong, say nothing of which is better, so
// that the two counts of the others decide: the difference of two accuracies that were
// measured on the same images is far less uncertain than each of them.
type Pairs struct {
	Images int
	Lost   int // Images that only the first one gets right: the trained network.
	Gained int // Images that only the second one gets right: the spiking network.
}

// Loss returns by how much the second one is less accurate, a fraction of 1; negative if it
// is more accurate.
func (p Pairs) Loss() float64 { return float64(p.Lost-p.Gained) / float64(p.Images) }

// PValue returns the probability that as many images or more would fall on one side if each
// that just one gets right had fallen on either side by chance: the exact two-sided form of
// McNemar's test [mcnemar1947]. It is 1 if there are none.
func (p Pairs) PValue() float64 {
	k, n := min(p.Lost, p.Gained), p.Lost+p.Gained
	if 2*k >= n {
		return 1
	}
	return min(2*mathext.RegIncBeta(float64(n-k), float64(k+1), 0.5), 1) // Of a binomial distribution, at most k.
}

// Interval returns the bounds of the 95 % interval of the loss: Tango's score interval for
// the difference of paired shares [tango1998].
func (p Pairs) Interval() (low, high float64) {
	return -Pairs{p.Images, p.Gained, p.Lost}.bound(z975), p.bound(z975)
}

// AtMost returns the upper bound of the loss, one-sided, at 95 %.
func (p Pairs) AtMost() float64 { return p.bound(z95) }

// Within reports whether the loss is at most that, with 95 % confidence: whether AtMost is.
func (p Pairs) Within(loss float64) bool {
	return loss >= 1 || score(float64(p.Images), float64(p.Lost), float64(p.Gained), loss) <= -z95
}

// bound returns the largest loss from which the counts are z standard errors away.
func (p Pairs) bound(z float64) float64 {
	return bound(float64(p.Images), float64(p.Lost), float64(p.Gained), z)
}

func bound(n, lost, gained, z float64) float64 {
	low, high := (lost-gained)/n, 1.0
	for range 50 { // The score falls with the loss.
		if mid := (low + high) / 2; score(n, lost, gained, mid) > -z {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// score returns by how many standard errors a difference of lost and gained out of n is above
// that of a loss d, from -1 to 1: with q the likeliest share of gained images if the loss is d,
//
//	(lost - gained - n d) / sqrt(n (2q + d - d²))
//	q = (sqrt(B² - 8C) - B) / 4
//	B = -b - c + (2 - b + c) d,   C = -c d (1 - d)
//
// where b and c are the shares of lost and gained images: the formula of [tango1998],
// divided by n.
func score(n, lost, gained, d float64) float64 {
	b, c := lost/n, gained/n
	B := -b - c + (2-b+c)*d
	C := -c * d * (1 - d)
	q := (math.Sqrt(max(B*B-8*C, 0)) - B) / 4
	variance := n * (2*q + d*(1-d))
	diff := lost - gained - n*d
	if variance <= 0 { // Both networks are right on the same images, and d is 0.
		switch {
		case diff > 0:
			return math.Inf(1)
		case diff < 0:
			return math.Inf(-1)
		}
		return 0
	}
	return diff / math.Sqrt(variance)
}

// Pair compares two networks that were right about those of the same images.
func Pair(first, second []bool) Pairs {
	p := Pairs{Images: len(first)}
	for i, right := range first {
		switch {
		case right && !second[i]:
			p.Lost++
		case !right && second[i]:
			p.Gained++
		}
	}
	return p
}

// Holm reports which of several hypotheses are rejected, by the p-values of their tests, such
// that the probability to reject one or more that are true is at most alpha, however the tests
// depend on each other [holm1979].
func Holm(p []float64, alpha float64) []bool {
	order, rejected := make([]int, len(p)), make([]bool, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	for k, i := range order {
		if p[i] > alpha/float64(len(p)-k) {
			break
		}
		rejected[i] = true
	}
	return rejected
}

// half is the loss in points that a recommended T may have, if the images can tell so little.
const half = 0.5

// resolves returns the loss, in points and rounded up to a tenth, of which p.Images images say
// with 95 % confidence that it is larger than that of a network without any, four times
// out of five, if as many of them are right in just one of the networks as p has; and about
// how many would say so of half a point.
func (p Pairs) resolves() (points float64, enough int) {
	n, z := float64(p.Images), z95+z80
	each := float64(p.Lost+p.Gained) / 2
	points = math.Ceil(1000*bound(n, each, each, z)-1e-9) / 10

	const d = half / 100
	B, C := 2*d-2*each/n, -each/n*d*(1-d)
	q := (math.Sqrt(B*B-8*C) - B) / 4
	m := z * z * (2*q + d*(1-d)) / (d * d) // The score of no difference in so many is -z.
	unit := math.Pow(10, math.Floor(math.Log10(m))-1)
	return points, int(math.Ceil(m/unit) * unit)
}

// Paired compares the spiking network after T timesteps, one of r.Marks, with the trained
// one, which there must be. Of results of earlier versions, that did not count, it has the
// most pairs that there can be: bounds are a little wide then.
func (r *Result) Paired(T int) Pairs {
	m := r.Mark(T)
	if r.Lost != nil {
		return Pairs{r.Images, r.Lost[m], r.Gained[m]}
	}
	loss, differ := r.right(r.TrainedTop1)-r.right(r.SpikingTop1[m]), r.Images-r.right(r.Agreement[m])
	lost := max((differ+loss)/2, loss, 0)
	return Pairs{r.Images, lost, lost - loss}
}

// References:
//
//	[holm1979]     Sture Holm. A Simple Sequentially Rejective Multiple Test Procedure.
//	               Scandinavian Journal of Statistics 6(2). 1979.
//	[mcnemar1947]  Quinn McNemar. Note on the Sampling Error of the Difference between
//	               Correlated Proportions or Percentages. Psychometrika 12(2). 1947.
//	[tango1998]    Toshiro Tango. Equivalence Test and Confidence Interval for the
//	               Difference in Proportions for the Paired-Sample Design. Statistics in
//	               Medicine 17(8). 1998.
