package eval

import (
	"fmt"
	"math"

	"sresnet/energy"
)

// Choice is what one evaluation says about the length T of a presentation. What it
// promises, it promises of images like those of the evaluation, with 95 % confidence.
type Choice struct {
	// Within has, for 2, 1 and 0.5 points, the T from which the spiking network is at most
	// that much worse than the trained one. Being close once, by luck, does not count.
	// Empty without a trained network.
	Within []Within `json:"within"`

	// Best is the first T with the highest accuracy. If Rises, it is only as far as the
	// evaluation went: accuracy rose in the last tenth of it, by more than chance.
	Best  int  `json:"best_t"`
	Rises bool `json:"rises"`

	Recommended int    `json:"recommended_t"` // T; 0 for none.
	Reason      string `json:"reason"`        // Why that one, or none, in a sentence.

	// Tolerance is what the recommended T loses at most, in points, against what Against says:
	// half a point or, if so few images cannot tell that, what they resolve. 0 if nothing of
	// the kind is promised.
	Tolerance float64 `json:"tolerance_points"`
	Against   string  `json:"tolerance_against"` // [Trained], [Itself] or "".

	// Resolves is the loss, in points, that these images exclude four times out of five where
	// there is none, and Enough about how many images would exclude half a point. 0 without
	// a trained network.
	Resolves float64 `json:"resolves_points"`
	Enough   int     `json:"images_for_half_a_point"`

	// Pareto holds every T, ascending, that no other one dominates: none has at
	// least its accuracy for fewer operations.
	Pareto []int `json:"pareto_t"`
}

