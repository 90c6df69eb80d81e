package report

import (
	"fmt"
	"strings"

	"sresnet/eval"
	"sresnet/exit"
	"sresnet/internal/terminal"
)

// ExitWords says what stopping early costs and brings, in sentences or phrases; nothing
// of a run without it.
func ExitWords(r *eval.Result) []string {
	x := r.Exit
	if x == nil {
		return nil
	}
	T, q := r.Timesteps, x.Quartiles
	difference := fmt.Sprintf("%s points below that", terminal.Percent(x.Loss))
	if x.Loss < 0 {
		difference = fmt.Sprintf("%s points above that", terminal.Percent(-x.Loss))
	}
	when := fmt.Sprintf("mean T %.1f of %d; a quarter of the images stops by %d, half by %d, three quarters by %d", x.MeanT, T, q[0], q[1], q[2])
	if r.Phased() {
		when = fmt.Sprintf("T = %d first, then T = %d for %s of the images: mean T %.1f, mean latency %.1f", x.Answers[0], T,
			share(float64(x.StopsAt[1]), float64(r.Images)), x.MeanT, x.MeanT*float64(r.Latency)/float64(T))
	}
	words := []string{
		fmt.Sprintf("epsilon %v, learned from %d calibration images", x.Rule.Epsilon, x.Rule.Images),
		when,
		fmt.Sprintf("%s %%, %s of T = %d; the same class as there for %s %%, the trained network's for %s %%",
			terminal.Percent(x.Top1), difference, T, terminal.Percent(x.Same), terminal.Percent(x.Agreement)),
		fmt.Sprintf("%s spikes and %s ACs per image, %s and %s of those to T = %d", terminal.Count(x.SpikesPerImage), terminal.Count(x.ACsPerImage),
			share(x.SpikesPerImage, r.SpikesPerImage[T-1]), share(x.ACsPerImage, r.ACsPerImage[T-1]), T),
	}
	if x.Joules != nil {
		words = append(words, x.Joules.String()+" per image")
	}
	if !r.Phased() {
		words = append(words, "images that have stopped by T, in percent: "+distribution(r))
	}
	words = append(words,
		fmt.Sprintf("too early, before the class of the trained network stays: %s %% of these images, %s %% of the calibration images",
			terminal.Percent(x.Early), terminal.Percent(float64(x.Rule.Early)/float64(x.Rule.Images))))
	if n := exit.Needed(x.Rule.Epsilon); n > x.Rule.Images {
		words = append(words, fmt.Sprintf("%d calibration images are too few to let any of them stop too early, as an epsilon of %v may from %d on", x.Rule.Images, x.Rule.Epsilon, n))
	}
	return words
}

// distribution says how many images have stopped after each eighth of the presentation.
func distribution(r *eval.Result) string {
	var by []string
	T, stopped, t := r.Timesteps, 0, 0
	for i := 1; i <= 8; i++ {
		from := t
		for ; t < i*T/8; t++ {
			stopped += r.Exit.StopsAt[t]
		}
		if t > from {
			by = append(by, fmt.Sprintf("%d: %s", t, terminal.Percent(float64(stopped)/float64(r.Images))))
		}
	}
	return strings.Join(by, ", ")
}

// share says how much of all a part is.
func share(part, all float64) string {
	if all == 0 {
		return unknown
	}
	return fmt.Sprintf("%.1f %%", 100*part/all)
}
