package experiment

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/snn"
)

// Every option of the table has a default that is in range, survives text, and has a name
// and help of its own.
func TestTable(t *testing.T) {
	usual := DefaultOptions()
	if err := usual.Check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	seen := make(map[string]bool)
	for _, p := range Table() {
		if p.Name == "" || seen[p.Name] || p.Help == "" || p.Key() == "" {
			t.Errorf("option %q: name or help is empty or used twice", p.Name)
		}
		seen[p.Name] = true
		if got := p.Get(&usual); got != p.Default {
			t.Errorf("option %s: default %q is set to %q", p.Name, p.Default, got)
		}
		if p.Default == "" {
			continue
		}
		if err := p.Set(&usual, p.Default); err != nil {
			t.Errorf("option %s: default %q: %v", p.Name, p.Default, err)
		}
		if q := OptionNamed(p.Name); q == nil || q.Key() != p.Key() {
			t.Errorf("OptionNamed(%q): got %v", p.Name, q)
		}
	}
	if OptionNamed("no-such") != nil {
		t.Error("OptionNamed of no option: not nil")
	}
}

// The options of a manifest are those that a later process goes on with.
func TestOptionsJSON(t *testing.T) {
	epsilon := 0.25
	was := Options{
		Exit: &epsilon,
		Data: "cifar10:test?crop=3", Calibrate: "cifar10:train", Normalize: "1:2", Images: 7, CalibrationImages: 8, SelectionImages: 5, Timesteps: 9,
		Percentile: 99.95, VInit: 0.25, Compensation: LayerFactors, CompensationImages: 3, Encoding: snn.Poisson, Reset: snn.ResetZero,
		Preset: "few-steps", Schedule: snn.Phased, Coding: snn.FirstSpike, Lambdas: ChannelLambdas, Match: MatchBias | MatchStart, Refit: true,
		Neuron: "lif", Leak: 0.99, Refractory: 2, Readout: "count", Engine: "reference", Seed: 1<<64 - 1, Device: "45nm", SharedLambda: true,
	}
	b, err := json.Marshal(was)
	if err != nil {
		t.Fatal(err)
	}
	var is Options
	if err := json.Unmarshal(b, &is); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(was, is, cmp.AllowUnexported(Options{})); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	for name, v := range map[string]string{"no_such": `1`, "images": `"many"`, "seed": `-1`, "percentile": `true`, "compensation": `"both"`} {
		if err := json.Unmarshal([]byte(`{"`+name+`":`+v+`}`), &is); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s = %v: got error %v", name, v, err)
		}
	}
}

