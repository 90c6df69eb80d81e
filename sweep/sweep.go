// Package sweep converts a network with many settings, chooses one and confirms it.
//
// Three parts of the images never mix: the first training images shape the networks, the
// next ones choose among them, and test images see the chosen one only, once. Settings
// are the combinations of the values of [Axes]; every T up to that of the options is in
// one simulation of each, but for networks that are for one T: phased ones, and those that
// are calibrated for T.
//
// A sweep may be kept in a folder, in which each setting is a run: it then resumes from
// what is there, and its runs are a [run.Study] that machines can share.
package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/run"
)

// Options says what is swept.
type Options struct {
	Experiment experiment.Options  // What all settings share.
	Values     map[string][]string // What is tried, by the names of [Axes]; of one that is not there, [Default].
	At         int                 // Timestep by whose accuracy the choice is made; 0 for the last. Settings whose networks are for one T are judged there.

	Out    string // The folder that it is kept in; "" for none.
	Shards int    // Of a run that is kept; 0 for one per so many images.
}

// Apply makes what a diagnosis advises, in a file, the only values of the axes that it is about.
func (o *Options) Apply(file string) error {
	advised := experiment.DefaultOptions()
	names, err := advised.Apply(file)
	for _, name := range names {
		if slices.Contains(Axes(), name) {
			o.Values[name] = []string{experiment.OptionNamed(name).Get(&advised)}
		}
	}
	return err
}

// Sweep is a sweep, opened.
type Sweep struct {
	*experiment.Experiment // With the calibration and the test images.

	Settings  []Setting
	At        int
	Selection *dataset.Images // Training images that are not calibration images.
	Results   []*eval.Result  // Per setting, on the selection images; nil where it is not finished.
	Confirmed *eval.Result    // Of the chosen setting on the test images, or nil.

	options   Options
	selection run.Part
	right     [][]bool // Per setting, which selection images it gets right; nil if that is not known.
	planned   []bool   // Per setting, whether its run has been planned.
	work      work
}

// Open opens a sweep, and reads what an earlier call has finished. A folder of another
// sweep is refused before any work.
func Open(ctx context.Context, o Options) (*Sweep, error) {
	if experiment.IsNIR(o.Experiment.Model) {
		return nil, experiment.WantsTrained(o.Experiment.Model, "a sweep converts it with every setting")
	}
	settings, err := grid(o.Values, o.Experiment.Timesteps, o.Experiment.Readout)
	if err != nil {
		return nil, err
	}
	if err := o.settle(settings); err != nil {
		return nil, err
	}
	e, err := experiment.Open(ctx, o.Experiment)
	if err != nil {
		return nil, err
	}
	s := &Sweep{Experiment: e, Settings: settings, At: o.At, Results: make([]*eval.Result, len(settings)), right: make([][]bool, len(settings)), planned: make([]bool, len(settings)), options: o}
	if s.Selection, s.selection.From, s.selection.End, err = e.Select(ctx); err != nil {
		return nil, err
	}
	for _, v := range settings {
		of := v.apply(e.Options)
		if err := of.Check(); err != nil { // With as many calibration images as there are.
			return nil, err
		}
	}
	if o.Out == "" {
		return s, nil
	}
	return s, s.resume()
}

// settle fills in T, the longest of what one simulation covers, and At.
func (o *Options) settle(settings []Setting) error {
	covers := 0
	for _, v := range settings {
		if !v.OneT() {
			covers = max(covers, v.timesteps())
		}
	}
	wrong := &experiment.OptionError{Option: "at", Value: fmt.Sprint(o.At), Err: fmt.Errorf("give a timestep from 1 to %d, or 0 for the last", covers)}
	if covers == 0 {
		wrong.Err = errors.New("every setting is for one T, at which it is judged: leave it out")
		covers = settings[0].timesteps()
		if o.At != 0 && o.At != covers {
			return wrong
		}
	}
	if o.At < 0 || o.At > covers {
		return wrong
	}
	o.Experiment.Timesteps, o.At = covers, cmp.Or(o.At, covers)
	return nil
}

// JudgedAt returns the T by whose accuracy setting i is compared with the others.
func (s *Sweep) JudgedAt(i int) int {
	if v := s.Settings[i]; v.OneT() {
		return v.timesteps()
	}
	return s.At
}

// OneT reports whether a setting is for one T, so that not all can be compared at every T.
func (s *Sweep) OneT() bool { return slices.ContainsFunc(s.Settings, Setting.OneT) }

