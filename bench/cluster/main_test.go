package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTotal(t *testing.T) {
	ten := slices.Repeat([]time.Duration{10 * time.Second}, 10)
	for _, tt := range []struct {
		name   string
		s      site
		shards []time.Duration
		want   time.Duration
	}{
		{"one after the other", site{nodes: 1, tasks: 1, poll: 1}, ten, 100 * time.Second},
		{"ten at a time", site{nodes: 5, tasks: 2, poll: 1}, ten, 10 * time.Second},
		{"three rounds of four", site{nodes: 2, tasks: 2, poll: 1}, ten, 30 * time.Second},
		{"no use for more", site{nodes: 50, tasks: 2, poll: 1}, ten, 10 * time.Second},
		{"a wait", site{nodes: 5, tasks: 2, wait: time.Minute, poll: 1}, ten, 70 * time.Second},
		{"a look every minute", site{nodes: 5, tasks: 2, poll: time.Minute}, ten, time.Minute},
		{"a second to start each", site{nodes: 1, tasks: 2, start: time.Second, poll: 1}, ten, 55 * time.Second},
		{"a long one at the end", site{nodes: 1, tasks: 2, poll: 1}, []time.Duration{1 * time.Second, 1 * time.Second, 9 * time.Second}, 10 * time.Second},
	} {
		if got := tt.s.total(tt.shards); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The page has the table that the command prints.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := run(nil, &b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), b.String()) {
		t.Errorf("docs/cluster.md lacks what go run ./bench/cluster prints:\n%s", &b)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, bad := range []string{"-nodes 0", "-nodes x", "-shards 0", "-tasks 0", "-poll 0s", "-wait -1s", "-run nowhere"} {
		if err := run(strings.Fields(bad), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}
