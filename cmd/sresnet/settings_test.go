package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The options of a manifest are those that a later process goes on with.
func TestRestore(t *testing.T) {
	was := settings{
		data: "cifar10:test", calibrate: "cifar10:train", normalize: "1:2", images: 7, calibrationImages: 8, timesteps: 9,
		percentile: 99.95, vInit: 0.25, compensation: "layer", compensationImages: 3, encoding: "poisson", reset: "zero",
		readout: "count", engine: "reference", seed: 1<<64 - 1, resize: 64, crop: 32, skipBad: 5, device: "45nm", arch: "resnet18", sharedLambda: true,
	}
	b, err := json.Marshal(was.values())
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var values map[string]any
	if err := d.Decode(&values); err != nil {
		t.Fatal(err)
	}
	var is settings
	if err := is.restore(values); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(was, is, cmp.AllowUnexported(settings{})); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	for name, v := range map[string]any{"no_such": 1, "images": "many", "seed": json.Number("-1"), "percentile": true} {
		if err := is.restore(map[string]any{name: v}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s = %v: got error %v", name, v, err)
		}
	}
}
