package eval

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sresnet/energy"
	"sresnet/shard"
	"sresnet/sim"
	"sresnet/snn"
)

// The keys and nesting of the JSON are an interface; a change must be deliberate, and
// is one of the format.
func TestResultJSON(t *testing.T) {
	var b strings.Builder
	if err := tinyResult().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	const want = `{"format":2,"model":"tiny","images":2,"timesteps":3,"complete":true,"seconds":3,` +
		`"spiking_top1":[0.5,0.5,0.5],"agreement":[0,1,1],"lost_images":[1,0,0],"gained_images":[1,0,0],"spikes_per_image":[1,4,9],"acs_per_image":[11,33,66],"macs_per_image":7,"latency":3,` +
		`"layers":[{"layer":"relu","kind":"conv+shortcut","neurons":4,"lambda":2,"rate":0.5,"spikes_per_image":6,"acs_per_image":60,` +
		`"spikes_at":[1,2,3],"acs_at":[10,20,30]},` +
		`{"layer":"fc","kind":"dense","neurons":2,"lambda":3,"rate":0.5,"spikes_per_image":3,"acs_per_image":6,` +
		`"spikes_at":[0,1,2],"acs_at":[1,2,3]}],"trained_top1":0.5,"dense_macs_per_image":0,` +
		`"loss_low":[-0.8109375885315391,-0.657619772493347,-0.657619772493347],"loss_high":[0.8109375885315391,0.657619772493347,0.657619772493347],"mcnemar_p":[1,1,1],` +
		`"choice":{"within":[{"points":2,"t":1,"sure_t":0},{"points":1,"t":1,"sure_t":0},{"points":0.5,"t":1,"sure_t":0}],"best_t":1,"rises":false,"recommended_t":1,` +
		`"reason":"as accurate on these images as T = 2, the smallest T from which the loss against the trained network stays within 75.6 points, with 95 % confidence; ` +
		`2 images resolve 75.6 points, 0.5 takes about 1300","tolerance_points":0,"tolerance_against":"","resolves_points":75.6,"images_for_half_a_point":1300,"pareto_t":[1]},` +
		`"predictions":{"image":[0,1],"label":[1,0],"trained_class":[1,1],"spiking_class":[1,1],"turns_t":[[2],[1,2]]}}` + "\n"
	if got := b.String(); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

// The tables of a result, as Python reads them.
func TestTables(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(*Result, io.Writer) error
		want  string
	}{
		{
			"accuracy", (*Result).WriteAccuracy,
			"t,spiking_top1,spiking_top1_low,spiking_top1_high,agreement,spikes_per_image,acs_per_image,joules_per_image\n" +
				"1,0.5,0.09453120573423074,0.9054687942657693,0,1,11,\n" +
				"2,0.5,0.09453120573423074,0.9054687942657693,1,4,33,\n" +
				"3,0.5,0.09453120573423074,0.9054687942657693,1,9,66,\n",
		},
		{"layers", (*Result).WriteLayers, "layer,kind,neurons,lambda,rate,spikes_per_image,acs_per_image\nrelu,conv+shortcut,4,2,0.5,6,60\nfc,dense,2,3,0.5,3,6\n"},
		{"predictions", (*Result).WritePredictions, "image,label,trained_class,spiking_class\n0,1,1,1\n1,0,1,1\n"},
		{"spikes", (*Result).WriteSpikes, "layer,t,spikes_at,acs_at\nrelu,1,1,10\nrelu,2,2,20\nrelu,3,3,30\nfc,1,0,1\nfc,2,1,2\nfc,3,2,3\n"},
	} {
		var b strings.Builder
		if err := tt.write(tinyResult(), &b); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

// views are what is shown of a result, each as bytes.
func views(t *testing.T, r *Result) map[string]string {
	t.Helper()
	all := make(map[string]string)
	write := func(name string, to func(io.Writer) error) {
		var b strings.Builder
		if err := to(&b); err != nil {
			t.Fatal(err)
		}
		all[name] = b.String()
	}
	write("accuracy", r.WriteAccuracy)
	write("layers", r.WriteLayers)
	write("predictions", r.WritePredictions)
	write("spikes", r.WriteSpikes)
	write("result", r.WriteJSON)
	if r.Energy != nil {
		write("energy", r.Energy.WriteJSON)
	}
	return all
}

// All that is shown of a result follows from its JSON form, to the byte.
func TestReadResult(t *testing.T) {
	device, err := energy.OpenDevice("45nm")
	if err != nil {
		t.Fatal(err)
	}
	g, net := testNetworks(t)
	o := Options{Sim: sim.Options{Timesteps: 50}, Device: device}
	pair, err := Run(t.Context(), g, net, newTestImages(37), o) // 1/37 is no binary fraction.
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Run(t.Context(), nil, net, newTestImages(7), o)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]*Result{"pair": pair, "alone": alone, "tiny": tinyResult()} {
		var b bytes.Buffer
		if err := want.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		got, err := ReadResult(&b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Result{}, "Changed")); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
		if diff := cmp.Diff(views(t, want), views(t, got)); diff != "" {
			t.Errorf("%s: views (-written +read):\n%s", name, diff)
		}
	}
}

