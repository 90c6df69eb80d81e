package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/launch"
	"sresnet/run"
	"sresnet/shard"
)

// Purposes of a run.
const forSelection, forConfirmation = "selection", "confirmation"

// confirmation is the folder of the test run.
const confirmation = "confirmed"

// variantOptions are the names in a manifest of what a sweep varies.
var variantOptions = []string{"percentile", "v_init", "compensation", "reset", "encoding"}

// orderOf asks for one run of the sweep, in a folder of that name.
func (sw *sweep) orderOf(p *pipeline, purpose, name string) order {
	o := order{dir: filepath.Join(sw.out, name), kind: eval.PlanKind, manifest: p.manifest(sw.source, time.Now())}
	o.manifest.Options["purpose"], o.manifest.Options["selection_images"] = purpose, sw.selectionImages
	if sw.shards > 0 {
		o.shards = min(sw.shards, p.test.Len())
	}
	return o
}

// selectionOrder asks for the run of a variant on the selection images.
func (sw *sweep) selectionOrder(v variant) order {
	o := sw.orderOf(sw.toSelect(v), forSelection, v.name())
	o.training = &sw.selectionPart
	// So that there is room for all, and for the test run.
	o.most = max(shard.MaxShards*3/4/len(sw.variants), 1)
	return o
}

// confirmationOrder asks for the run of a variant on the test images.
func (sw *sweep) confirmationOrder(v variant) order {
	o := sw.orderOf(sw.toConfirm(v), forConfirmation, confirmation)
	o.most = shard.MaxShards / 4
	return o
}

// resume reads what an earlier call has finished, and refuses a folder of another
// sweep before any work.
func (sw *sweep) resume() error {
	if _, err := run.OpenFolder(sw.out); err != nil {
		return hint.Error(err, "give another folder with --out, or make room in this one")
	}
	dirs := []string{filepath.Join(sw.out, confirmation)}
	for _, v := range sw.variants {
		dirs = append(dirs, filepath.Join(sw.out, v.name()))
	}
	if err := refuseLinks(dirs...); err != nil {
		return err
	}
	for i, v := range sw.variants {
		k, err := sw.toSelect(v).findRun(sw.selectionOrder(v))
		if err != nil {
			return err
		}
		sw.planned[i] = k != nil
		dir := filepath.Join(sw.out, v.name())
		m, err := run.ReadManifest(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // It is not finished.
		}
		if err != nil {
			return hint.Error(err, "remove that file: it is then written again")
		}
		if sw.results[i], err = run.ReadResult(dir, m); err != nil && !errors.Is(err, run.ErrIncomplete) {
			return err
		}
	}
	_, err := sw.toConfirm(sw.variants[0]).findRun(sw.confirmationOrder(sw.variants[0]), variantOptions...)
	return err
}

// planSettings plans the runs of all settings, if runs are kept.
func (sw *sweep) planSettings(ctx context.Context, w *work) error {
	if sw.out == "" {
		return nil
	}
	var names []string
	for i, v := range sw.variants {
		names = append(names, v.name())
		if sw.planned[i] {
			continue
		}
		p, o := sw.toSelect(v), sw.selectionOrder(v)
		o.prepare = func(ctx context.Context) error { return sw.prepare(ctx, w, p, v) }
		if _, err := p.planRun(ctx, o); err != nil {
			return fmt.Errorf("setting %s: %w", v.name(), err)
		}
		sw.planned[i] = true
	}
	_, err := shard.Open(filepath.Join(sw.out, confirmation))
	more := errors.Is(err, fs.ErrNotExist)
	if !more {
		names = append(names, confirmation)
	}
	return sw.enlist(more, names...)
}

// enlist keeps which runs the sweep has, and whether one follows.
func (sw *sweep) enlist(more bool, names ...string) error {
	_, err := shard.Enlist(sw.out, sw.line, more, names...)
	return hint.Error(err, "give another folder with --out, fewer shards with --shards, or fewer settings")
}

// complete does what is missing of a run that has been planned, and keeps its files.
func (sw *sweep) complete(ctx context.Context, w *work, p *pipeline, o order) (*eval.Result, error) {
	k, err := p.planRun(ctx, o)
	if err != nil {
		return nil, err
	}
	e, err := k.evaluator()
	if err != nil {
		return nil, err
	}
	p.progress.Part = w.part(p.test.Len())
	if err := k.present(ctx, e, allShards(k.run)); err != nil {
		return nil, err
	}
	r, err := k.gather(e)
	if err != nil {
		return nil, err
	}
	if err := k.write(r); err != nil {
		return nil, err
	}
	r.Predictions = nil // One an image and setting: enough to matter, and now on disk.
	return r, nil
}

