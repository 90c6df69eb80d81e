// Package benchmark measures how fast a network is simulated on this machine, in several
// rounds in which everything that is compared takes turns, so that a machine that is slower
// for a while slows all of it.
//
// It takes plain values and knows no file of networks or images. An image-step is one timestep
// of one image: of a phased network, one of the T of its windows.
package benchmark

import (
	"context"
	"fmt"
	"runtime"

	"sresnet/ann"
	"sresnet/internal/host"
	"sresnet/internal/kernel"
	"sresnet/sim"
	"sresnet/snn"
)

// MaxRounds bounds the rounds, of which each takes a moment.
const MaxRounds = 10000

// Options say what is measured.
type Options struct {
	Graph   *ann.Graph // The trained network; nil where there is none.
	Network *snn.Network
	Images  [][]float32 // Normalised, CHW; at least one.
	Frames  [][]float32 // Of every image, see [sim.Engine.RunFrames]; nil where images have none.

	// Sim is how images are presented; its Workers are not looked at.
	Sim sim.Options

	// Workers is how many cores are used at once, at least 1: each with an image of its
	// own, and all with one.
	Workers int

	Rounds   int                   // From 1 to [MaxRounds].
	Progress func(done, total int) // Told of every round; may be nil.
}

// Result is what was measured. Times are medians of the rounds. Its JSON form is an
// interface.
type Result struct {
	Model          string  `json:"model"` // Its name, for the caller to set, as Version and Data.
	Processor      string  `json:"processor"`
	Cores          int     `json:"cores"`
	Implementation string  `json:"implementation"` // Of the kernels.
	Go             string  `json:"go"`
	Version        string  `json:"version"`
	Data           string  `json:"data"`
	Images         int     `json:"images"`
	Timesteps      int     `json:"timesteps"`          // T; of a phased network T per window.
	Schedule       string  `json:"schedule,omitempty"` // Of a phased network the words of its schedule and coding.
	Coding         string  `json:"coding,omitempty"`
	Latency        int     `json:"latency"` // Timesteps from the image to the answer.
	Workers        int     `json:"workers"`
	Rounds         int     `json:"rounds"`
	DenseMACs      float64 `json:"dense_macs,omitempty"` // Of the trained network; it and what follows from it are left out where there is none.

	ConvGFLOPS  float64 `json:"conv_gflop_per_second"`            // A 3x3 convolution of 64 into 64 channels at 32x32, one core.
	DenseMillis float64 `json:"dense_ms,omitempty"`               // The trained network's pass, one core.
	DenseGFLOPS float64 `json:"dense_gflop_per_second,omitempty"` // The same.

	Rate          float64 `json:"rate"` // Mean over the neurons.
	SpikesPerStep float64 `json:"spikes_per_step"`
	ACsPerStep    float64 `json:"acs_per_step"`

	One    Speed  `json:"one_worker"`
	All    *Speed `json:"all_workers,omitempty"` // One image per worker.
	Shared *Speed `json:"one_image,omitempty"`   // All workers on one image.

	Layers     []Layer `json:"layers"`
	PeakMemory uint64  `json:"peak_memory_bytes"` // Of the process; 0 where the system does not tell.
}

// Speed is one way of presenting the images.
type Speed struct {
	Workers      int     `json:"workers"`
	Speed        float64 `json:"image_steps_per_second"`
	StepMicros   float64 `json:"us_per_image_step"` // Wall time over image-steps.
	SpikeNanos   float64 `json:"ns_per_spike"`      // Processor time.
	GSynAdd      float64 `json:"gsynadd_per_second_per_core"`
	PerDensePass float64 `json:"image_step_per_dense_pass,omitempty"` // Processor time per image-step over that of a dense pass.
	SpeedUp      float64 `json:"speed_up"`                            // Over one worker.
}

// Layer is one layer, measured with one worker.
type Layer struct {
	Name       string  `json:"name"`
	Method     string  `json:"method"`
	Tile       int     `json:"tile,omitempty"`
	Neurons    int     `json:"neurons"`
	Rate       float64 `json:"rate"`
	StepMicros float64 `json:"us_per_step"`
	Share      float64 `json:"share"`
	GSynAdd    float64 `json:"gsynadd_per_second"`
}

// Run measures. It presents the images once before the first round, for the caches.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Rounds < 1 || o.Rounds > MaxRounds || o.Workers < 1 || len(o.Images) == 0 {
		return nil, fmt.Errorf("benchmark: %d rounds, %d workers, %d images: there must be some, and up to %d rounds", o.Rounds, o.Workers, len(o.Images), MaxRounds)
	}
	b, err := newBench(o)
	if err != nil {
		return nil, err
	}
	r := &Result{
		Processor: host.Processor(), Cores: runtime.NumCPU(), Implementation: kernel.Implementation(), Go: runtime.Version(),
		Images: len(o.Images), Timesteps: o.Sim.Timesteps, Workers: o.Workers, Rounds: o.Rounds,
	}
	if r.Latency = o.Network.Latency(r.Timesteps); o.Network.Schedule != snn.Synchronous {
		r.Schedule, r.Coding = o.Network.Schedule.String(), o.Network.Coding.String()
	}
	if o.Graph != nil {
		r.DenseMACs = float64(o.Graph.MACs())
	}
	if err := b.count(ctx, r); err != nil {
		return nil, err
	}
	for k := range o.Rounds {
		if err := b.round(ctx); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(k+1, o.Rounds)
		}
	}
	b.finish(r)
	r.PeakMemory = host.PeakMemory()
	return r, nil
}
