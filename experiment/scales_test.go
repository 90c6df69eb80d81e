package experiment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScales(t *testing.T) {
	p := OptionNamed("lambda")
	file := filepath.Join(t.TempDir(), "scales")
	if err := os.WriteFile(file, []byte("# of a search\n\n relu1 = 2.5\r\nlayer1/relu,a=max\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ texts, want string }{
		{"relu1=2.5", "relu1=2.5"},
		{"relu2=x1.5 relu1=2", "relu1=2,relu2=x1.5"},
		{"b=max,a=p99.99", "a=p99.99,b=max"},
		{"a=p100", "a=max"},
		{"a=1 a=x2", "a=x2"},
		{"a=b=3", "a=b=3"},
		{"layer1/relu,a=2,b=3", "b=3,layer1/relu,a=2"},
		{"relu1=1 " + file, "layer1/relu,a=max,relu1=2.5"},
		{"a=1e-3", "a=0.001"},
	} {
		var o Options
		for text := range strings.SplitSeq(tt.texts, " ") {
			before := o
			was := before.Lambda.String()
			if err := p.Set(&o, text); err != nil {
				t.Fatalf("%s: %v", tt.texts, err)
			}
			if before.Lambda.String() != was {
				t.Errorf("%s: setting options changes those that they were copied from", tt.texts)
			}
		}
		if got := p.Get(&o); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.texts, got, tt.want)
		}
		var again Options
		if err := p.Set(&again, p.Get(&o)); err != nil || !cmp.Equal(again.Lambda, o.Lambda) {
			t.Errorf("%s: read again: %v %v", tt.texts, again.Lambda, err)
		}
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var read Options
		if err := json.Unmarshal(b, &read); err != nil || !cmp.Equal(read.Lambda, o.Lambda) {
			t.Errorf("%s: from JSON: %v %v", tt.texts, read.Lambda, err)
		}
	}
	advice := filepath.Join(t.TempDir(), "advice.json")
	if err := os.WriteFile(advice, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"a=":               "no lambda",
		"a=0":              "out of range",
		"a=-1":             "out of range",
		"a=nan":            "no lambda",
		"a=inf":            "out of range",
		"a=1e-60":          "out of range",
		"a=1e60":           "out of range",
		"a=p0":             "out of range",
		"a=p100.5":         "out of range",
		"a=x0":             "out of range",
		"a=xinf":           "out of range",
		"a=pnan":           "no lambda",
		"=3":               "give LAYER=LAMBDA",
		"a=1,b":            "give LAYER=LAMBDA",
		"a=most":           "no lambda",
		"nothing":          "neither LAYER=LAMBDA nor a file",
		t.TempDir():        "not a regular file",
		advice:             "JSON",
		"a=1,b=max,c=px,d": "no lambda",
	} {
		var o Options
		if err := p.Set(&o, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		} else if o.Lambda != nil {
			t.Errorf("%s: an error, and yet %v", text, o.Lambda)
		}
	}
}

func FuzzScales(f *testing.F) {
	for _, s := range []string{"a=1", "a=p99.9,b=max", "a,b=x2", "=", "a=1,,b=2", "a=b=c=3", " =p99.9,b=max"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseScales(text)
		if err != nil {
			return
		}
		for layer, scale := range s {
			if layer == "" && len(s) > 0 && !scale.valid() || !scale.valid() {
				t.Fatalf("%q: %v=%v", text, layer, scale)
			}
		}
		again, err := parseScales(s.String())
		if err != nil || !cmp.Equal(again, s) {
			t.Fatalf("%q: %v is read as %v, %v", text, s, again, err)
		}
	})
}

// What a diagnosis advises is set with all else that its experiment had.
func TestApply(t *testing.T) {
	o := DefaultOptions()
	o.Percentile, o.Timesteps, o.Workers, o.Images, o.Lambda = 99.5, 32, 3, 7, Scales{"a": {Value: 2}, "b": {Factor: 2}}
	advice, err := o.Advice(map[string]any{"lambda": map[string]string{"b": "x1.5", "c": "max"}, "match": "bias"})
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "advice.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	b, err := json.Marshal(map[string]any{"verdict": []int{}, "advice": advice})
	if err != nil {
		t.Fatal(err)
	}
	to := DefaultOptions()
	names, err := to.Apply(write(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"lambda", "match", "percentile", "timesteps"}; !cmp.Equal(names, want) {
		t.Errorf("set are %v, want %v", names, want)
	}
	want := DefaultOptions()
	want.Percentile, want.Timesteps, want.Match, want.Lambda = 99.5, 32, MatchBias, Scales{"a": {Value: 2}, "b": {Factor: 3}, "c": {Percentile: 100}}
	for _, p := range Table() {
		if p.Get(&to) != p.Get(&want) {
			t.Errorf("%s is %s, want %s", p.Name, p.Get(&to), p.Get(&want))
		}
	}
	if o.Lambda["b"].Factor != 2 {
		t.Error("advice changes the options that it is for")
	}
	if _, err := o.Advice(map[string]any{"lambda": map[string]string{"a": "x2"}}); err == nil {
		t.Error("a factor on a lambda that is a number is advised")
	}
	for text, want := range map[string]string{
		``:                                    "unexpected end",
		`[]`:                                  "cannot unmarshal",
		`{}`:                                  "no diagnosis",
		`{"verdict":[]}`:                      "advises no change",
		`{"advice":{"data":"mnist"}}`:         "no option that is advised",
		`{"advice":{"workers":4}}`:            "no option that is advised",
		`{"advice":{"nothing":4}}`:            "no option that is advised",
		`{"advice":{"timesteps":0}}`:          "timesteps 0",
		`{"advice":{"timesteps":"many"}}`:     "timesteps",
		`{"advice":{"lambda":{"a":"xx"}}}`:    "no lambda",
		`{"advice":{"lambda":{"a":3}}}`:       "lambda",
		`{"advice":{"schedule":"sometimes"}}`: "schedule",
	} {
		o := DefaultOptions()
		if _, err := o.Apply(write(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
