package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/internal/kernel"
	"sresnet/internal/terminal"
	"sresnet/onnx"
	"sresnet/sim"
	"sresnet/tensor"
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
			if o.rounds < 1 || o.rounds > maxRounds {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--rounds %d: give from 1 to %d", o.rounds, maxRounds)}
			}
			p := &pipeline{settings: &s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}}
			b, err := o.prepare(cmd, p, args[0])
			if err != nil {
				return err
			}
			r, err := b.run(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			r.print(cmd.OutOrStdout())
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

// benchmark is a network and images, ready to be measured.
type benchmark struct {
	*pipeline
	rounds  int
	images  [][]float32
	runner  *infer.Runner // Of the trained network; nil where there is none.
	single  []*sim.Engine // One an image worker.
	shared  *sim.Engine   // All workers on one image.
	methods []sim.Method
}

// randomImages are images of random numbers.
type randomImages struct {
	shape tensor.Shape
	n     int
}

func (r randomImages) Len() int { return r.n }

func (r randomImages) Image(i int, dst []float32) error {
	rnd := rand.New(rand.NewPCG(1, uint64(i)))
	for j := range dst {
		dst[j] = float32(rnd.NormFloat64())
	}
	return nil
}

func (o *benchOptions) prepare(cmd *cobra.Command, p *pipeline, model string) (*benchmark, error) {
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
		test = randomImages{p.network.Input.Shape, p.images}
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
	b := &benchmark{pipeline: p, rounds: o.rounds}
	for i := range test.Len() {
		x := make([]float32, p.network.Input.Shape.Len())
		if err := test.Image(i, x); err != nil {
			return nil, err
		}
		b.images = append(b.images, x)
	}
	return b, b.compile()
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
	p.statistics, err = calibrate.Run(cmd.Context(), p.graph, randomImages{p.graph.Input.Shape, p.calibrationImages}, calibrate.Options{
		Percentile: p.percentile, Workers: p.workerCount(), Progress: update,
	})
	stop()
	if err != nil {
		return err
	}
	return p.convertGraph()
}

func (b *benchmark) compile() error {
	var err error
	if b.graph != nil {
		m, err := infer.New(b.graph)
		if err != nil {
			return err
		}
		b.runner = m.NewRunner()
	}
	plan, err := sim.Compile(b.network, b.simOptions())
	if err != nil {
		return err
	}
	b.methods = plan.Methods()
	for range b.workerCount() {
		b.single = append(b.single, plan.NewEngine())
	}
	if b.workerCount() > 1 {
		o := b.simOptions()
		o.Workers = b.workerCount()
		if plan, err = sim.Compile(b.network, o); err != nil {
			return err
		}
		b.shared = plan.NewEngine()
	}
	return nil
}

// maxRounds bounds the rounds, of which each takes a moment.
const maxRounds = 10000

// benchResult is what bench prints. Times are medians of the rounds.
type benchResult struct {
	Model          string  `json:"model"`
	Processor      string  `json:"processor"`
	Cores          int     `json:"cores"`
	Implementation string  `json:"implementation"` // Of the kernels.
	Go             string  `json:"go"`
	Version        string  `json:"version"`
	Data           string  `json:"data"`
	Images         int     `json:"images"`
	Timesteps      int     `json:"timesteps"`
	Workers        int     `json:"workers"`
	Rounds         int     `json:"rounds"`
	DenseMACs      float64 `json:"dense_macs,omitempty"` // Of the trained network; it and what follows from it are left out where there is none.

	ConvGFLOPS  float64 `json:"conv_gflop_per_second"`            // A 3x3 convolution of 64 into 64 channels at 32x32, one core.
	DenseMillis float64 `json:"dense_ms,omitempty"`               // The trained network's pass, one core.
	DenseGFLOPS float64 `json:"dense_gflop_per_second,omitempty"` // The same.

	Rate          float64 `json:"rate"` // Mean over the neurons.
	SpikesPerStep float64 `json:"spikes_per_step"`
	ACsPerStep    float64 `json:"acs_per_step"`

	One    benchRun  `json:"one_worker"`
	All    *benchRun `json:"all_workers,omitempty"` // An image a worker.
	Shared *benchRun `json:"one_image,omitempty"`   // All workers on one image.

	Layers     []benchLayer `json:"layers"`
	PeakMemory uint64       `json:"peak_memory_bytes"` // Of the process; 0 where the system does not tell.
}

// benchRun is one way of presenting the images.
type benchRun struct {
	Workers       int     `json:"workers"`
	Speed         float64 `json:"image_steps_per_second"`
	StepMicros    float64 `json:"us_per_image_step"` // Wall time over image-steps.
	SpikeNanos    float64 `json:"ns_per_spike"`      // Processor time.
	GSynAdd       float64 `json:"gsynadd_per_second_per_core"`
	PerDensePass  float64 `json:"image_step_per_dense_pass,omitempty"` // Processor time of an image-step over that of a dense pass.
	SpeedUp       float64 `json:"speed_up"`                            // Over one worker.
	seconds       []float64
	imageSteps    float64
	secondsMedian float64
}

// benchLayer is one layer, measured with one worker.
type benchLayer struct {
	Name       string  `json:"name"`
	Method     string  `json:"method"`
	Tile       int     `json:"tile,omitempty"`
	Neurons    int     `json:"neurons"`
	Rate       float64 `json:"rate"`
	StepMicros float64 `json:"us_per_step"`
	Share      float64 `json:"share"`
	GSynAdd    float64 `json:"gsynadd_per_second"`
}

func (b *benchmark) run(ctx context.Context) (*benchResult, error) {
	net := b.network
	data := b.data
	if data == "" {
		data = "random numbers"
	}
	name, _, _ := b.takes()
	r := &benchResult{
		Model: name, Processor: processor(), Cores: runtime.NumCPU(), Implementation: kernel.Implementation(), Go: runtime.Version(), Version: version(),
		Data: data, Images: len(b.images), Timesteps: b.timesteps, Workers: b.workerCount(), Rounds: b.rounds,
	}
	if b.graph != nil {
		r.DenseMACs = float64(b.graph.MACs())
	}
	steps := float64(len(b.images) * b.timesteps)
	r.One = benchRun{Workers: 1, imageSteps: steps}
	if b.shared != nil {
		r.All, r.Shared = &benchRun{Workers: b.workerCount(), imageSteps: steps}, &benchRun{Workers: b.workerCount(), imageSteps: steps}
	}
	// What a step does, layer by layer; also a first turn, for the caches.
	acs, spikes := make([]float64, len(net.Layers)), make([]float64, len(net.Layers))
	if err := present(ctx, b.single[:1], b.images, func(rec *sim.Record) {
		for i := range net.Layers {
			for t := range rec.Spikes[i] {
				spikes[i] += float64(rec.Spikes[i][t]) / steps
				acs[i] += float64(rec.ACs[i][t]) / steps
			}
		}
	}); err != nil {
		return nil, err
	}
	for i := range net.Layers {
		r.SpikesPerStep += spikes[i]
		r.ACsPerStep += acs[i]
	}
	r.Rate = r.SpikesPerStep / float64(net.Neurons())

	update, stop := b.progress.Bar("measuring")
	defer stop()
	var dense, conv []float64
	before := slices.Clone(b.single[0].Spent())
	spent := make([]time.Duration, len(net.Layers))
	for k := range b.rounds {
		conv = append(conv, measureConv())
		if b.runner != nil {
			s, err := b.densePass()
			if err != nil {
				return nil, err
			}
			dense = append(dense, s)
		}
		copy(before, b.single[0].Spent())
		if err := r.One.measure(ctx, b.single[:1], b.images); err != nil {
			return nil, err
		}
		for i, d := range b.single[0].Spent() {
			spent[i] += d - before[i]
		}
		if b.shared != nil {
			if err := r.All.measure(ctx, b.single, b.images); err != nil {
				return nil, err
			}
			if err := r.Shared.measure(ctx, []*sim.Engine{b.shared}, b.images); err != nil {
				return nil, err
			}
		}
		update(k+1, b.rounds)
	}
	r.ConvGFLOPS = median(conv)
	if b.runner != nil {
		r.DenseMillis = 1000 * median(dense)
		r.DenseGFLOPS = 2 * r.DenseMACs / median(dense) / 1e9
	}
	for _, run := range []*benchRun{&r.One, r.All, r.Shared} {
		if run != nil {
			run.finish(r)
		}
	}
	total := time.Duration(0)
	for _, d := range spent {
		total += d
	}
	for i, m := range b.methods {
		per := spent[i].Seconds() / steps / float64(b.rounds)
		r.Layers = append(r.Layers, benchLayer{
			Name: m.Layer, Method: m.Name, Tile: m.Tile, Neurons: net.Layers[i].Neurons(), Rate: spikes[i] / float64(net.Layers[i].Neurons()),
			StepMicros: 1e6 * per, Share: float64(spent[i]) / float64(total), GSynAdd: acs[i] / per / 1e9,
		})
	}
	r.PeakMemory = peakMemory()
	return r, nil
}

// densePass returns the seconds that the trained network takes for an image.
func (b *benchmark) densePass() (float64, error) {
	start := time.Now()
	for _, x := range b.images {
		if _, err := b.runner.Run(x); err != nil {
			return 0, err
		}
	}
	return time.Since(start).Seconds() / float64(len(b.images)), nil
}

// measure presents the images once more.
func (m *benchRun) measure(ctx context.Context, engines []*sim.Engine, images [][]float32) error {
	start := time.Now()
	err := present(ctx, engines, images, func(*sim.Record) {})
	m.seconds = append(m.seconds, time.Since(start).Seconds())
	return err
}

// finish turns the rounds into figures.
func (m *benchRun) finish(r *benchResult) {
	s := median(m.seconds)
	core := s * float64(m.Workers) / m.imageSteps // Processor time of a step.
	m.secondsMedian = s
	m.Speed = m.imageSteps / s
	m.StepMicros = 1e6 / m.Speed
	m.SpikeNanos = 1e9 * core / r.SpikesPerStep
	m.GSynAdd = r.ACsPerStep / core / 1e9
	if r.DenseMillis > 0 {
		m.PerDensePass = 1000 * core / r.DenseMillis
	}
	m.SpeedUp = r.One.secondsMedian / s
}

// measureConv returns the GFLOP/s of the dense convolution that convolutions are
// compared by.
func measureConv() float64 {
	const c, size, turns = 64, 32, 20
	k := kernel.PackConv(kernel.Geometry{
		Channels: c, Rows: size, Cols: size, OutChannels: c, OutRows: size, OutCols: size,
		Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, PadTop: 1, PadLeft: 1, Groups: 1,
	}, make([]float32, c*c*9), nil)
	dst, src, scratch := make([]float32, size*size*c), make([]float32, size*size*c), make([]float32, k.ScratchLen())
	k.Run(dst, src, scratch)
	start := time.Now()
	for range turns {
		k.Run(dst, src, scratch)
	}
	return 2 * turns * size * size * c * c * 9 / time.Since(start).Seconds() / 1e9
}

// median returns the median of x, which it sorts.
func median(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}

func (r *benchResult) print(w io.Writer) {
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
	add := func(name string, m *benchRun) {
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

// present runs every image once, on all engines side by side, and hands the
// records to see, if there is one engine.
func present(ctx context.Context, engines []*sim.Engine, images [][]float32, see func(*sim.Record)) error {
	errs := make(chan error, len(engines))
	for k, e := range engines {
		go func() {
			errs <- func() error {
				for i := k; i < len(images); i += len(engines) {
					rec, err := e.Run(ctx, images[i], i)
					if err != nil {
						return err
					}
					if len(engines) == 1 {
						see(rec)
					}
				}
				return nil
			}()
		}()
	}
	var err error
	for range engines {
		if e := <-errs; e != nil {
			err = e
		}
	}
	return err
}
