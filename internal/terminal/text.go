package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Clean replaces characters that would disturb a terminal, line breaks among them.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// Beginning returns the beginning of s in at most n characters.
func Beginning(s string, n int) string {
	r := []rune(s)
	switch {
	case len(r) <= n:
		return s
	case n < 1:
		return ""
	}
	return string(r[:n-1]) + "…"
}

// End returns the end of s in at most n characters; names of layers differ there.
func End(s string, n int) string {
	r := []rune(s)
	switch {
	case len(r) <= n:
		return s
	case n < 1:
		return ""
	}
	return "…" + string(r[len(r)-n+1:])
}

// Plural returns "1 image", "2 images".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Printf is fmt.Fprintf for sentences: it breaks lines at spaces, so that they fit.
func Printf(w io.Writer, format string, args ...any) {
	fmt.Fprint(w, Wrap(fmt.Sprintf(format, args...), Width(w)))
}

// Wrap breaks the lines of s that are longer than width columns at spaces. Further lines
// begin below the text of a "name:   text", or where the line does. A longer word stays
// as it is, and so does a command in single quotes, which people copy.
func Wrap(s string, width int) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if columns(l) > width {
			lines[i] = wrapLine(l, width)
		}
	}
	return strings.Join(lines, "\n")
}

func wrapLine(s string, width int) string {
	hang := hanging(s)
	var b strings.Builder
	b.WriteString(s[:hang])
	used := hang
	for i, word := range words(s[hang:]) {
		n := columns(word)
		switch {
		case i == 0:
		case used+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", hang))
			used = hang
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

// words divides s at its spaces, but not within single quotes.
func words(s string) []string {
	var list []string
	quoted := false
	for _, word := range strings.Fields(s) {
		if quoted {
			list[len(list)-1] += " " + word
			quoted = !strings.Contains(word, "'")
			continue
		}
		list = append(list, word)
		quoted = strings.Count(word, "'") == 1 && strings.HasPrefix(word, "'")
	}
	return list
}

// hanging returns where the text of a line begins, in bytes that are columns: behind the
// spaces at its front, or the two or more after a name.
func hanging(s string) int {
	const most = 24
	indent := len(s) - len(strings.TrimLeft(s, " "))
	if gap := strings.Index(s[indent:], "  "); gap >= 0 {
		name := s[:indent+gap]
		text := len(s) - len(strings.TrimLeft(s[len(name):], " "))
		if text <= most && columns(name) == len(name) {
			return text
		}
	}
	if indent > most {
		return 0
	}
	return indent
}
