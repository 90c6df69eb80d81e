package terminal

import "testing"

// A line is cut at the edge; sequences are written where styles change, and the last one ends it.
func TestRender(t *testing.T) {
	l := Line{Plain.Span("a"), Bold.Span("b"), Bold.Span("c"), Red.Span(""), Plain.Span("d"), Dim.Span("e")}
	for _, tt := range []struct {
		w    int
		d    Depth
		want string
	}{
		{9, Colours256, "a\x1b[1mbc\x1b[0md\x1b[2me\x1b[0m"},
		{3, Colours256, "a\x1b[1mbc\x1b[0m"},
		{1, Colours256, "a"},
		{0, Colours256, ""},
		{4, NoColours, "abcd"},
	} {
		if got := l.Render(tt.w, tt.d); got != tt.want {
			t.Errorf("%d columns, %v: got %q, want %q", tt.w, tt.d, got, tt.want)
		}
	}
}
