package dataset

import (
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"testing"

	"sresnet/tensor"

	"pgregory.net/rapid"
)

func TestParseNormalizationErrors(t *testing.T) {
	for _, tt := range []struct {
		s        string
		channels int
		want     string
	}{
		{"imagnet", 3, `normalization "imagnet" is unknown: give imagenet, cifar10`},
		{"", 3, "is unknown"},
		{"imagenet", 1, "normalization imagenet is for images of 3 channels, but these have 1"},
		{"mnist", 3, "normalization mnist is for images of 1 channels, but these have 3"},
		{"0.5:0", 1, "standard deviation 0: must be above 0"},
		{"0.5:-1", 1, "standard deviation -1: must be above 0"},
		{"NaN:1", 1, "must be finite"},
		{"0:NaN", 1, "must be finite"},
		{"0:Inf", 1, "must be finite"},
		{"1e39:1", 1, `mean: "1e39" is not a number that float32 holds`},
		{"3e38:1e-6", 1, "float32 cannot hold"},
		{"0:1e-42", 1, "float32 cannot hold"},
		{"0,0:1", 3, "2 means and 1 standard deviations, want 1 or 3 of each"},
		{"0:1,1,1,1", 3, "1 means and 4 standard deviations, want 1 or 3 of each"},
		{":1", 1, `mean: "" is not a number`},
		{"0:", 1, `standard deviation: "" is not a number`},
		{"0:1:2", 1, `"1:2" is not a number`},
		{"0.1,x,0.3:1", 3, `"x" is not a number`},
	} {
		_, err := ParseNormalization(tt.s, tt.channels)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseNormalization(%q, %d): got error %v, want %q in it", tt.s, tt.channels, err, tt.want)
		}
	}
}

func TestApply(t *testing.T) {
	shape := tensor.Shape{3, 1, 2}
	for _, tt := range []struct {
		s    string
		want []float32
	}{
		{"none", []float32{0, 255, 51, 102, 255, 0}},
		{"unit", []float32{0, 1, 0.2, 0.4, 1, 0}},
		{"0.5:0.25", []float32{-2, 2, (float32(0.2) - 0.5) / 0.25, (float32(0.4) - 0.5) / 0.25, 2, -2}},
		{"0,0.5,1:1, 2, 0.5", []float32{0, 1, (float32(0.2) - 0.5) / 2, (float32(0.4) - 0.5) / 2, 0, -2}},
		{"0,0.5,1:0.5", []float32{0, 2, (float32(0.2) - 0.5) / 0.5, (float32(0.4) - 0.5) / 0.5, 0, -2}},
	} {
		n, err := ParseNormalization(tt.s, 3)
		if err != nil {
			t.Fatal(err)
		}
		got := []float32{0, 255, 51, 102, 255, 0}
		n.Apply(got, shape)
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("Apply(%q): got %v, want %v", tt.s, got, tt.want)
				break
			}
		}
	}
}

// A run keeps String in its manifest and is repeated from it.
func TestNormalizationString(t *testing.T) {
	same := func(t interface{ Errorf(string, ...any) }, s string, channels int) {
		n, err := ParseNormalization(s, channels)
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		again, err := ParseNormalization(n.String(), channels)
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		for p := range 256 {
			x, y := make([]float32, channels), make([]float32, channels)
			for i := range x {
				x[i], y[i] = float32(p), float32(p)
			}
			n.Apply(x, tensor.Shape{channels, 1, 1})
			again.Apply(y, tensor.Shape{channels, 1, 1})
			for i := range x {
				if x[i] != y[i] {
					t.Errorf("%q and its String %q differ at pixel %d", s, n, p)
					return
				}
			}
		}
	}
	for _, p := range presets {
		same(t, p.preset, max(1, len(p.Mean)))
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 4).Draw(t, "channels")
		n := Normalization{
			Mean: rapid.SliceOfN(rapid.Float32Range(-10, 10), c, c).Draw(t, "mean"),
			Std:  rapid.SliceOfN(rapid.Float32Range(1e-3, 10), c, c).Draw(t, "std"),
		}
		same(t, n.String(), c)
	})
}

// TestNormalizationPyTorch holds every preset against PyTorch, bit for bit, for
// every pixel value there is.
func TestNormalizationPyTorch(t *testing.T) {
	const script = `
import sys, torch
p = torch.arange(256, dtype=torch.uint8)
for arg in sys.argv[1:]:
    mean, std = (torch.tensor([float(v) for v in l.split(",")]).view(-1, 1) for l in arg.split(":"))
    sys.stdout.buffer.write(((p.float().div(255).view(1, -1) - mean) / std).numpy().tobytes())
`
	var args []string
	var want []Normalization
	for _, p := range presets {
		if !p.Raw {
			args = append(args, formatList(p.Mean)+":"+formatList(p.Std))
			want = append(want, p)
		}
	}
	var out []byte
	err := exec.ErrNotFound
	for _, python := range []string{"python3", "/usr/bin/python3"} { // The second is Debian's, with Debian's torch.
		if err != nil {
			out, err = exec.Command(python, append([]string{"-c", script}, args...)...).Output()
		}
	}
	if err != nil {
		t.Skipf("python3 with torch is needed: %v", err)
	}
	for _, n := range want {
		c := len(n.Mean)
		x := make([]float32, 256*c)
		for i := range x {
			x[i] = float32(i % 256)
		}
		n.Apply(x, tensor.Shape{c, 16, 16})
		if len(out) < 4*len(x) {
			t.Fatalf("python3 gave %d bytes too few", 4*len(x)-len(out))
		}
		for i, v := range x {
			py := math.Float32frombits(binary.LittleEndian.Uint32(out[4*i:]))
			if v != py {
				t.Fatalf("%s, channel %d, pixel %d: got %v, want PyTorch's %v", n, i/256, i%256, v, py)
			}
		}
		out = out[4*len(x):]
	}
}

func ExampleParseNormalization() {
	n, err := ParseNormalization("mnist", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := []float32{0, 255}
	n.Apply(x, tensor.Shape{1, 1, 2})
	fmt.Printf("%.4f\n", x)

	_, err = ParseNormalization("0.5:0", 1)
	fmt.Println(err)
	// Output:
	// [-0.4242 2.8215]
	// normalization "0.5:0": standard deviation 0: must be above 0
}
