package eval

import (
	"strings"
	"testing"
)

// The keys and nesting of the JSON are an interface; a change must be deliberate.
func TestResultJSON(t *testing.T) {
	var b strings.Builder
	if err := tinyResult().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	const want = `{"model":"tiny","images":2,"timesteps":3,"complete":true,` +
		`"ann":{"top1":0.5},"snn":{"top1":[0.5,0.5,0.5]},"agreement":[0,1,1],` +
		`"layers":[{"name":"relu","kind":"conv+shortcut","neurons":4,"lambda":2,"rate":0.5,"spikes_per_image":6,"acs_per_image":60},` +
		`{"name":"fc","kind":"dense","neurons":2,"lambda":3,"rate":0.5,"spikes_per_image":3,"acs_per_image":6}],` +
		`"spikes_per_image":9,"acs_per_image":66,"macs_per_image":7,"dense_macs_per_image":0,"membrane_updates_per_image":18,` +
		`"seconds":3,"image_steps_per_second":2,` +
		`"choice":{"within":[{"points":2,"timesteps":1},{"points":1,"timesteps":1},{"points":0.5,"timesteps":1}],"best":1,"recommended":1,` +
		`"reason":"the smallest from which on the accuracy stays within 0.5 points of the trained network's",` +
		`"pareto":[{"timesteps":1,"top1":0.5,"low":0.09453120573423074,"high":0.9054687942657693,"agreement":0,"spikes_per_image":1,"acs_per_image":11}]}}` + "\n"
	if got := b.String(); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}
