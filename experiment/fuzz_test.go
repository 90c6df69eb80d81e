package experiment

import "testing"

// FuzzModel looks for a MODEL that panics, or whose options are taken and make no sense.
func FuzzModel(f *testing.F) {
	for _, s := range []string{"net.onnx?input=3x224x224", "w.safetensors?arch=resnet18", "a?b", "", "?", "net.onnx?input=3x-1x9", "x?input=9223372036854775807x2x2", "x?arch=&input=", "n.onnx?output=a/b&input=1x2x3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseModel(s)
		if err != nil {
			return
		}
		if m.input != nil {
			if err := m.input.Check(); err != nil || len(m.input) != 3 && len(m.input) != 1 {
				t.Errorf("%q is taken as %v: %v", s, m.input, err)
			}
		}
		again, err := parseModel(m.String())
		if err != nil || again.String() != m.String() {
			t.Errorf("%q is %q, and that %q: %v", s, m, again, err)
		}
	})
}
