//go:build unix

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// onTerminal runs the program with what it prints on a terminal of 80 columns and 24
// lines, and returns what was written to that, errors included.
func onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("COLORTERM", "")
	t.Setenv("NO_COLOR", "")
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer ours.Close()
	if err := pty.Setsize(theirs, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	seen := make(chan string)
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, ours) // Linux ends it with EIO when the other side is closed.
		seen <- b.String()
	}()
	code := execute(t.Context(), args, theirs, theirs)
	theirs.Close()
	out := <-seen
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, out)
	}
	return out
}

// On a terminal the program moves and has colours, bars of progress among them; in a pipe
// it does not.
func TestTerminal(t *testing.T) {
	digits := t.TempDir()
	writeDigits(t, digits)
	data := []string{"--data", "mnist:" + digits, "--timesteps", "20"}
	watch := append([]string{"watch", model, "--image", "7", "--calibration-images", "2", "--speed", "200"}, data...)
	eval := append([]string{"eval", model, "--calibration-images", "20", "--images", "10"}, data...)
	for _, tt := range []struct {
		args  []string
		moves []string // What only a terminal is sent.
	}{
		{watch, []string{"\x1b[?25l", "\x1b[?25h", "\x1b[K", "\x1b[38;5;"}},
		{eval, []string{"calibrating", "simulating", "\x1b["}},
	} {
		out := onTerminal(t, tt.args...)
		for _, s := range tt.moves {
			if !strings.Contains(out, s) {
				t.Errorf("%s on a terminal lacks %q: %q", tt.args[0], s, out)
			}
		}
		code, stdout, stderr := sresnet(t, t.Context(), tt.args...)
		if code != 0 || stderr != "" || strings.Contains(stdout, "\x1b") {
			t.Errorf("%s in a pipe: exit code %d, errors %q, output %q", tt.args[0], code, stderr, stdout)
		}
	}
	plain := onTerminal(t, append(watch, "--plain")...)
	if i := strings.Index(plain, "t = 1:"); i < 0 || strings.Contains(plain[i:], "\x1b") {
		t.Errorf("--plain moves: %q", plain)
	}
}
