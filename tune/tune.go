// Package tune calibrates a spiking network for a given number of timesteps T: it chooses
// a lambda for every channel, matches biases and start potentials, and can fit weights
// anew to the inputs that arrive. It takes no labels and trains nothing: it goes through
// the layers from the input to the output, the layers before already spiking, and compares
// what a layer gets with what it gets in the trained network.
//
// # Method
//
// With z the value of the trained network before its rectifier, a that after it, z^ what
// the layer gets from the spikes of the layers before, and q(x) what its own spikes say,
//
//	q(x) = lambda/T clip(floor(T x / lambda + V[0]), 0, T)
//
// a channel's lambda is the one that minimises the mean of (a(z^) - q(z^))^2, or of the third
// power in a phased network where no shortcut hands on what spikes do not say, and its bias
// is shifted first by mean(z) - mean(z^), which the layers before have left, and then by
// mean(a) - mean(q), in four rounds [li2021]. In a phased network q is what the neurons make
// of their input exactly, so that all of this is one float pass with rounded activations. In
// a synchronous one the rates of simulated neurons stand in for q, and for a few factors on
// that lambda.
//
// Statistics are counts of bins and sums of integers: they depend on the set of images and
// on nothing else, not on their order, the workers or a restart.
//
// What rounds without need is left out: the population of a mean in front of a classifier,
// and, in a phased network, what every block of a stage rounds off the stream; see
// [snn.Shortcut].
//
// References:
//
//	[li2021]  Yuhang Li et al. A Free Lunch From ANN: Towards Efficient, Accurate Spiking
//	          Neural Networks Calibration. ICML 2021.
package tune

import (
	"context"
	"fmt"
	"runtime"

	"sresnet/sim"
	"sresnet/snn"
)

// Images are normalised images, CHW. All methods are safe for concurrent use.
type Images interface {
	Len() int                         // How many there are.
	Image(i int, dst []float32) error // Writes image i, from 0, to dst.
}

// Activation is what a layer of the trained network does with values above zero, where it
// is not simply a rectifier.
type Activation struct {
	Max    float32 // The bound; 0 for none.
	Levels int     // Levels between 0 and Max that it rounds to; 0 for no rounding.
	Fixed  bool    // The levels are those that timesteps have, so that lambda is Max.
}

// Options says what is calibrated.
type Options struct {
	Timesteps int       // T
	Lambda    []float32 // Of every layer, for those whose channels have none of their own: the output has one for all.

	Lambdas bool // A lambda for every channel, for T.
	Bias    bool // Biases are matched.
	Start   bool // Start potentials are matched, neuron by neuron; of synchronous networks.
	Refit   bool // Weights are fitted anew to the inputs that arrive.

	StateBits int     // Of its potentials, likewise.
	Bits      int     // Of the weights of an integer network, see [snn.Integers]; 0 for real numbers.
	InputMax  float32 // Largest magnitude of a pixel, for Bits.

	// Activations by the name of the layer; rectifiers need none.
	Activations map[string]Activation

	Workers  int                   // Images at a time; never changes a result. Defaults to the number of cores.
	Seed     uint64                // See [sim.Options].
	Progress func(done, total int) // If set, is told after every layer. Calls do not overlap.
}

// Report says what a calibration found.
type Report struct {
	Images  int
	Silent  map[string]int // Channels of a layer that no calibration image made positive, by its name.
	Refit   []Refit        // Per layer whose weights were fitted anew.
	Rounded []Rounding     // Per layer of an integer network.
	Real    *snn.Network   // The same network before its weights were rounded; nil for real weights.
}

// Network calibrates net for o.Timesteps. net is unscaled: every lambda and charge is 1,
// and all neurons are alike, so that weights and biases are those of the trained network;
// see convert.Options.Unit. Its schedule and coding are those of the result, which
// shares nothing with it that changes. An error names the layer.
func Network(ctx context.Context, net *snn.Network, images Images, o Options) (*snn.Network, *Report, error) {
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if err := check(net, images, &o); err != nil {
		return nil, nil, err
	}
	net, o.Lambda = composeMeans(net, &o)
	t, err := newTuner(ctx, net, images, o)
	if err != nil {
		return nil, nil, err
	}
	for i := range net.Layers {
		if err := t.layer(ctx, i); err != nil {
			return nil, nil, fmt.Errorf("tune: layer %q: %w", net.Layers[i].Name, err)
		}
		t.progress()
	}
	t.out.TunedFor = o.Timesteps
	switch {
	case t.integers != nil:
		t.report.Real = t.real()
		if t.out, err = t.toIntegers(); err != nil {
			return nil, nil, err
		}
	case net.Schedule == snn.Phased:
		t.out = t.out.WholePools().Exact()
	default:
		t.out = t.out.WholePools()
	}
	return t.out, &t.report, t.out.Validate()
}

func check(net *snn.Network, images Images, o *Options) error {
	if err := net.Validate(); err != nil {
		return err
	}
	if o.Timesteps < 1 || o.Timesteps > sim.MaxTimesteps {
		return fmt.Errorf("tune: %d timesteps: T must be between 1 and %d", o.Timesteps, sim.MaxTimesteps)
	}
	if images.Len() == 0 {
		return fmt.Errorf("tune: no images; a calibration takes at least one")
	}
	if o.Refit && images.Len() < MinRefit {
		return &FewImagesError{Images: images.Len(), Want: MinRefit}
	}
	if len(o.Lambda) != len(net.Layers) {
		return fmt.Errorf("tune: %d lambdas for %d layers", len(o.Lambda), len(net.Layers))
	}
	if net.Input.Encoding.Spikes() {
		return fmt.Errorf("tune: calibration for T takes the image as a current, not %s", net.Input.Encoding.Note())
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		if l.Lambda != 1 || l.Charge != 1 || l.Lambdas != nil || l.Start != nil {
			return fmt.Errorf("tune: layer %q is scaled already", l.Name)
		}
		if l.IsGate() {
			continue
		}
		if n := &l.Neuron; len(n.Threshold) != 1 || n.Threshold[0] != 1 || len(n.VInit) > 1 {
			return fmt.Errorf("tune: layer %q: thresholds and start potentials must be one for all neurons", l.Name)
		}
		if a, ok := l.Neuron.Decay(); !ok || a != 1 || l.Neuron.Reset != snn.ResetSubtract {
			return fmt.Errorf("tune: layer %q: calibration for T takes IF neurons that reset by subtraction", l.Name)
		}
		if !(o.Lambda[i] > 0) {
			return fmt.Errorf("tune: layer %q: lambda %v must be positive", l.Name, o.Lambda[i])
		}
	}
	return nil
}
