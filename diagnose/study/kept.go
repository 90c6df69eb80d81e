package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sresnet/diagnose"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/nir"
	"sresnet/run"
	"sresnet/shard"
)

// Kind is the kind of a [shard.Study] that is a diagnosis.
const Kind = "diagnosis"

// Kinds of the plans of a diagnosis, and names of their folders. What the shards of
// trials number as images is said at [diagnose.Outcomes].
const (
	Measurement = "measurement"
	Trials      = "trials"
)

// Folder is where the work on a diagnosis is kept, in the folder of a run.
const Folder = "diagnosis"

// Options says what is diagnosed.
type Options struct {
	Experiment experiment.Options
	Out        string // The folder of the run that the diagnosis is added to.
	Shards     int    // Of each stage; 0 for one per so many images.
	Remedy     bool   // Lambdas of all layers are searched, too.
}

// Kept is a diagnosis whose work is kept.
type Kept struct {
	*experiment.Experiment

	options Options
	dir     string
	folder  *run.Folder // Of the run that it is added to.

	trials   []diagnose.Trial // Once they are planned.
	planned  *diagnose.Trials // As they were planned in this process, or nil.
	measured *diagnose.Measurement
	outcomes *diagnose.Outcomes
}

// config is all that a diagnosis depends on, for another process to resume it.
type config struct {
	Dir     string             `json:"dir"` // Where relative paths begin.
	Model   string             `json:"model"`
	Trained string             `json:"trained,omitempty"`
	Options experiment.Options `json:"options"`
	Shards  int                `json:"shards"`
	Remedy  bool               `json:"remedy,omitempty"`
}

// Open makes sure that the folder of o can take a diagnosis, before any work.
func Open(ctx context.Context, o Options) (*Kept, error) {
	e, err := experiment.Open(ctx, o.Experiment)
	if err != nil {
		return nil, err
	}
	k := &Kept{Experiment: e, options: o, dir: filepath.Join(o.Out, Folder)}
	if k.folder, err = k.folderOf(); err != nil {
		return nil, err
	}
	measurement, trials := k.order(Measurement), k.order(Trials)
	if err := run.RefuseLinks(k.dir, measurement.Dir, trials.Dir); err != nil {
		return nil, err
	}
	for _, order := range []*run.Order{measurement, trials} {
		found, err := order.Find()
		if err != nil && k.finished() { // Another one, which makes room.
			found, err = nil, os.RemoveAll(k.dir)
		}
		if err != nil {
			return nil, hint.Error(err, "remove %s if it is no longer needed, or give the options and files that it was made with", k.dir)
		}
		if found != nil && order == trials {
			if k.trials, err = listOf(found); err != nil {
				return nil, err
			}
		}
	}
	return k, nil
}

// Reopen opens the diagnosis whose runs g are, added to the run in the folder out.
func Reopen(ctx context.Context, g *shard.Group, out string, op *run.Opener) (*Kept, error) {
	c := config{Options: experiment.DefaultOptions()}
	if err := json.Unmarshal(g.Study().Config, &c); err != nil {
		return nil, hint.Error(fmt.Errorf("this version of sresnet does not know the diagnosis in %s: %w", out, err), "use the version that planned it")
	}
	c.Options.Model, c.Options.Trained = c.Model, c.Trained
	return Open(ctx, Options{Experiment: op.Here(c.Options, c.Dir), Out: out, Shards: c.Shards, Remedy: c.Remedy})
}

// folderOf opens the folder of the run that the diagnosis is added to, which must be of
// the same network.
func (k *Kept) folderOf() (*run.Folder, error) {
	o, out := &k.Options, k.options.Out
	files := []string{o.Model}
	if o.Trained != "" {
		files = append(files, o.Trained)
	}
	last := files[len(files)-1]
	m, err := run.ReadManifest(out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hint.Error(fmt.Errorf("there is no run in %s to add a diagnosis to", out), "keep an evaluation of %s in that folder first", last)
	case err != nil:
		return nil, err
	}
	for _, name := range files {
		hash, err := o.HashModel(name)
		if err != nil {
			return nil, err
		}
		if m.Model.SHA256 == hash {
			folder, err := run.OpenFolder(out)
			return folder, hint.Error(err, "make room in the folder, or omit {out}")
		}
	}
	return nil, hint.Error(fmt.Errorf("the run in %s is of another network, %s", out, m.Model.Name), "give the folder of a run of %s with {out}", last)
}

// finished reports whether the diagnosis in the folder is.
func (k *Kept) finished() bool {
	g, err := shard.OpenGroup(k.dir)
	if err != nil || g.More() {
		return false
	}
	missing, err := g.Missing()
	if err != nil || len(missing) > 0 {
		return false
	}
	m, err := run.ReadManifest(k.options.Out)
	return err == nil && m.Files["diagnosis.json"] != ""
}

