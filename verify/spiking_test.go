package verify

import (
	"context"
	"errors"
	"testing"

	"sresnet/convert"
	"sresnet/snn"
)

func TestSpiking(t *testing.T) {
	g, s, images := mnist(t, 3)
	net, err := convert.Convert(g, s, convert.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	again, err := convert.Convert(g, s, convert.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Timesteps: testTimesteps, ReferenceImages: 1}
	stages, err := Spiking(t.Context(), net, again, images, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || stages[0].Images != 3 || stages[1].Images != 1 {
		t.Fatalf("got stages %+v", stages)
	}
	for _, st := range stages {
		if !st.OK || st.Difference != 0 {
			t.Errorf("stage failed: %+v", st)
		}
	}

	// One weight that was written wrongly.
	scaleShortcut(t, again, 1.5)
	if stages, err = Spiking(t.Context(), net, again, images, o); err != nil {
		t.Fatal(err)
	}
	if stages[0].OK || stages[0].Where == "" || !stages[1].OK {
		t.Errorf("with another weight: got stages %+v", stages)
	}

	// A network that lacks layers is none to compare.
	if _, err := Spiking(t.Context(), net, &snn.Network{}, images, o); err == nil {
		t.Error("no error with a network of no layers")
	}
}

func TestSpikingInterrupted(t *testing.T) {
	g, s, images := mnist(t, 3)
	net, err := convert.Convert(g, s, convert.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Timesteps: 4, Workers: 1, ReferenceImages: 1, Progress: func(done, _ int) {
		if done == 2 {
			cancel()
		}
	}}
	stages, err := Spiking(ctx, net, net, images, o)
	if !errors.Is(err, context.Canceled) || len(stages) != 2 || stages[0].Images != 2 || stages[1].Images != 1 {
		t.Errorf("after 2 images: stages %+v, error %v", stages, err)
	}
}
