package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sresnet/diagnose"
	"sresnet/energy"
	"sresnet/eval"
)

// Caption is what stands above or below a figure, on the page and in every export: its title,
// and what its numbers are of.
type Caption struct {
	Name  string `json:"name"`    // Of a file with the figure, without its ending.
	Title string `json:"title"`   //
	Says  string `json:"caption"` // How many images, which T, and what is not alike in what it shows.
}

// images counts images, in words.
func images(n int) string {
	if n == 1 {
		return "1 image"
	}
	return fmt.Sprintf("%d images", n)
}

// basis says what the numbers of a run are of.
func (run *Run) basis() string {
	so := ""
	if !run.Result.Complete {
		so = " so far"
	}
	return images(run.Result.Images) + so + ", " + run.Result.Timing()
}

// briefly is basis in few words, for several runs in a row.
func (run *Run) briefly() string {
	r := run.Result
	s := images(r.Images)
	if !r.Complete {
		s += " so far"
	}
	if r.Phased() {
		return fmt.Sprintf("%s, T = %d phased", s, r.Timesteps)
	}
	return fmt.Sprintf("%s, T = %d", s, r.Timesteps)
}

// sentence begins s with a capital letter and ends it with a full stop.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// diagnosed says what the numbers of a diagnosis are of, and in what it differs from the run
// that it stands beside.
func (run *Run) diagnosedOn() string {
	d := run.Diagnosis
	if d == nil || len(d.Timesteps) == 0 {
		return ""
	}
	s := sentence("diagnosis of " + images(d.Images) + ", " + timing(d))
	if other := run.otherwise(); len(other) > 0 {
		s += " Not as in the run: " + strings.Join(other, "; ") + "."
	}
	return s
}

// timing says after how long the verdict of d is.
func timing(d *diagnose.Diagnosis) string {
	return eval.Timing(d.Schedule, d.Coding, d.Timesteps[len(d.Timesteps)-1], d.Latency)
}

// otherwise says in what a diagnosis is not of its run, as phrases. A file of a diagnosis names
// neither its images nor its settings, so that they are told by what they do: the accuracy of
// the trained network on as many of the run's first images, that of the spiking one, and
// the scales of its layers.
func (run *Run) otherwise() []string {
	d, r := run.Diagnosis, run.Result
	var list []string
	if d.Images != r.Images {
		list = append(list, "the run has "+images(r.Images))
	}
	here := r.Timing()
	if there := timing(d); there != here {
		list = append(list, "the run has "+here)
	}
	right := run.firstRight(d.Images)
	if right != nil && !r.Alone() {
		if n := count01(right.trained); n != whole(d.ANNTop1, d.Images) {
			return append(list, fmt.Sprintf("these are not the first images of the run, of which the trained network gets %d right, not %d", n, whole(d.ANNTop1, d.Images)))
		}
	}
	for i := range d.Layers {
		for k := range r.Layers {
			if a, b := &d.Layers[i], &r.Layers[k]; a.Name == b.Name && significant(num(a.Lambda)) != significant(num(b.Lambda)) {
				return append(list, fmt.Sprintf("other settings, as λ of %s is %s and in the run %s", a.Name, significant(num(a.Lambda)), significant(num(b.Lambda))))
			}
		}
	}
	if T := d.Timesteps[len(d.Timesteps)-1]; right != nil && right.spiking != nil && T <= r.Timesteps && (d.Latency > 0) == r.Phased() && (!r.Phased() || T == r.Timesteps) {
		if n, m := count01(right.spiking(T)), whole(d.SNNTop1[len(d.SNNTop1)-1], d.Images); n != m {
			list = append(list, fmt.Sprintf("other settings, as the spiking network of the run gets %d of these images right at T = %d, not %d", n, T, m))
		}
	}
	return list
}

// firstRight says which of the first n images of the data set both networks of a run get
// right; nil if the run does not have them all.
func (run *Run) firstRight(n int) *answers {
	p := &run.Result.Predictions
	if n < 1 || n > len(p.Image) || p.Image[0] != 0 || p.Image[n-1] != n-1 || run.Result.Skipped > 0 {
		return nil
	}
	a := &answers{}
	for i := range min(n, len(p.Trained)) {
		a.trained = append(a.trained, p.Trained[i] == p.Label[i])
	}
	if p.Turns != nil {
		a.spiking = func(T int) []bool { return p.Right(T)[:n] }
	}
	return a
}

// answers says of some images whether the networks are right.
type answers struct {
	trained []bool
	spiking func(T int) []bool // After T timesteps; nil if that is not known.
}

func count01(list []bool) (n int) {
	for _, is := range list {
		if is {
			n++
		}
	}
	return n
}

// whole is how many of n a share is.
func whole(share float64, n int) int { return int(share*float64(n) + 0.5) }

