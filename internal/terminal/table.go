package terminal

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table is rows of cells under a header. Its cells are cleaned, and printed in as many
// columns as there are: see [Table.Print].
type Table struct {
	align  string
	keys   []bool // Columns that every part has.
	header []string
	rows   [][]string // A nil row is a line.
	footer []string
}

// NewTable returns a table with a header. align has a letter for every column:
//
//	l  names: on the left, shortened in the middle where there is no room
//	t  text: on the left, in several lines where there is no room
//	r  numbers: on the right, always whole
//
// A capital marks a column that is repeated where the table is divided; without any, the
// first one is.
func NewTable(align string, header ...string) *Table {
	if len(align) != len(header) {
		panic("terminal: NewTable: a letter for every column")
	}
	t := &Table{align: strings.ToLower(align), header: header, keys: make([]bool, len(header))}
	for i := range align {
		t.keys[i] = align[i] != t.align[i] || (i == 0 && t.align == align)
	}
	return t
}

// Append adds a row, formatted as fmt.Sprint does. Cells that have no column are dropped.
func (t *Table) Append(cells ...any) { t.rows = append(t.rows, t.cells(cells)) }

// Separator adds a line.
func (t *Table) Separator() { t.rows = append(t.rows, nil) }

// Footer sets the last row, below a line.
func (t *Table) Footer(cells ...any) { t.footer = t.cells(cells) }

func (t *Table) cells(cells []any) []string {
	row := make([]string, len(t.align))
	for i := range row {
		if i >= len(cells) {
			break
		}
		lines := strings.Split(fmt.Sprint(cells[i]), "\n")
		for j := range lines {
			lines[j] = Clean(lines[j])
		}
		row[i] = strings.Join(lines, "\n")
	}
	return row
}

// Print writes t, without spaces at the ends of its lines, and an empty line. It has
// [Width] of w columns: headers are broken into lines, then names shortened and text
// wrapped; what has no room then follows in further tables, which have the columns that
// tell the rows apart, too. Numbers are never changed.
func (t *Table) Print(w io.Writer) {
	for _, part := range t.fit(Width(w)) {
		for line := range strings.Lines(part.render()) {
			fmt.Fprintln(w, strings.TrimRight(line, " \n"))
		}
		fmt.Fprintln(w)
	}
}

// render returns t as it is.
func (t *Table) render() string {
	p := table.NewWriter()
	p.SetStyle(table.StyleLight)
	p.Style().Format.Header = text.FormatDefault // As it is written, not in capitals.
	p.Style().Format.Footer = text.FormatDefault
	p.Style().Options.DrawBorder = false
	p.AppendHeader(tableRow(t.header))
	for _, row := range t.rows {
		if row == nil {
			p.AppendSeparator()
			continue
		}
		p.AppendRow(tableRow(row))
	}
	if t.footer != nil {
		p.AppendFooter(tableRow(t.footer))
	}
	columns := make([]table.ColumnConfig, len(t.align))
	for i, letter := range t.align {
		a := text.AlignLeft
		if letter == 'r' {
			a = text.AlignRight
		}
		columns[i] = table.ColumnConfig{Number: i + 1, Align: a, AlignHeader: a, AlignFooter: a, VAlignHeader: text.VAlignBottom}
	}
	p.SetColumnConfigs(columns)
	return p.Render()
}

func tableRow(cells []string) table.Row {
	row := make(table.Row, len(cells))
	for i, s := range cells {
		row[i] = s
	}
	return row
}
