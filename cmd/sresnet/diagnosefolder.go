package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sresnet/diagnose"
	"sresnet/internal/hint"
	"sresnet/internal/regular"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/launch"
	"sresnet/nir"
	"sresnet/run"
	"sresnet/shard"
	"sresnet/snn"
)

// Kinds of the plans of a diagnosis, and names of their folders. What the shards of
// trials number as images is said at [diagnose.Outcomes].
const (
	measurementKind = "measurement"
	trialsKind      = "trials"
)

// diagnosisFolder is where the work on a diagnosis is kept, in the folder of a run.
const diagnosisFolder = "diagnosis"

// keptDiagnosis is a diagnosis whose work is kept.
type keptDiagnosis struct {
	*pipeline
	keepOptions
	dir     string // Where the work is.
	line    shard.Command
	source  run.Source  // The trained network.
	spiking string      // SHA-256 of the NIR file that the spiking one was read from, or "".
	folder  *run.Folder // Of the run that it is added to.

	measurement *keptRun
	trials      *keptRun // Nil as long as it is not planned.
	diagnoser   *diagnose.Diagnoser
}

// openDiagnosis makes sure that the folder of o can take a diagnosis, before any work.
func (p *pipeline) openDiagnosis(cmd *cobra.Command, o diagnoseOptions) (*keptDiagnosis, error) {
	k := &keptDiagnosis{pipeline: p, keepOptions: o.keepOptions, dir: filepath.Join(o.out, diagnosisFolder)}
	files := []string{p.model} // Whose run a diagnosis may lie beside.
	trained := p.model
	if p.file != nil {
		trained, files = o.ann, append(files, o.ann)
	}
	hash, err := regular.Hash(trained)
	if err != nil {
		return nil, err
	}
	k.source = run.Source{Name: trained, SHA256: hash}
	if p.file != nil {
		if k.spiking, err = regular.Hash(p.model); err != nil {
			return nil, err
		}
	}
	if k.folder, err = p.folderOf(o.out, files); err != nil {
		return nil, err
	}
	if k.line, err = lineOf(cmd, p.model); err != nil {
		return nil, err
	}
	if err := refuseLinks(k.dir, k.order(measurementKind).dir, k.order(trialsKind).dir); err != nil {
		return nil, err
	}
	for _, kind := range []string{measurementKind, trialsKind} {
		found, err := p.findRun(k.order(kind))
		if err != nil && k.finished() { // Another one, which makes room.
			found, err = nil, os.RemoveAll(k.dir)
		}
		if err != nil {
			return nil, hint.Error(err, "remove %s if that is of no use any more, or give the options and files that it was made with", k.dir)
		}
		if kind == trialsKind {
			k.trials = found
		}
	}
	return k, nil
}

// finished reports whether the diagnosis in the folder is.
func (k *keptDiagnosis) finished() bool {
	g, err := shard.OpenGroup(k.dir)
	if err != nil || g.More() {
		return false
	}
	missing, err := g.Missing()
	if err != nil || len(missing) > 0 {
		return false
	}
	m, err := run.ReadManifest(k.out)
	return err == nil && m.Files["diagnosis.json"] != ""
}

// order asks for a part of the diagnosis.
func (k *keptDiagnosis) order(kind string) order {
	o := order{dir: filepath.Join(k.dir, kind), kind: kind, manifest: k.manifest(k.source, time.Now())}
	if k.spiking != "" {
		o.manifest.Options["nir_sha256"] = k.spiking
	}
	return o
}

// divided returns how o is divided into shards, if it has n images.
func (k *keptDiagnosis) divided(o order, n, most int) order {
	o.most = most
	if k.shards > 0 {
		o.shards = min(k.shards, n)
	}
	return o
}

// planMeasurement plans the measurement, unless that has been done.
func (k *keptDiagnosis) planMeasurement(ctx context.Context) error {
	o := k.divided(k.order(measurementKind), k.test.Len(), shard.MaxShards/4)
	o.prepare = k.subjected
	var err error
	if k.measurement, err = k.planRun(ctx, o); err != nil {
		return err
	}
	names := []string{measurementKind}
	if k.trials != nil {
		names = append(names, trialsKind)
	}
	if err := k.enlist(k.trials == nil, names...); err != nil {
		return err
	}
	k.diagnoser, err = k.newDiagnoser()
	return err
}

func (k *keptDiagnosis) enlist(more bool, names ...string) error {
	_, err := shard.Enlist(k.dir, k.line, more, names...)
	return hint.Error(err, "give fewer shards with --shards")
}

func (p *pipeline) newDiagnoser() (*diagnose.Diagnoser, error) {
	o, err := p.diagnoseOptions()
	if err != nil {
		return nil, err
	}
	return diagnose.New(p.subject(), o)
}

