package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"sresnet/eval"
)

// tally counts what came of advice, over many draws.
type tally struct {
	draws, none int
	itself      int       // Recommended as good as the best T of the network.
	asItself    int       // Of these, those that are.
	promised    int       // That the loss against the trained network is within a tolerance.
	kept        int       // Of these, those that are.
	sure, held  [3]int    // Of 2, 1 and 0.5 points: those that have a T from which on it holds, and those that did.
	ts          []int     // All that were recommended.
	losses      []float64 // Of the promised ones, in points.
	tolerances  []float64
}

// tryPopulation looks at the advice of n images, drawn so many times. They are drawn with
// replacement and judged by all images: as if these were all that there are, whose loss is known.
func (a *answers) tryPopulation(n, draws int) *tally {
	y := new(tally)
	a.judge(n, draws, func(images []int, others *eval.Result) { y.add(a.of(images), others) })
	return y.sorted()
}

// judge draws n images, each anew from all of them, so many times.
func (a *answers) judge(n, draws int, look func(images []int, others *eval.Result)) {
	all := make([]int, len(a.turns))
	for i := range all {
		all[i] = i
	}
	population, images := a.of(all), make([]int, n)
	for d := range draws {
		rng := rand.New(rand.NewPCG(uint64(n), uint64(d)))
		for i := range images {
			images[i] = rng.IntN(len(all))
		}
		look(images, population)
	}
}

// tryRest looks at the advice of n images, drawn at most once each, as those show it to be that
// were not drawn.
func (a *answers) tryRest(n, draws int) *tally {
	y := new(tally)
	for d := range draws {
		order := rand.New(rand.NewPCG(uint64(n), uint64(d))).Perm(len(a.turns))
		y.add(a.of(order[:n]), a.of(order[n:]))
	}
	return y.sorted()
}

func (y *tally) sorted() *tally {
	slices.Sort(y.ts)
	slices.Sort(y.losses)
	slices.Sort(y.tolerances)
	return y
}

// add takes in the advice of r, as others show it to be.
func (y *tally) add(r, others *eval.Result) {
	c := r.Choose()
	y.draws++
	worst := func(T int) float64 { // From there on, in points.
		var list []float64
		for t := T; t <= r.Timesteps; t++ {
			list = append(list, 100*others.Paired(t).Loss())
		}
		return slices.Max(list)
	}
	for i, w := range c.Within {
		if w.Sure == 0 {
			continue
		}
		y.sure[i]++
		if worst(w.Sure) <= w.Points+1e-9 {
			y.held[i]++
		}
	}
	if c.Recommended == 0 {
		y.none++
		return
	}
	y.ts = append(y.ts, c.Recommended)
	if c.Against == eval.Itself {
		y.itself++
		if loss := 100 * (others.SpikingTop1[c.Best-1] - others.SpikingTop1[c.Recommended-1]); loss <= c.Tolerance+1e-9 {
			y.asItself++
		}
	}
	if c.Against != eval.Trained {
		return
	}
	y.promised++
	y.tolerances = append(y.tolerances, c.Tolerance)
	loss := 100 * others.Paired(c.Recommended).Loss()
	y.losses = append(y.losses, loss)
	if loss <= c.Tolerance+1e-9 {
		y.kept++
	}
}

// tooMuch returns the share of all draws that promised what does not hold.
func (y *tally) tooMuch() float64 {
	return float64(y.promised-y.kept+y.itself-y.asItself) / float64(y.draws)
}

// sureTooMuch returns the largest share of all draws that named a T for 2, 1 or 0.5 points from
// which on the loss is larger, then or later.
func (y *tally) sureTooMuch() float64 {
	most := 0
	for i, n := range y.sure {
		most = max(most, n-y.held[i])
	}
	return float64(most) / float64(y.draws)
}

func quantile[T any](sorted []T, q float64) (x T) {
	if len(sorted) == 0 {
		return x
	}
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

// columns are those of the table, in the order of [row].
var columns = []string{"network", "images", "T", "tolerance", "promised", "loss on the rest", "too much", "too much, within", "too much, on the rest", "of itself", "no T"}

// row returns a line of the table, of draws from a population and of draws from a list.
func row(a *answers, n int, population, rest *tally) []string {
	tolerance, losses := "", ""
	if rest.promised > 0 {
		tolerance = fmt.Sprintf("%.1f", quantile(rest.tolerances, 0.5))
		losses = fmt.Sprintf("%.2f", quantile(rest.losses, 0.5))
	}
	share := func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
	return []string{
		fmt.Sprintf("%s, T = %d", a.model, a.timesteps), fmt.Sprint(n),
		fmt.Sprintf("%d to %d", quantile(rest.ts, 0.25), quantile(rest.ts, 0.75)),
		tolerance, fmt.Sprint(rest.promised), losses,
		share(population.tooMuch()), share(population.sureTooMuch()), share(rest.tooMuch()),
		fmt.Sprint(rest.itself), fmt.Sprint(rest.none),
	}
}
