package eval

import "testing"

func TestBest(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    []Candidate
		want int
	}{
		{"none", nil, -1},
		{"one", []Candidate{{0, 0}}, 0},
		{"more correct images, however dear", []Candidate{{90, 1}, {91, 1000}, {89, 0}}, 1},
		{"equals go to fewer operations", []Candidate{{90, 3}, {90, 2}, {90, 4}}, 1},
		{"equal in both: the first", []Candidate{{80, 1}, {90, 2}, {90, 2}}, 1},
	} {
		if got := Best(tt.c); got != tt.want {
			t.Errorf("%s: Best(%v): got %d, want %d", tt.name, tt.c, got, tt.want)
		}
	}
}

func TestCandidate(t *testing.T) {
	r := tinyResult() // One of two images is right at every timestep.
	r.MACsPerImage = 5
	if got, want := r.Candidate(2), (Candidate{Correct: 1, Operations: 38}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
