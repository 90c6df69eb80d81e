package report

import (
	"strings"
	"testing"

	"sresnet/eval"
	"sresnet/exit"
)

// What an early exit costs and brings, in words; nothing of a run without.
func TestExitWords(t *testing.T) {
	r := &eval.Result{Images: 200, Timesteps: 8, Latency: 8, SpikesPerImage: []float64{7: 4000}, ACsPerImage: []float64{7: 1e6}}
	if words := ExitWords(r); words != nil {
		t.Errorf("without one: got %q", words)
	}
	r.Exit = &eval.Exit{
		Rule:    exit.Rule{Epsilon: 0.02, Images: 150, Early: 1},
		StopsAt: []int{0, 20, 80, 0, 60, 0, 0, 40}, MeanT: 4.5, Quartiles: [3]int{3, 3, 5},
		Top1: 0.9, Loss: 0.0125, Agreement: 0.95, Same: 0.97, Early: 0.015, SpikesPerImage: 1000, ACsPerImage: 250000,
	}
	want := []string{
		"epsilon 0.02, learned from 150 calibration images",
		"mean T 4.5 of 8; a quarter of the images stops by 3, half by 3, three quarters by 5",
		"90.00 %, 1.25 points below that of T = 8; the same class as there for 97.00 %, the trained network's for 95.00 %",
		"1 k spikes and 250 k ACs per image, 25.0 % and 25.0 % of those to T = 8",
		"images that have stopped by T, in percent: 1: 0.00, 2: 10.00, 3: 50.00, 4: 50.00, 5: 80.00, 6: 80.00, 7: 80.00, 8: 100.00",
		"too early, before the class of the trained network stays: 1.50 % of these images, 0.67 % of the calibration images",
	}
	if got := ExitWords(r); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r.Exit.Loss, r.Exit.Rule.Epsilon = -0.005, 0.01
	got := strings.Join(ExitWords(r), "\n")
	for _, s := range []string{"0.50 points above that of T = 8", "150 calibration images are too few to let any of them stop too early, as an epsilon of 0.01 may from 199 on"} {
		if !strings.Contains(got, s) {
			t.Errorf("%q is missing from\n%s", s, got)
		}
	}

	r.Schedule, r.Latency = "phased", 40
	r.Exit.Answers, r.Exit.StopsAt, r.Exit.MeanT = []int{4, 12}, []int{150, 50}, 6
	if got := ExitWords(r); got[1] != "T = 4 first, then T = 8 for 25.0 % of the images: mean T 6.0, mean latency 30.0" || strings.Contains(strings.Join(got, " "), "have stopped by") {
		t.Errorf("of a cascade: got %q", got)
	}
}
