package terminal

import (
	"fmt"
	"io"
)

// List prints lines under a heading, if there are any, and an empty line.
func List(w io.Writer, heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(w, heading)
	for _, l := range lines {
		Printf(w, "  - %s\n", Clean(l))
	}
	fmt.Fprintln(w)
}