// Within is the T from which the accuracy stays close to the trained network's.
type Within struct {
	Points float64 `json:"points"` // Of percent, below the trained network.
	T      int     `json:"t"`      // Smallest from which that holds of these images; 0 if it does not at the last timestep.
	Sure   int     `json:"sure_t"` // Likewise of all images, with 95 % confidence: see [Result.Choose].
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
	p, m, z := float64(k)/float64(n), float64(n), float64(z975)
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

// What a loss is against: the trained network, or the same one at its best T.
const (
	Trained = "trained"
	Itself  = "itself"
)

// tenths are the tenths of a point that [Choice.Within] looks at. The last one is what the
// recommended T may lose.
var tenths = []int{20, 10, 5}

// lasts is the part of the presentation, one in so many, for which a T must hold before it
// is recommended: of the last timestep alone, everything that stays does.
const lasts = 10

// onePhasedT is why there is no other T of a phased network to recommend.
const onePhasedT = "the only one: a phased network answers at the end of its window, so that another T takes another evaluation"

// Choose says which T to take: the smallest such that at T and at every later timestep the
// upper 95 % bound of the loss against the trained network is within the tolerance. Timesteps
// are tested from the last one backwards up to the first that fails. As the order is fixed
// before anything is seen, that promises what each single test does: whatever T comes out,
// the probability that the loss is larger, at T or later, is at most 5 % [maurer1995]
// [westfall2001]. Then it is the first T at which as many images are right, as no other T that
// costs more is worth it; before the ones that were tested, that takes a bound of 97.5 % of its
// own, being one of many, or nothing is promised of it.
//
// Where the loss at the end is larger than the tolerance, or nothing is known of it, the
// network is compared in the same way with itself at its best T, from there backwards. A T
// that holds for less than the last tenth of the presentation is not recommended. A network
// that is calibrated for a T is recommended at it, unless a shorter presentation is as good. A
// phased network has one T, which is chosen before it is evaluated; then that is the one.
func (r *Result) Choose() Choice {
	c := Choice{Within: []Within{}}
	if !r.Alone() {
		c.Resolves, c.Enough = r.Paired(r.Timesteps).resolves()
	}
	if r.Phased() {
		c.Best, c.Recommended, c.Reason, c.Pareto = r.Timesteps, r.Timesteps, onePhasedT, []int{r.Timesteps}
		return c
	}
	correct := make([]int, len(r.SpikingTop1))
	for t := range correct {
		correct[t] = r.right(r.SpikingTop1[t])
		if len(c.Pareto) == 0 || correct[t] > correct[c.Best-1] { // Operations only grow with T.
			c.Best, c.Pareto = t+1, append(c.Pareto, t+1)
		}
	}
	ofTrained, ofItself, latest := r.againstTrained(&c, correct), r.againstItself(c.Best), r.Timesteps-r.lasting()
	tuned := r.TunedFor == r.Timesteps
	restless := ofItself.T > latest
	c.Rises = (restless || r.rises(latest)) && !tuned
	switch {
	case ofTrained.T > 0 && ofTrained.T <= latest:
		c.take(ofTrained, correct, latest)
	case tuned:
		c.take(&sequence{T: r.Timesteps, why: "the one that the network is calibrated for"}, correct, r.Timesteps)
	case restless:
		c.Reason = fmt.Sprintf("accuracy has not come to rest for the last tenth of T = %d; run longer, such as T = %d", r.Timesteps, 2*r.Timesteps)
	default:
		c.take(ofItself, correct, latest)
	}
	if c.Reason += r.unlike(ofTrained, latest); c.Rises && c.Against == Itself {
		c.Reason += fmt.Sprintf("; accuracy still rises at the end: run longer, such as T = %d", 2*r.Timesteps)
	}
	if c.Against != Itself && !r.Alone() && c.Resolves > half {
		c.Reason += fmt.Sprintf("; %d images resolve %v points, %v takes about %d", r.Images, c.Resolves, half, c.Enough)
	}
	return c
}

// rises reports whether more images are right at the end than after T timesteps, by more than
// chance: McNemar's test at 5 %.
func (r *Result) rises(T int) bool {
	if T < 1 || r.Predictions.Turns == nil {
		return false
	}
	p := Pair(r.Predictions.Right(T), r.Predictions.Right(r.Timesteps))
	return p.Gained > p.Lost && p.PValue() <= 0.05
}

// lasting returns how many timesteps there must be after a T that is recommended.
func (r *Result) lasting() int { return (r.Timesteps + lasts - 1) / lasts }

// sequence is what came of testing timesteps from one back to the first that fails.
type sequence struct {
	pairs   func(T int) Pairs
	points  float64 // The tolerance.
	against string
	T       int    // The last that passed; 0 if none did.
	why     string // Why that one.
}

// testFrom tests timesteps from T backwards.
func (s *sequence) testFrom(T int) *sequence {
	for s.T = 0; T > 0 && s.pairs(T).Within(s.points/100); T-- {
		s.T = T
	}
	return s
}

// againstTrained tests timesteps against the trained network, for [Choice.Within] as well.
func (r *Result) againstTrained(c *Choice, correct []int) *sequence {
	if r.Alone() {
		return new(sequence)
	}
	for _, x := range tenths {
		points := float64(x) / 10
		sure := (&sequence{pairs: r.Paired, points: points}).testFrom(r.Timesteps)
		c.Within = append(c.Within, Within{points, staysWithin(correct, r.right(r.TrainedTop1), x, r.Images), sure.T})
	}
	s := &sequence{pairs: r.Paired, points: max(half, c.Resolves), against: Trained}
	s.why = fmt.Sprintf("the smallest T from which the loss against the trained network stays within %v points, with 95 %% confidence", s.points)
	return s.testFrom(r.Timesteps)
}

// againstItself tests timesteps against the best one, from there backwards. Of a result that
// does not tell which images are right, the best one alone passes.
func (r *Result) againstItself(best int) *sequence {
	s := &sequence{against: Itself, T: best}
	s.points, _ = Pairs{Images: r.Images}.resolves()
	s.points = max(half, s.points)
	s.why = fmt.Sprintf("the smallest T from which the accuracy stays within %v points of its own best, with 95 %% confidence", s.points)
	lost, gained := make([]int, r.Timesteps), make([]int, r.Timesteps)
	if p := &r.Predictions; p.Turns != nil {
		lost, gained = p.against(r.Timesteps, func(i int) bool { return p.rightAt(i, best) })
	}
	s.pairs = func(T int) Pairs { return Pairs{r.Images, lost[T-1], gained[T-1]} }
	if r.Predictions.Turns != nil {
		s.testFrom(best)
	}
	return s
}

// take recommends the T of a sequence or, up to the latest, another one at which as many images
// are right for less, or more for not much more.
func (c *Choice) take(s *sequence, correct []int, latest int) {
	c.Against, c.Tolerance, c.Reason = s.against, s.points, s.why
	first := 0
	for _, T := range c.Pareto {
		if correct[T-1] < correct[s.T-1] {
			continue
		}
		if first == 0 {
			first = T
		}
		if T >= s.T && T <= latest || s.pairs != nil && T < s.T && s.pairs(T).bound(z975) <= s.points/100 {
			c.Recommended = T
			break
		}
	}
	switch {
	case c.Recommended == 0: // Of the first one, nothing is promised.
		c.Recommended, c.Against, c.Tolerance = first, "", 0
		c.Reason = fmt.Sprintf("as accurate on these images as T = %d, %s", s.T, s.why)
	case c.Recommended < s.T:
		c.Reason = fmt.Sprintf("as accurate as T = %d, %s", s.T, s.why)
	case c.Recommended > s.T:
		c.Reason = fmt.Sprintf("the first that is more accurate than every shorter one after T = %d, %s", s.T, s.why)
	}
}

// unlike ends the reason of a choice with how far the spiking network is from the trained one,
// where that is too far.
func (r *Result) unlike(ofTrained *sequence, latest int) string {
	switch {
	case r.Alone():
		return ""
	case ofTrained.T > latest:
		return fmt.Sprintf("; the loss against the trained network is within %v points from T = %d on, which is too near the end to tell: run longer", ofTrained.points, ofTrained.T)
	case ofTrained.T == 0:
		return "; " + r.Difference()
	}
	return ""
}

// Difference says how the accuracy of both networks differs in the end.
func (r *Result) Difference() string {
	p, where := r.Paired(r.Timesteps), "below"
	if p.Loss() < 0 {
		p, where = Pairs{p.Images, p.Gained, p.Lost}, "above"
	}
	low, high := p.Interval()
	if p.Loss() == 0 {
		return fmt.Sprintf("at T = %d it is as accurate as the trained network, 95 %% interval of the difference %.2f to %.2f", r.Timesteps, 100*low, 100*high)
	}
	return fmt.Sprintf("at T = %d it is %.2f points %s the trained network, 95 %% interval %.2f to %.2f", r.Timesteps, 100*p.Loss(), where, 100*low, 100*high)
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
// one before lacks to the best accuracy. The recommended T is one of them.
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

// References:
//
//	[maurer1995]    W. Maurer, L. A. Hothorn, W. Lehmacher. Multiple Comparisons in Drug
//	                Clinical Trials and Preclinical Assays: A-Priori Ordered Hypotheses.
//	                In: Biometrie in der chemisch-pharmazeutischen Industrie 6. 1995.
//	[westfall2001]  Peter H. Westfall, Alok Krishen. Optimally Weighted, Fixed Sequence and
//	                Gatekeeper Multiple Testing Procedures. Journal of Statistical Planning
//	                and Inference 99(1). 2001.
