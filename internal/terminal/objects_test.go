package terminal

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// A program gets an object at the start and at the end, and between them when there is news.
func TestProgressObjects(t *testing.T) {
	t.Setenv(ProgressVariable, "json")
	l := make(log, 1000)
	update, stop := Progress{W: l, Every: time.Millisecond}.Bar("calibrating")
	want := func(line string) {
		t.Helper()
		if got := <-l; got != line+"\n" {
			t.Fatalf("got %s, want %s", got, line)
		}
	}
	want(`{"progress":{"what":"calibrating","done":0,"of":0}}`)
	update(3, 10)
	got := <-l
	for strings.Contains(got, `"of":0`) { // As a program is told that nothing is new.
		got = <-l
	}
	if got != `{"progress":{"what":"calibrating","done":3,"of":10}}`+"\n" {
		t.Errorf("got %s", got)
	}
	want(strings.TrimSpace(got)) // Again, after a while.
	update(10, 10)
	stop()
	stop() // Of no effect.
	var last string
	for len(l) > 0 {
		last = <-l
		if !json.Valid([]byte(last)) {
			t.Errorf("no JSON: %s", last)
		}
	}
	if last != `{"progress":{"what":"calibrating","done":10,"of":10}}`+"\n" {
		t.Errorf("at the end: got %s", last)
	}
}

// However often work tells how far it is, a program is told ten times a second at most.
func TestProgressObjectsAreFew(t *testing.T) {
	t.Setenv(ProgressVariable, "json")
	l := make(log, 1000)
	update, stop := Progress{W: l}.Bar("simulating")
	began := time.Now()
	for i := range 50 {
		update(i, 50)
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if most := 3 + int(time.Since(began)/objectsEvery); len(l) > most || len(l) < 4 {
		t.Errorf("%d lines in %v, want 4 to %d", len(l), time.Since(began), most)
	}
}