// Marks returns the lengths to show of settings that one simulation covers, ascending: At,
// T, those that were asked for and some of usual.
func (s *Sweep) Marks(usual ...int) []int {
	list := []int{s.At, s.Options.Timesteps}
	for _, w := range s.options.Values[length] {
		if T, err := strconv.Atoi(strings.TrimSpace(w)); err == nil {
			usual = append(usual, T)
		}
	}
	for _, T := range usual {
		if T < s.Options.Timesteps {
			list = append(list, T)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Columns returns the axes that tell the settings apart, and those that are always told;
// T is not among them.
func (s *Sweep) Columns() []string {
	var list []string
	for i, option := range named {
		differs, own, ours := false, false, true
		for _, v := range s.Settings {
			differs = differs || v[i] != s.Settings[0][i]
			own = own || v[i] != usual(v.Value("preset"), option) // The preset does not tell it.
			ours = ours && v.Value("preset") == paper()
		}
		p := experiment.OptionNamed(option)
		switch {
		case option == length:
		case option == readout:
			if differs {
				list = append(list, option)
			}
		case option == "preset" && differs, option != "preset" && differs && own, p.Setting.Always && (ours || own):
			list = append(list, option)
		}
	}
	return list
}

// TrainingImages names the training images from to end-1.
func (s *Sweep) trainingImages(from, end int) string {
	return fmt.Sprintf("training images %d to %d of %s", from, end-1, experiment.SourceOf(s.Options.Calibrate))
}

// CalibrationName says which training images shape the networks.
func (s *Sweep) CalibrationName() string { return s.trainingImages(0, s.Calibration.Len()) }

// SelectionName says which training images choose among the settings.
func (s *Sweep) SelectionName() string { return s.trainingImages(s.selection.From, s.selection.End) }

// of returns the experiment of a setting that presents the given images.
func (s *Sweep) of(v Setting, images *dataset.Images) *experiment.Experiment {
	o := v.apply(s.Options)
	o.Progress = s.progress(&o, images.Len())
	return s.With(o, images)
}

// Run measures every setting that is not finished, and confirms the best.
func (s *Sweep) Run(ctx context.Context) error {
	stop := s.begin()
	defer stop()
	if s.options.Out != "" {
		return s.study().Do(ctx, s.complete)
	}
	for i, v := range s.Settings {
		r, err := s.of(v, s.Selection).Evaluate(ctx)
		if err != nil {
			return fmt.Errorf("setting %s: %w", v.Name(), err)
		}
		s.finish(i, r)
	}
	v := s.Settings[s.chosen()]
	r, err := s.of(v, s.Test).Evaluate(ctx)
	if err != nil {
		return fmt.Errorf("confirming %s: %w", v.Name(), err)
	}
	s.Confirmed = r
	return nil
}

// best returns the index of the setting with the most images classified correctly; all must
// be finished.
func (s *Sweep) best() int { return eval.Best(s.candidates()) }

func (s *Sweep) candidates() (list []eval.Candidate) {
	for i, r := range s.Results {
		list = append(list, r.Candidate(s.JudgedAt(i)))
	}
	return list
}

// finish takes the result of setting i, and of the answers to the images what settings are
// compared by: those of all of them are enough to matter.
func (s *Sweep) finish(i int, r *eval.Result) {
	s.Results[i] = r
	if r != nil {
		s.right[i], r.Predictions = r.Predictions.Right(s.JudgedAt(i)), eval.Predictions{}
	}
}

// Finished returns how many settings are.
func (s *Sweep) Finished() int {
	n := 0
	for _, r := range s.Results {
		if r != nil {
			n++
		}
	}
	return n
}

// Chosen returns the index of the setting that takes the fewest operations of those that tie
// with the best one, or -1 while some are not finished.
func (s *Sweep) Chosen() int {
	if s.Finished() < len(s.Settings) {
		return -1
	}
	return s.chosen()
}

func (s *Sweep) chosen() int {
	list := s.standings()
	return eval.Cheapest(s.candidates(), func(i int) bool { return list[i].Tie })
}

// Standing is how a setting compares with the best one on the selection images.
type Standing struct {
	Pairs eval.Pairs // Images that the best one alone gets right, and it alone.
	Known bool       // Whether Pairs is; runs of earlier versions do not tell.

	// Tie says that the setting is not told apart from the best one: McNemar's test of the
	// pairs at 5 %, corrected by Holm for as many tests as there are settings beside the best.
	Tie bool
}

// Standings returns how all settings compare with the best one; nil while some are not
// finished.
func (s *Sweep) Standings() []Standing {
	if s.Finished() < len(s.Settings) {
		return nil
	}
	return s.standings()
}

// rightOf returns which selection images setting i gets right; nil if that is not known, as of
// results that were not measured here.
func (s *Sweep) rightOf(i int) []bool {
	if i >= len(s.right) {
		return nil
	}
	return s.right[i]
}

func (s *Sweep) standings() []Standing {
	best, list := s.best(), make([]Standing, len(s.Settings))
	all := s.candidates()
	var p []float64
	var of []int // Which settings the tests are of.
	for i := range list {
		x := &list[i]
		x.Known = s.rightOf(i) != nil && s.rightOf(best) != nil
		x.Tie = all[i].Correct == all[best].Correct
		if x.Known {
			x.Pairs = eval.Pair(s.rightOf(best), s.rightOf(i))
			if i != best {
				p, of = append(p, x.Pairs.PValue()), append(of, i)
			}
		}
	}
	for k, apart := range eval.Holm(p, 0.05) {
		list[of[k]].Tie = !apart
	}
	return list
}

// Why says what speaks for the chosen setting beside its accuracy; "" if that alone does.
func (s *Sweep) Why() string {
	list, n := s.standings(), 0
	for _, x := range list {
		if x.Tie {
			n++
		}
	}
	why, best, chosen := "", s.best(), s.chosen()
	if n < 2 {
		return why
	}
	why = fmt.Sprintf(": it takes the fewest operations of %d settings, ◂ and ≈, that these images do not tell apart", n)
	if x := list[chosen]; chosen != best && x.Known {
		low, high := x.Pairs.Interval()
		why += fmt.Sprintf("; against the best one, %s, it loses %.2f points, 95 %% interval %.2f to %.2f", s.Settings[best].Name(), 100*x.Pairs.Loss(), 100*low, 100*high)
	}
	return why + fmt.Sprintf(" (McNemar's test of the same %d images, Holm's correction for %d settings)", s.Selection.Len(), len(list)-1)
}

// changed is the error of a choice that test images have not confirmed, where they have
// confirmed another.
func (s *Sweep) changed(v Setting, dir string, err error) error {
	return hint.Error(fmt.Errorf("the best setting is now %s, but test images have confirmed one already: %w", v.Name(), err),
		"a choice made after a look at test images is no longer blind: remove %s if you accept that, or give another folder with {out}", dir)
}
