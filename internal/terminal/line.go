package terminal

import "strings"

// Span is text in one style.
type Span struct {
	Style Style
	Text  string
}

// Span returns text in that style.
func (s Style) Span(text string) Span { return Span{s, text} }

// Line is spans side by side; every character is one column wide.
type Line []Span

// Width returns the columns of l.
func (l Line) Width() int {
	n := 0
	for _, s := range l {
		n += len([]rune(s.Text))
	}
	return n
}

// Pad returns l filled with spaces up to w columns.
func (l Line) Pad(w int) Line {
	if n := w - l.Width(); n > 0 {
		return append(l, Span{Plain, strings.Repeat(" ", n)})
	}
	return l
}

// Render returns l for a terminal that is w columns wide, what is further right and,
// without colours, styles left out.
func (l Line) Render(w int, d Depth) string {
	var b strings.Builder
	style := Plain
	change := func(to Style) {
		if d == NoColours || to == style {
			return
		}
		if style != Plain {
			b.WriteString("\x1b[0m")
		}
		if to != Plain {
			b.WriteString("\x1b[" + string(to) + "m")
		}
		style = to
	}
	for _, s := range l {
		text := []rune(s.Text)
		text = text[:min(len(text), w)]
		w -= len(text)
		if len(text) > 0 {
			change(s.Style)
			b.WriteString(string(text))
		}
	}
	change(Plain)
	return b.String()
}
