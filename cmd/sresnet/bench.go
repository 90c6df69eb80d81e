package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/benchmark"
	"sresnet/calibrate"
	"sresnet/internal/terminal"
	"sresnet/onnx"
)

func newBench() *cobra.Command {
	var (
		s      = settings{dataOptional: true}
		o      benchOptions
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "bench MODEL [--data SPEC]",
		Short: "Measure how fast a network is simulated on this machine",
		Long: `bench converts a network and measures, in several rounds that take turns: the
dense pass of the trained network; the simulation with one worker; with one worker
a core, an image each; and with all workers on one image. Figures are medians of
the rounds. An image-step is one timestep of one image. Of a NIR file it measures
the simulation alone.

Without --data, images are random numbers, and the network is calibrated on them;
rates are then only roughly those of real images.`,
		Example: `  sresnet bench resnet20.onnx --data cifar10:cifar-10-batches-bin --normalize imagenet
  sresnet bench resnet50.onnx --input 3x224x224 --images 2 --timesteps 32 --json
  sresnet bench resnet20.nir --data cifar10:cifar-10-batches-bin`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd.CommandPath()); err != nil {
				return err
			}
			if o.rounds < 1 || o.rounds > benchmark.MaxRounds {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--rounds %d: give from 1 to %d", o.rounds, benchmark.MaxRounds)}
			}
			p := &pipeline{settings: &s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}}
			images, err := o.prepare(cmd, p, args[0])
			if err != nil {
				return err
			}
			r, err := o.measure(cmd.Context(), p, images)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			printBenchmark(cmd.OutOrStdout(), r)
			return nil
		},
	}
	s.weightsFlags(cmd)
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.dataFlags(all, 16)
	s.networkFlags(all)
	s.runFlags(all, 350)
	all.Lookup("data").Usage = "images to present; `SPEC` as for eval (default: random numbers)"
	all.Lookup("images").Usage = "present the first `N` images in every round"
	all.Lookup("calibration-images").DefValue = "100"
	s.calibrationImages = 100
	for _, name := range []string{"data", "calibrate", "calibration-images", "images", "normalize", "percentile", "shared-lambda", "v-init", "encoding", "reset", "timesteps", "workers", "seed"} {
		cmd.Flags().AddFlag(all.Lookup(name))
	}
	cmd.Flags().StringVar(&o.input, "input", "", "`SHAPE` of one image, such as 3x224x224, where the file leaves it open")
	cmd.Flags().IntVar(&o.rounds, "rounds", 5, "measure `N` times and take medians")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object and nothing else")
	cmd.Flags().SortFlags = false
	completions(cmd)
	return cmd
}

type benchOptions struct {
	input  string
	rounds int
}

// prepare makes the spiking network and returns the images.
func (o *benchOptions) prepare(cmd *cobra.Command, p *pipeline, model string) ([][]float32, error) {
	if isNIR(model) {
		if err := refuse(cmd, model, "input"); err != nil {
			return nil, err
		}
	}
	var test calibrate.Images
	if p.data == "" {
		if p.images == 0 {
			return nil, &usageError{p.command, fmt.Errorf("--images 0: there is no end to random images; give their number")}
		}
		if err := o.prepareRandom(cmd, p, model); err != nil {
			return nil, err
		}
		test = benchmark.Random{Shape: p.network.Input.Shape, N: p.images}
	} else {
		if err := p.openModel(cmd, model); err != nil {
			return nil, err
		}
		if p.file == nil {
			if err := p.calibrateGraph(cmd.Context()); err != nil {
				return nil, err
			}
			if err := p.convertGraph(); err != nil {
				return nil, err
			}
		}
		test = p.test
	}
	images := make([][]float32, 0, test.Len())
	for i := range test.Len() {
		x := make([]float32, p.network.Input.Shape.Len())
		if err := test.Image(i, x); err != nil {
			return nil, err
		}
		images = append(images, x)
	}
	return images, nil
}

