package names

import (
	"slices"
	"testing"
)

func TestShort(t *testing.T) {
	got := Short([]string{"/layer1/layer1.0/Relu", "/layer1/layer1.0/Relu_1", "relu", "/fc/Gemm", "a/b/c/d"})
	want := []string{"layer1.0 1", "layer1.0 2", "relu", "fc", "a/b/c"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