// What can be added up of a result agrees with the sums that are in it.
func TestResultSums(t *testing.T) {
	r := evaluate(t, newTestImages(32), Options{Sim: sim.Options{Timesteps: 40}}) // 1/32: no rounding.
	var spikes, acs float64
	for T := range r.Timesteps {
		for i := range r.Layers {
			spikes += r.Layers[i].SpikesAt[T]
			acs += r.Layers[i].ACsAt[T]
		}
		if spikes != r.SpikesPerImage[T] || acs != r.ACsPerImage[T] {
			t.Fatalf("up to timestep %d layers have %v spikes and %v additions, the network %v and %v", T, spikes, acs, r.SpikesPerImage[T], r.ACsPerImage[T])
		}
	}
	correct, trained := 0, 0
	p := &r.Predictions
	for i := range p.Image {
		if p.Spiking[i] == p.Label[i] {
			correct++
		}
		if p.Trained[i] == p.Label[i] {
			trained++
		}
	}
	if r.Final() != float64(correct)/32 || r.TrainedTop1 != float64(trained)/32 {
		t.Errorf("accuracies %v and %v, predictions say %d and %d of 32", r.Final(), r.TrainedTop1, correct, trained)
	}
	for _, l := range r.Layers {
		var sum float64
		for _, x := range l.SpikesAt {
			sum += x
		}
		if sum != l.SpikesPerImage || l.Rate != sum/float64(r.Timesteps*l.Neurons) {
			t.Errorf("layer %s: %v spikes at a rate of %v, its timesteps have %v", l.Name, l.SpikesPerImage, l.Rate, sum)
		}
	}
}

