package eval

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// framedImages are the test images, each of three frames around it.
type framedImages struct{ *testImages }

func (f framedImages) Frames() int { return 3 }

func (f framedImages) Sequence(i int, dst []float32) error {
	for k := range 3 {
		for p, x := range f.pixels[i] {
			dst[16*k+p] = x * float32(k) // Their mean is x.
		}
	}
	return nil
}

// The result on frames depends neither on workers nor on shards, and the trained network
// sees their mean.
func TestFrames(t *testing.T) {
	images := framedImages{newTestImages(20)}
	o := Options{Workers: 1}
	o.Sim.Timesteps = 20
	want, still := evaluate(t, images, o), evaluate(t, images.testImages, o)
	if want.TrainedTop1 != still.TrainedTop1 || cmp.Equal(want.SpikesPerImage, still.SpikesPerImage) {
		t.Errorf("trained network %v on frames and %v on their mean; spikes per image %v and %v", want.TrainedTop1, still.TrainedTop1, want.SpikesPerImage, still.SpikesPerImage)
	}
	for _, workers := range []int{2, 3, 50} {
		o.Workers = workers
		if diff := cmp.Diff(want, evaluate(t, images, o), ignoreTime); diff != "" {
			t.Errorf("%d workers (-one +several):\n%s", workers, diff)
		}
		r := newShards(t, 20, workers%7+1)
		e := newEvaluator(t, images, o)
		for s := range r.Shards() {
			if err := e.PresentShards(t.Context(), r, []int{s}, nil); err != nil {
				t.Fatal(err)
			}
		}
		got, err := newEvaluator(t, images, o).GatherShards(r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, ignoreTime); diff != "" {
			t.Errorf("%d shards (-one run +got):\n%s", r.Shards(), diff)
		}
	}
	o.Sim.Reference = true
	if diff := cmp.Diff(want, evaluate(t, images, o), ignoreTime); diff != "" {
		t.Errorf("engines differ (-event +reference):\n%s", diff)
	}
}
