package verify

import (
	"io"
	"strconv"

	"sresnet/internal/terminal"
)

// Print writes stages as a table, and what they leave out.
func Print(w io.Writer, stages []Stage) {
	t := terminal.NewTable("ttrll", "stage", "largest difference", "accepted", "where", "verdict")
	for _, s := range stages {
		verdict := "ok"
		if !s.OK {
			verdict = "FAILED"
		}
		t.Append(s.Name, strconv.FormatFloat(s.Difference, 'g', 3, 64)+" "+s.Unit, strconv.FormatFloat(s.Bound, 'g', 3, 64), s.Where, verdict)
	}
	t.Print(w)
	for _, s := range stages {
		if s.Note != "" {
			terminal.Printf(w, "%s: %s\n", s.Name, s.Note)
		}
	}
}
