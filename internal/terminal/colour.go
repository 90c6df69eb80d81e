package terminal

import (
	"fmt"
	"strings"
)

// Depth is how many colours a terminal shows.
type Depth int

const (
	NoColours   Depth = iota // Nor other styles.
	Colours256               // The table of xterm.
	TrueColours              // Three bytes.
)

// Colours returns the depth that the environment tells, as https://no-color.org and
// the terminals' habits have it. getenv is os.Getenv.
func Colours(getenv func(string) string) Depth {
	name := getenv("TERM")
	switch {
	case getenv("NO_COLOR") != "":
		return NoColours
	case getenv("COLORTERM") == "truecolor" || getenv("COLORTERM") == "24bit" || getenv("WT_SESSION") != "":
		return TrueColours
	}
	for _, known := range []string{"xterm", "screen", "tmux", "rxvt", "alacritty", "kitty"} {
		if strings.HasPrefix(name, known) || strings.HasSuffix(name, "-256color") {
			return Colours256
		}
	}
	return NoColours
}

// Style is how text looks: the parameters of an escape sequence. Those of the sixteen
// colours leave the shades to the user's theme.
type Style string

// Styles.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "1;31"
	Green  Style = "1;32"
	Yellow Style = "33"
	Blue   Style = "34"
	Cyan   Style = "1;36"
)

// HalfBlock returns a character that shows one pixel above the other: red, green, blue
// from 0 to 255. Without colours, it is a shade.
func HalfBlock(top, bottom [3]uint8, d Depth) Span {
	switch d {
	case TrueColours:
		return Span{Style(fmt.Sprintf("38;2;%d;%d;%d;48;2;%d;%d;%d", top[0], top[1], top[2], bottom[0], bottom[1], bottom[2])), "▀"}
	case Colours256:
		return Span{Style(fmt.Sprintf("38;5;%d;48;5;%d", nearest256(top), nearest256(bottom))), "▀"}
	}
	sum := 0
	for i := range top {
		sum += int(top[i]) + int(bottom[i])
	}
	shades := []rune(" ░▒▓█")
	return Span{Plain, string(shades[sum*len(shades)/(6*255+1)])}
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
