package zoo

import (
	"context"
	"fmt"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/internal/hint"
	"sresnet/snn"
	"sresnet/tune"
	"sresnet/verify"
)

// tuned checks the conversion of some of the graphs once more, calibrated for T: phased ones,
// first-spike coding, and few of the paper's schedule.
func tuned(ctx context.Context, m *maker, g, simple *ann.Graph, s *calibrate.Statistics, images pictures) error {
	var schedule snn.Schedule
	var coding snn.Coding
	switch k := m.IntN(12); {
	case k < 2:
		schedule = snn.Phased
	case k < 4:
		schedule, coding = snn.Phased, snn.FirstSpike
	case k > 4:
		return nil
	}
	o := convert.DefaultOptions()
	paper, err := convert.Convert(simple, s, o)
	if err != nil {
		return err
	}
	o.Unit = true
	net, err := convert.Convert(simple, s, o)
	if err != nil {
		return err
	}
	net.Schedule, net.Coding = schedule, coding
	to := tune.Options{Timesteps: 1 + m.IntN(12), Lambdas: m.one(2), Bias: m.one(2), Workers: 1, Activations: map[string]tune.Activation{}}
	for i := range paper.Layers {
		to.Lambda = append(to.Lambda, paper.Layers[i].Lambda)
	}
	folded, err := convert.Fold(simple)
	if err != nil {
		return err
	}
	for _, n := range folded.Nodes {
		if op, ok := n.Op.(*ann.Clip); ok {
			to.Activations[n.Name] = tune.Activation{Max: op.Max, Levels: op.Levels, Fixed: op.Few()}
		}
	}
	if m.one(3) { // An integer network.
		to.Bits, to.InputMax = 4+m.IntN(13), s.InputMax
	}
	what := fmt.Sprintf("%v, %v, T = %d, %d bits, lambdas per channel %v, biases %v", schedule, coding, to.Timesteps, to.Bits, to.Lambdas, to.Bias)
	if net, _, err = tune.Network(ctx, net, images, to); to.Bits > 0 && err != nil && hint.Of(err) != "" {
		return nil // So few bits do not tell the weights of a channel apart.
	} else if err != nil {
		return fmt.Errorf("%s: %w\n%v", what, err, simple)
	}
	for _, n := range []*snn.Network{paper, net} {
		if err := filed(n); err != nil {
			return fmt.Errorf("%s: %w\n%v", what, err, simple)
		}
	}
	stages, err := verify.Made(ctx, simple, net, images, verify.Options{Original: g, Timesteps: to.Timesteps, Workers: 1, ReferenceImages: 1})
	if err != nil {
		return fmt.Errorf("%s: %w\n%v", what, err, simple)
	}
	if err := failed(stages); err != nil {
		return fmt.Errorf("%s: %w\n%v\n%v", what, err, g, simple)
	}
	return nil
}
