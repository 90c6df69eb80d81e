package eval

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"sresnet/energy"
)

// Choice is what one evaluation says about the length T of a presentation. It was
// all measured on the images of the evaluation: a T chosen by them looks a little
// better on them than it will on others.
type Choice struct {
	// Within has, for 2, 1 and 0.5 points, the smallest T such that at T and every
	// later timestep of the evaluation the spiking network is at most that much
	// worse than the trained one. Being close once, by luck, does not count. Empty
	// without a trained network.
	Within []Within `json:"within"`

	// Best is the first T with the highest accuracy.
	Best int `json:"best_t"`

	Recommended int    `json:"recommended_t"` // T
	Reason      string `json:"reason"`        // Why that one, in a sentence.

	// Pareto holds every T, ascending, that no other one dominates: none has at
	// least its accuracy for fewer operations.
	Pareto []int `json:"pareto_t"`
}

// Within is the T from which the accuracy stays close to the trained network's.
type Within struct {
	Points float64 `json:"points"` // Of percent, below the trained network.
	T      int     `json:"t"`      // 0 if the accuracy is not that close at the last timestep.
}

// Point is the state of an evaluation after T timesteps. Accuracies are fractions
// of 1, counts and joules are means over the images.
type Point struct {
	T         int
	Top1      float64 // Of the spiking network.
	Low, High float64 // The 95 % interval of Top1, see [Wilson].
	Agreement float64 // 0 without a trained network.
	Spikes    float64
	ACs       float64
	Joules    energy.Joules // Of what the device's table prices; 0 without a device.
}

// Wilson returns the 95 % confidence interval of a share that k of n images show,
// by Wilson's formula: with p = k/n and z = 1.96,
//
//	(p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
//
// Unlike p ± z sqrt(p(1-p)/n) it stays within 0 and 1 and has a width at p = 0 and
// p = 1 [wilson1927]. n must be positive.
//
// References:
//
//	[wilson1927]  Edwin B. Wilson. Probable Inference, the Law of Succession, and
//	              Statistical Inference. Journal of the American Statistical
//	              Association 22(158). 1927.
func Wilson(k, n int) (low, high float64) {
	const z = 1.959963984540054 // 97.5 % of a normal distribution lie below.
	p, m := float64(k)/float64(n), float64(n)
	centre := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m)) / (1 + z*z/m)
	low, high = max(centre-half, 0), min(centre+half, 1)
	if k == 0 {
		low = 0 // Not the rounding error of centre - half.
	}
	if k == n {
		high = 1
	}
	return low, high
}

// tenths are the tenths of a point that [Choice.Within] looks at. The last one
// decides which T is recommended.
var tenths = []int{20, 10, 5}

// onePhasedT is why there is no other T of a phased network to recommend.
const onePhasedT = "the only one: a phased network answers at the end of its window, so that another T takes another evaluation"

// Choose says which T to take. A phased network has one T, which is chosen before it is
// evaluated; then that is the one.
func (r *Result) Choose() Choice {
	if r.Phased() {
		return Choice{Within: []Within{}, Best: r.Timesteps, Recommended: r.Timesteps, Reason: onePhasedT, Pareto: []int{r.Timesteps}}
	}
	correct := make([]int, len(r.SpikingTop1))
	for t := range correct {
		correct[t] = r.right(r.SpikingTop1[t])
	}
	trained := r.right(r.TrainedTop1)
	c := Choice{Within: []Within{}}
	last := Within{Points: float64(tenths[len(tenths)-1]) / 10}
	for _, x := range tenths {
		if r.Alone() {
			break
		}
		last = Within{float64(x) / 10, staysWithin(correct, trained, x, r.Images)}
		c.Within = append(c.Within, last)
	}
	most := slices.Max(correct)
	c.Best = slices.Index(correct, most) + 1

	if c.Recommended = last.T; c.Recommended > 0 {
		c.Reason = fmt.Sprintf("the smallest T from which the accuracy stays within %v points of the trained network's", last.Points)
	} else {
		// The last timestep itself may be further from the best one than that.
		c.Recommended = c.Best
		if T := staysWithin(correct, most, tenths[len(tenths)-1], r.Images); T > 0 {
			c.Recommended = T
		}
		c.Reason = fmt.Sprintf("the smallest T from which the accuracy stays within %v points of its own best; "+
			"it does not get and stay as close to the trained network's, for which a longer presentation may help", last.Points)
		if c.Recommended == c.Best {
			c.Reason = fmt.Sprintf("where the accuracy is best; "+
				"it does not get and stay within %v points of the trained network's, for which a longer presentation may help", last.Points)
		}
		if r.Alone() {
			c.Reason, _, _ = strings.Cut(c.Reason, "; ")
		}
	}

	before := -1 // Operations only grow with T, so that a T is dominated by an earlier one or by none.
	for t, n := range correct {
		if n <= before {
			continue
		}
		before = n
		c.Pareto = append(c.Pareto, t+1)
	}
	return c
}

// staysWithin returns the smallest T from which on correct, images by timestep, is
// at most x tenths of a percent of the images below want; 0 if there is none. It
// compares integers, so that rounding decides nothing.
func staysWithin(correct []int, want, x, images int) int {
	T := len(correct)
	for T > 0 && 1000*(want-correct[T-1]) <= x*images {
		T--
	}
	if T == len(correct) {
		return 0
	}
	return T + 1
}

// Steps returns few of the points that [Choice.Pareto] has: each at least halves what the
// one before lacks to the best accuracy. The recommended T is in it if it is undominated.
func (r *Result) Steps(c *Choice) []Point {
	var list []Point
	best := r.Point(c.Best).Top1
	for _, T := range c.Pareto {
		p := r.Point(T)
		k := len(list) - 1
		if k < 0 || best-p.Top1 <= (best-list[k].Top1)/2 || T == c.Recommended {
			list = append(list, p)
		}
	}
	return list
}

// right returns how many images a share of them is.
func (r *Result) right(share float64) int { return int(math.Round(share * float64(r.Images))) }

// Point returns the state after T timesteps, one of r.Marks.
func (r *Result) Point(T int) Point {
	t, m := T-1, r.Mark(T)
	p := Point{T: T, Top1: r.SpikingTop1[m], Spikes: r.SpikesPerImage[t], ACs: r.ACsPerImage[t]}
	if !r.Alone() {
		p.Agreement = r.Agreement[m]
	}
	p.Low, p.High = Wilson(r.right(p.Top1), r.Images)
	if r.Energy != nil {
		p.Joules = r.Energy.JoulesAt(T, p.ACs)
	}
	return p
}
