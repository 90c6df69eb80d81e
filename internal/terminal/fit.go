package terminal

import (
	"slices"
	"strings"
)

// Names, text and its words keep so many columns before others move to a table of their own.
const (
	nameColumns = 18
	textColumns = 16
	wordColumns = 24
)

// fit returns t in at most width columns: as it is, with narrower columns, or in several
// tables.
func (t *Table) fit(width int) []*Table {
	full, whole, least := t.widths()
	switch {
	case total(whole) <= width:
		return []*Table{t.narrow(shrink(full, whole, width))}
	case total(least) <= width:
		return []*Table{t.narrow(shrink(whole, least, width))}
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

// divide returns the columns of two tables: the keys with some others, as many as in each of
// the fewest tables that do, and the keys with the rest, nil if there is none.
func (t *Table) divide(least []int, width int) (first, rest []int) {
	room := width + 1
	var others []int
	for i, key := range t.keys {
		if key {
			room -= least[i] + 3
		} else {
			others = append(others, i)
		}
	}
	counts := tables(others, least, room, len(others))
	if len(counts) < 2 {
		return nil, nil
	}
	most := (len(others) + len(counts) - 1) / len(counts)
	for most < counts[0] && len(tables(others, least, room, most)) > len(counts) {
		most++
	}
	last := others[tables(others, least, room, most)[0]-1]
	for i, key := range t.keys {
		if key || i <= last {
			first = append(first, i)
		}
		if key || i > last {
			rest = append(rest, i)
		}
	}
	return first, rest
}

// tables returns how many of the columns each table has if they have room and are not above
// a limit; at least one.
func tables(others, least []int, room, most int) []int {
	var counts []int
	left := 0
	for _, i := range others {
		n := least[i] + 3
		if k := len(counts) - 1; k >= 0 && n <= left && counts[k] < most {
			counts[k]++
		} else {
			counts, left = append(counts, 1), room
		}
		left -= n
	}
	return counts
}

// widths returns the columns that t takes as it is, those with headers in several lines,
// and those with shorter names and text as well.
func (t *Table) widths() (full, whole, least []int) {
	for i, letter := range t.align {
		cells, word := 0, 0
		for _, row := range append(slices.Clip(t.rows), t.footer) {
			if row != nil {
				cells, word = max(cells, columns(row[i])), max(word, longestWord(strings.Fields(row[i])))
			}
		}
		short := cells
		switch letter {
		case 'l':
			short = min(cells, nameColumns)
		case 't':
			short = min(cells, max(textColumns, min(word, wordColumns)))
		}
		head := longestWord(headerWords(t.header[i]))
		full = append(full, max(cells, columns(t.header[i])))
		whole = append(whole, max(cells, head))
		least = append(least, max(short, head))
	}
	return full, whole, least
}

func longestWord(words []string) int {
	most := 0
	for _, s := range words {
		most = max(most, columns(s))
	}
	return most
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
