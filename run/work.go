package run

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/shard"
)

// KeepEvery is how often a run keeps what is done; 0 for the default. Tests change it.
var KeepEvery time.Duration

// Kept is a run in its folder, opened for work on it: an experiment whose network is that
// of the run and whose test images are those that are presented.
type Kept struct {
	*experiment.Experiment

	Run    *shard.Run
	Config Config
	folder *Folder
}

// Evaluator makes the networks and the images ready.
func (k *Kept) Evaluator(ctx context.Context) (*eval.Evaluator, error) {
	net, err := k.Network(ctx)
	if err != nil {
		return nil, err
	}
	o, err := k.Evaluation()
	if err != nil {
		return nil, err
	}
	o.KeepEvery = KeepEvery
	if o.Exit, o.First, err = k.exits(); err != nil {
		return nil, err
	}
	return eval.New(k.Graph, net, k.Test, o)
}

// Present presents the images of shards that are not done.
func (k *Kept) Present(ctx context.Context, e *eval.Evaluator, shards []int) error {
	return k.Work(ctx, "simulating", func(update func(done, total int)) error { return e.PresentShards(ctx, k.Run, shards, update) })
}

// Work shows the progress of some work on the run, and says what to do about its errors.
func (k *Kept) Work(ctx context.Context, step string, do func(update func(done, total int)) error) error {
	update, stop := k.Options.Step(step)
	defer stop()
	err := do(update)
	if errors.Is(err, shard.ErrDamaged) {
		return Damaged(err)
	}
	if err != nil && ctx.Err() == nil {
		return hint.Error(err, "what is done is kept in %s: the same command resumes from there", k.Run.Dir())
	}
	return err
}

// Damaged says what to do about a shard that is not as it was written.
func Damaged(err error) error {
	var file *shard.FileError
	if !errors.As(err, &file) {
		return err
	}
	return hint.Error(err, "remove that file, so that its images are presented again, and find out why the disk damaged it")
}

// Gather adds up the shards; nil if there is nothing.
func (k *Kept) Gather(e *eval.Evaluator) (*eval.Result, error) {
	r, err := e.GatherShards(k.Run)
	if r != nil {
		r.Skipped, r.CalibrationSeconds = k.Test.Skipped(), k.Config.Conversion.Took()
	}
	return r, Damaged(err)
}

// Complete presents the images that are missing from the run and writes its files. If ctx
// ends early, the result is of what is done, and comes with that error; it is nil if
// nothing is.
func (k *Kept) Complete(ctx context.Context) (*eval.Result, error) {
	e, err := k.Evaluator(ctx)
	if err != nil {
		return nil, err
	}
	runErr := k.Present(ctx, e, All(k.Run))
	if runErr != nil && ctx.Err() == nil {
		return nil, runErr
	}
	r, err := k.Gather(e)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, cmp.Or(runErr, context.Canceled)
	}
	return r, errors.Join(runErr, k.Write(r))
}

// Write writes the files of the run, unless that has been done.
func (k *Kept) Write(r *eval.Result) error {
	if kept, err := Read(k.Run.Dir()); err == nil && kept.Result.Complete {
		return nil
	}
	m := k.Config.Manifest
	m.Finished = time.Now().UTC()
	var files []File
	for _, name := range slices.Sorted(maps.Keys(k.Run.Plan().Files)) {
		if _, err := k.Run.ReadFile(name); err != nil {
			return hint.Error(err, "plan the run again in another folder")
		}
		if name != networkFile && name != imagesFile && name != firstFile { // These are the plan's, and large: a run whose tables are copied without them is whole.
			files = append(files, File{Name: name})
		}
	}
	files = append(files, k.reportFiles(r)...)
	return hint.Error(k.folder.Write(m, r, files...),
		"everything that was simulated is kept: once that is fixed, 'sresnet merge %s' writes the files", shell.Quote(k.Run.Dir()))
}
