package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/experiment"
	"sresnet/internal/atomic"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/nir"
	"sresnet/record"
	"sresnet/run"
	"sresnet/snn"
)

func newRecord() *cobra.Command {
	var (
		e = experiment.DefaultOptions()
		o recordOptions
	)
	e.Images, e.Unlabelled = 10, true
	cmd := &cobra.Command{
		Use:   "record MODEL --data SPEC -o FILE",
		Short: "Write spikes, potentials and currents of chosen layers to a file",
		Long: `record presents test images to the spiking network and writes what chosen
populations do at every timestep, neuron by neuron: spikes, membrane potentials,
input currents. The suffix of the file selects the format:

  .h5, .hdf5      NIRData: HDF5, as the nir package reads it; nodes have their
                  names in the file of 'sresnet convert'
  .npz            a numpy archive
  .npy, a folder  numpy files, one per array, which can be mapped into memory

Arrays are (samples, steps, neurons), neurons channel by channel: (c*H + y)*W +
x. docs/recording.md says what they mean and how to load them.

--layers takes names of layers or nodes, as 'sresnet inspect' and 'sresnet nir'
show them, with * for anything. --events writes spikes as lists instead of
grids. A NIR file is taken as it is. Sizes are known before the work starts, and
limited by --max-gb.`,
		Example: `  sresnet record resnet20.onnx --data cifar10:cifar10 -o spikes.h5
  sresnet record net.nir --data mnist --layers 'block1*,classifier*' \
      --what spikes,potentials,currents -o rec.npz
  sresnet record net.nir --data mnist --images 100 -T 64 --events -o events.h5
  sresnet record net.nir --data mnist --layers classifier_Gemm \
      --what potentials -o v.npy`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if err := complete(cmd, &e, args[0]); err != nil {
				return err
			}
			if e.Data == "" {
				return missingData()
			}
			return runRecord(cmd, e, &o)
		},
	}
	f := cmd.Flags()
	outFlag(cmd, &o.out, "write to the file, or the folder, `FILE`")
	f.StringSliceVar(&o.layers, "layers", []string{"all"}, "record the layers or nodes `NAMES`, with * for anything")
	f.StringSliceVar(&o.what, "what", record.Observables()[:1], "record `WORDS`: "+strings.Join(record.Observables(), ", ")+", separated by commas")
	f.BoolVar(&o.events, "events", false, "write spikes as lists of neurons and times (NIRData)")
	f.Float64Var(&o.maxGB, "max-gb", 10, "write at most `N` gigabytes, before compression")
	optionFlags(cmd, &e, imageOptions, runOptions)
	jsonFlag(cmd, &o.json)
	finish(cmd)
	_ = cmd.RegisterFlagCompletionFunc("what", completeList(record.Observables()))
	return cmd
}

type recordOptions struct {
	out          string
	layers, what []string
	events, json bool
	maxGB        float64

	kind        record.Format
	observables []record.Observable
}

// check returns a usage error for the first option that makes no sense, and reads
// those that are words.
func (o *recordOptions) check() error {
	bad := func(err error, advice string) error { return &usageError{hint.Error(err, "%s", advice)} }
	const suffixes = "name a file that ends in .h5, .npz or .npy, or a folder (-o DIR/)"
	if o.out == "" {
		return bad(errors.New("--out is missing: give the name of the file to write, such as -o spikes.h5"), suffixes)
	}
	var err error
	if o.kind, err = record.FormatOf(o.out); err != nil {
		return bad(fmt.Errorf("-o %s: %w", o.out, err), suffixes)
	}
	if len(o.what) == 0 || len(o.layers) == 0 {
		return bad(errors.New("--what and --layers: there is nothing to record"), "give "+strings.Join(record.Observables(), ", ")+", and names of layers or all")
	}
	for _, w := range o.what {
		x, err := record.ParseObservable(w)
		if err != nil {
			return oneOf("what", w, record.Observables())
		}
		if !slices.Contains(o.observables, x) {
			o.observables = append(o.observables, x)
		}
	}
	if o.events {
		switch {
		case !slices.Contains(o.observables, record.Spikes):
			return bad(errors.New("--events: no spikes are recorded"), "add spikes to --what")
		case o.kind != record.NIRData:
			return bad(fmt.Errorf("--events: %v files hold grids only", o.kind), "name a file that ends in .h5")
		}
	}
	for _, pattern := range o.layers {
		if _, err := path.Match(pattern, ""); err != nil {
			return bad(fmt.Errorf("--layers %q: %w", pattern, err), "* stands for anything, ? for one character, [ab] for one of these")
		}
	}
	if !(o.maxGB > 0) {
		return bad(fmt.Errorf("--max-gb %v: give a number above 0", o.maxGB), "a gigabyte is a billion bytes")
	}
	return nil
}

