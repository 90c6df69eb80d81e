package diagnose

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"sresnet/convert"
	"sresnet/internal/parallel"
	"sresnet/internal/terminal"
	"sresnet/sim"
	"sresnet/snn"
)

// remedyImages are how many calibration images a search for lambdas looks at: first a few, and
// more where these leave open whether a lambda is better.
var remedyImages = []int{50, 100, 250}

// How a search goes from a layer's lambda: first the best of some factors, far enough apart to
// leave a bad place, then steps up or down, as long as they help, at most so many.
var remedyFactors = []float64{0.25, 0.5, 0.75, 1.33, 2}

const (
	remedyStep = 0.87
	mostSteps  = 4
)

// addRemedy searches lambdas, layer by layer, and adds the network that has them to what is
// tried, alone and with biases matched to them.
//
// The search is greedy: from the input to the output, each layer's lambda is raised or lowered
// as long as the classes that the spiking network finds come nearer to those of the trained
// one, on calibration images; see [divergence]. It takes no labels.
func (d *Diagnoser) addRemedy(ctx context.Context, trials *Trials) error {
	if !d.o.Remedy {
		return nil
	}
	s, err := d.newSearch(ctx)
	if err != nil {
		return err
	}
	if err := s.run(ctx); err != nil {
		return err
	}
	changed := s.changed()
	if len(changed) == 0 {
		return nil
	}
	o := map[string]any{"lambda": changed}
	what := fmt.Sprintf("lambdas of %s, searched on %d calibration images", terminal.Plural(len(changed), "layer", "layers"), s.images)
	settings := d.settings()
	settings.Lambda = changed
	if err := d.addFound(ctx, trials, settings, what, o); err != nil {
		return err
	}
	if d.Network.Schedule != snn.Synchronous || d.Network.TunedFor > 0 || d.Factors != nil {
		return nil
	}
	settings.Bias = true
	return d.addFound(ctx, trials, settings, what+", and biases matched to them", map[string]any{"lambda": changed, "match": "bias"})
}

// addFound adds a network that a search has found.
func (d *Diagnoser) addFound(ctx context.Context, trials *Trials, s Settings, what string, options map[string]any) error {
	return d.addRemade(ctx, trials, found, s, options, "%s", what)
}

// search is a search for lambdas.
type search struct {
	d      *Diagnoser
	images int
	layers []int // That have a lambda to choose.

	pixels  [][]float32 // Of the images,
	trained [][]float64 // and the logits of the trained network, less their mean.

	factors []float64 // On the lambda of every layer, as far as it has come.

	// Of the network with these: how far its classes are from the trained network's, on every
	// image, and the unit of its logits.
	apart []float64
	unit  float64
}

// newSearch presents the images to the trained network.
func (d *Diagnoser) newSearch(ctx context.Context) (*search, error) {
	s := &search{d: d}
	switch {
	case d.Calibration == nil:
		return nil, fmt.Errorf("diagnose: a search for lambdas takes calibration images")
	case d.Network.Integer() && d.Network.TunedFor > 0:
		return nil, fmt.Errorf("diagnose: a search for lambdas takes real weights; these were rounded as they were calibrated")
	case d.Remake == nil:
		return nil, fmt.Errorf("diagnose: a search for lambdas takes a network that can be made anew, which this file does not say enough for")
	}
	// Of the output nobody asks what a spike is worth, and what has no lambda of its own has that
	// of its source, or of the ON population if it is an OFF one.
	paired := make(map[string]bool)
	for i := range d.Network.Layers[:len(d.Network.Layers)-1] {
		l := &d.Network.Layers[i]
		if l.IsGate() || d.Statistics.Node(l.Name) == nil || paired[l.Name] {
			continue
		}
		s.layers = append(s.layers, i)
		for _, other := range convert.SameScale(d.Graph, l.Name) {
			paired[other] = true
		}
	}
	s.images = min(remedyImages[len(remedyImages)-1], d.Calibration.Len())
	s.pixels, s.trained = make([][]float32, s.images), make([][]float64, s.images)
	s.factors = make([]float64, len(d.Network.Layers))
	for i := range s.factors {
		s.factors[i] = 1
	}
	err := parallel.Do(ctx, d.o.Workers, s.images, func(int) func(context.Context, int) error {
		runner := d.model.NewRunner()
		return func(_ context.Context, k int) error {
			s.pixels[k] = make([]float32, d.Graph.Input.Shape.Len())
			if err := d.Calibration.Image(k, s.pixels[k]); err != nil {
				return err
			}
			if _, err := runner.Run(s.pixels[k]); err != nil {
				return err
			}
			s.trained[k] = centred(runner.Activation(d.Network.Output().Name))
			return nil
		}
	}, func() {})
	return s, err
}

// centred returns x less its mean: a class is none of that.
func centred(x []float32) []float64 {
	y, mean := make([]float64, len(x)), 0.0
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for i, v := range x {
		y[i] = float64(v) - mean
	}
	return y
}

// run searches.
func (s *search) run(ctx context.Context) (err error) {
	progress, stop := s.d.o.step("searching lambdas")
	defer stop()
	net, err := s.network(s.factors)
	if err != nil {
		return err
	}
	if err := s.take(ctx, net, s.factors); err != nil {
		return err
	}
	for round, layer := range []func(context.Context, int) error{s.far, s.near} {
		for k, i := range s.layers {
			if err := layer(ctx, i); err != nil {
				return err
			}
			progress(round*len(s.layers)+k+1, 2*len(s.layers))
		}
	}
	return nil
}

