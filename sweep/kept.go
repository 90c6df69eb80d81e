package sweep

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/run"
	"sresnet/shard"
)

// Kind is the kind of a [shard.Study] that is a sweep.
const Kind = "sweep"

// Purposes of a run; see [run.Manifest].
const forSelection, forConfirmation = "selection", "confirmation"

// Confirmation is the folder of the test run.
const Confirmation = "confirmed"

// config is all that a sweep depends on, for another process to resume it.
type config struct {
	Dir     string              `json:"dir"` // Where relative paths begin.
	Model   string              `json:"model"`
	Options experiment.Options  `json:"options"`
	Values  map[string][]string `json:"values"`
	At      int                 `json:"at"`
	Shards  int                 `json:"shards"`
}

// Reopen opens the sweep whose runs g are, in the folder that its user calls out.
func Reopen(ctx context.Context, g *shard.Group, out string, op *run.Opener) (*Sweep, error) {
	c := config{Options: experiment.DefaultOptions()}
	if err := json.Unmarshal(g.Study().Config, &c); err != nil {
		return nil, hint.Error(fmt.Errorf("this version of sresnet does not know the sweep in %s: %w", out, err), "use the version that planned it")
	}
	c.Options.Model = c.Model
	return Open(ctx, Options{Experiment: op.Here(c.Options, c.Dir), Values: c.Values, At: c.At, Out: out, Shards: c.Shards})
}

// study returns the sweep as work in stages: the settings, then the test run of the best.
func (s *Sweep) study() *run.Study {
	c := config{Dir: s.Options.Dir, Model: s.Options.Model, Options: s.Options, Values: s.options.Values, At: s.At, Shards: s.options.Shards}
	if c.Dir == "" {
		c.Dir, _ = os.Getwd() // It was found when the files were opened.
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic("sweep: " + err.Error()) // Of plain data.
	}
	first := &run.Stage{Next: s.confirm}
	for _, v := range s.Settings {
		first.Orders = append(first.Orders, s.selectionOrder(v))
	}
	return &run.Study{Dir: s.options.Out, About: shard.Study{Kind: Kind, Config: b}, First: first}
}

// order asks for one run of the sweep, in a folder of that name.
func (s *Sweep) order(e *experiment.Experiment, purpose, name string) *run.Order {
	o := &run.Order{Dir: filepath.Join(s.options.Out, name), Kind: eval.PlanKind, Experiment: e, Purpose: purpose}
	if s.options.Shards > 0 {
		o.Shards = min(s.options.Shards, e.Test.Len())
	}
	return o
}

// selectionOrder asks for the run of a setting on the selection images.
func (s *Sweep) selectionOrder(v Setting) *run.Order {
	o := s.order(s.of(v, s.Selection), forSelection, v.Name())
	o.Presented, o.Training = s.SelectionName(), &s.selection
	// So that there is room for all, and for the test run.
	o.Most = max(shard.MaxShards*3/4/len(s.Settings), 1)
	return o
}

// confirmationOrder asks for the run of a setting on the test images.
func (s *Sweep) confirmationOrder(v Setting) *run.Order {
	o := s.order(s.of(v, s.Test), forConfirmation, Confirmation)
	o.Most = shard.MaxShards / 4
	return o
}

// resume reads what an earlier call has finished, and refuses a folder of another
// sweep before any work.
func (s *Sweep) resume() error {
	out := s.options.Out
	if _, err := run.OpenFolder(out); err != nil {
		return hint.Error(err, "give another folder with {out}, or make room in this one")
	}
	dirs := []string{filepath.Join(out, Confirmation)}
	for _, v := range s.Settings {
		dirs = append(dirs, filepath.Join(out, v.Name()))
	}
	if err := run.RefuseLinks(dirs...); err != nil {
		return err
	}
	for i, v := range s.Settings {
		k, err := s.selectionOrder(v).Find()
		if err != nil {
			return err
		}
		s.planned[i] = k != nil
		r, err := finished(filepath.Join(out, v.Name()))
		if err != nil {
			return err
		}
		s.finish(i, r)
	}
	var keys []string // Of what a sweep varies.
	for _, option := range named {
		keys = append(keys, experiment.OptionNamed(option).Key())
	}
	_, err := s.confirmationOrder(s.Settings[0]).Find(keys...)
	return err
}

