package experiment_test

import (
	"context"
	"fmt"
	"log"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/sim"
)

// Images are classified, and each only as long as it takes: the engine stops where the
// rule that was learned from calibration images says so.
func ExampleExperiment_ExitRule() {
	ctx, epsilon := context.Background(), 0.02
	o := experiment.DefaultOptions()
	o.Model, o.Data, o.Images, o.CalibrationImages, o.Timesteps, o.Exit = experiment.Builtin, "mnist", 20, 300, 128, &epsilon
	e, err := experiment.Open(ctx, o)
	if err != nil {
		log.Fatal(err)
	}
	rule, err := e.ExitRule(ctx)
	if err != nil {
		log.Fatal(err)
	}
	net, err := e.Network(ctx)
	if err != nil {
		log.Fatal(err)
	}
	plan, err := sim.Compile(net, o.Sim())
	if err != nil {
		log.Fatal(err)
	}
	var readout eval.Readout
	engine := plan.NewEngine()
	engine.Stop = func(t int, rec *sim.Record) bool {
		_, gap := readout.Answer(rec.At(t))
		return rule.StopsAt(t, gap)
	}
	pixels := make([]float32, e.Test.Shape().Len())
	right, steps := 0, 0
	for i := range e.Test.Len() {
		if err := e.Test.Image(i, pixels); err != nil {
			log.Fatal(err)
		}
		rec, err := engine.Run(ctx, pixels, i)
		if err != nil {
			log.Fatal(err)
		}
		class, _ := readout.Answer(rec.At(rec.Timesteps - 1))
		if steps += rec.Timesteps; class == e.Test.Label(i) {
			right++
		}
	}
	fmt.Printf("%d of %d are right, after %.0f timesteps of 128\n", right, e.Test.Len(), float64(steps)/20)
	// Output:
	// 20 of 20 are right, after 54 timesteps of 128
}
