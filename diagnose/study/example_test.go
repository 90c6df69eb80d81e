package study_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/diagnose/study"
	"sresnet/experiment"
)

// Why the built-in network loses accuracy with too few timesteps.
func Example() {
	o := experiment.DefaultOptions()
	o.Model, o.Data = experiment.Builtin, "mnist"
	o.CalibrationImages, o.Images, o.Timesteps = 100, 20, 24
	e, err := experiment.Open(context.Background(), o)
	if err != nil {
		log.Fatal(err)
	}
	d, err := study.Run(context.Background(), e, false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Verdict[0].Cause, d.Verdict[0].Points > 0)
	// Output:
	// unevenness true
}
