package energy

import (
	"math"
	"strconv"
	"strings"
)

// Joules is an energy.
type Joules float64

const picojoule = 1e-12

// String formats x with three digits and the unit that suits it, such as "1.23 mJ".
func (x Joules) String() string {
	if x == 0 {
		return "0 J"
	}
	unit, name := picojoule, "pJ"
	for _, u := range []struct {
		unit float64
		name string
	}{{1e-9, "nJ"}, {1e-6, "µJ"}, {1e-3, "mJ"}, {1, "J"}} {
		if math.Abs(float64(x)) >= 0.9995*u.unit {
			unit, name = u.unit, u.name
		}
	}
	s := strconv.FormatFloat(float64(x)/unit, 'g', 3, 64)
	if strings.Contains(s, "e") { // 100 and more of the largest unit.
		s = strconv.FormatFloat(float64(x)/unit, 'f', 0, 64)
	}
	return s + " " + name
}
