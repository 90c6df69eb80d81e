package sweep

import (
	"reflect"
	"strings"
	"testing"
)

func TestGrid(t *testing.T) {
	list, err := Grid(map[string][]string{
		"percentile": {"99", " 99.9"}, "v-init": {"0.5"}, "compensation": {"none", "layer"}, "reset": {"zero"}, "encoding": {"direct", "poisson"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name())
	}
	want := []string{
		"p99-v0.5-none-zero", "p99-v0.5-layer-zero", "p99-v0.5-none-zero-poisson", "p99-v0.5-layer-zero-poisson",
		"p99.9-v0.5-none-zero", "p99.9-v0.5-layer-zero", "p99.9-v0.5-none-zero-poisson", "p99.9-v0.5-layer-zero-poisson",
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for want, values := range map[string]map[string][]string{
		"the setting p99-v0-none is there twice": {"percentile": {"99", "99.0"}},
		`percentile "high": give a number`:       {"percentile": {"high"}},
		"percentile 101: give a number above 0":  {"percentile": {"101"}},
		"reset: give at least one value":         {"reset": {}},
		"leak 0.9: IF neurons have none":         {"leak": {"1", "0.9"}},
		`compensation "both": give none`:         {"compensation": {"both"}},
	} {
		if _, err := Grid(values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got error %v, want %q", values, err, want)
		}
	}
}

// A setting is in the options what it is in its name, and says so.
func TestSetting(t *testing.T) {
	list, err := Grid(map[string][]string{
		"percentile": {"99.99"}, "v-init": {"0"}, "compensation": {"layer"}, "neuron": {"lif"}, "leak": {"0.99"}, "refractory": {"2"},
	})
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	s := list[0]
	if got, want := s.Name(), "p99.99-v0-layer-lif-a0.99-r2"; got != want {
		t.Errorf("got name %q, want %q", got, want)
	}
	for _, option := range Axes() {
		if s.Value(option) == "" {
			t.Errorf("option %s has no value", option)
		}
	}
	if got := s.options()["percentile"]; *got.(*float64) != 99.99 {
		t.Errorf("percentile in JSON: got %v", got)
	}
}

// One bar counts all parts: it never goes back, and it is not full before the end.
func TestWork(t *testing.T) {
	var told []int
	w := &work{total: 15, update: func(done, total int) { told = append(told, done, total) }}
	first := w.part(10)
	first(1, 2)
	first(2, 2)
	last := w.part(5)
	last(1, 3)
	last(3, 3)
	if want := []int{5, 15, 10, 15, 11, 15, 14, 15}; !reflect.DeepEqual(told, want) {
		t.Errorf("got %v, want %v", told, want)
	}
}
