package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/calibrate"
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/internal/regular"
	"sresnet/internal/terminal"
	"sresnet/run"
	"sresnet/shard"
)

func newSweep() *cobra.Command {
	var (
		s settings
		g grid
		o sweepOptions
	)
	cmd := &cobra.Command{
		Use:   "sweep MODEL --data SPEC",
		Short: "Try many settings, choose one on training images, confirm it on test images",
		Long: `sweep converts the network with every combination of the listed values and
measures each on images of the training set. The best one is then measured once
on the test images.

Three parts of the images never mix: the first training images shape the networks
(scales and compensation), the next ones choose, the test images confirm. If the
training set is smaller than both parts, it is divided in their proportion.

The best setting is the one with the most images classified rightly at timestep
--at; equals go to fewer operations. Every T from 1 to --timesteps is in one
simulation.

With --out, every setting becomes a folder as of 'sresnet eval --out', the test
run the folder confirmed, and all numbers a table in sweep.csv. After Ctrl-C or a
crash, the same command goes on where it was. So kept, a sweep can be spread over
machines that share the folder: --plan-only plans the runs of all settings, 'sresnet
run' or 'sresnet submit' does their shards, and 'sresnet merge' plans the test run of
the best one, and once that is done, too, makes the result.`,
		Example: `  sresnet sweep resnet20.onnx --data cifar10:cifar-10-batches-bin --out sweeps/resnet20
  sresnet sweep resnet20.onnx --data cifar10:cifar-10-batches-bin --at 64 \
      --percentile 99,99.5,99.9 --v-init 0.5 --compensation none
  sresnet sweep resnet20.onnx --data cifar10:cifar-10-batches-bin --out sweeps/resnet20 --plan-only
  sresnet sweep mnist.onnx --data mnist --reset subtract,zero --json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := func(err error) error { return &usageError{cmd.CommandPath(), err} }
			variants, err := g.variants()
			if err != nil {
				return bad(err)
			}
			for _, v := range variants {
				v.apply(&s)
				if err := s.check(cmd.CommandPath()); err != nil {
					return err
				}
			}
			switch {
			case o.at < 0 || o.at > s.timesteps:
				return bad(fmt.Errorf("--at %d: give a timestep from 1 to %d, or 0 for the last", o.at, s.timesteps))
			case o.at == 0:
				o.at = s.timesteps
			}
			if o.selectionImages < 1 {
				return bad(fmt.Errorf("--selection-images %d: a choice takes at least one image", o.selectionImages))
			}
			if err := o.check(cmd.CommandPath()); err != nil {
				return err
			}
			return runSweep(cmd, args[0], &s, variants, o)
		},
	}
	s.weightsFlags(cmd)
	all := pflag.NewFlagSet("", pflag.ContinueOnError) // Of eval; those of the grid take lists here.
	s.dataFlags(all, 0)
	s.sharedLambdaFlag(all)
	s.compensationFlag(all)
	s.runFlags(all, 350)
	s.readoutFlags(all)
	f := cmd.Flags()
	add := func(names ...string) {
		for _, name := range names {
			f.AddFlag(all.Lookup(name))
		}
	}
	add("data", "calibrate", "normalize", "resize", "crop", "skip-bad")
	g.flags(f)
	add("shared-lambda", "timesteps")
	f.IntVar(&o.at, "at", 0, "choose by the accuracy after `T` timesteps; 0 means the last")
	f.IntVar(&o.selectionImages, "selection-images", 1000, "choose on `N` training images, those after the calibration images")
	add("calibration-images", "compensation-images", "images", "readout", "engine", "workers", "seed")
	f.Lookup("images").Usage = "confirm on the first `N` test images; 0 means all"
	o.flags(f, "keep all runs in the folder `DIR`, and go on from what is there")
	f.SortFlags = false
	g.complete(cmd)
	completions(cmd)
	return cmd
}

type sweepOptions struct {
	keepOptions
	at              int // Timestep by whose accuracy the choice is made.
	selectionImages int
}

// sweep measures the variants of one network. Its pipeline has the calibration and
// the test images.
type sweep struct {
	*pipeline
	sweepOptions
	source   run.Source    // The model.
	line     shard.Command // The command line.
	variants []variant

	selection     *dataset.Images // Training images that are no calibration images.
	selectionPart part            // Which ones they are,
	selectionName string          // and what to call them.

	planned    []bool                            // Per variant, whether its run has been planned.
	statistics map[float64]*calibrate.Statistics // By percentile.
	factors    map[variant]compensation
	results    []*eval.Result // Per variant, on the selection images; nil where it is not finished.
	confirmed  *eval.Result   // Of the chosen variant on the test images, or nil.
}

func runSweep(cmd *cobra.Command, model string, s *settings, variants []variant, o sweepOptions) error {
	if isNIR(model) {
		return wantsTrained(model, "a sweep converts it with every setting")
	}
	sw := &sweep{
		pipeline:     &pipeline{settings: s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}},
		sweepOptions: o, variants: variants, results: make([]*eval.Result, len(variants)), planned: make([]bool, len(variants)),
		statistics: make(map[float64]*calibrate.Statistics), factors: make(map[variant]compensation),
	}
	ctx, w := cmd.Context(), cmd.OutOrStdout()
	if err := sw.open(ctx, model); err != nil {
		return err
	}
	if sw.out != "" {
		var err error
		if sw.line, err = lineOf(cmd, model); err != nil {
			return err
		}
		if err := sw.resume(); err != nil {
			return err
		}
	}
	if sw.planOnly {
		return sw.interrupted(sw.planNext(ctx, w))
	}
	runErr := sw.run(ctx)
	if runErr != nil && sw.finished() == 0 {
		return sw.interrupted(runErr)
	}
	if err := sw.keepTable(); err != nil {
		return err
	}
	if err := sw.show(w, sw.asJSON); err != nil {
		return err
	}
	return sw.interrupted(runErr)
}

// open reads the images and the network, and divides the training images.
func (sw *sweep) open(ctx context.Context, model string) error {
	test, train, err := sw.openData()
	if err != nil {
		return err
	}
	if err := sw.load(model, test); err != nil {
		return err
	}
	if test, train, err = sw.resized(test, train); err != nil {
		return err
	}
	hash, err := regular.Hash(model)
	if err != nil {
		return err
	}
	sw.model, sw.source = model, run.Source{Name: model, SHA256: hash}
	n, m, err := divide(train.Len(), sw.calibrationImages, sw.selectionImages)
	if err != nil {
		return hint.Error(fmt.Errorf("%s: %w", sw.calibrate, err), "give more training images with --calibrate")
	}
	sw.calibrationImages, sw.selectionImages = n, m
	if err := sw.chooseImages(ctx, test, train); err != nil {
		return err
	}
	d, err := train.Slice(n, n+m)
	if err != nil {
		return err
	}
	if d, err = sw.checked(ctx, d); err != nil {
		return err
	}
	sw.selectionPart = part{sw.calibrate, n, n + m}
	sw.selectionName = trainingImages(sw.calibrate, n, n+m)
	sw.selection, err = dataset.NewImages(d, sw.calibration.Normalization())
	return err
}

// divide returns how many of n training images shape the networks and how many
// after them choose among these: as many as asked for, or where there are fewer,
// all of them in that proportion.
func divide(n, calibration, selection int) (int, int, error) {
	switch {
	case n < 2:
		return 0, 0, errors.New("one training image cannot both shape the networks and choose among them")
	case calibration <= n-selection:
		return calibration, selection, nil
	}
	share := float64(calibration) / (float64(calibration) + float64(selection))
	calibration = min(max(int(share*float64(n)+0.5), 1), n-1)
	return calibration, n - calibration, nil
}

// trainingImages names a part of the training images.
func trainingImages(spec string, from, to int) string {
	return fmt.Sprintf("training images %d to %d of %s", from, to-1, spec)
}

// of returns the pipeline of a variant that presents the given images, which are the
// first n of what name says, or all for 0.
func (sw *sweep) of(v variant, images *dataset.Images, name string, n int) *pipeline {
	s := *sw.settings
	v.apply(&s)
	s.data, s.images = name, n
	return &pipeline{settings: &s, command: sw.command, model: sw.model, progress: sw.progress, graph: sw.graph, test: images, calibration: sw.calibration}
}

// toSelect and toConfirm are the pipelines of a variant.
func (sw *sweep) toSelect(v variant) *pipeline {
	return sw.of(v, sw.selection, sw.selectionName, sw.selection.Len())
}

func (sw *sweep) toConfirm(v variant) *pipeline { return sw.of(v, sw.test, sw.data, sw.images) }

// run measures every variant that is not finished, and confirms the best.
func (sw *sweep) run(ctx context.Context) error {
	w, stop := sw.newWork()
	defer stop()
	if err := sw.planSettings(ctx, w); err != nil {
		return err
	}
	if err := sw.measureAll(ctx, w); err != nil {
		return err
	}
	return sw.confirm(ctx, w)
}

// measureAll measures every variant that is not finished.
func (sw *sweep) measureAll(ctx context.Context, w *work) error {
	for i, v := range sw.variants {
		if sw.results[i] != nil {
			continue
		}
		var err error
		if sw.out != "" {
			sw.results[i], err = sw.complete(ctx, w, sw.toSelect(v), sw.selectionOrder(v))
		} else {
			sw.results[i], err = sw.measure(ctx, w, sw.toSelect(v), v)
		}
		if err != nil {
			return fmt.Errorf("setting %s: %w", v.name(), err)
		}
	}
	return nil
}

// confirm presents the test images to the best variant, unless that has been done.
func (sw *sweep) confirm(ctx context.Context, w *work) (err error) {
	v := sw.variants[sw.best()]
	if sw.out != "" {
		var o order
		if o, err = sw.planConfirmation(ctx); err != nil {
			return err
		}
		sw.confirmed, err = sw.complete(ctx, w, sw.toConfirm(v), o)
	} else {
		sw.confirmed, err = sw.measure(ctx, w, sw.toConfirm(v), v)
	}
	if err != nil {
		return fmt.Errorf("confirming %s: %w", v.name(), err)
	}
	return nil
}

// prepare makes the network of a variant.
func (sw *sweep) prepare(ctx context.Context, w *work, p *pipeline, v variant) error {
	if sw.statistics[v.Percentile] == nil {
		p.progress.Part = w.part(sw.calibrationWork())
		if err := p.calibrateGraph(ctx); err != nil {
			return err
		}
		sw.statistics[v.Percentile] = p.statistics
	}
	p.statistics = sw.statistics[v.Percentile]
	if err := p.convertGraph(); err != nil {
		return err
	}
	known, ok := sw.factors[v]
	if !ok {
		p.progress.Part = w.part(sw.compensationWork(v))
		if err := p.compensate(ctx); err != nil {
			return err
		}
		sw.factors[v] = p.factors
		return nil
	}
	p.factors = known
	if known.factors == nil {
		return nil
	}
	var err error
	p.network, err = p.network.Compensated(known.factors)
	return err
}

// measure makes the network of a variant and presents the images of p. It has a
// result only if all of them were.
func (sw *sweep) measure(ctx context.Context, w *work, p *pipeline, v variant) (*eval.Result, error) {
	if err := sw.prepare(ctx, w, p, v); err != nil {
		return nil, err
	}
	p.progress.Part = w.part(p.test.Len())
	r, err := p.evaluate(ctx)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// best returns the index of the best variant; all must be finished.
func (sw *sweep) best() int {
	var candidates []eval.Candidate
	for _, r := range sw.results {
		candidates = append(candidates, r.Candidate(sw.at))
	}
	return eval.Best(candidates)
}

// finished returns how many variants are.
func (sw *sweep) finished() int {
	n := 0
	for _, r := range sw.results {
		if r != nil {
			n++
		}
	}
	return n
}

// interrupted says how far a sweep came that ended early; nil for nil, and errors
// of other kinds as they are.
func (sw *sweep) interrupted(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	remedy := "add --out DIR to keep what is finished and go on from there"
	if sw.out != "" {
		remedy = "the same command goes on from what is kept in " + sw.out
	}
	return hint.Error(fmt.Errorf("%w with %d of %d settings finished", errInterrupted, sw.finished(), len(sw.variants)), "%s", remedy)
}
