package terminal

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// log passes on the lines that are written.
type log chan string

func (l log) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// In a file, long work writes a line from time to time, and one at its end.
func TestProgressLines(t *testing.T) {
	l := make(log, 1000)
	update, stop := Progress{W: l, Every: time.Millisecond, Note: func() string { return "2 running" }}.Bar("calibrating")
	if got := <-l; got != "calibrating\n" {
		t.Errorf("before the first call: got %q", got)
	}
	update(200, 1000)
	update(600, 1000)
	got := <-l
	for got == "calibrating\n" {
		got = <-l
	}
	if !regexp.MustCompile(`^calibrating: 600 of 1000, 60 %, [0-9]+ s left; 2 running\n$`).MatchString(got) {
		t.Errorf("got %q", got)
	}
	stop()
	stop() // Of no effect.
	for len(l) > 0 {
		got = <-l
	}
	if !regexp.MustCompile(`^calibrating: 600 of 1000 in [0-9.]+ [µm]?s\n$`).MatchString(got) {
		t.Errorf("at the end: got %q", got)
	}
}

// Short work says nothing there.
func TestProgressShort(t *testing.T) {
	var b strings.Builder
	update, stop := Progress{W: &b}.Bar("calibrating")
	update(1, 2)
	stop()
	if b.Len() > 0 {
		t.Errorf("got %q", b.String())
	}
}

// What is left follows from what this process has done, not from what was there before.
func TestClock(t *testing.T) {
	c := clock{before: 500, start: time.Now().Add(-10 * time.Second)}
	for _, tt := range []struct {
		done int
		want string
	}{{500, "?"}, {600, "40 s"}, {750, "10 s"}, {1000, "0 s"}, {510, "8m10s"}} {
		if got := c.left(tt.done, 1000); got != tt.want {
			t.Errorf("%d of 1000: got %s, want %s", tt.done, got, tt.want)
		}
	}
}
