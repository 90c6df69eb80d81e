package diagnose_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"sresnet/convert"
	"sresnet/diagnose"
	"sresnet/snn"
	"sresnet/tune"
)

// tuned returns s with its network calibrated for T and phased, and a way to make it anew.
func tuned(t *testing.T, s diagnose.Subject, coding snn.Coding, T int) diagnose.Subject {
	t.Helper()
	s.Remake = func(ctx context.Context, to diagnose.Settings) (*snn.Network, error) {
		o := s.Convert
		o.VInit, o.Unit = to.VInit, true
		net, err := convert.Convert(s.Graph, s.Statistics, o)
		if err != nil {
			return nil, err
		}
		net.Schedule, net.Coding = to.Schedule, snn.Rate
		var lambda []float32
		for i := range net.Layers {
			lambda = append(lambda, s.Statistics.Node(net.Layers[i].Name).Lambda)
		}
		net, _, err = tune.Network(ctx, net, s.Calibration, tune.Options{Timesteps: to.Timesteps, Lambda: lambda, Lambdas: true, Bias: true, Workers: 1})
		if err == nil && net.Schedule == snn.Phased {
			net.Coding = coding
		}
		return net, err
	}
	net, err := s.Remake(t.Context(), diagnose.Settings{Schedule: snn.Phased, Timesteps: T, VInit: s.Convert.VInit})
	if err != nil {
		t.Fatal(err)
	}
	s.Network = net
	return s
}

// phased returns s as a phased network with the lambdas of its conversion.
func phased(s diagnose.Subject, coding snn.Coding) diagnose.Subject {
	net := *s.Network
	net.Schedule, net.Coding = snn.Phased, coding
	s.Network = &net
	return s
}

// The parts of the errors of phased networks add up, whatever calibration has done, and
// none is unevenness. Both codings say the same.
func TestPhasedParts(t *testing.T) {
	g, m := residual(t)
	var rate *diagnose.Diagnosis
	for _, coding := range []snn.Coding{snn.Rate, snn.FirstSpike} {
		d := run(t, tuned(t, subject(t, g, m, 99.9), coding, 8), diagnose.Options{Timesteps: []int{8}})
		if d.Schedule != "phased" || d.Coding != coding.String() || d.Latency != 40 {
			t.Errorf("schedule %q, coding %q, latency %d; want T = 8 in 5 windows", d.Schedule, d.Coding, d.Latency)
		}
		shifted := false
		for _, l := range d.Layers {
			e := l.At[0]
			sum := e.Clipping.Bias + e.Inherited.Bias + e.Shift.Bias + e.Quantisation.Bias + e.Vanished.Bias + e.Unevenness.Bias
			if math.Abs(sum-e.Total.Bias) > 1e-9 || e.Unevenness != (diagnose.Size{}) {
				t.Errorf("layer %s: parts %+v add up to %v", l.Name, e, sum)
			}
			shifted = shifted || e.Shift.RMS > 0
			if e.Vanished.RMS > 0 && l.Vanished == 0 {
				t.Errorf("layer %s: activations vanish, but of no neuron", l.Name)
			}
		}
		if !shifted {
			t.Error("calibration has shifted biases, but no layer has an error of that")
		}
		for _, c := range d.Counterfactuals {
			if c.Latency != 5*c.Timesteps {
				t.Errorf("%s: T = %d and a latency of %d", c.Change, c.Timesteps, c.Latency)
			}
		}
		if rate == nil {
			rate = d
		} else if !slices.Equal(rate.SNNTop1, d.SNNTop1) || math.Abs(rate.Layers[1].At[0].Total.RMS-d.Layers[1].At[0].Total.RMS) > 1e-6 {
			t.Errorf("first spikes say something else: %+v, %+v", rate.Layers[1], d.Layers[1])
		}
	}
}

// What is wrong with a phased network is named.
func TestPhasedVerdict(t *testing.T) {
	g, m := residual(t)
	t.Run("clipping", func(t *testing.T) {
		s := tuned(t, subject(t, g, m, 99.9), snn.Rate, 32)
		var err error
		if s.Network, err = s.Network.Rescaled(1, []float32{0.25}); err != nil {
			t.Fatal(err)
		}
		s.Remake = nil // It would repair that.
		d := run(t, s, diagnose.Options{Timesteps: []int{32}})
		found(t, d, diagnose.CauseClipping, "relu2", "lambdas of relu2 times 4.14")
	})
	t.Run("few levels", func(t *testing.T) {
		s := phased(subject(t, g, m, 100), snn.Rate)
		d := run(t, s, diagnose.Options{Timesteps: []int{2}})
		found(t, d, diagnose.CauseQuantisation, "", "T = 4 in place of 2")
		found(t, d, diagnose.CauseQuantisation, "", "The answer then takes 20 timesteps in place of 10")
	})
	t.Run("calibration", func(t *testing.T) {
		s := tuned(t, subject(t, g, m, 100), snn.Rate, 3)
		remake := s.Remake
		s = phased(subject(t, g, m, 100), snn.Rate)
		s.Remake = remake
		found(t, run(t, s, diagnose.Options{Timesteps: []int{3}}), diagnose.CauseQuantisation, "", "calibrated for T = 3")
	})
	t.Run("wrong weight", func(t *testing.T) {
		s := tuned(t, subject(t, g, m, 99.9), snn.Rate, 8)
		s.Network.Layers[1].Synapses[0].Connection.(*snn.Conv).Weight.Data[3] += 1
		first(t, withLoss(t, s, 8), diagnose.CauseConversion, "relu2", "its conversion is wrong")
	})
	t.Run("refit", func(t *testing.T) {
		s := tuned(t, subject(t, g, m, 99.9), snn.Rate, 8)
		s.Network.Layers[1].Synapses[0].Connection.(*snn.Conv).Weight.Data[3] += 1
		s.Network.Layers[1].Refit = true
		for _, f := range run(t, s, diagnose.Options{Timesteps: []int{8}}).Verdict {
			if f.Cause == diagnose.CauseConversion {
				t.Errorf("weights that were fitted anew are taken for an error: %+v", f)
			}
		}
	})
}

// withLoss is run where the verdict must begin with a loss.
func withLoss(t *testing.T, s diagnose.Subject, T int) *diagnose.Diagnosis {
	t.Helper()
	d := run(t, s, diagnose.Options{Timesteps: []int{T}})
	if d.SNNTop1[0] == d.ANNTop1 {
		t.Fatalf("nothing is lost: %v", d.SNNTop1)
	}
	return d
}

// found checks that the verdict has a sentence of that cause and layer.
func found(t *testing.T, d *diagnose.Diagnosis, cause, layer, text string) {
	t.Helper()
	for _, f := range d.Verdict {
		if f.Cause == cause && f.Layer == layer && strings.Contains(f.Text, text) && f.Points > 0 {
			return
		}
	}
	t.Errorf("trained %v, spiking %v: no sentence of %q in layer %q that says %q in %+v\ntried: %+v", d.ANNTop1, d.SNNTop1, cause, layer, text, d.Verdict, d.Counterfactuals)
}

func TestPhasedHasOneLength(t *testing.T) {
	g, m := residual(t)
	_, err := diagnose.New(phased(subject(t, g, m, 100), snn.Rate), diagnose.Options{Timesteps: []int{4, 8}})
	if err == nil || !strings.Contains(err.Error(), "one number of timesteps") {
		t.Errorf("error %v", err)
	}
}
