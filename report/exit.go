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
	words := []string{
		fmt.Sprintf("epsilon %v, learned from %d calibration images", x.Rule.Epsilon, x.Rule.Images),
		fmt.Sprintf("mean T %.1f of %d; a quarter of the images stops by %d, half by %d, three quarters by %d", x.MeanT, T, q[0], q[1], q[2]),
		fmt.Sprintf("%s %%, %s of T = %d; the same class as there for %s %%, the trained network's for %s %%",
			terminal.Percent(x.Top1), difference, T, terminal.Percent(x.Same), terminal.Percent(x.Agreement)),
		fmt.Sprintf("%s spikes and %s ACs per image, %s and %s of those to T = %d", terminal.Count(x.SpikesPerImage), terminal.Count(x.ACsPerImage),
			share(x.SpikesPerImage, r.SpikesPerImage[T-1]), share(x.ACsPerImage, r.ACsPerImage[T-1]), T),
	}
	if x.Joules != nil {
		words = append(words, x.Joules.String()+" per image")
	}
	var by []string
	for i, stopped, t := 1, 0, 0; i <= 8; i++ { // Eight parts of the presentation.
		for ; t < i*T/8; t++ {
			stopped += x.StopsAt[t]
		}
		if t > 0 && t > (i-1)*T/8 {
			by = append(by, fmt.Sprintf("%d: %s", t, terminal.Percent(float64(stopped)/float64(r.Images))))
		}
	}
	words = append(words,
		"images that have stopped by T, in percent: "+strings.Join(by, ", "),
		fmt.Sprintf("too early, before the class of the trained network stays: %s %% of these images, %s %% of the calibration images",
			terminal.Percent(x.Early), terminal.Percent(float64(x.Rule.Early)/float64(x.Rule.Images))))
	if n := exit.Needed(x.Rule.Epsilon); n > x.Rule.Images {
		words = append(words, fmt.Sprintf("%d calibration images are too few to let any of them stop too early, as an epsilon of %v may from %d on", x.Rule.Images, x.Rule.Epsilon, n))
	}
	return words
}

// share says how much of all a part is.
func share(part, all float64) string {
	if all == 0 {
		return unknown
	}
	return fmt.Sprintf("%.1f %%", 100*part/all)
}