func TestReadResultRefuses(t *testing.T) {
	good := func() string {
		var b strings.Builder
		if err := tinyResult().WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}()
	for _, tt := range []struct{ name, old, replacement, want string }{
		{"earlier", `"format":2,`, ``, "the result was kept by an earlier version of sresnet (format 1)"},
		{"later", `"format":2,`, `"format":9,`, "the result was kept by a later version of sresnet (format 9)"},
		{"damaged", `"model"`, `model`, "not a result"},
		{"no object", good, `[2]`, "not a result"},
		{"null", good, `null`, "not a result"},
		{"no images", `"images":2`, `"images":0`, "0 images"},
		{"huge", `"timesteps":3`, `"timesteps":1152921504606846976`, "accuracies of 3"},
		{"fewer timesteps", `"spiking_top1":[0.5,0.5,0.5]`, `"spiking_top1":[0.5]`, "accuracies of 1"},
		{"an accuracy above 1", `"spiking_top1":[0.5`, `"spiking_top1":[1.5`, "accuracies of 1.5"},
		{"no agreement", `"agreement":[0,1,1]`, `"agreement":null`, "half of a trained network"},
		{"no accuracy of the trained network", `"trained_top1":0.5,`, ``, "half of a trained network"},
		{"a layer of fewer timesteps", `"acs_at":[1,2,3]`, `"acs_at":[1,2]`, "additions of layer fc of 2"},
		{"no layers", `"layers"`, `"strata"`, "no layers"},
		{"no predictions", `"predictions"`, `"guesses"`, "no predictions"},
		{"fewer predictions", `"label":[1,0]`, `"label":[1]`, "predictions of 1"},
		{"no class", `"spiking_class":[1,1]`, `"spiking_class":[1,-1]`, "classes from -1 to 1"},
		{"more pairs than images", `"lost_images":[1,`, `"lost_images":[2,`, "2 and 1 images that one network gets right"},
		{"fewer pairs", `"gained_images":[1,0,0]`, `"gained_images":[1]`, "3 and 1 counts of pairs"},
		{"fewer turns", `"turns_t":[[2],[1,2]]`, `"turns_t":[[2]]`, "the turns of 1"},
		{"a turn in the past", `"turns_t":[[2],[1,2]]`, `"turns_t":[[2],[2,2]]`, "a turn at timestep 2 after 2"},
		{"a turn beyond the end", `"turns_t":[[2],`, `"turns_t":[[4],`, "a turn at timestep 4"},
		{"a class beyond memory", `"label":[1,0]`, `"label":[1,1000000000]`, "classes from 1 to 1000000000"},
	} {
		s := strings.Replace(good, tt.old, tt.replacement, 1)
		if s == good {
			t.Fatalf("%s: there is no %s", tt.name, tt.old)
		}
		if _, err := ReadResult(strings.NewReader(s)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		}
	}
	var format *shard.FormatError
	if _, err := ReadResult(strings.NewReader(`{"format":1}`)); !errors.As(err, &format) {
		t.Errorf("format 1: got error %v", err)
	}
}

// A result of 50,000 images, 350 timesteps and 60 layers fits a few megabytes.
func TestResultSize(t *testing.T) {
	const images, T, layers = 50_000, 350, 60
	rnd := rand.New(rand.NewPCG(1, 2))
	a := newTally(CountPotential, snn.Synchronous, T, layers)
	net := twoLayers()
	for len(net.Layers) < layers {
		net.Layers = append(net.Layers, net.Layers[0])
	}
	for t := range T {
		a.correct[t], a.agree[t] = rnd.Uint32N(images), rnd.Uint32N(images)
		for l := range layers {
			a.spikes[l][t], a.acs[l][t] = rnd.Uint64N(images*1e4), rnd.Uint64N(images*1e7)
		}
	}
	class := func() int32 { return rnd.Int32N(1000) }
	for i := range images {
		a.predictions = append(a.predictions, prediction{i, int(class()), int(class()), []change{{0, class()}}})
	}
	a.images = images
	var b bytes.Buffer
	if err := a.result(net, time.Second).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 2e6 {
		t.Errorf("%d bytes", b.Len())
	}
}

// FuzzReadResult looks for results that are taken and cannot be shown.
func FuzzReadResult(f *testing.F) {
	var b bytes.Buffer
	if err := tinyResult().WriteJSON(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(bytes.Replace(b.Bytes(), []byte(`"energy"`), []byte(`"energy":{"spiking":{"contributions":null}},"e"`), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadResult(bytes.NewReader(b))
		if err != nil {
			return
		}
		if c := r.Choose(); c.Recommended < 0 || c.Recommended > r.Timesteps || !slices.Contains(c.Pareto, c.Best) {
			t.Errorf("choice %+v of %d timesteps", c, r.Timesteps)
		}
		views(t, r)
	})
}
