package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sresnet/benchmark"
	"sresnet/internal/terminal"
)

// row is one line of the table: a program on a number of cores, in the setting that
// was the fastest.
type row struct {
	best     []sample // Of every round, in their order.
	speed    float64  // Image-steps per second, median of the rounds.
	ratio    float64  // Image-steps of sresnet for one of this program, median of the rounds.
	slowest  float64
	fastest  float64
	accuracy float64
	steps    int // Timesteps until accuracy.
}

// rows returns the lines of the table in order.
func (c *comparison) rows() []row {
	var rows []row
	for _, cores := range c.cores() {
		own := c.fastest(sresnet, cores)
		names := []string{sresnet}
		for _, s := range c.Samples {
			if strings.HasPrefix(s.Program, sresnet) && !slices.Contains(names, s.Program) {
				names = append(names, s.Program)
			}
		}
		for _, name := range append(names, pytorch, pytorchAVX2, onnxruntime) {
			best := c.fastest(name, cores)
			if len(best) == 0 {
				continue
			}
			r := row{best: best, speed: benchmark.Median(speeds(best)), slowest: slices.Min(speeds(best)), fastest: slices.Max(speeds(best)), accuracy: best[0].Accuracy, steps: best[0].Timesteps}
			against := own
			if name == pytorchAVX2 { // Like with like.
				against = c.fastest(sresnetAVX2, cores)
			}
			var ratios []float64
			for i, s := range best {
				ratios = append(ratios, against[i].Speed/s.Speed)
			}
			r.ratio = benchmark.Median(ratios)
			if strings.HasPrefix(name, pytorch) && c.EqualWork != nil {
				r.accuracy, r.steps = c.EqualWork.Accuracy, c.EqualWork.Timesteps
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// cores returns the numbers of cores in the order in which they were measured.
func (c *comparison) cores() []int {
	var list []int
	for _, s := range c.Samples {
		if !slices.Contains(list, s.Cores) {
			list = append(list, s.Cores)
		}
	}
	return list
}

// fastest returns the samples, one per round, of the program's setting with the
// highest median speed.
func (c *comparison) fastest(name string, cores int) []sample {
	settings := map[string][]sample{}
	for _, s := range c.Samples {
		if s.Program == name && s.Cores == cores {
			settings[s.Setting] = append(settings[s.Setting], s)
		}
	}
	var best []sample
	for _, setting := range slices.Sorted(maps.Keys(settings)) {
		if s := settings[setting]; best == nil || benchmark.Median(speeds(s)) > benchmark.Median(speeds(best)) {
			best = s
		}
	}
	return best
}

func speeds(samples []sample) []float64 {
	var list []float64
	for _, s := range samples {
		list = append(list, s.Speed)
	}
	return list
}

// print writes the table and what belongs to it.
func (c *comparison) print(w io.Writer) {
	fmt.Fprintf(w, "%s, the first %s of %s, %s. %s; medians of %s, slowest and fastest in brackets.\n\n",
		strings.TrimSuffix(c.Model, ".onnx"), terminal.Plural(c.Images, "image", "images"), c.Data, c.binding(), c.Processor, terminal.Plural(c.Rounds, "round", "rounds"))
	fmt.Fprintln(w, "| cores | program | how | timesteps | accuracy | image-steps/s | sresnet / program | ms per image | images/s |")
	fmt.Fprintln(w, "|--:|---|---|--:|--:|--:|--:|--:|--:|")
	for _, r := range c.rows() {
		s := r.best[0]
		ratio := fmt.Sprintf("%.2f", r.ratio)
		if strings.HasPrefix(s.Program, sresnet) {
			ratio = ""
		}
		fmt.Fprintf(w, "| %d | %s | %s | %d | %s | %.0f (%.0f to %.0f) | %s | %.2f | %.0f |\n",
			s.Cores, strings.TrimSpace(s.Program+" "+c.Versions[s.Program]), s.Setting, r.steps, percent(r.accuracy), r.speed, r.slowest, r.fastest, ratio, 1000*float64(r.steps)/r.speed, r.speed/float64(r.steps))
	}
	fmt.Fprintln(w)
	for _, line := range c.notes() {
		fmt.Fprintln(w, line)
	}
}

func (c *comparison) binding() string {
	if c.Bound {
		return "programs bound to their cores"
	}
	return "programs limited to as many threads as cores"
}

// notes are the sentences below the table: how equal the work is, and what is
// missing.
func (c *comparison) notes() []string {
	var lines []string
	if e := c.EqualWork; e != nil {
		lines = append(lines, fmt.Sprintf("- PyTorch simulated the same %d timesteps of the same %s once, on %s: %.1f s, %.0f image-steps/s, accuracy %s; sresnet's is %s. In the rounds it simulated %d timesteps: accuracy %s, sresnet's after as many is %s.",
			e.Timesteps, terminal.Plural(c.Images, "image", "images"), terminal.Plural(e.Cores, "core", "cores"), e.Seconds, e.Speed, percent(e.Accuracy), percent(c.Top1[e.Timesteps-1]),
			c.DenseTimesteps, c.accuracies(pytorch), percent(c.Top1[c.DenseTimesteps-1])))
	}
	if _, ok := c.Versions[onnxruntime]; ok {
		lines = append(lines, fmt.Sprintf("- onnxruntime runs the trained network, a pass counted as one timestep: accuracy %s, that of sresnet's own dense pass is %s.", c.accuracies(onnxruntime), percent(c.Trained)))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Missing)) {
		lines = append(lines, "- Left out: "+c.Missing[name])
	}
	return lines
}

// accuracies returns the accuracy of a program in the rounds; all of them, should
// they differ.
func (c *comparison) accuracies(name string) string {
	var list []string
	for _, s := range c.Samples {
		if a := percent(s.Accuracy); s.Program == name && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return strings.Join(list, " or ")
}

func percent(fraction float64) string { return terminal.Percent(fraction) + " %" }