// prepareRandom makes the spiking network where there are no images.
func (o *benchOptions) prepareRandom(cmd *cobra.Command, p *pipeline, model string) error {
	if isNIR(model) {
		if err := refuse(cmd, model, append([]string{"normalize"}, conversionFlags...)...); err != nil {
			return err
		}
		p.model = model
		return p.readNetwork(false)
	}
	shape, err := parseShape(o.input)
	if err != nil {
		return &usageError{p.command, fmt.Errorf("--input %q: %w", o.input, err)}
	}
	if p.graph, err = p.readModel(model, onnx.Options{InputShape: shape}); err != nil {
		return err
	}
	update, stop := p.progress.Bar("calibrating")
	p.statistics, err = calibrate.Run(cmd.Context(), p.graph, benchmark.Random{Shape: p.graph.Input.Shape, N: p.calibrationImages}, calibrate.Options{
		Percentile: p.percentile, Workers: p.workerCount(), Progress: update,
	})
	stop()
	if err != nil {
		return err
	}
	return p.convertGraph()
}

// measure presents the images to the network of p.
func (o *benchOptions) measure(ctx context.Context, p *pipeline, images [][]float32) (*benchmark.Result, error) {
	update, stop := p.progress.Bar("measuring")
	defer stop()
	r, err := benchmark.Run(ctx, benchmark.Options{
		Graph: p.graph, Network: p.network, Images: images, Sim: p.simOptions(), Workers: p.workerCount(), Rounds: o.rounds, Progress: update,
	})
	if err != nil {
		return nil, err
	}
	r.Model, _, _ = p.takes()
	r.Version, r.Data = version(), cmp.Or(p.data, "random numbers")
	return r, nil
}

func printBenchmark(w io.Writer, r *benchmark.Result) {
	terminal.Printf(w, "%s on %d images of %s, T = %d, medians of %d rounds\n", r.Model, r.Images, r.Data, r.Timesteps, r.Rounds)
	terminal.Printf(w, "%s, %d cores, %s, %s\n\n", r.Processor, r.Cores, r.Implementation, r.Go)
	conv := fmt.Sprintf("a 3x3 convolution 64->64 at 32x32: %.1f GFLOP/s", r.ConvGFLOPS)
	if r.DenseMillis > 0 {
		terminal.Printf(w, "trained network: %.3f ms a dense pass on one core, %.1f GFLOP/s; %s\n", r.DenseMillis, r.DenseGFLOPS, conv)
	} else {
		terminal.Printf(w, "trained network: none beside the file; %s\n", conv)
	}
	terminal.Printf(w, "a timestep:      %s spikes, rate %.4f, %s additions\n\n", terminal.Count(r.SpikesPerStep), r.Rate, terminal.Count(r.ACsPerStep))

	t := terminal.NewTable("lrrrrrr", "workers", "image-steps/s", "us/image-step", "ns/spike", "G additions/s/core", "dense passes/step", "speed-up")
	add := func(name string, m *benchmark.Speed) {
		if m != nil {
			t.Append(
				name, fmt.Sprintf("%.0f", m.Speed), fmt.Sprintf("%.1f", m.StepMicros), fmt.Sprintf("%.2f", m.SpikeNanos),
				fmt.Sprintf("%.1f", m.GSynAdd), passes(m.PerDensePass), fmt.Sprintf("%.2f", m.SpeedUp),
			)
		}
	}
	add("1", &r.One)
	add(fmt.Sprintf("%d, an image each", r.Workers), r.All)
	add(fmt.Sprintf("%d, one image", r.Workers), r.Shared)
	t.Print(w)

	t = terminal.NewTable("llrrrrrr", "layer", "method", "tile", "neurons", "rate", "us/step", "share %", "G additions/s")
	for _, l := range r.Layers {
		tile := "all"
		if l.Tile > 0 {
			tile = fmt.Sprint(l.Tile)
		}
		t.Append(l.Name, l.Method, tile, l.Neurons, fmt.Sprintf("%.4f", l.Rate), fmt.Sprintf("%.2f", l.StepMicros), fmt.Sprintf("%.1f", 100*l.Share), fmt.Sprintf("%.1f", l.GSynAdd))
	}
	t.Print(w)
	if r.PeakMemory > 0 {
		terminal.Printf(w, "peak memory: %.0f MB\n", float64(r.PeakMemory)/1e6)
	}
}

// passes formats dense passes a step, of which nothing is known without the trained
// network.
func passes(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.3f", x)
}
