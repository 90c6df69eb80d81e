package terminal

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Names and text keep so many columns before others move to a table of their own.
const (
	nameColumns = 20
	textColumns = 24
)

// fit returns t in at most width columns: as it is, with narrower columns, or in several
// tables.
func (t *Table) fit(width int) []*Table {
	full, whole, least := t.widths()
	for _, low := range [][]int{whole, least} {
		if total(low) <= width {
			return []*Table{t.narrow(shrink(full, low, width))}
		}
	}
	first, rest := t.divide(least, width)
	if rest == nil {
		low := slices.Clone(least)
		for i, letter := range t.align {
			if letter != 'r' {
				low[i] = min(low[i], 3)
			}
		}
		return []*Table{t.narrow(shrink(least, low, width))}
	}
	return append(t.pick(first).fit(width), t.pick(rest).fit(width)...)
}

// divide returns the columns of two tables: the keys with as many others as fit, at least
// one, and the keys with the rest, nil if there is none.
func (t *Table) divide(least []int, width int) (first, rest []int) {
	used, others, more := -1, 0, false
	for i, key := range t.keys {
		if key {
			used += least[i] + 3
		}
	}
	for i, key := range t.keys {
		switch {
		case key:
			first, rest = append(first, i), append(rest, i)
		case others == 0 || (!more && used+least[i]+3 <= width):
			first, used = append(first, i), used+least[i]+3
			others++
		default:
			rest, more = append(rest, i), true
		}
	}
	if !more {
		return first, nil
	}
	return first, rest
}

// widths returns the columns that t takes as it is, those with headers in several lines,
// and those with shorter names and text as well.
func (t *Table) widths() (full, whole, least []int) {
	for i, letter := range t.align {
		cells := columns(t.foot(i))
		for _, row := range t.rows {
			if row != nil {
				cells = max(cells, columns(row[i]))
			}
		}
		word := 0
		for _, s := range headerWords(t.header[i]) {
			word = max(word, columns(s))
		}
		short := cells
		switch letter {
		case 'l':
			short = min(cells, nameColumns)
		case 't':
			short = min(cells, textColumns)
		}
		full = append(full, max(cells, columns(t.header[i])))
		whole = append(whole, max(cells, word))
		least = append(least, max(short, word))
	}
	return full, whole, least
}

func (t *Table) foot(i int) string {
	if t.footer == nil {
		return ""
	}
	return t.footer[i]
}

// total returns the columns of a table whose columns have these widths: each has a space
// on both sides, and there is a line between two.
func total(widths []int) int {
	n := 3*len(widths) - 1
	for _, w := range widths {
		n += w
	}
	return n
}

// shrink takes from the widest of the columns that can be narrower until all fit.
func shrink(widths, low []int, width int) []int {
	widths = slices.Clone(widths)
	for total(widths) > width {
		widest := -1
		for i := range widths {
			if widths[i] > low[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

// pick returns a table of some columns of t.
func (t *Table) pick(which []int) *Table {
	row := func(cells []string) []string {
		if cells == nil {
			return nil
		}
		var list []string
		for _, i := range which {
			list = append(list, cells[i])
		}
		return list
	}
	part := &Table{header: row(t.header), footer: row(t.footer)}
	for _, i := range which {
		part.keys = append(part.keys, t.keys[i])
		part.align += t.align[i : i+1]
	}
	for _, cells := range t.rows {
		part.rows = append(part.rows, row(cells))
	}
	return part
}

// narrow returns t with columns of these widths.
func (t *Table) narrow(widths []int) *Table {
	row := func(cells []string) []string {
		if cells == nil {
			return nil
		}
		list := make([]string, len(cells))
		for i, s := range cells {
			switch t.align[i] {
			case 'l':
				s = Middle(s, widths[i])
			case 't':
				s = Wrap(s, widths[i])
			}
			list[i] = s
		}
		return list
	}
	part := &Table{align: t.align, keys: t.keys, footer: row(t.footer)}
	for i, s := range t.header {
		part.header = append(part.header, wrapHeader(s, widths[i]))
	}
	for _, cells := range t.rows {
		part.rows = append(part.rows, row(cells))
	}
	return part
}

// headerWords returns the parts of a header that stay in one line: words, and what
// "spikes/image" is made of.
func headerWords(s string) []string {
	return strings.Fields(strings.ReplaceAll(s, "/", "/ "))
}

// wrapHeader breaks a header into lines of at most width columns, between its words.
func wrapHeader(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	lines := []string{""}
	for _, word := range headerWords(s) {
		last := &lines[len(lines)-1]
		joined := *last + " " + word
		if *last == "" || strings.HasSuffix(*last, "/") {
			joined = *last + word
		}
		if *last != "" && columns(joined) > width {
			lines = append(lines, word)
			continue
		}
		*last = joined
	}
	return strings.Join(lines, "\n")
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

// columns returns the columns of the longest line of s.
func columns(s string) int {
	most := 0
	for line := range strings.Lines(s) {
		most = max(most, text.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")))
	}
	return most
}