// basis says what the numbers of all runs are of, and what they do not have in common.
func (r *Report) basis() string {
	if len(r.Runs) == 1 {
		return sentence(r.Runs[0].basis())
	}
	var all []string
	fewest, most := r.Runs[0].Result.Images, 0
	for _, run := range r.Runs {
		if s := run.briefly(); !slices.Contains(all, s) {
			all = append(all, s)
		}
		fewest, most = min(fewest, run.Result.Images), max(most, run.Result.Images)
	}
	s := fmt.Sprintf("%d runs, each of %s.", len(r.Runs), all[0])
	switch {
	case len(r.Runs) <= 4 && len(all) > 1:
		var each []string
		for _, run := range r.Runs {
			each = append(each, run.Name+": "+run.briefly())
		}
		s = strings.Join(each, "; ") + "."
	case fewest < most:
		s = fmt.Sprintf("%d runs of %d to %d images each.", len(r.Runs), fewest, most)
	case len(all) > 1:
		s = fmt.Sprintf("%d runs of %s each.", len(r.Runs), images(most))
	}
	if unlike := r.unlike(); len(unlike) > 0 {
		s += " Not alike: " + strings.Join(unlike, ", ") + "."
	}
	return s
}

// unlike names what the runs do not have in common, so that a difference between them may
// come of it.
func (r *Report) unlike() []string {
	var list []string
	for i := range aspects {
		if a := &aspects[i]; a.differs(r.Runs) {
			list = append(list, a.what)
		}
	}
	const most = 4 // More settings are in the table of the comparison.
	settings := r.differ()
	settings = slices.DeleteFunc(settings, func(s string) bool {
		return slices.Contains([]string{"data", "calibrate", "calibration_images", "schedule", "coding"}, s) // Named above by what they are.
	})
	for i, s := range settings {
		if i == most {
			list = append(list, fmt.Sprintf("%d further settings", len(settings)-most))
			break
		}
		list = append(list, strings.ReplaceAll(s, "_", " "))
	}
	return list
}

// captionOf is the caption of a figure of one run.
func (run *Run) caption(name string) Caption {
	c := Caption{Name: name, Says: sentence(run.basis())}
	switch name {
	case "choice":
		c.Title = "Accuracy and operations after some timesteps"
	case "classes":
		c.Title = "Accuracy by class"
	case "changes":
		c.Title = "Change of accuracy by class"
	case "confusion":
		c.Title = "Labels and answers of the spiking network"
	case "pairs":
		c.Title = "Pairs of classes that got worse"
		if run.Result.Alone() {
			c.Title = "Pairs of classes that are confused"
		}
	case "changed":
		c.Title = "Images that changed class"
	case "settling":
		c.Title = "When answers settle"
	case "rates":
		c.Title = "Rate per layer"
	case "raster":
		c.Title = "Spikes by layer and timestep"
	case "rate":
		c.Title = "Rate over time"
	case "histogram":
		c.Title, c.Says = "Nonzero activations, with λ", "Calibration images."
		if n := run.calibrationImages(); n > 0 {
			c.Says = fmt.Sprintf("%d calibration images.", n)
		}
	case "energy":
		c.Title = "Operations per layer"
		if t := run.energy(); t != nil && t.Device != "" {
			c.Title = "Energy per layer, by the table " + t.Device
		}
		if t := run.energy(); t != nil {
			c.Says += " " + t.Baseline
		}
	case "memory":
		c.Title = "With memory, addresses and transport"
	case "depth":
		c.Title, c.Says = "Error with depth", run.diagnosedOn()
	case "losses":
		c.Title, c.Says = "Loss by depth", run.diagnosedOn()
	case "errors":
		c.Title, c.Says = "Error of every layer, by cause", run.diagnosedOn()
	case "scatter":
		c.Title = "Activation against rate"
		if run.Diagnosis != nil {
			c.Says = run.diagnosedOn()
		}
	case "counterfactuals":
		c.Title, c.Says = "What would change it", run.diagnosedOn()
	}
	return c
}

// devices names the tables that joules are by, with the runs where they differ.
func (r *Report) devices() string {
	var names []string
	for _, run := range r.Runs {
		if d := run.device(); d != nil && !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	if len(names) == 1 {
		return "By the table " + names[0] + "."
	}
	return "By different tables, so that joules of different runs do not compare: " + strings.Join(names, ", ") + "."
}

// device returns that whose joules a run has, or nil.
func (run *Run) device() *energy.Device {
	if e := run.Result.Energy; e != nil && e.SNN.Joules != nil {
		return e.Device
	}
	return nil
}

// calibrationImages returns how many images calibration saw; 0 if the run does not say.
func (run *Run) calibrationImages() int {
	n, err := strconv.Atoi(setting(run.Manifest.Options["calibration_images"]))
	if err != nil {
		return 0
	}
	return max(n, 0)
}
