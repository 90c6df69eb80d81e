package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// newTable returns a table for a terminal with a header. align has a letter for
// every column: 'l' aligns it to the left, 'r' to the right.
func newTable(align string, header ...any) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault // As it is written, not in capitals.
	t.Style().Format.Footer = text.FormatDefault
	t.Style().Options.DrawBorder = false
	t.AppendHeader(header)
	columns := make([]table.ColumnConfig, len(align))
	for i, letter := range align {
		a := text.AlignRight
		if letter == 'l' {
			a = text.AlignLeft
		}
		columns[i] = table.ColumnConfig{Number: i + 1, Align: a, AlignHeader: a, AlignFooter: a}
	}
	t.SetColumnConfigs(columns)
	return t
}

// printTable writes t, without spaces at the ends of its lines, and an empty line.
func printTable(w io.Writer, t table.Writer) {
	for line := range strings.Lines(t.Render()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
	fmt.Fprintln(w)
}