// planConfirmation plans the run of the best variant on the test images, unless that
// has been done.
func (sw *sweep) planConfirmation(ctx context.Context) (order, error) {
	v := sw.variants[sw.best()]
	p, o := sw.toConfirm(v), sw.confirmationOrder(v)
	if _, err := p.findRun(o); err != nil {
		return o, hint.Error(fmt.Errorf("the best setting is now %s, but test images have confirmed one already: %w", v.name(), err),
			"a choice made after a look at test images is no longer blind: remove %s if you want that, or take another --out", o.dir)
	}
	var err error
	if o.like, err = shard.Open(filepath.Join(sw.out, v.name())); err != nil {
		return o, err
	}
	if _, err := p.planRun(ctx, o); err != nil {
		return o, err
	}
	return o, sw.enlist(false, confirmation)
}

// planNext plans the runs of all settings or, once these are finished, the test run of
// the best one, and says so.
func (sw *sweep) planNext(ctx context.Context, out io.Writer) error {
	w, stop := sw.newWork()
	defer stop()
	if err := sw.planSettings(ctx, w); err != nil {
		return err
	}
	g, err := shard.OpenGroup(sw.out)
	if err != nil {
		return err
	}
	missing, err := g.Missing()
	if err != nil {
		return err
	}
	if g.More() && len(missing) == 0 {
		if err := sw.measureAll(ctx, w); err != nil { // All that is left to do is to add up.
			return err
		}
		if _, err := sw.planConfirmation(ctx); err != nil {
			return err
		}
		if g, err = shard.OpenGroup(sw.out); err != nil {
			return err
		}
		if missing, err = g.Missing(); err != nil {
			return err
		}
	}
	stop()
	if len(missing) == 0 {
		terminal.Printf(out, "nothing is left to plan: 'sresnet merge %s' makes the result\n", shell.Quote(sw.out))
		return nil
	}
	confirm := ""
	if best := sw.chosen(); !g.More() && best >= 0 {
		confirm = fmt.Sprintf(" and the best, %s, on %d test images", sw.variants[best].name(), sw.test.Len())
	}
	terminal.Printf(out, "%s: %d settings on %d images%s in %d shards, %d of them to do (%s)\n", sw.out, len(sw.variants), sw.selection.Len(), confirm, g.Shards(), len(missing), launch.Ranges(missing))
	printHowToDo(out, sw.out)
	if g.More() {
		terminal.Printf(out, "Before that, once these are done, it plans the run of the best setting on %d test images.\n", sw.test.Len())
	}
	return nil
}

// keepTable writes sweep.csv: one line for every timestep of every run, with the
// images it was measured on.
func (sw *sweep) keepTable() error {
	if sw.out == "" {
		return nil
	}
	folder, err := run.OpenFolder(sw.out)
	if err != nil {
		return err
	}
	rows := [][]string{{
		"setting", "percentile", "v_init", "compensation", "reset", "encoding", "measured_on", "images", "chosen",
		"t", "ann_top1", "snn_top1", "agreement", "spikes_per_image", "operations_per_image",
	}}
	best := sw.chosen()
	add := func(i int, on string, r *eval.Result) {
		if r == nil {
			return
		}
		v := sw.variants[i]
		for t := range r.SNN.Top1 {
			rows = append(rows, []string{
				v.name(), float(v.Percentile, 64), float(v.VInit, 64), v.Compensation, v.Reset, v.Encoding,
				on, strconv.Itoa(r.Images), strconv.FormatBool(i == best),
				strconv.Itoa(t + 1), float(r.ANN.Top1, 64), float(r.SNN.Top1[t], 64), float(r.Agreement[t], 64),
				float(r.SpikesUpTo[t], 64), float(r.Candidate(t+1).Operations, 64),
			})
		}
	}
	for i, r := range sw.results {
		add(i, forSelection, r)
	}
	if best >= 0 {
		add(best, forConfirmation, sw.confirmed)
	}
	return folder.Keep(csvFile("sweep.csv", rows))
}