func runRecord(cmd *cobra.Command, opts experiment.Options, o *recordOptions) error {
	if info, err := os.Stat(filepath.Dir(filepath.Clean(o.out))); err != nil || !info.IsDir() { // Before the work.
		return hint.Error(fmt.Errorf("there is no folder to write %s into", o.out), "make it first")
	}
	if info, err := os.Stat(o.out); err == nil && info.IsDir() && (o.kind != record.NPY || strings.EqualFold(filepath.Ext(filepath.Clean(o.out)), ".npy")) {
		return hint.Error(fmt.Errorf("%s is a folder, but a %v file is to be written", o.out, o.kind), "give the name of a file, or a folder without a suffix, DIR/")
	} else if err != nil || !info.IsDir() {
		if err := atomic.Replaceable(o.out); err != nil {
			return err
		}
	}
	ctx := cmd.Context()
	e, err := experiment.Open(ctx, opts)
	if err != nil {
		return err
	}
	net, err := e.Network(ctx)
	if err != nil {
		return err
	}
	p := &recorder{Experiment: e, network: net}
	r, err := p.recording(o)
	if err != nil {
		return err
	}
	size, err := record.Size(net, e.Test.Len(), r)
	if err != nil {
		return err
	}
	if limit := o.maxGB * 1e9; float64(size) > limit {
		return hint.Error(fmt.Errorf("%s would take %s, above --max-gb %v: %d images, %d timesteps, %s neurons", o.out, terminal.Bytes(size), o.maxGB, e.Test.Len(), net.Latency(e.Options.Timesteps), terminal.Count(float64(p.neurons(r.Populations)))),
			"record less with --images, --timesteps, --layers or --what, or give a larger --max-gb")
	}
	if !o.json {
		terminal.Printf(cmd.OutOrStdout(), "%s on %s of %s, T = %d: %s of arrays, before compression\n%s", net.Name, images(e.Test.Len()), experiment.SourceOf(e.Options.Data), e.Options.Timesteps, terminal.Bytes(size), strings.TrimPrefix(net.Timing(e.Options.Timesteps)+"\n", "\n"))
	}
	written, err := p.write(ctx, o.out, r)
	if err != nil {
		return err
	}
	result := p.recorded(o, r, written)
	if o.json {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(result)
	}
	result.print(cmd.OutOrStdout())
	return nil
}

// recorder is an experiment whose network is recorded.
type recorder struct {
	*experiment.Experiment
	network *snn.Network
}

// write records, with advice if that fails.
func (p *recorder) write(ctx context.Context, out string, r record.Options) (*record.Recording, error) {
	var stop func()
	r.Progress, stop = p.Options.Step("recording, MB")
	defer stop()
	written, err := record.Write(ctx, out, p.network, p.Test, r)
	var file *fs.PathError
	switch {
	case errors.Is(err, context.Canceled):
		return nil, hint.Error(fmt.Errorf("%w: %s is as it was before", errInterrupted, out), "use fewer images (--images N) or timesteps (--timesteps T)")
	case errors.As(err, &file):
		return nil, hint.Error(err, "give another file with -o, or make room for this one")
	}
	return written, err
}