func TestRange(t *testing.T) {
	percentile, vInit, images := Range{Max: 100, Above: true}, Range{Max: 1, Below: true}, Range{Min: 1, Unbound: true}
	for _, tt := range []struct {
		r    Range
		x    float64
		want bool
	}{
		{percentile, 0, false},
		{percentile, 1e-9, true},
		{percentile, 100, true},
		{percentile, 100.1, false},
		{percentile, math.NaN(), false},
		{percentile, math.Inf(1), false},
		{vInit, 0, true},
		{vInit, -1e-9, false},
		{vInit, 0.99, true},
		{vInit, 1, false},
		{vInit, 0.99999999, false}, // It is 1 in the precision of a potential.
		{images, 0, false},
		{images, 1, true},
		{images, 1e18, true},
	} {
		if got := tt.r.contains(tt.x); got != tt.want {
			t.Errorf("%v contains %v: got %t", tt.r, tt.x, got)
		}
	}
	for r, want := range map[Range]string{percentile: "above 0, up to 100", vInit: "from 0 to below 1", images: "from 1 on", {Min: 1, Max: 9}: "from 1 to 9"} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What makes no sense is an error that names the option.
func TestCheck(t *testing.T) {
	for want, change := range map[string]func(*Options){
		`percentile 0: give a number above 0, up to 100`:              func(o *Options) { o.Percentile = 0 },
		`v-init 1: give a number from 0 to below 1`:                   func(o *Options) { o.VInit = 1 },
		`timesteps 0: give a number from 1 to 65535`:                  func(o *Options) { o.Timesteps = 0 },
		`workers -1: give a number from 0 to 1024`:                    func(o *Options) { o.Workers = -1 },
		`leak 0: give a number above 0, up to 1`:                      func(o *Options) { o.Neuron, o.Leak = "lif", 0 },
		`leak 0.9: IF neurons have none`:                              func(o *Options) { o.Leak = 0.9 },
		`refractory 2: IF neurons have none`:                          func(o *Options) { o.Refractory = 2 },
		`readout "loudest": give count+potential, count or potential`: func(o *Options) { o.Readout = "loudest" },
		`encoding "Encoding(9)": give direct or poisson`:              func(o *Options) { o.Encoding = 9 },
		`there is no option "zoom"`:                                   func(o *Options) { o.Data = "mnist?zoom=3" },
		`device: `:                                                    func(o *Options) { o.Device = "abacus" },
		`arch=resnet19: give `:                                        func(o *Options) { o.Model = "w.safetensors?arch=resnet19" },
		`output=: give the name of a value`:                           func(o *Options) { o.Model = "net.onnx?output=" },
		`output=a is for ONNX files`:                                  func(o *Options) { o.Model = "net.safetensors?output=a" },
		`input=3xAx3: give channels, rows and columns`:                func(o *Options) { o.Model = "net.onnx?input=3xAx3" },
	} {
		o := DefaultOptions()
		change(&o)
		var option *OptionError
		if err := o.Check(); !errors.As(err, &option) || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}

// Every option of the table refuses what it cannot be, as text and in JSON, by its name.
func TestWrongValues(t *testing.T) {
	wrong := map[string][]string{
		"data":                {"tulips:here", "mnist?zoom=3", "mnist?images=-1"},
		"calibrate":           {"tulips:here", "mnist?images=many"},
		"calibration-images":  {"0", "many"},
		"images":              {"-1", "1.5"},
		"selection-images":    {"0", ""},
		"normalize":           {"bright", "0:0"},
		"preset":              {"fastest", ""},
		"schedule":            {"serial"},
		"coding":              {"burst", "first-spike"}, // The last since the schedule is synchronous.
		"lambdas":             {"neuron"},
		"match":               {"both"},
		"refit":               {"perhaps"},
		"bits":                {"-1", "1", "17", "few"},
		"state-bits":          {"7", "25", "16"}, // The last since weights are real.
		"percentile":          {"0", "100.1", "NaN", "high"},
		"lambda":              {"relu", "relu=", "relu=-1", "relu=0", "relu=NaN", "relu=p0", "relu=p101", "relu=x0", "relu=big", "no such layer=2"},
		"shared-lambda":       {"perhaps"},
		"v-init":              {"-0.1", "1", "NaN", "0.99999999999"},
		"encoding":            {"phase", ""},
		"neuron":              {"leaky", ""},
		"leak":                {"0", "1.1", "NaN", "0.9"}, // The last since neurons are IF.
		"refractory":          {"-1", "1e9", "1"},
		"reset":               {"soft"},
		"compensation":        {"both"},
		"compensation-images": {"0"},
		"timesteps":           {"0", "65536", "T"},
		"readout":             {"max"},
		"exit":                {"-0.1", "1", "NaN", "early"},
		"engine":              {"fast"},
		"seed":                {"-1", "18446744073709551616"},
		"device":              {"abacus"},
		"workers":             {"-1", "1025"},
	}
	for _, p := range Table() {
		if len(wrong[p.Name]) == 0 {
			t.Errorf("no wrong value of %s is known", p.Name)
		}
		for _, v := range wrong[p.Name] {
			o := DefaultOptions()
			o.Model, o.Data = Builtin, "mnist"
			if p.Set(&o, v) != nil {
				continue // Refused without its name, which whoever reads the text knows.
			}
			var option *OptionError
			if _, err := Open(t.Context(), o); !errors.As(err, &option) || option.Option != p.Name {
				t.Errorf("%s %q: got error %v", p.Name, v, err)
			}
		}
		other := "{}"
		if p.Name == "lambda" { // Which is an object.
			other = "[1]"
		}
		var o Options
		if err := json.Unmarshal([]byte(`{"`+p.Key()+`":`+other+`}`), &o); err == nil || !strings.Contains(err.Error(), p.Key()) {
			t.Errorf("%s as %s: got error %v", p.Name, other, err)
		}
	}
}

// Files are looked for where the options say, and where they have moved to.
func TestPath(t *testing.T) {
	o := Options{Dir: "/home/me", Moved: []Move{{"/home/me/data", "/scratch"}, {"/home", "/away"}}}
	for name, want := range map[string]string{
		"":                    "",
		"net.onnx":            "/away/me/net.onnx",
		"/net.onnx":           "/net.onnx",
		"data/cifar10":        "/scratch/cifar10",
		"/home/me/data":       "/scratch",
		"/home/me/database/x": "/away/me/database/x",
		"../you/x":            "/away/you/x",
	} {
		if got := o.Path(name); got != want {
			t.Errorf("Path(%q): got %q, want %q", name, got, want)
		}
	}
	o.Data = "mnist"
	if o.HasMoved() {
		t.Error("what is built in has moved")
	}
	if o.Data = "cifar10:data"; !o.HasMoved() {
		t.Error("images in a folder that has moved have not")
	}
}
