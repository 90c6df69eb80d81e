package report

import (
	"math"
	"strconv"
	"strings"

	"sresnet/energy"
	"sresnet/internal/terminal"
)

// unknown stands where a run does not say.
const unknown = "–"

// percent formats a fraction in percent, without the sign.
func percent(x num) string {
	if !x.known() {
		return unknown
	}
	return terminal.Percent(float64(x))
}

// points formats a difference of fractions in points, with its sign.
func points(x num) string {
	if !x.known() {
		return unknown
	}
	s := strconv.FormatFloat(math.Abs(100*float64(x)), 'f', 2, 64)
	switch {
	case strings.Trim(s, "0.") == "":
		return "0.00"
	case x < 0:
		return "−" + s
	}
	return "+" + s
}

// count formats a count with up to four digits and k, M, G, T or P.
func count(x num) string {
	switch {
	case !x.known():
		return unknown
	case x < 999.95: // Of more, digits would round up to 1000.
		return digits(float64(x), 4)
	}
	return terminal.Count(float64(x))
}

// joules formats an energy with its unit.
func joules(x num) string {
	if !x.known() {
		return unknown
	}
	return minus(energy.Joules(x).String())
}

// digits formats x with n significant digits and no exponent where that is short.
func digits(x float64, n int) string {
	if x == 0 {
		return "0"
	}
	a := math.Abs(x)
	if a >= 1e6 || a < 1e-4 {
		s := strconv.FormatFloat(x, 'g', n, 64)
		return minus(strings.NewReplacer("e+0", "e", "e+", "e", "e-0", "e-").Replace(s))
	}
	after := max(n-1-int(math.Floor(math.Log10(a))), 0)
	s := strconv.FormatFloat(x, 'f', after, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return minus(s)
}

// significant formats x with three digits.
func significant(x num) string {
	if !x.known() {
		return unknown
	}
	return digits(float64(x), 3)
}

// fixed formats x with three decimals, for columns of numbers of one size.
func fixed(x num) string {
	if !x.known() {
		return unknown
	}
	s := strconv.FormatFloat(float64(x), 'f', 3, 64)
	if strings.Trim(s, "-0.") == "" {
		return "0.000"
	}
	return minus(s)
}

// minus replaces the hyphen of a number.
func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }

// brief shortens a name to what has room beside a matrix.
func brief(s string) string {
	const most = 14
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