// order asks for a part of the diagnosis.
func (k *Kept) order(kind string) *run.Order {
	o := &run.Order{Dir: filepath.Join(k.dir, kind), Kind: kind, Experiment: k.Experiment, Most: shard.MaxShards / 4, Real: kind == Measurement}
	if k.options.Shards > 0 {
		o.Shards = min(k.options.Shards, k.Test.Len())
	}
	return o
}

// study returns the diagnosis as work in stages.
func (k *Kept) study() *run.Study {
	o := &k.options.Experiment // As they were given: a NIR file says some itself.
	c := config{Dir: o.Dir, Model: o.Model, Trained: o.Trained, Options: *o, Shards: k.options.Shards, Remedy: k.options.Remedy}
	if c.Dir == "" {
		c.Dir, _ = os.Getwd() // It was found when the files were opened.
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic("study: " + err.Error()) // Of plain data.
	}
	first := &run.Stage{Orders: []*run.Order{k.order(Measurement)}, Next: k.planTrials}
	return &run.Study{Dir: k.dir, About: shard.Study{Kind: Kind, Config: b}, First: first}
}

// measurement opens the run of the measurement, which must be planned.
func (k *Kept) measurement(ctx context.Context) (*run.Kept, *diagnose.Diagnoser, error) {
	r, err := k.order(Measurement).Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	d, err := Diagnoser(ctx, r)
	return r, d, err
}

// planTrials is the stage that follows when the measurement is finished: what it says is
// to be tried. There is none if the conversion itself is at fault.
func (k *Kept) planTrials(ctx context.Context) (*run.Stage, error) {
	r, d, err := k.measurement(ctx)
	if err != nil {
		return nil, err
	}
	if k.measured, _, err = d.Measuring().Gather(r.Run); err != nil {
		return nil, run.Damaged(err)
	}
	o := k.order(Trials)
	o.Like = r.Run
	if k.trials != nil { // An earlier call has planned them.
		o.Detail, err = json.Marshal(k.trials)
		o.Turns = len(k.trials)
		return &run.Stage{Orders: []*run.Order{k.divided(o)}}, err
	}
	if _, err := k.Network(ctx); err != nil { // What a plan takes beside: how the network was made.
		return nil, err
	}
	s, err := subject(ctx, k.Experiment, d.Network)
	if err != nil {
		return nil, err
	}
	do, err := options(k.Experiment, d.Network)
	if err != nil {
		return nil, err
	}
	do.Remedy, do.Step = k.options.Remedy, k.Options.Step
	if d, err = diagnose.New(s, do); err != nil {
		return nil, err
	}
	t, err := d.Plan(ctx, k.measured)
	if err != nil {
		return nil, err
	}
	k.planned = t
	if t.Fault != nil {
		return nil, nil
	}
	k.trials, o.Turns, o.Networks = t.List, len(t.List), make(map[string]*nir.Graph)
	if o.Detail, err = json.Marshal(t.List); err != nil {
		return nil, err
	}
	for _, trial := range t.List {
		if trial.Network == 0 {
			continue
		}
		if o.Networks[trialFile(trial.Network)], err = r.GraphOf(t.Networks[trial.Network], trial.Change); err != nil {
			return nil, err
		}
	}
	t.Networks = nil // They are kept with the plan.
	return &run.Stage{Orders: []*run.Order{k.divided(o)}}, nil
}

// divided says how the trials are divided into shards.
func (k *Kept) divided(o *run.Order) *run.Order {
	o.Most = shard.MaxShards * 3 / 4
	if k.options.Shards > 0 {
		o.Shards = min(k.options.Shards, o.Turns*k.Test.Len())
	}
	return o
}

// Run computes what is missing, sums up and keeps the result.
func (k *Kept) Run(ctx context.Context) (*diagnose.Diagnosis, error) {
	err := k.study().Do(ctx, func(ctx context.Context, o *run.Order, r *run.Kept) error {
		if err := Work(ctx, r, run.All(r.Run)); err != nil || o.Kind != Trials {
			return err
		}
		d, err := Diagnoser(ctx, r)
		if err != nil {
			return err
		}
		w, err := d.Trying(k.trials, trialNetwork(r))
		if err != nil {
			return err
		}
		k.outcomes, _, err = w.Gather(r.Run)
		return run.Damaged(err)
	})
	if err != nil {
		return nil, err
	}
	_, d, err := k.measurement(ctx)
	if err != nil {
		return nil, err
	}
	t := k.planned
	if t == nil {
		t = &diagnose.Trials{List: k.trials}
	}
	found := d.Diagnosis(k.measured, t, k.outcomes)
	advise(k.Experiment, found)
	return found, k.folder.Add(run.File{Name: "diagnosis.json", Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(found) }})
}

// Plan plans the measurement or, once that is finished, the trials. It returns the runs
// that exist then.
func (k *Kept) Plan(ctx context.Context) (*shard.Group, error) { return k.study().Plan(ctx) }

// Trials returns how many things are tried on each image, once that is planned; else 0.
func (k *Kept) Trials() int { return len(k.trials) }

// Dir returns the folder of the work.
func (k *Kept) Dir() string { return k.dir }