// finished returns the result of the run in a folder, nil if it is not whole.
func finished(dir string) (*eval.Result, error) {
	kept, err := run.Read(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, run.ErrIncomplete) {
		return nil, nil
	}
	if err != nil {
		return nil, hint.Error(err, "remove manifest.json there: all files are then written again")
	}
	if !kept.Result.Complete {
		return nil, nil
	}
	return kept.Result, nil
}

// complete does what is missing of a run of the sweep, and keeps its files.
func (s *Sweep) complete(ctx context.Context, o *run.Order, k *run.Kept) error {
	index, what := -1, "confirming "
	if o.Purpose == forSelection {
		what = "setting "
		for i, v := range s.Settings {
			if filepath.Base(o.Dir) == v.Name() {
				index, what = i, what+v.Name()
			}
		}
		if s.Results[index] != nil {
			return nil
		}
	} else {
		what += s.Settings[s.chosen()].Name()
	}
	r, err := k.Complete(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if index < 0 {
		s.Confirmed = r
	} else {
		s.finish(index, r)
	}
	return nil
}

// confirm is the stage that follows when all settings are finished: the test run of the
// best.
func (s *Sweep) confirm(ctx context.Context) (*run.Stage, error) {
	for i, v := range s.Settings {
		if s.Results[i] != nil {
			continue
		}
		o := s.selectionOrder(v)
		k, err := o.Open(ctx)
		if err == nil {
			err = s.complete(ctx, o, k) // All that is left to do is to add up.
		}
		if err != nil {
			return nil, err
		}
	}
	v := s.Settings[s.chosen()]
	o := s.confirmationOrder(v)
	if _, err := o.Find(); err != nil {
		return nil, s.changed(v, o.Dir, err)
	}
	like, err := shard.Open(filepath.Join(s.options.Out, v.Name()))
	o.Like = like
	return &run.Stage{Orders: []*run.Order{o}}, err
}

// Plan plans the runs of all settings or, once these are finished, the test run of the
// best. It returns the runs that exist then.
func (s *Sweep) Plan(ctx context.Context) (*shard.Group, error) {
	stop := s.begin()
	defer stop()
	return s.study().Plan(ctx)
}

// WriteTable writes sweep.csv into the folder: one line for every timestep of every run,
// with the images it was measured on. Without a folder it does nothing.
func (s *Sweep) WriteTable() error {
	if s.options.Out == "" {
		return nil
	}
	folder, err := run.OpenFolder(s.options.Out)
	if err != nil {
		return err
	}
	var keys []string
	for _, option := range named {
		keys = append(keys, experiment.OptionNamed(option).Key())
	}
	first := len(named) - len(later) - 2 // Columns keep their places.
	rows := [][]string{slices.Concat([]string{"setting"}, keys[:first], []string{"measured_on", "images", "chosen", "t", "trained_top1", "spiking_top1", "agreement", "spikes_per_image", "operations_per_image", "latency"}, keys[first:], []string{"spiking_top1_low", "spiking_top1_high", "tie"})}
	best, standings := s.Chosen(), s.Standings()
	add := func(i int, on string, r *eval.Result) {
		if r == nil {
			return
		}
		m := newMeasures(r)
		for t, T := range r.Marks() {
			row := append([]string{s.Settings[i].Name()}, s.Settings[i][:first]...)
			row = append(row, on, strconv.Itoa(r.Images), strconv.FormatBool(i == best), strconv.Itoa(T),
				float(m.TrainedTop1), float(m.SpikingTop1[t]), float(m.Agreement[t]), float(m.SpikesPerImage[t]), float(m.OperationsPerImage[t]), strconv.Itoa(m.Latency-m.Timesteps+T)) // Of a synchronous network, T.
			row = append(row, s.Settings[i][first:]...)
			p, tie := r.Point(T), standings != nil && standings[i].Tie
			rows = append(rows, append(row, float(p.Low), float(p.High), strconv.FormatBool(tie)))
		}
	}
	for i, r := range s.Results {
		add(i, forSelection, r)
	}
	if best >= 0 {
		add(best, forConfirmation, s.Confirmed)
	}
	return folder.Keep(run.File{Name: "sweep.csv", Write: func(w io.Writer) error { return csv.NewWriter(w).WriteAll(rows) }})
}

func float(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
