package dataset

import (
	"context"
	"math"

	"sresnet/internal/parallel"
)

// Statistics are of all pixels of a data set, per channel and in units of p/255, or of its
// values if it is [Dataset.Prepared].
type Statistics struct {
	Mean []float64
	Std  []float64

	prepared bool
}

// Statistics computes mean and standard deviation on that many goroutines. The result
// does not depend on their number. progress, if not nil, is told after every image;
// calls do not overlap.
func (d *Dataset) Statistics(ctx context.Context, workers int, progress func(done, total int)) (*Statistics, error) {
	c, h, w := d.shape.CHW()
	sums := make([]float64, 2*c*d.Len()) // Of p/255 and of its square, per image and channel.
	unit := 255.0
	if d.prepared {
		unit = 1
	}
	done := 0
	err := parallel.Do(ctx, max(min(workers, d.Len()), 1), d.Len(), func(int) func(context.Context, int) error {
		x := make([]float32, d.shape.Len())
		return func(_ context.Context, i int) error {
			if err := d.Pixels(i, x); err != nil {
				return err
			}
			for k := range c {
				var sum, square float64
				for _, p := range x[k*h*w : (k+1)*h*w] {
					v := float64(p) / unit
					sum += v
					square += float64(v * v)
				}
				sums[2*(i*c+k)], sums[2*(i*c+k)+1] = sum, square
			}
			return nil
		}
	}, func() {
		done++
		if progress != nil {
			progress(done, d.Len())
		}
	})
	if err != nil {
		return nil, err
	}
	s := &Statistics{make([]float64, c), make([]float64, c), d.prepared}
	n := float64(d.Len() * h * w)
	for k := range c {
		var sum, square float64
		for i := range d.Len() {
			sum += sums[2*(i*c+k)]
			square += sums[2*(i*c+k)+1]
		}
		s.Mean[k] = sum / n
		s.Std[k] = math.Sqrt(max(square/n-float64(s.Mean[k]*s.Mean[k]), 0))
	}
	return s, nil
}

// Counts returns how many images each class has.
func (d *Dataset) Counts() []int {
	counts := make([]int, d.classes)
	for _, l := range d.labels {
		counts[l]++
	}
	return counts
}

// Normalization returns the preset that fits such pixels, or else their own mean and
// standard deviation. A preset fits if its means are within 0.02; published standard
// deviations, some of which are means over images, say less, and are within 0.07.
func (s *Statistics) Normalization() Normalization {
	if s.prepared {
		n, _ := ParseNormalization("none", len(s.Mean))
		return n
	}
	var best *Normalization
	nearest := 0.02
	for i := range presets {
		p := &presets[i]
		if p.Raw || len(p.Mean) != len(s.Mean) || p.preset == "unit" {
			continue
		}
		var mean, std float64
		for k := range s.Mean {
			mean = max(mean, math.Abs(float64(p.Mean[k])-s.Mean[k]))
			std = max(std, math.Abs(float64(p.Std[k])-s.Std[k]))
		}
		if mean <= nearest && std <= 0.07 {
			nearest, best = mean, p
		}
	}
	if best != nil {
		n, _ := ParseNormalization(best.preset, len(s.Mean)) // A copy.
		return n
	}
	var n Normalization
	for k := range s.Mean {
		n.Mean = append(n.Mean, round4(s.Mean[k]))
		n.Std = append(n.Std, max(round4(s.Std[k]), 1e-4)) // Of images of one colour it is 0.
	}
	return n
}

func round4(x float64) float32 { return float32(math.Round(x*1e4) / 1e4) }
