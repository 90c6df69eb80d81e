package dataset

import (
	"context"
	"math"
	"slices"
	"testing"

	"sresnet/tensor"
)

func TestStatistics(t *testing.T) {
	d := &Dataset{
		shape: tensor.Shape{2, 1, 2}, classes: 4, labels: []uint16{3, 0, 3},
		images: &byteStore{[]byte{0, 255, 51, 51, 0, 255, 51, 51, 255, 0, 51, 102}, 4},
	}
	var want *Statistics
	for workers := range 4 {
		calls := 0
		s, err := d.Statistics(t.Context(), workers, func(done, total int) {
			if calls++; done != calls || total != 3 {
				t.Errorf("progress %d of %d", done, total)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = s
		}
		if !slices.Equal(s.Mean, want.Mean) || !slices.Equal(s.Std, want.Std) {
			t.Errorf("%d workers: got %v, want %v", workers, s, want)
		}
	}
	// The second channel: five times 0.2 and one 0.4.
	for k, w := range [][2]float64{{0.5, 0.5}, {1.4 / 6, math.Sqrt(0.36/6 - (1.4/6)*(1.4/6))}} {
		if math.Abs(want.Mean[k]-w[0]) > 1e-12 || math.Abs(want.Std[k]-w[1]) > 1e-12 {
			t.Errorf("channel %d: got mean %v, std %v, want %v", k, want.Mean[k], want.Std[k], w)
		}
	}
	if got := d.Counts(); !slices.Equal(got, []int{1, 0, 0, 2}) {
		t.Errorf("counts %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Statistics(ctx, 1, nil); err == nil {
		t.Error("no error of a context that has ended")
	}
}

func TestSuggestedNormalization(t *testing.T) {
	for _, tt := range []struct {
		mean, std []float64
		want      string
	}{
		{[]float64{0.4918, 0.4827, 0.4472}, []float64{0.2471, 0.2437, 0.2616}, "cifar10"}, // Its preset has smaller deviations.
		{[]float64{0.5071, 0.4866, 0.4409}, []float64{0.2673, 0.2564, 0.2762}, "cifar100"},
		{[]float64{0.4815, 0.4570, 0.4078}, []float64{0.2801, 0.2735, 0.2879}, "imagenet"},
		{[]float64{0.1307}, []float64{0.3081}, "mnist"},
		{[]float64{0.2860}, []float64{0.3530}, "0.286:0.353"},
		{[]float64{0.5071, 0.4866, 0.4409}, []float64{0.4, 0.2564, 0.2762}, "0.5071,0.4866,0.4409:0.4,0.2564,0.2762"},
		{[]float64{1}, []float64{0}, "1:0.0001"},
	} {
		n := (&Statistics{Mean: tt.mean, Std: tt.std}).Normalization()
		if got := n.String(); got != tt.want {
			t.Errorf("mean %v: got %s, want %s", tt.mean, got, tt.want)
		}
		if err := n.check(len(tt.mean)); err != nil {
			t.Error(err)
		}
	}
}
