package diagnose

import (
	"slices"
	"strings"
	"testing"

	"sresnet/eval"
)

// Where rounding makes the largest part of the errors, the verdict says so, whatever was tried;
// once.
func TestVerdictNamesRounding(t *testing.T) {
	r := &Diagnosis{ANNTop1: 1, SNNTop1: []float64{0.5}, Images: 10, Timesteps: []int{8}, Bits: 3, Layers: []Layer{
		{Name: "a", At: []Errors{{Activation: 1, Rounding: Size{RMS: 0.25}, Quantisation: Size{RMS: 0.125}}}},
		{Name: "b", At: []Errors{{Activation: 1, Rounding: Size{RMS: 0.25}, Clipping: Size{RMS: 0.375}}}},
	}}
	lost := eval.Pairs{Images: 10, Gained: 8}
	list := verdict(r, nil, lost)
	if f := list[0]; len(list) != 1 || f.Cause != CauseRounding || f.Points != 0 || !strings.Contains(f.Text, "rounding the weights to 3 bits is the largest part of their own errors, 0.25 of lambda on average; more bits, or real weights,") {
		t.Errorf("verdict %+v", list)
	}
	tried := trial{Counterfactual: Counterfactual{Change: "real weights in place of 3 bits"}, kind: realWeights, index: -1}
	tried.first, tried.second = eval.Pairs{Images: 25, Gained: 6, Lost: 1}, eval.Pairs{Images: 25, Gained: 6, Lost: 1}
	list = verdict(r, []trial{tried}, lost)
	if f := list[0]; len(list) != 1 || f.Cause != CauseRounding || f.Points != 20 || !strings.Contains(f.Text, "real weights in place of 3 bits recover 20.00 points (6.1 to 34.5)") {
		t.Errorf("verdict %+v", list)
	}
	r.Layers[1].At[0].Clipping.RMS = 0.625 // More than rounding, on average.
	if f := verdict(r, nil, lost)[0]; f.Cause != CauseClipping {
		t.Errorf("verdict %+v", f)
	}
}

// What is advised is the better of what excludes each other, by the images that choose, and only
// if the others confirm it.
func TestAdvice(t *testing.T) {
	r := &Diagnosis{ANNTop1: 1, SNNTop1: []float64{0.5}, Images: 100, Timesteps: []int{8}, Layers: []Layer{{Name: "a", At: []Errors{{}}}}}
	of := func(kind kindOfTrial, chosen, gained, lost int) trial {
		return trial{
			Counterfactual: Counterfactual{Change: "a change", Layer: "a"}, kind: kind,
			first: eval.Pairs{Images: 50, Gained: chosen}, second: eval.Pairs{Images: 50, Gained: gained, Lost: lost},
		}
	}
	for _, tt := range []struct {
		trials []trial
		want   []float64
	}{
		{[]trial{of(lambdaMax, 10, 11, 1), of(lambdaPercentile, 9, 30, 0)}, []float64{20}}, // Chosen before it was measured.
		{[]trial{of(lambdaMax, 10, 4, 3), of(lambdaPercentile, 9, 30, 0)}, nil},
		{[]trial{of(lambdaMax, 0, 30, 0), of(lambdaPercentile, 0, 30, 0)}, nil}, // Nobody would have chosen them,
		{[]trial{of(lambdaMax, 1, 30, 0), of(lambdaPercentile, 0, 0, 0)}, nil},  // and one image is no reason.
		{[]trial{of(lambdaMax, 10, 11, 1)}, []float64{20}},                      // Both halves choose it: on all images.
		{[]trial{of(replaced, 10, 30, 0)}, nil},
		{[]trial{of(readout, 3, 2, 0), of(startPotential, 3, 2, 0), of(compensation, 3, 2, 0)}, nil}, // 1 in 32, for one of three,
		{[]trial{of(readout, 3, 2, 0)}, []float64{5}},                                                // is more likely than for one.
	} {
		var got []float64
		for _, f := range advice(r, tt.trials) {
			got = append(got, f.Points)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: advised %v, want %v", tt.trials, got, tt.want)
		}
	}
}

// A change of many things comes after what may be all of it: one finding, or several layers together;
// else by its gain.
func TestRanked(t *testing.T) {
	of := func(layer string, points, high float64) named {
		return named{Finding: Finding{Text: layer, Layer: layer, Points: points, High: high}}
	}
	many := func(text string, points float64) named {
		return named{Finding{Text: text, Points: points, High: points + 5}, true}
	}
	one := of("", 20, 25)
	one.Text = "one"
	for _, tt := range []struct {
		list []named
		want []string
	}{
		{[]named{many("all", 24), one}, []string{"one", "all"}},
		{[]named{many("all", 26), one}, []string{"all", "one"}},
		{[]named{one, of("a", 20, 22), of("b", 3, 4)}, []string{"a", "one", "b"}},
		{[]named{many("all", 36), many("some", 24), of("a", 20, 25), of("a", 18, 23), of("b", 10, 12), of("c", 3, 4)}, []string{"a", "some", "a", "b", "all", "c"}},
		{[]named{many("little", 2), one, of("c", 3, 4)}, []string{"one", "c", "little"}},
	} {
		var got []string
		for _, f := range ranked(tt.list) {
			got = append(got, f.Text)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v, want %v", got, tt.want)
		}
	}
}
