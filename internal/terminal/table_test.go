package terminal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	w := NewTable("lr", "layer", "rate")
	w.Append("relu", 0.25)
	w.Append("a longer one", "")
	w.Footer("total", 1)
	var b strings.Builder
	w.Print(&b)
	const want = ` layer        │ rate
──────────────┼──────
 relu         │ 0.25
 a longer one │
──────────────┼──────
 total        │    1

`
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Where there is little room, headers take more lines, then names lose their middle, then
// columns move to a table of their own.
func TestTableNarrow(t *testing.T) {
	w := NewTable("lrtr", "layer", "spikes/image", "what it is", "trained ACs")
	w.Append("/layer1/layer1.0/conv1/Relu", "12.35 k", "a convolution and what follows it", "1.5 G")
	w.Separator()
	w.Append("神経\x1b[2J", 7, "", "")
	for _, tt := range []struct {
		columns int
		want    string
	}{
		{90, `
                             │ spikes/ │                                   │ trained
 layer                       │   image │ what it is                        │     ACs
─────────────────────────────┼─────────┼───────────────────────────────────┼─────────
 /layer1/layer1.0/conv1/Relu │ 12.35 k │ a convolution and what follows it │   1.5 G
─────────────────────────────┼─────────┼───────────────────────────────────┼─────────
 神経?[2J                    │       7 │                                   │

`},
		{72, `
                         │ spikes/ │                        │ trained
 layer                   │   image │ what it is             │     ACs
─────────────────────────┼─────────┼────────────────────────┼─────────
 /layer1/lay…/conv1/Relu │ 12.35 k │ a convolution and what │   1.5 G
                         │         │ follows it             │
─────────────────────────┼─────────┼────────────────────────┼─────────
 神経?[2J                │       7 │                        │

`},
		{50, `
                    │ spikes/ │
 layer              │   image │ what it is
────────────────────┼─────────┼───────────────────
 /layer1/l…nv1/Relu │ 12.35 k │ a convolution and
                    │         │ what follows it
────────────────────┼─────────┼───────────────────
 神経?[2J           │       7 │

 layer                       │ trained ACs
─────────────────────────────┼─────────────
 /layer1/layer1.0/conv1/Relu │       1.5 G
─────────────────────────────┼─────────────
 神経?[2J                    │

`},
	} {
		t.Setenv("COLUMNS", fmt.Sprint(tt.columns))
		var b strings.Builder
		w.Print(&b)
		if got := "\n" + b.String(); got != tt.want {
			t.Errorf("%d columns: got%swant%s", tt.columns, got, tt.want)
		}
	}
}

// However wide the cells of a table are, its lines fit, and its numbers stay as they are.
func TestTableFits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 1 + rnd.IntN(14)
		align, header := "", []string{}
		for range n {
			align += string("lrtlrtlrtL"[rnd.IntN(10)])
			header = append(header, strings.Repeat("head ", 1+rnd.IntN(4)))
		}
		w, numbers := NewTable(align, header...), []string{}
		for range 1 + rnd.IntN(4) {
			row := make([]any, n)
			for i := range row {
				row[i] = strings.Repeat("名/x\x1b[1m"+strings.Repeat(" ", rnd.IntN(2))+"word", rnd.IntN(9))
				if align[i] == 'r' {
					row[i] = rnd.IntN(1e9)
					numbers = append(numbers, fmt.Sprint(row[i]))
				}
			}
			w.Append(row...)
		}
		width := 40 + 10*strings.Count(align, "L") + rnd.IntN(120)
		t.Setenv("COLUMNS", fmt.Sprint(width))
		var b strings.Builder
		w.Print(&b)
		for _, number := range numbers {
			if !strings.Contains(b.String(), number) {
				t.Errorf("%s is missing:\n%s", number, b.String())
			}
		}
		if got := columns(b.String()); got > width || strings.Contains(b.String(), "\x1b") {
			t.Errorf("%d columns of %d, align %s:\n%s", got, width, align, b.String())
		}
	}
}
