package diagnose_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/diagnose"
	"sresnet/snn"
)

// spoilt returns a subject whose lambdas of some layers are those of calibration times
// factors, and which can be made with others.
func spoilt(t *testing.T, factors map[string]float32) diagnose.Subject {
	t.Helper()
	g, m := residual(t)
	s := subject(t, g, m, 99.9)
	c := *s.Statistics
	c.Nodes = slices.Clone(c.Nodes)
	for name, f := range factors {
		c.Node(name).Lambda *= f
	}
	s.Statistics = &c
	made := func(lambda map[string]string) (*snn.Network, error) {
		other := *s.Statistics
		other.Nodes = slices.Clone(other.Nodes)
		for name, text := range lambda {
			x, err := strconv.ParseFloat(text, 32)
			if err != nil {
				return nil, err
			}
			other.Node(name).Lambda = float32(x)
		}
		return convert.Convert(s.Graph, &other, s.Convert)
	}
	s.Remake = func(_ context.Context, to diagnose.Settings) (*snn.Network, error) {
		if to.Calibrated || to.Bias || to.Schedule != snn.Synchronous {
			return nil, context.DeadlineExceeded // Not tried.
		}
		return made(to.Lambda)
	}
	var err error
	if s.Network, err = made(nil); err != nil {
		t.Fatal(err)
	}
	// The search and its test see different images.
	half := len(m.pixels) / 2
	s.Calibration = &images{m.shape, m.pixels[:half], m.labels[:half]}
	s.Images = &images{m.shape, m.pixels[half:], m.labels[half:]}
	return s
}

// A search finds lambdas that are too large or too small, and what it finds brings accuracy
// back on images that it has not seen, most of what the right lambdas would.
func TestRemedy(t *testing.T) {
	const T = 12
	accuracy := func(s diagnose.Subject, remedy bool) (before float64, found *diagnose.Counterfactual, d *diagnose.Diagnosis) {
		d = run(t, s, diagnose.Options{Timesteps: []int{T}, Remedy: remedy, Workers: 2})
		for i := range d.Counterfactuals {
			if c := &d.Counterfactuals[i]; strings.Contains(c.Change, "searched on") {
				if found != nil {
					t.Fatalf("two searches: %s, %s", found.Change, c.Change)
				}
				found = c
			}
		}
		return d.SNNTop1[0], found, d
	}
	right, none, _ := accuracy(spoilt(t, nil), false)
	if none != nil {
		t.Errorf("a search that nobody asked for: %s", none.Change)
	}
	for name, factors := range map[string]map[string]float32{
		"too large":   {"relu1": 6},
		"in a branch": {"relu2": 8},
		"two":         {"relu1": 5, "relu3": 5},
		"too small":   {"relu1": 0.2},
	} {
		s := spoilt(t, factors)
		before, found, d := accuracy(s, true)
		if found == nil {
			t.Errorf("%s: nothing is found", name)
			continue
		}
		if before > right-0.05 {
			t.Errorf("%s: %.3f as it is, %.3f with the right lambdas: nothing to find", name, before, right)
		}
		if found.Top1-before < 0.75*(right-before) {
			t.Errorf("%s: %.3f as it is, %.3f with what is found, %.3f with the right lambdas", name, before, found.Top1, right)
		}
		lambda := found.Options["lambda"].(map[string]string)
		for layer, f := range factors {
			x, err := strconv.ParseFloat(lambda[layer], 64)
			if was := float64(s.Statistics.Node(layer).Lambda); err != nil || f > 1 && x > 0.7*was || f < 1 && x < 1.4*was {
				t.Errorf("%s: lambda of %s, which was %v times what is right, %.3g, is to be %s", name, layer, f, was, lambda[layer])
			}
		}
		advised := func(f diagnose.Finding) bool { return f.Low > 0 && strings.Contains(f.Text, found.Change) }
		if !slices.ContainsFunc(d.Verdict, advised) {
			t.Errorf("%s: the verdict does not say %s: %+v", name, found.Change, d.Verdict)
		}
		if !maps.Equal(lambda, d.Advice["lambda"].(map[string]string)) {
			t.Errorf("%s: found is %v, advised %v", name, lambda, d.Advice)
		}
	}
}

// What a search finds does not depend on the workers, and images without any are an error.
func TestRemedyOfWorkers(t *testing.T) {
	s := spoilt(t, map[string]float32{"relu1": 3})
	one := run(t, s, diagnose.Options{Timesteps: []int{8}, Remedy: true, Workers: 1})
	many := run(t, s, diagnose.Options{Timesteps: []int{8}, Remedy: true, Workers: 3})
	for i := range one.Counterfactuals {
		if one.Counterfactuals[i].Change != many.Counterfactuals[i].Change || one.Counterfactuals[i].Top1 != many.Counterfactuals[i].Top1 {
			t.Errorf("%+v with one worker, %+v with three", one.Counterfactuals[i], many.Counterfactuals[i])
		}
	}
	var without calibrate.Images
	s.Calibration = without
	if _, err := diagnose.Run(t.Context(), s, diagnose.Options{Timesteps: []int{8}, Remedy: true}); err == nil || !strings.Contains(err.Error(), "takes calibration images") {
		t.Errorf("no calibration images: %v", err)
	}
}
