package tune

import (
	"math"
	"math/rand/v2"
	"testing"

	"sresnet/sim"
	"sresnet/snn"
)

// Whole weights bring what real ones do, the nearer the more bits they have, and means of
// channels are matched with them.
func TestIntegers(t *testing.T) {
	for _, schedule := range []snn.Schedule{snn.Synchronous, snn.Phased} {
		rnd := rand.New(rand.NewPCG(7, 1))
		net := residual(rnd)
		net.Schedule = schedule
		x := randomImages(rnd, 40)
		o := options(net, 16)
		for _, image := range x.data {
			for _, v := range image {
				o.InputMax = max(o.InputMax, v, -v)
			}
		}
		measure := func(bits int) (bias, square, lost float64) {
			o := o
			o.Bits = bits
			got, report, err := Network(t.Context(), net, x, o)
			if err != nil {
				t.Fatal(err)
			}
			if got.Bits != bits || got.TunedFor != 16 || bits > 0 && len(report.Rounded) < len(got.Layers)-2 {
				t.Fatalf("%d bits: %d bits for T = %d, %d layers reported", bits, got.Bits, got.TunedFor, len(report.Rounded))
			}
			for _, r := range report.Rounded {
				lost = max(lost, r.Lost)
			}
			l := &got.Layers[2]
			positions := l.Shape[1] * l.Shape[2]
			sums := make([]float64, l.Shape[0])
			for _, image := range x.data {
				want, err := sim.Rates(t.Context(), net, image, nil)
				if err != nil {
					t.Fatal(err)
				}
				for j, n := range counts(t, got, image, sim.Options{Timesteps: o.Timesteps})[2] {
					d := want[2][j] - float64(l.LambdaOf(j/positions))*float64(n)/float64(o.Timesteps)
					sums[j/positions] += d / float64(positions*x.Len())
					square += d * d
				}
			}
			for _, d := range sums {
				bias = max(bias, math.Abs(d))
			}
			return bias, square, lost
		}
		realBias, real, _ := measure(0)
		lost := math.Inf(1)
		for _, tt := range []struct {
			bits        int
			most, least float64 // Of the square of the error, against that of real weights.
		}{{3, math.Inf(1), 1.2}, {8, 1.1, 0.9}, {16, 1.05, 0.95}} {
			bias, square, now := measure(tt.bits)
			t.Logf("%v, %d bits: the error is %.3f times that of real weights, currents lose %.2g; means lack up to %.4f, with real weights %.4f", schedule, tt.bits, square/real, now, bias, realBias)
			if square > tt.most*real || square < tt.least*real {
				t.Errorf("%v, %d bits: the error is %.3f times that of real weights", schedule, tt.bits, square/real)
			}
			if now >= lost {
				t.Errorf("%v, %d bits: currents lose %v, with fewer bits %v", schedule, tt.bits, now, lost)
			}
			lost = now
			if bias > 2*realBias+0.02 {
				t.Errorf("%v, %d bits: means lack up to %v, with real weights %v", schedule, tt.bits, bias, realBias)
			}
		}
	}
}
