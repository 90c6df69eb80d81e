package sweep_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/experiment"
	"sresnet/sweep"
)

// Three percentiles on held-out training images; the best is confirmed on test images.
func Example() {
	o := sweep.Options{Experiment: experiment.DefaultOptions(), At: 32}
	o.Experiment.Model, o.Experiment.Data = experiment.Builtin, "mnist"
	o.Experiment.CalibrationImages, o.Experiment.SelectionImages = 50, 30
	o.Experiment.Images, o.Experiment.Timesteps = 20, 40
	o.Values = map[string][]string{"percentile": {"99", "99.9", "100"}, "v-init": {"0.5"}, "compensation": {"none"}}

	ctx := context.Background()
	s, err := sweep.Open(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		log.Fatal(err)
	}
	for i, r := range s.Results {
		fmt.Printf("%s: %.0f %%\n", s.Settings[i].Name(), 100*r.SpikingTop1[s.At-1])
	}
	fmt.Printf("chosen: %s, %.0f %% on test images\n", s.Settings[s.Chosen()].Name(), 100*s.Confirmed.SpikingTop1[s.At-1])
	// Output:
	// p99-v0.5-none: 100 %
	// p99.9-v0.5-none: 70 %
	// p100-v0.5-none: 23 %
	// chosen: p99-v0.5-none, 100 % on test images
}
