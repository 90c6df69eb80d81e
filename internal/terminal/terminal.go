// Package terminal shows things to people: text that fits their terminal, tables, numbers
// with units, colours and bars of progress. It knows nothing of what it shows.
//
// Widths are counted in columns. Where a terminal's is not known, as of a pipe or a file,
// it is that of COLUMNS in the environment, else [Columns].
package terminal

import (
	"io"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/term"
)

// Columns and Lines are the size of a terminal that does not tell.
const (
	Columns = 80
	Lines   = 24
)

// Of returns the terminal that w writes to, perhaps through others that have a method
// Unwrap, or nil if it is none that can be drawn on.
func Of(w io.Writer) *os.File {
	for {
		outer, ok := w.(interface{ Unwrap() io.Writer })
		if !ok {
			break
		}
		w = outer.Unwrap()
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	if runtime.GOOS == "windows" && os.Getenv("WT_SESSION") == "" { // The old console may show escapes as they are.
		return nil
	}
	return f
}

// Size returns the columns and lines of a terminal.
func Size(f *os.File) (columns, lines int) {
	columns, lines, err := term.GetSize(int(f.Fd()))
	if err != nil || columns < 1 || lines < 2 { // Some lines have no size.
		return Columns, Lines
	}
	return columns, lines
}

// Width returns how many columns there are for what is written to w.
func Width(w io.Writer) int {
	if f := Of(w); f != nil {
		columns, _ := Size(f)
		return columns
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return Columns
}
