package diagnose

import (
	"context"
	"fmt"
	"slices"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/sim"
	"sresnet/snn"
)

// made reports whether the network is more than a conversion: its neurons have windows, it
// was calibrated for T, or its weights were rounded. Other settings then take making it anew.
func (d *Diagnoser) made() bool {
	return d.Network.Schedule != snn.Synchronous || d.Network.TunedFor > 0 || d.Network.Integer()
}

// lambdaFactors are by what lambdas of a layer are multiplied, to see whether others are
// better.
var lambdaFactors = []float32{0.7, 1.4, 2}

// toMaximum returns by what the lambdas of l are to be multiplied for the largest to be the largest
// activation; 0 if that is not known.
func (d *Diagnoser) toMaximum(l *snn.Layer) float32 {
	if n := d.statistic(l.Name); n != nil && n.Max > 0 && l.Lambda > 0 {
		return n.Max / l.Lambda
	}
	return 0
}

// statistic returns what calibration knows of the node of that name; nil for nothing.
func (d *Diagnoser) statistic(name string) *calibrate.NodeStatistics {
	if d.Statistics == nil {
		return nil
	}
	return d.Statistics.Node(name)
}

// planMade lists what to try for a network that was made.
func (d *Diagnoser) planMade(ctx context.Context, m *Measurement, trials *Trials) error {
	for _, i := range worst(m.diagnosis(d), d.o.Worst) {
		l := &d.Network.Layers[i]
		factors := lambdaFactors
		if to := d.toMaximum(l); to > 0 && (to < lambdaFactors[0] || to > lambdaFactors[len(lambdaFactors)-1]) {
			factors = append(slices.Clone(factors), to)
		}
		for _, f := range factors {
			net, err := d.rescaled(i, f)
			if err != nil || d.Network.Integer() {
				break // The output has none to choose, gates have those of their source, and these leave no whole numbers.
			}
			t := d.add(trials, lambdaFactor, i, net, "lambdas of %s times %.3g", l.Name, f)
			t.Higher, t.Options = f > 1, map[string]any{"lambda": map[string]string{l.Name: fmt.Sprintf("x%v", f)}}
			if node := d.statistic(l.Name); node != nil && d.Network.TunedFor == 0 {
				t.Options = map[string]any{"lambda": map[string]string{l.Name: fmt.Sprintf("%v", node.Lambda*f)}}
			}
		}
	}
	if err := d.addReal(ctx, trials); err != nil {
		return err
	}
	if wide := d.wideState(); wide != nil {
		d.add(trials, wideState, -1, wide, "potentials of as many bits as they need in place of %d", d.Network.StateBits).Options = map[string]any{"state_bits": 0}
	}
	s := d.settings()
	s.Timesteps = 2 * d.T
	switch net, err := d.remake(ctx, s); {
	case err != nil:
		return err
	case net != nil && d.runs(net, 2*d.T):
		d.add(trials, moreTimesteps, -1, net, moreText, 2*d.T, d.T).sets(d.more()).lasts(net, 2*d.T)
	case d.Network.TunedFor == 0 && d.runs(d.Network, 2*d.T):
		d.add(trials, moreTimesteps, -1, d.Network, moreText, 2*d.T, d.T).sets(d.more()).lasts(d.Network, 2*d.T)
	}
	s.Timesteps, s.VInit = d.T, d.otherStart()
	if err := d.addRemade(ctx, trials, startPotential, s, map[string]any{"v_init": s.VInit}, "V[0] = %v in place of %v", s.VInit, d.Convert.VInit); err != nil {
		return err
	}
	s.VInit = d.Convert.VInit
	if d.Network.TunedFor == 0 {
		if !d.Network.Integer() { // Which these would make one of real weights.
			statistics, err := d.percentiles(ctx)
			if err != nil {
				return err
			}
			d.addPercentiles(trials, statistics)
		}
		s.Calibrated = true
		if err := d.addRemade(ctx, trials, calibrated, s, forT, "lambdas per channel and biases calibrated for T = %d", d.T); err != nil {
			return err
		}
	}
	if d.Network.Schedule != snn.Synchronous {
		return nil
	}
	s.Schedule = snn.Phased
	return d.addRemade(ctx, trials, schedule, s, phasedForT(s.Calibrated), "the phased schedule calibrated for the same T")
}

