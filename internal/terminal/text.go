package terminal

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
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

// Middle returns s in at most width columns, without its middle where that is too long.
func Middle(s string, width int) string {
	if columns(s) <= width || width < 1 {
		return s
	}
	r := []rune(s)
	room := width - 1 // Beside the ellipsis.
	i, j := 0, len(r)
	for used := 0; used+text.RuneWidth(r[i]) <= (room+1)/2; i++ {
		used += text.RuneWidth(r[i])
	}
	for used := 0; used+text.RuneWidth(r[j-1]) <= room/2; j-- {
		used += text.RuneWidth(r[j-1])
	}
	return string(r[:i]) + "…" + string(r[j:])
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
// begin below the text of a "name: text" or "1. text", or where the line does. A longer word stays
// as it is, and so does a command in single quotes, which people copy.
func Wrap(s string, width int) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if columns(l) > width {
			lines[i] = wrapLine(l, width, hanging(l, width))
		}
	}
	return strings.Join(lines, "\n")
}

// wrapLine breaks a line; its text and further lines begin at hang.
func wrapLine(s string, width, hang int) string {
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

// mark is what is before the text of a line: spaces, the mark of a list, a name and a colon, or
// one and two spaces or more.
var mark = regexp.MustCompile(`^ *(?:- |\d+\. |[!-~]+(?: [!-~]+)*  +|[\w-]+: )?`)

// hanging returns where the text of a line begins, in bytes that are columns.
func hanging(s string, width int) int {
	if n := len(mark.FindString(s)); n <= width/2 {
		return n
	}
	return 0
}

// columns returns the columns of the longest line of s.
func columns(s string) int {
	most := 0
	for line := range strings.Lines(s) {
		most = max(most, text.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")))
	}
	return most
}
