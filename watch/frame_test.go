package watch

import (
	"fmt"
	"strings"
	"testing"

	"sresnet/internal/terminal"
	"sresnet/tensor"
)

// A frame fits the terminal, however small, and uses one that is large enough for
// every class and layer.
func TestFrameFits(t *testing.T) {
	label := 1
	for _, T := range []int{1, 2, 350} {
		for _, classes := range []int{2, 10, 1000} {
			for _, layers := range []int{1, 9, 45} {
				th := newTestThought(T, classes, layers, tensor.Shape{3, 32, 32})
				th.Label = &label
				for _, size := range [][2]int{{1, 1}, {20, 5}, {40, 12}, {80, 23}, {120, 39}, {300, 100}} {
					for _, step := range []int{1, (T + 1) / 2, T} {
						w, h := size[0], size[1]
						frame := th.frame(step, w, h, terminal.TrueColours)
						if len(frame) > h || len(frame) == 0 {
							t.Errorf("T %d, %d classes, %d layers: %d lines on %d x %d", T, classes, layers, len(frame), w, h)
						}
						for i, l := range frame {
							if w >= 80 && l.Width() > w {
								t.Errorf("T %d, %d classes, %d layers: line %d has %d columns of %d", T, classes, layers, i, l.Width(), w)
							}
							if n := len([]rune(l.Render(w, terminal.NoColours))); n > w {
								t.Errorf("line %d is drawn in %d columns of %d", i, n, w)
							}
						}
						if text := frameText(frame, w); w >= 300 && (!strings.Contains(text, "block0.1") || !strings.Contains(text, fmt.Sprintf("block%d.1", layers-1))) {
							t.Errorf("layers are missing:\n%s", text)
						}
					}
				}
			}
		}
	}
}

func frameText(frame []terminal.Line, w int) string {
	var b strings.Builder
	for _, l := range frame {
		b.WriteString(l.Render(w, terminal.NoColours) + "\n")
	}
	return b.String()
}

func TestFrame(t *testing.T) {
	th := newTestThought(4, 2, 1, tensor.Shape{1, 2, 2})
	th.Settled = 4
	got := frameText(th.frame(2, 50, 20, terminal.NoColours), 50)
	// Evidence 1 of at most 3; spikes 0, 1, 2, 3 of seven neurons.
	want := `model  image                            t = 2 of 4

class 0                                      0 ◆
class 1 ██████████                           1

answer  01··
        1 class 1 since t = 2    ◆ trained network

1.0 spikes; at the right, per neuron in 100 timest
block0.1  ▃··                                  7.1
`
	th.Image = strings.Repeat("long ", 20)
	if title := th.frame(2, 50, 20, terminal.NoColours)[0]; title.Width() != 50 || !strings.HasSuffix(title.Render(50, terminal.NoColours), "…  t = 2 of 4") {
		t.Errorf("a long name: got title %q", title.Render(50, terminal.NoColours))
	}
	lines := strings.Split(got, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if got = strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestBar(t *testing.T) {
	for _, tt := range []struct {
		share float64
		want  string
	}{{0, ""}, {0.0625, "▏"}, {0.5, "█"}, {0.9375, "█▉"}, {1, "██"}, {2, "██"}, {-1, ""}} {
		if got := bar(tt.share, 2); got != tt.want {
			t.Errorf("bar(%v, 2): got %q, want %q", tt.share, got, tt.want)
		}
	}
}
