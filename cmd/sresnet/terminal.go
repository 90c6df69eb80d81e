package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"
)

// depth is how many colours a terminal shows.
type depth int

const (
	noColours depth = iota
	colours256
	trueColours
)

// colours returns the depth that the environment tells, as https://no-color.org and
// the terminals' habits have it.
func colours(getenv func(string) string) depth {
	name := getenv("TERM")
	switch {
	case getenv("NO_COLOR") != "":
		return noColours
	case getenv("COLORTERM") == "truecolor" || getenv("COLORTERM") == "24bit" || getenv("WT_SESSION") != "":
		return trueColours
	}
	for _, known := range []string{"xterm", "screen", "tmux", "rxvt", "alacritty", "kitty"} {
		if strings.HasPrefix(name, known) || strings.HasSuffix(name, "-256color") {
			return colours256
		}
	}
	return noColours
}

// terminal returns w if it is a terminal that can be drawn on, else nil.
func terminal(w io.Writer) *os.File {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	if runtime.GOOS == "windows" && os.Getenv("WT_SESSION") == "" { // The old console may show escapes as they are.
		return nil
	}
	return f
}

// Styles of text. Those of the sixteen colours leave the shades to the user's theme.
const (
	plain   = ""
	bold    = "1"
	dim     = "2"
	red     = "1;31"
	green   = "1;32"
	yellow  = "33"
	blue    = "34"
	cyan    = "1;36"
	endings = "\x1b[0m"
)

// span is text in one style.
type span struct{ style, text string }

// line is spans side by side; every character is one column wide.
type line []span

// width returns the columns of l.
func (l line) width() int {
	n := 0
	for _, s := range l {
		n += len([]rune(s.text))
	}
	return n
}

// pad returns l filled with spaces up to w columns.
func (l line) pad(w int) line {
	if n := w - l.width(); n > 0 {
		return append(l, span{plain, strings.Repeat(" ", n)})
	}
	return l
}

// render returns l for a terminal that is w columns wide, styles left out without
// colours.
func (l line) render(w int, d depth) string {
	var b strings.Builder
	for _, s := range l {
		text := []rune(s.text)
		text = text[:min(len(text), w)]
		w -= len(text)
		if d == noColours || s.style == plain || len(text) == 0 {
			b.WriteString(string(text))
			continue
		}
		b.WriteString("\x1b[" + s.style + "m" + string(text) + endings)
	}
	return b.String()
}

// halfBlock is a character with one pixel above the other.
func halfBlock(top, bottom [3]uint8, d depth) span {
	switch d {
	case trueColours:
		return span{fmt.Sprintf("38;2;%d;%d;%d;48;2;%d;%d;%d", top[0], top[1], top[2], bottom[0], bottom[1], bottom[2]), "▀"}
	case colours256:
		return span{fmt.Sprintf("38;5;%d;48;5;%d", nearest256(top), nearest256(bottom)), "▀"}
	}
	sum := 0
	for i := range top {
		sum += int(top[i]) + int(bottom[i])
	}
	shades := []rune(" ░▒▓█")
	return span{plain, string(shades[sum*len(shades)/(6*255+1)])}
}

// nearest256 returns the colour of the table of 256 that is nearest: of its 24 greys
// for a grey, else of its cube of 6x6x6.
func nearest256(c [3]uint8) int {
	if c[0] == c[1] && c[1] == c[2] && c[0] > 3 && c[0] < 247 {
		return 232 + min(max((int(c[0])-3)/10, 0), 23)
	}
	index := 16
	for i, x := range c { // Levels 0, 95, 135, 175, 215, 255.
		level := 0
		if x >= 48 {
			level = max((int(x)-35)/40, 1)
		}
		index += level * [3]int{36, 6, 1}[i]
	}
	return index
}
