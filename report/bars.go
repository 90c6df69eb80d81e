package report

// bar is a row of a chart of bars: rectangles over a common axis that fills the
// width it is given. Positions are percent of that width.
type bar struct {
	Says  string // For readers who cannot see it.
	Rects []rect
	Axis  num // Where zero is.
	Mark  num // A further mark, such as a total; NaN for none.

	Low, High num // Ends of an interval; NaN for none.
}

type rect struct {
	X, W  num
	Class string
}

// simple is a bar from zero to x on an axis up to most.
func simple(x, most num, class, says string) bar {
	b := bar{Says: says, Mark: nan, Low: nan, High: nan}
	if x > 0 && most > 0 && x.known() {
		b.Rects = []rect{{0, 100 * x / most, class}}
	}
	return b
}

// stacked puts values of both signs side by side, positive ones to the right of
// zero, on an axis from lo to hi. mark is a value of that axis, or NaN.
func stacked(values []num, classes []string, lo, hi, mark num, says string) bar {
	at := func(x num) num { return 100 * (x - lo) / (hi - lo) }
	if !(hi > lo) {
		return bar{Says: says, Mark: nan, Low: nan, High: nan}
	}
	b := bar{Says: says, Axis: at(0), Mark: nan, Low: nan, High: nan}
	if mark.known() {
		b.Mark = at(mark)
	}
	var up, down num
	for i, v := range values {
		switch {
		case !v.known():
		case v > 0:
			b.Rects = append(b.Rects, rect{at(up), at(up+v) - at(up), classes[i]})
			up += v
		case v < 0:
			down += v
			b.Rects = append(b.Rects, rect{at(down), at(down-v) - at(down), classes[i]})
		}
	}
	return b
}

// interval is a value of either sign with the ends of its interval, on an axis from lo to hi.
func interval(x, low, high, lo, hi num, class, says string) bar {
	b := stacked([]num{x}, []string{class}, lo, hi, nan, says)
	if hi > lo && low.known() && high.known() {
		b.Low, b.High = 100*(low-lo)/(hi-lo), 100*(high-lo)/(hi-lo)
	}
	return b
}

// extent widens lo and hi to what a stack of values takes.
func extent(values []num, lo, hi *num) {
	var up, down num
	for _, v := range values {
		if v.known() {
			up, down = up+max(v, 0), down+min(v, 0)
		}
	}
	*lo, *hi = min(*lo, down), max(*hi, up)
}

// largest returns the largest known of a list, or 0.
func largest(list []num) num {
	var most num
	for _, x := range list {
		if x.known() {
			most = max(most, x)
		}
	}
	return most
}