// planTrials plans the trials, unless that has been done, by the measurement, which
// must be finished. It returns them without networks.
func (k *keptDiagnosis) planTrials(ctx context.Context, m *diagnose.Measurement) (*diagnose.Trials, error) {
	if k.trials != nil {
		return &diagnose.Trials{List: k.trials.config.Trials}, nil
	}
	if k.statistics == nil { // An earlier call has made the network.
		net := k.network
		if err := k.subjected(ctx); err != nil {
			return nil, err
		}
		k.network = net
	}
	d, err := k.newDiagnoser()
	if err != nil {
		return nil, err
	}
	t, err := d.Plan(ctx, m)
	if err != nil {
		return nil, err
	}
	if t.Fault != nil {
		return t, k.enlist(false, measurementKind)
	}
	o := k.divided(k.order(trialsKind), len(t.List)*k.test.Len(), shard.MaxShards*3/4)
	o.like, o.trials = k.measurement.run, t
	if k.trials, err = k.planRun(ctx, o); err != nil {
		return nil, err
	}
	return &diagnose.Trials{List: t.List}, k.enlist(false, trialsKind)
}

// diagnosis does what is missing, sums up and keeps the result.
func (k *keptDiagnosis) diagnosis(ctx context.Context) (*diagnose.Diagnosis, error) {
	if err := k.planMeasurement(ctx); err != nil {
		return nil, err
	}
	if err := k.measurement.diagnose(ctx, allShards(k.measurement.run)); err != nil {
		return nil, err
	}
	m, _, err := k.diagnoser.Measuring().Gather(k.measurement.run)
	if err != nil {
		return nil, damaged(err)
	}
	t, err := k.planTrials(ctx, m)
	if err != nil {
		return nil, err
	}
	var outcomes *diagnose.Outcomes
	if k.trials != nil {
		if err := k.trials.diagnose(ctx, allShards(k.trials.run)); err != nil {
			return nil, err
		}
		w, err := k.diagnoser.Trying(t.List, k.trials.trialNetwork)
		if err != nil {
			return nil, err
		}
		if outcomes, _, err = w.Gather(k.trials.run); err != nil {
			return nil, damaged(err)
		}
	}
	d := k.diagnoser.Diagnosis(m, t, outcomes)
	return d, k.folder.Add(run.File{Name: "diagnosis.json", Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(d) }})
}

// planNext plans the measurement or, once that is finished, the trials, and says so.
func (k *keptDiagnosis) planNext(ctx context.Context, w io.Writer) error {
	if err := k.planMeasurement(ctx); err != nil {
		return err
	}
	missing, err := k.measurement.run.Missing()
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		m, _, err := k.diagnoser.Measuring().Gather(k.measurement.run)
		if err != nil {
			return damaged(err)
		}
		if _, err := k.planTrials(ctx, m); err != nil {
			return err
		}
	}
	g, err := shard.OpenGroup(k.dir)
	if err != nil {
		return err
	}
	if missing, err = g.Missing(); err != nil {
		return err
	}
	if len(missing) == 0 {
		terminal.Printf(w, "nothing is left to plan: 'sresnet merge %s' makes the result\n", shell.Quote(k.dir))
		return nil
	}
	trials := ""
	if k.trials != nil {
		trials = fmt.Sprintf(" and %d trials on each", len(k.trials.config.Trials))
	}
	terminal.Printf(w, "%s: a measurement of %d images%s in %d shards, %d of them to do (%s)\n", k.dir, k.test.Len(), trials, g.Shards(), len(missing), launch.Ranges(missing))
	printHowToDo(w, k.dir)
	if g.More() {
		fmt.Fprintln(w, "Before that, once these are done, it plans what to try.")
	}
	return nil
}

// interrupted says what to do after work that ended early; nil for nil, and errors of
// other kinds as they are.
func (k *keptDiagnosis) interrupted(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return hint.Error(errInterrupted, "what is done is kept in %s: the same command goes on from there", k.dir)
}

// diagnose does shards of a part of a diagnosis.
func (k *keptRun) diagnose(ctx context.Context, shards []int) error {
	d, err := k.newDiagnoser()
	if err != nil {
		return err
	}
	if k.run.Plan().Kind == measurementKind {
		return k.work(ctx, "measuring", func(update func(done, total int)) error { return d.Measuring().Do(ctx, k.run, shards, update) })
	}
	w, err := d.Trying(k.config.Trials, k.trialNetwork)
	if err != nil {
		return err
	}
	return k.work(ctx, "trying", func(update func(done, total int)) error { return w.Do(ctx, k.run, shards, update) })
}

// trialFile is the name of the file of a network that is tried.
func trialFile(i int) string {
	if i == 0 {
		return networkFile
	}
	return fmt.Sprintf("network-%d.nir", i)
}

// trialNetwork reads a network that is tried.
func (k *keptRun) trialNetwork(i int) (*snn.Network, error) { return networkIn(k.run, trialFile(i)) }

// trialNetworks returns the networks that are tried, but for the one of the measurement.
func (k *keptRun) trialNetworks(o order) (files []shard.File, err error) {
	for _, t := range o.trials.List {
		if t.Network == 0 {
			continue
		}
		info := k.nirInfo(o.manifest.Model.SHA256)
		info.Conversion = t.Change
		g, _, err := nir.FromNetwork(o.trials.Networks[t.Network], nir.Generic, info)
		if err != nil {
			return nil, err
		}
		files = append(files, plannedNIR(o.dir, trialFile(t.Network), g))
	}
	return files, nil
}
