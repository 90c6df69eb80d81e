package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sresnet/benchmark"
	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/terminal"
	"sresnet/run"
)

func newBench() *cobra.Command {
	var (
		o      = experiment.DefaultOptions()
		rounds int
		asJSON bool
	)
	o.Images, o.CalibrationImages, o.Unlabelled = 16, 100, true
	cmd := &cobra.Command{
		Use:   "bench MODEL [--data SPEC]",
		Short: "Measure how fast a network is simulated on this machine",
		Long: `bench converts a network and measures, in several rounds that take turns: the
dense pass of the trained network; the simulation with one worker; with one
worker per core, each with its own image; and with all workers on one image.
Figures are medians of the rounds. An image-step is one timestep of one image,
of a phased network one of the T of a window. For a NIR file it measures the
simulation alone.

Without --data, images are random numbers, and the network is calibrated on
them; rates are then only roughly those of real images.`,
		Example: `  sresnet bench resnet20.onnx --data cifar10:cifar10 --normalize imagenet
  sresnet bench 'resnet50.onnx?input=3x224x224' --images 2 -T 32 --json
  sresnet bench resnet20.nir --data cifar10:cifar10`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case rounds < 1 || rounds > benchmark.MaxRounds:
				return usage("--rounds %d: give from 1 to %d", rounds, benchmark.MaxRounds)
			case o.Data == "" && o.Images == 0:
				return usage("--images 0: random images never end; give a number")
			}
			e, err := open(cmd, &o, args[0])
			if err != nil {
				return err
			}
			r, err := measure(cmd, e, rounds)
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
	optionFlags(cmd, &o, []string{"data", "images", "normalize"}, runOptions)
	cmd.Flags().Lookup("data").Usage = "images to present; `SPEC` as for eval (default: random numbers)"
	cmd.Flags().Lookup("images").Usage = "present the first `N` images in every round"
	cmd.Flags().IntVar(&rounds, "rounds", 5, "measure `N` times and take medians")
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	return cmd
}

// measure presents the images, or random numbers where there are none.
func measure(cmd *cobra.Command, e *experiment.Experiment, rounds int) (*benchmark.Result, error) {
	ctx, o := cmd.Context(), &e.Options
	name, shape, _ := e.Takes()
	var test benchmark.Images = benchmark.Random{Shape: shape, N: o.Images}
	if e.Test != nil {
		test = e.Test
	} else if e.Graph != nil {
		if err := e.CalibrateOn(ctx, benchmark.Random{Shape: shape, N: o.CalibrationImages}); err != nil {
			return nil, err
		}
	}
	net, err := e.Network(ctx)
	if err != nil {
		return nil, err
	}
	images, frames, err := benchmark.Read(test, shape.Len())
	if err != nil {
		return nil, err
	}
	update, stop := o.Step("measuring")
	defer stop()
	r, err := benchmark.Run(ctx, benchmark.Options{
		Graph: e.Graph, Network: net, Images: images, Frames: frames, Sim: o.Sim(), Workers: o.WorkerCount(), Rounds: rounds, Progress: update,
	})
	if err != nil {
		return nil, err
	}
	r.Model, r.Version, r.Data = name, run.Version(), cmp.Or(experiment.SourceOf(o.Data), "random numbers")
	return r, nil
}

func printBenchmark(w io.Writer, r *benchmark.Result) {
	terminal.Printf(w, "%s on %s of %s, %s, medians of %s\n", r.Model, images(r.Images), r.Data, eval.Timing(r.Schedule, r.Coding, r.Timesteps, r.Latency), terminal.Plural(r.Rounds, "round", "rounds"))
	terminal.Printf(w, "%s, %d cores, %s, %s\n\n", r.Processor, r.Cores, r.Implementation, r.Go)
	conv := fmt.Sprintf("3x3 convolution 64->64 at 32x32: %.1f GFLOP/s", r.ConvGFLOPS)
	if r.DenseMillis > 0 {
		terminal.Printf(w, "trained network: %s per dense pass on one core, %.1f GFLOP/s; %s\n", terminal.Seconds(r.DenseMillis/1e3), r.DenseGFLOPS, conv)
	} else {
		terminal.Printf(w, "trained network: none, MODEL is a spiking network; %s\n", conv)
	}
	terminal.Printf(w, "per timestep:    %s spikes, rate %.4f, %s additions\n\n", terminal.Count(r.SpikesPerStep), r.Rate, terminal.Count(r.ACsPerStep))

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
	add(fmt.Sprintf("%d, one image each", r.Workers), r.All)
	add(fmt.Sprintf("%d, sharing one image", r.Workers), r.Shared)
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
		terminal.Printf(w, "peak memory: %s\n", terminal.Bytes(int64(r.PeakMemory)))
	}
}

// passes formats dense passes per step, which are unknown without the trained network.
func passes(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.3f", x)
}