// Options of a network that is calibrated for T, and of a phased one.
var forT = map[string]any{"lambdas": "channel", "match": "bias", "compensation": "none"}

func phasedForT(calibrated bool) map[string]any {
	o := map[string]any{"schedule": "phased", "compensation": "none"}
	if calibrated {
		o["lambdas"], o["match"] = "channel", "bias"
	}
	return o
}

// rescaled returns the subject with the lambdas of layer i times f: converted with them, or, where
// calibration for T has chosen them, changed after all else that it chose.
func (d *Diagnoser) rescaled(i int, f float32) (*snn.Network, error) {
	name := d.Network.Layers[i].Name
	node := d.statistic(name)
	if d.Network.TunedFor > 0 || node == nil || i == len(d.Network.Layers)-1 {
		return d.Network.Rescaled(i, []float32{f})
	}
	return d.convert(d.withLambda(d.Statistics, name, node.Lambda*f), d.Convert)
}

// addReal adds real weights to what is tried for an integer network. What calibration for T
// chose is for the rounded ones, so that it chooses anew.
func (d *Diagnoser) addReal(ctx context.Context, trials *Trials) error {
	const change = "real weights in place of %d bits"
	real := map[string]any{"bits": 0, "state_bits": 0}
	if d.Network.Integer() && d.Network.TunedFor > 0 {
		s := d.settings()
		s.Real = true
		return d.addRemade(ctx, trials, realWeights, s, real, change, d.Network.Bits)
	}
	if d.Real != nil && d.runs(d.Real, d.T) {
		d.add(trials, realWeights, -1, d.Real, change, d.Network.Bits).Options = real
	}
	return nil
}

// addSchedule adds the phased schedule to what is tried for a converted network, as that is
// and calibrated for T. Compensation is for charge that a phased network does not lose, so
// that it has none.
func (d *Diagnoser) addSchedule(ctx context.Context, trials *Trials) error {
	net := *d.Network
	if d.Factors != nil {
		plain, err := convert.Convert(d.Graph, d.Statistics, d.Convert)
		if err != nil {
			return err
		}
		net = *plain
	}
	net.Schedule = snn.Phased
	if !d.runs(&net, d.T) { // Its neurons lose charge while they wait, say.
		return nil
	}
	d.add(trials, schedule, -1, &net, "the phased schedule at the same T").Options = phasedForT(false)
	s := d.settings()
	s.Schedule, s.Calibrated = snn.Phased, true
	return d.addRemade(ctx, trials, scheduleFor, s, phasedForT(true), "the phased schedule calibrated for the same T")
}

// wideState returns the network with potentials that do not saturate; nil if they do not as it is.
func (d *Diagnoser) wideState() *snn.Network {
	if d.Network.StateBits == 0 {
		return nil
	}
	net := *d.Network
	net.StateBits = 0
	if !d.runs(&net, d.T) {
		return nil
	}
	return &net
}

// runs reports whether a network can be simulated for T timesteps.
func (d *Diagnoser) runs(net *snn.Network, T int) bool {
	_, err := sim.Compile(net, d.simulation(T))
	return err == nil
}

// settings are those of the subject.
func (d *Diagnoser) settings() Settings {
	return Settings{Schedule: d.Network.Schedule, Timesteps: d.T, VInit: d.Convert.VInit}
}

// addRemade adds a trial of the network with other settings, which those options make, if there
// is one.
func (d *Diagnoser) addRemade(ctx context.Context, trials *Trials, kind kindOfTrial, s Settings, options map[string]any, format string, args ...any) error {
	net, err := d.remake(ctx, s)
	if err == nil && net != nil && d.runs(net, d.T) {
		d.add(trials, kind, -1, net, format, args...).Options = options
	}
	return err
}

// remake makes the network anew; it is nil if that cannot be done. An error is that of a
// context that has ended.
func (d *Diagnoser) remake(ctx context.Context, s Settings) (*snn.Network, error) {
	if d.Remake == nil {
		return nil, nil
	}
	net, err := d.Remake(ctx, s)
	if err != nil { // Settings that do not go together do not help.
		return nil, ctx.Err()
	}
	return net, nil
}
