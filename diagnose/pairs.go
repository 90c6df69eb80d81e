package diagnose

import "sresnet/eval"

// What a change gains is the loss of the network with it against the one without, less than
// nothing.

// count takes in an image that the network gets right without a change, and with it.
func count(p *eval.Pairs, before, after bool) {
	p.Images++
	switch {
	case after && !before:
		p.Gained++
	case before && !after:
		p.Lost++
	}
}

// gain returns how much more accurate the network is, in points.
func gain(p eval.Pairs) float64 {
	if p.Images == 0 {
		return 0
	}
	return 100 * float64(p.Gained-p.Lost) / float64(p.Images)
}

// gainInterval returns the interval of 95 % of that.
func gainInterval(p eval.Pairs) (low, high float64) {
	if p.Images == 0 {
		return -100, 100
	}
	low, high = p.Interval()
	return -100 * high, -100 * low
}

// better returns the probability of as many images gained, or more, if the change does not help:
// McNemar's exact test to one side.
func better(p eval.Pairs) float64 {
	if p.Gained <= p.Lost {
		return 1
	}
	return p.PValue() / 2
}
