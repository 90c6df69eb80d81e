package eval

import "math"

// Answer returns the class that r reads from the outputs after one timestep, as
// [Readout.Class] does, and the gap by which it is ahead of the next one, in the unit of
// the read-out: spikes for Count, spikes and shares of a softmax for CountPotential,
// accumulated current for Potential. Of a single class the gap is 0.
func (r Readout) Answer(counts []uint32, potential, current []float32) (class int, gap float32) {
	class = r.Class(counts, potential, current)
	score := func(k int) float64 { return float64(counts[k]) }
	switch r {
	case Potential:
		score = func(k int) float64 { return float64(current[k]) }
	case CountPotential:
		top := float64(potential[0])
		for _, v := range potential {
			top = max(top, float64(v))
		}
		var sum float64
		for _, v := range potential {
			sum += exp(float64(v) - top)
		}
		score = func(k int) float64 { return float64(counts[k]) + exp(float64(potential[k])-top)/sum }
	}
	next := math.Inf(-1)
	for k := range counts {
		if k != class {
			next = max(next, score(k))
		}
	}
	if math.IsInf(next, -1) {
		return class, 0
	}
	return class, max(float32(score(class)-next), 0)
}

// exp returns e to the power of x, which is not positive. Unlike math.Exp it has the same
// bits on every machine: products are rounded before they are added.
func exp(x float64) float64 {
	const (
		high = 6.93147180369123816490e-01 // ln 2 in two parts; products of the first with whole numbers are exact.
		low  = 1.90821492927058770002e-10
	)
	if x < -700 {
		return 0
	}
	n := math.Round(x / math.Ln2)
	x = x - float64(n*high) - float64(n*low)
	y := 1.0
	for k := 13.0; k > 0; k-- { // 1 + x/1 (1 + x/2 (1 + ...
		y = 1 + float64(x*y)/k
	}
	return math.Ldexp(y, int(n))
}