// recording returns what is recorded: the populations that --layers names, and for
// images and network what files say of them.
func (p *recorder) recording(o *recordOptions) (record.Options, error) {
	r := record.Options{
		Format: o.kind, Observables: o.observables, Events: o.events,
		Timesteps: p.Options.Timesteps, Seed: p.Options.Seed, Reference: p.Options.Sim().Reference, Workers: p.Options.Workers,
		Attributes: map[string]string{"sresnet_version": run.Version(), "model": filepath.Base(experiment.ModelFile(p.Options.Model)), "normalization": p.Options.Normalize, "data": experiment.SourceOf(p.Options.Data)},
	}
	nodes, err := nir.LayerNodes(p.network, p.File)
	if err != nil {
		return r, err
	}
	var missing *record.LayerError
	if r.Populations, err = record.Choose(p.network, nodes, o.layers, o.observables); errors.As(err, &missing) {
		return r, &usageError{hint.Error(fmt.Errorf("--layers %q: %w", missing.Pattern, err), "it has %s", terminal.Clean(strings.Join(nodes, ", ")))}
	} else if err != nil {
		return r, err
	}
	if r.Units, err = nir.LayerUnits(p.network, p.File); err != nil {
		return r, err
	}
	arrays := 0
	for _, q := range r.Populations {
		arrays += len(o.observables)
		if p.network.Layers[q.Layer].IsGate() {
			arrays -= len(o.observables) - 1
		}
	}
	if strings.EqualFold(filepath.Ext(o.out), ".npy") && o.kind == record.NPY {
		if arrays > 1 {
			return r, &usageError{hint.Error(fmt.Errorf("%s has room for one array, and %d are recorded", o.out, arrays), "choose one with --layers and --what, or name a folder (-o DIR/) or an .npz file")}
		}
	} else if p.Test.Labelled() {
		for i := range p.Test.Len() {
			r.Labels = append(r.Labels, p.Test.Label(i))
		}
	}
	hash, err := p.Options.HashModel(p.Options.Model)
	r.Attributes["model_sha256"] = hash
	return r, err
}

// neurons returns how many populations have together.
func (p *recorder) neurons(list []record.Population) (n int) {
	for _, q := range list {
		n += p.network.Layers[q.Layer].Neurons()
	}
	return n
}

// recordResult is what record prints.
type recordResult struct {
	Model       string             `json:"model"`
	File        string             `json:"file"`
	Format      string             `json:"format"`
	Images      int                `json:"images"`
	Timesteps   int                `json:"timesteps"` // T
	Observables []string           `json:"observables"`
	ArrayBytes  int64              `json:"array_bytes"` // Before compression.
	FileBytes   int64              `json:"file_bytes"`
	Populations []recordPopulation `json:"populations"`
	Schedule    string             `json:"schedule"`
	Latency     int                `json:"latency"` // Timesteps of every array: T in a synchronous network.
}

type recordPopulation struct {
	Node    string `json:"node"` // Its name in the file.
	Layer   string `json:"layer"`
	Shape   []int  `json:"shape"`
	Neurons int    `json:"neurons"`
	Spikes  uint64 `json:"spikes"` // Of all images.
}

func (p *recorder) recorded(o *recordOptions, r record.Options, w *record.Recording) *recordResult {
	res := &recordResult{
		Model: p.network.Name, File: o.out, Format: r.Format.String(), Images: w.Images, Timesteps: w.Timesteps, Schedule: p.network.Schedule.String(), Latency: w.Steps, ArrayBytes: w.Bytes,
	}
	for _, x := range r.Observables {
		res.Observables = append(res.Observables, x.String())
	}
	for k, q := range r.Populations {
		l := &p.network.Layers[q.Layer]
		res.Populations = append(res.Populations, recordPopulation{q.Name, l.Name, l.Shape, l.Neurons(), w.Spikes[k]})
	}
	_ = filepath.WalkDir(o.out, func(_ string, d fs.DirEntry, err error) error { // One file, or what is in a folder.
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				res.FileBytes += info.Size()
			}
		}
		return nil
	})
	return res
}

func (res *recordResult) print(w io.Writer) {
	terminal.Printf(w, "%s: %s, %s of %d populations\n\n", res.File, terminal.Bytes(res.FileBytes), strings.Join(res.Observables, ", "), len(res.Populations))
	t := terminal.NewTable("llrrr", "node", "shape", "neurons", "rate", "spikes/image")
	for _, q := range res.Populations {
		perImage := float64(q.Spikes) / float64(res.Images)
		shape := make([]string, len(q.Shape))
		for i, n := range q.Shape {
			shape[i] = fmt.Sprint(n)
		}
		t.Append(terminal.Clean(q.Node), strings.Join(shape, "x"), q.Neurons, fmt.Sprintf("%.4f", perImage/float64(res.Timesteps)/float64(q.Neurons)), terminal.Count(perImage))
	}
	t.Print(w)
}
