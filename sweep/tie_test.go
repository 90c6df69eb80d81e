package sweep

import (
	"reflect"
	"strings"
	"testing"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/experiment"
)

// ofAnswers is a sweep of which only the answers to images are there: wrong has, of each setting,
// the images of 1000 that it gets wrong, and adds what it takes.
func ofAnswers(t *testing.T, wrong [][2]int, adds []float64) *Sweep {
	t.Helper()
	s := &Sweep{Experiment: new(experiment.Experiment), At: 1, Selection: new(dataset.Images)}
	for i, w := range wrong {
		r := &eval.Result{Images: 1000, Timesteps: 1, ACsPerImage: adds[i : i+1], SpikesPerImage: []float64{1}, Agreement: []float64{1}}
		right := 0
		for k := range 1000 {
			turns := []int{1}
			if k >= w[0] && k < w[1] {
				turns = []int{}
			} else {
				right++
			}
			r.Predictions.Turns = append(r.Predictions.Turns, turns)
		}
		r.SpikingTop1 = []float64{float64(right) / 1000}
		settings, err := Grid(map[string][]string{"percentile": {"99"}, "v-init": {"0.5"}, "compensation": {"none"}})
		if err != nil {
			t.Fatal(err)
		}
		s.Settings, s.Results, s.right = append(s.Settings, settings[0]), append(s.Results, nil), append(s.right, nil)
		s.finish(i, r)
		if r.Predictions.Turns != nil {
			t.Error("answers are kept")
		}
	}
	return s
}

// Settings tie with the best one if the images that just one of both gets right do not tell them
// apart; the cheapest of these is chosen, however cheap another one is.
func TestStandings(t *testing.T) {
	s := ofAnswers(t, [][2]int{
		{0, 10},    // The best one.
		{5, 17},    // As good: 7 and 5 images.
		{0, 16},    // 6 images are lost and none gained: p = 0.03, of four that is no difference.
		{0, 30},    // 20 are lost.
		{500, 560}, // 60 are lost and 10 gained.
	}, []float64{50, 40, 30, 20, 10})
	var ties []bool
	for _, x := range s.Standings() {
		ties = append(ties, x.Tie)
	}
	if want := []bool{true, true, true, false, false}; !reflect.DeepEqual(ties, want) || s.best() != 0 || s.Chosen() != 2 {
		t.Errorf("ties %v, best %d, chosen %d, want %v, 0, 2", ties, s.best(), s.Chosen(), want)
	}
	if p := s.Standings()[4].Pairs; p != (eval.Pairs{Images: 1000, Lost: 60, Gained: 10}) {
		t.Errorf("pairs %+v", p)
	}

	// Where that is not known, a tie is an equal count.
	s.right[0] = nil
	for i, x := range s.Standings() {
		if x.Tie != (i == 0) || x.Known {
			t.Errorf("setting %d of unknown answers: %+v", i, x)
		}
	}

	s.Results[1] = nil
	if s.Standings() != nil || s.Chosen() != -1 {
		t.Error("something is chosen of settings that are not finished")
	}
}

// A read-out is a setting whose network is the same.
func TestReadouts(t *testing.T) {
	list, err := Grid(map[string][]string{"preset": {"few-steps"}, "readout": {"count+potential", "potential"}, "bits": {"0", "8"}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name())
	}
	if got, want := strings.Join(names, " "), "few-steps few-steps-potential few-steps-b8 few-steps-b8-potential"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if list, err = grid(nil, 10, "count"); err != nil || !strings.HasSuffix(list[0].Name(), "-count") {
		t.Errorf("the read-out of the options: %v, error %v", list, err)
	}
}
