// Package nearest finds the word that a mistyped one may stand for.
package nearest

import "strings"

// DidYouMean returns "; did you mean X?" for the word of the list that is most like s, ""
// if none is like it: a third of the letters may differ, in British or American spelling
// none need to.
func DidYouMean(s string, list []string) string {
	if w := To(s, list); w != "" {
		return "; did you mean " + w + "?"
	}
	return ""
}

// To returns the word of the list that is most like s, the first of several; "" if none is
// like it.
func To(s string, list []string) string {
	best, least := "", max(1, len([]rune(s))/3)+1
	for _, w := range list {
		d := distance(american(s), american(w))
		if begun := len(s) >= 3 && strings.HasPrefix(w, s); begun && d >= least {
			d = least - 1 // What is only begun is like its end.
		}
		if d < least {
			best, least = w, d
		}
	}
	return best
}

// american returns s in small letters and American spelling, with one kind of dash.
func american(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "_", "-"))
	for _, r := range [][2]string{{"ise", "ize"}, {"isation", "ization"}, {"our", "or"}, {"ll", "l"}, {"grey", "gray"}, {"centre", "center"}} {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	return s
}

// distance returns how many letters of a must be changed, added, removed or swapped with
// their neighbour to make b (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, next := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		next[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			next[j+1] = min(last[j]+cost, last[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(y)]
}
