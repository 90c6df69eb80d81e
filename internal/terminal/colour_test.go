package terminal

import "testing"

func TestColours(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want Depth
	}{
		{map[string]string{}, NoColours},
		{map[string]string{"TERM": "xterm-256color"}, Colours256},
		{map[string]string{"TERM": "foot-256color"}, Colours256},
		{map[string]string{"TERM": "linux"}, NoColours},
		{map[string]string{"TERM": "xterm", "COLORTERM": "truecolor"}, TrueColours},
		{map[string]string{"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"}, NoColours},
	} {
		if got := Colours(func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("%v: got %v, want %v", tt.env, got, tt.want)
		}
	}
	for _, tt := range []struct {
		c    [3]uint8
		want int
	}{{[3]uint8{0, 0, 0}, 16}, {[3]uint8{255, 255, 255}, 231}, {[3]uint8{128, 128, 128}, 244}, {[3]uint8{255, 0, 0}, 196}, {[3]uint8{0, 95, 135}, 24}} {
		if got := nearest256(tt.c); got != tt.want {
			t.Errorf("nearest256(%v): got %d, want %d", tt.c, got, tt.want)
		}
	}
}
