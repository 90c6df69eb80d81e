package terminal

import "strings"

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
				s = wrapText(s, widths[i])
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

// wrapText is Wrap that shortens longer words.
func wrapText(s string, width int) string {
	lines := strings.Split(Wrap(s, width), "\n")
	for i := range lines {
		lines[i] = Middle(lines[i], width)
	}
	return strings.Join(lines, "\n")
}

// headerWords returns the parts of a header that stay in one line: words, and what
// "image-steps/s" is made of.
func headerWords(s string) []string {
	return strings.Fields(strings.NewReplacer("/", "/ ", "-", "- ").Replace(s))
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
		if *last == "" || strings.HasSuffix(*last, "/") || strings.HasSuffix(*last, "-") {
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
