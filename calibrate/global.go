package calibrate

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/sim"
	"sresnet/snn"
)

// FactorPoint is what one global factor does on the calibration images.
type FactorPoint struct {
	Factor    float32 `json:"factor"`
	Agreement float64 `json:"agreement"`  // Fraction of images whose class is the trained network's.
	RateError float64 `json:"rate_error"` // Mean distance of an output's rate from its logit over lambda, clipped to [0, 1].
}

// better reports whether p is a better choice than q.
func (p FactorPoint) better(q FactorPoint) bool {
	if p.Agreement != q.Agreement {
		return p.Agreement > q.Agreement
	}
	return p.RateError < q.RateError
}

// The grid of the global factor: coarse steps from 1 to coarseEnd, then fine ones
// around the best of these. In thousandths, so that every factor is the float32
// nearest to its decimal.
const (
	coarseEnd  = 1050
	coarseStep = 10
	fineStep   = 2
)

// GlobalFactor searches the one factor from 1 up that, on all convolutions, fully
// connected layers and shortcuts of net (see snn.Network.UniformFactors), makes
// its classes agree most with those of the trained network g at the last
// timestep; among equals the one whose output rates are nearest. It returns the
// factor and every point it tried, by factor. The images must not be test images.
func GlobalFactor(ctx context.Context, g *ann.Graph, net *snn.Network, images Images, o Compensation) (float32, []FactorPoint, error) {
	if o.Readout == nil {
		return 0, nil, errors.New("calibrate: the search for a global factor needs a read-out")
	}
	c, err := newCompensator(g, net, images, o)
	if err != nil {
		return 0, nil, err
	}
	grid := []int{}
	for f := 1000; f <= coarseEnd; f += coarseStep {
		grid = append(grid, f)
	}
	c.total = (len(grid) + 2*((coarseStep-1)/fineStep)) * images.Len()
	var curve []FactorPoint
	best, at := 0, 1000 // Index in curve, and its factor in thousandths.
	try := func(thousandths []int) error {
		for _, f := range thousandths {
			if f < 1000 {
				c.done += images.Len() // Nothing to do.
				continue
			}
			p, err := c.point(ctx, float32(f)/1000)
			if err != nil {
				return err
			}
			curve = append(curve, p)
			if p.better(curve[best]) {
				best, at = len(curve)-1, f
			}
		}
		return nil
	}
	if err := try(grid); err != nil {
		return 0, nil, err
	}
	grid = grid[:0]
	for d := fineStep; d < coarseStep; d += fineStep {
		grid = append(grid, at-d, at+d)
	}
	if err := try(grid); err != nil {
		return 0, nil, err
	}
	factor := curve[best].Factor
	slices.SortFunc(curve, func(p, q FactorPoint) int { return cmp.Compare(p.Factor, q.Factor) })
	return factor, curve, nil
}

// point returns what a global factor does.
func (c *compensator) point(ctx context.Context, factor float32) (FactorPoint, error) {
	net, err := c.net.Compensated(c.net.UniformFactors(factor))
	if err != nil {
		return FactorPoint{}, err
	}
	n := c.images.Len()
	agree, rateError := make([]bool, n), make([]float64, n)
	out := net.Output()
	err = c.run(ctx, net, 0, func(i int, trained *infer.Runner, rec *sim.Record) {
		logits := trained.Activation(out.Name)
		last := (rec.Timesteps - 1) * rec.Classes
		counts := rec.Counts[last:]
		class := 0
		for k, a := range logits {
			if a > logits[class] {
				class = k
			}
			r := float64(counts[k]) / float64(rec.Timesteps)
			rateError[i] += math.Abs(r-clipped(a, out)) / float64(len(logits))
		}
		agree[i] = c.o.Readout(counts, rec.Potential[last:], rec.Current[last:]) == class
	})
	agreed := 0
	p := FactorPoint{Factor: factor}
	for i := range n { // In the order of the images, so that workers change nothing.
		if agree[i] {
			agreed++
		}
		p.RateError += rateError[i] / float64(n)
	}
	p.Agreement = float64(agreed) / float64(n)
	return p, err
}
