package tune

import "math"

// sum adds numbers of any size exactly enough: whole and part, in units of 2^-40, are
// integers, so that it does not depend on the order of what is added.
type sum struct{ whole, part int64 }

func (s *sum) add(x float64) {
	w := math.Floor(x)
	s.whole += int64(w)
	s.part += int64((x - w) * (1 << 40))
}

func (s *sum) merge(o sum) {
	s.whole += o.whole
	s.part += o.part
}

func (s *sum) value() float64 { return float64(s.whole) + float64(s.part)/(1<<40) }
