package diagnose

import (
	"strings"
	"testing"
)

// Where rounding makes the largest part of the errors, the verdict says so, whatever was tried;
// once.
func TestVerdictNamesRounding(t *testing.T) {
	r := &Diagnosis{ANNTop1: 1, SNNTop1: []float64{0.5}, Images: 10, Timesteps: []int{8}, Bits: 3, Layers: []Layer{
		{Name: "a", At: []Errors{{Rounding: Size{RMS: 0.25}, Quantisation: Size{RMS: 0.125}}}},
		{Name: "b", At: []Errors{{Rounding: Size{RMS: 0.25}, Clipping: Size{RMS: 0.375}}}},
	}}
	list := verdict(r, nil)
	if f := list[0]; len(list) != 1 || f.Cause != CauseRounding || f.Points != 0 || !strings.Contains(f.Text, "rounding the weights to 3 bits is the largest part of their own errors, 0.25 of lambda on average; more bits, or real weights,") {
		t.Errorf("verdict %+v", list)
	}
	tried := trial{Counterfactual: Counterfactual{Change: "real weights in place of 3 bits", Gain: 20, Regained: 2}, kind: realWeights, index: -1}
	list = verdict(r, []trial{tried})
	if f := list[0]; len(list) != 1 || f.Cause != CauseRounding || f.Points != 20 || !strings.Contains(f.Text, "real weights in place of 3 bits recover 20.00 points") {
		t.Errorf("verdict %+v", list)
	}
	r.Layers[1].At[0].Clipping.RMS = 0.625 // More than rounding, on average.
	if f := verdict(r, nil)[0]; f.Cause != CauseClipping {
		t.Errorf("verdict %+v", f)
	}
}
