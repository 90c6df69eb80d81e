package terminal

import (
	"math"
	"strconv"
	"time"
)

// Percent formats a fraction in percent with two decimals, without the sign.
func Percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 2, 64) }

// Count formats a count: one decimal, and from 1,000 on four digits with k, M, G, T or P,
// as in "1.343 T".
func Count(x float64) string {
	if s, unit := scaled(x); unit != "" {
		return s + " " + unit
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// Rate formats how many there are in a second: three digits, and from 1,000 on as [Count] does.
func Rate(x float64) string {
	if s, unit := scaled(x); unit != "" {
		return s + " " + unit
	}
	return strconv.FormatFloat(significant(x, 3), 'f', -1, 64)
}

// Bytes formats a number of bytes: "12.3 MB", of 1,000 kB each.
func Bytes(n int64) string {
	if s, unit := scaled(float64(n)); unit != "" {
		return s + " " + unit + "B"
	}
	return strconv.FormatInt(n, 10) + " B"
}

// scaled returns the four first digits of x and its unit, "" below 1,000. What rounds up
// to 1,000 has the next unit.
func scaled(x float64) (digits, unit string) {
	const up = 0.99995 // Of a unit, what rounds up to it.
	for _, u := range []struct {
		size float64
		name string
	}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if x >= up*u.size {
			return strconv.FormatFloat(significant(x/u.size, 4), 'f', -1, 64), u.name
		}
	}
	return "", ""
}

// significant rounds x to n digits.
func significant(x float64, n int) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', n, 64), 64)
	if err != nil {
		return x
	}
	return y
}

// Seconds formats a time in seconds with the unit that suits it: "1.25 µs", "12.3 ms",
// "65.2 s", "5m12s".
func Seconds(x float64) string {
	three := func(x float64) string { return strconv.FormatFloat(significant(x, 3), 'f', -1, 64) }
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return strconv.FormatFloat(x, 'g', -1, 64) + " s"
	case x == 0:
		return "0 s"
	case x < 0.9995e-3:
		return three(1e6*x) + " µs"
	case x < 0.9995:
		return three(1e3*x) + " ms"
	case x < 120:
		return three(x) + " s"
	case x < 1e9:
		return time.Duration(math.Round(x) * float64(time.Second)).String()
	}
	return Count(x) + "s"
}