// network returns the subject with factors on the lambdas of its layers. Where calibration for
// T has chosen these, all of its other choices stay.
func (s *search) network(factors []float64) (*snn.Network, error) {
	if s.d.Network.TunedFor == 0 {
		statistics := s.d.Statistics
		for i, f := range factors {
			if f != 1 {
				name := s.d.Network.Layers[i].Name
				statistics = s.d.withLambda(statistics, name, float32(float64(statistics.Node(name).Lambda)*f))
			}
		}
		return s.d.convert(statistics, s.d.Convert)
	}
	net := s.d.Network
	for i, f := range factors {
		if f != 1 {
			var err error
			if net, err = net.Rescaled(i, []float32{float32(f)}); err != nil {
				return nil, err
			}
		}
	}
	return net, nil
}

// far takes the best of some factors on the lambda of a layer.
func (s *search) far(ctx context.Context, i int) error {
	from := s.factors[i]
	for _, f := range remedyFactors {
		if _, err := s.try(ctx, i, from*f); err != nil {
			return err
		}
	}
	return nil
}

// near takes steps on the lambda of a layer: down first, since few timesteps suffer more from
// too large ones.
func (s *search) near(ctx context.Context, i int) error {
	from := s.factors[i]
	for _, f := range []float64{remedyStep, 1 / remedyStep} {
		for range mostSteps {
			better, err := s.try(ctx, i, s.factors[i]*f)
			if err != nil {
				return err
			}
			if !better {
				break
			}
		}
		if s.factors[i] != from {
			return nil
		}
	}
	return nil
}

// try puts a factor on the lambda of layer i, and takes the network if that is better than the
// best so far: by more than half of the standard error of the difference, so that chance takes
// little. It gives up on the first images that say it is worse by one.
func (s *search) try(ctx context.Context, i int, factor float64) (better bool, err error) {
	factors := slices.Clone(s.factors)
	factors[i] = factor
	net, err := s.network(factors)
	if err != nil {
		return false, err
	}
	plan, err := sim.Compile(net, s.d.simulation(s.d.T))
	if err != nil {
		return false, err
	}
	var worse []float64 // By how much, on every image.
	for _, n := range remedyImages {
		logits, err := s.present(ctx, plan, len(worse), min(n, s.images))
		if err != nil {
			return false, err
		}
		for _, y := range logits {
			k := len(worse)
			worse = append(worse, divergence(s.trained[k], y, s.unit)-s.apart[k])
		}
		mean, deviation := meanOf(worse)
		switch {
		case mean > deviation || len(worse) == s.images && mean >= -deviation/2:
			return false, nil
		case len(worse) == s.images:
			return true, s.take(ctx, net, factors)
		}
	}
	return false, nil
}

// meanOf returns the mean of x and its standard error.
func meanOf(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation) / float64(len(x))
}

// take makes a network, that with these factors, the best so far.
func (s *search) take(ctx context.Context, net *snn.Network, factors []float64) error {
	plan, err := sim.Compile(net, s.d.simulation(s.d.T))
	if err != nil {
		return err
	}
	logits, err := s.present(ctx, plan, 0, s.images)
	if err != nil {
		return err
	}
	// The spiking network's logits are in a unit of its own, that in which they are nearest to
	// the trained network's.
	both, own := 0.0, 0.0
	for k, y := range logits {
		for c, x := range y {
			both += float64(x * s.trained[k][c])
			own += float64(x * x)
		}
	}
	s.factors, s.unit, s.apart = factors, 0, s.apart[:0]
	if both > 0 && own > 0 {
		s.unit = both / own
	}
	for k, y := range logits {
		s.apart = append(s.apart, divergence(s.trained[k], y, s.unit))
	}
	return nil
}

// present returns the logits that a network finds on images from one to before another, its
// accumulated currents.
func (s *search) present(ctx context.Context, plan *sim.Plan, from, end int) ([][]float64, error) {
	logits := make([][]float64, end-from)
	err := parallel.Do(ctx, s.d.o.Workers, len(logits), func(int) func(context.Context, int) error {
		e := plan.NewEngine()
		return func(ctx context.Context, k int) error {
			rec, err := e.Present(ctx, s.d.Calibration, from+k, s.pixels[from+k])
			if err != nil {
				return err
			}
			_, _, current := rec.At(rec.Timesteps - 1)
			logits[k] = centred(current)
			return nil
		}
	}, func() {})
	return logits, err
}

// divergence says how far the classes of logits y, in a unit, are from those of x: the
// Kullback-Leibler divergence of the one's softmax from the other's.
func divergence(x, y []float64, unit float64) float64 {
	z := make([]float64, len(y))
	for c, v := range y {
		z[c] = unit * v
	}
	p, q, sum := logSoftmax(x), logSoftmax(z), 0.0
	for c := range p {
		sum += math.Exp(p[c]) * (p[c] - q[c])
	}
	return sum
}

func logSoftmax(x []float64) []float64 {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range x {
		largest = max(largest, v)
	}
	for _, v := range x {
		sum += math.Exp(v - largest)
	}
	y := make([]float64, len(x))
	for c, v := range x {
		y[c] = v - largest - math.Log(sum)
	}
	return y
}

// changed returns the lambdas that were found as options have them: numbers, or factors where
// calibration for T chose them.
func (s *search) changed() map[string]string {
	list := make(map[string]string)
	for i, f := range s.factors {
		if f == 1 {
			continue
		}
		name, tuned := s.d.Network.Layers[i].Name, s.d.Network.TunedFor > 0
		if tuned {
			list[name] = "x" + strconv.FormatFloat(f, 'g', 4, 64)
		} else {
			list[name] = strconv.FormatFloat(float64(s.d.Statistics.Node(name).Lambda)*f, 'g', 4, 64)
		}
	}
	return list
}
