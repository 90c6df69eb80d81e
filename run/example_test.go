package run_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/run"
)

// A run that is kept in a folder: done there or opened again, then read back. The same
// program goes on from what is there after it was stopped.
func Example() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	o := experiment.DefaultOptions()
	o.Model, o.Data = experiment.Builtin, "mnist"
	o.CalibrationImages, o.Images, o.Timesteps = 50, 20, 64

	ctx := context.Background()
	e, err := experiment.Open(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	k, err := (&run.Order{Dir: dir, Kind: eval.PlanKind, Experiment: e, Shards: 4}).Open(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := k.Complete(ctx); err != nil {
		log.Fatal(err)
	}
	r, err := run.Read(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d images of %s, %.0f %% at T = 64\n", r.Result.Images, r.Manifest.Data.Name, 100*r.Result.SpikingTop1[63])
	// Output:
	// 20 images of mnist, 90 % at T = 64
}
