package report

import (
	"fmt"
	"maps"
	"slices"

	"sresnet/eval"
)

// classRow is what the networks do with the images of one class.
type classRow struct {
	Name             string
	Images           int
	Trained, Spiking num // Shares that are right, from 0 to 1; NaN without a trained network.
	Low, High        num // The 95 % interval of Spiking.
	Change           num // Of accuracy, in points, and its 95 % interval.
	Least, Most      num

	TrainedBar, SpikingBar, ChangeBar bar

	pairs eval.Pairs
}

// classTable shows the accuracy of every class, or of those that changed most.
type classTable struct {
	Rows         []classRow
	All          int  // Classes that have images.
	Both         bool // There is a trained network.
	Lowest, Most num  // Ends of the axis of changes, in points.
}

// perClass returns the table, of all classes or those that changed most; nil if there is just
// one class.
func (run *Run) perClass(most int) *classTable {
	p := &run.Result.Predictions
	t := &classTable{Both: !run.Result.Alone()}
	type counts struct{ images, right, lost, gained int }
	all := make(map[int]*counts) // Of classes that have images, as numbers of classes may be large.
	for i, label := range p.Label {
		c := all[label]
		if c == nil {
			c = &counts{}
			all[label] = c
		}
		c.images++
		spiking, trained := p.Spiking[i] == label, t.Both && p.Trained[i] == label
		if spiking {
			c.right++
		}
		switch {
		case trained && !spiking:
			c.lost++
		case spiking && !trained:
			c.gained++
		}
	}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		c := all[k]
		r := classRow{Name: run.class(k), Images: c.images, Spiking: num(c.right) / num(c.images), Trained: nan, Change: nan, Least: nan, Most: nan}
		low, high := eval.Wilson(c.right, c.images)
		r.Low, r.High = num(low), num(high)
		if t.Both {
			r.pairs = eval.Pairs{Images: c.images, Lost: c.lost, Gained: c.gained}
			least, most := r.pairs.Interval()
			r.Trained = num(c.right+c.lost-c.gained) / num(c.images)
			r.Change, r.Least, r.Most = num(-100*r.pairs.Loss()), num(-100*most), num(-100*least)
		}
		t.Rows = append(t.Rows, r)
	}
	if t.All = len(t.Rows); t.All < 2 {
		return nil
	}
	if t.All > most { // Of more, those that changed most: others say little.
		slices.SortStableFunc(t.Rows, func(a, b classRow) int {
			x, y := max(a.pairs.Lost-a.pairs.Gained, a.pairs.Gained-a.pairs.Lost), max(b.pairs.Lost-b.pairs.Gained, b.pairs.Gained-b.pairs.Lost)
			return y - x
		})
		t.Rows = t.Rows[:most]
	}
	for k := range t.Rows {
		if r := &t.Rows[k]; t.Both {
			t.Lowest, t.Most = min(t.Lowest, r.Least), max(t.Most, r.Most)
		}
	}
	for k := range t.Rows {
		r := &t.Rows[k]
		r.TrainedBar = simple(r.Trained, 1, "p1", "trained "+percent(r.Trained)+" %")
		r.SpikingBar = simple(r.Spiking, 1, "f0", "spiking "+percent(r.Spiking)+" %")
		r.ChangeBar = interval(r.Change, r.Least, r.Most, t.Lowest, t.Most, "f2", fmt.Sprintf("%s: %s points, %s to %s", r.Name, points(r.Change/100), points(r.Least/100), points(r.Most/100)))
	}
	return t
}

// Note says which classes there are and what the intervals are, in a sentence.
func (t *classTable) Note() string {
	s := "Each interval of 95 % is of one class by itself: of several, some miss by chance."
	if t.All > len(t.Rows) {
		s = fmt.Sprintf("The %d of %d classes with the largest change in images. ", len(t.Rows), t.All) + s
	}
	return s
}
