package resnet_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/resnet"
	"sresnet/safetensors"
	"sresnet/tensor"
)

// plain returns the weights of a resnet20-cifar with option-A shortcuts, all 1.
func plain() map[string]*tensor.Tensor {
	w := make(map[string]*tensor.Tensor)
	ones := func(name string, shape ...int) {
		w[name] = tensor.New(shape...)
		for i := range w[name].Data {
			w[name].Data[i] = 1
		}
	}
	layer := func(prefix, i string, in, out int) {
		ones(prefix+"conv"+i+".weight", out, in, 3, 3)
		for _, p := range []string{"weight", "bias", "running_mean", "running_var"} {
			ones(prefix+"bn"+i+"."+p, out)
		}
	}
	layer("", "1", 3, 16)
	in := 16
	for stage, out := range []int{16, 32, 64} {
		for block := range 3 {
			prefix := "layer" + string(rune('1'+stage)) + "." + string(rune('0'+block)) + "."
			layer(prefix, "1", in, out)
			layer(prefix, "2", out, out)
			in = out
		}
	}
	ones("linear.weight", 10, 64)
	ones("linear.bias", 10)
	return w
}

func build(t *testing.T, w map[string]*tensor.Tensor, o resnet.Options) (*ann.Graph, string, error) {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, w); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.New(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return o.Build(f)
}

func TestBuild(t *testing.T) {
	g, arch, err := build(t, plain(), resnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if arch != "resnet20-cifar" || !g.Input.Shape.Equal(tensor.Shape{3, 32, 32}) || g.MACs() != 40_550_400+640 {
		t.Errorf("%s for images of %v with %d MACs", arch, g.Input.Shape, g.MACs())
	}
	g, _, err = build(t, plain(), resnet.Options{Architecture: "resnet20-cifar", Rows: 3, Cols: 5})
	if err != nil {
		t.Fatal(err)
	}
	if s := g.Node("layer3.0.shortcut.pad").Shape; !s.Equal(tensor.Shape{64, 1, 2}) {
		t.Errorf("shortcut of the last stage has shape %v", s)
	}
	if _, _, err := build(t, plain(), resnet.Options{Architecture: "vgg16"}); err == nil || !strings.Contains(err.Error(), "resnet20-cifar, ") {
		t.Errorf("unknown architecture: error %v", err)
	}
}

// Any tensor that is missing, of another shape or too many is named, whether the
// architecture is given or not.
func TestWeightsError(t *testing.T) {
	for _, arch := range []string{"", "resnet20-cifar"} {
		for name := range plain() {
			w := plain()
			delete(w, name)
			_, _, err := build(t, w, resnet.Options{Architecture: arch})
			var e *resnet.WeightsError
			if !errors.As(err, &e) || !slices.Equal(e.Missing, []string{name}) || len(e.Unexpected)+len(e.Misshaped) > 0 {
				t.Fatalf("without %s: error %v", name, err)
			}
			w = plain()
			w[name] = tensor.New(append(slices.Clone(w[name].Shape), 1)...)
			_, _, err = build(t, w, resnet.Options{Architecture: arch})
			if !errors.As(err, &e) || !slices.ContainsFunc(e.Misshaped, func(s string) bool { return strings.HasPrefix(s, name+": ") }) || len(e.Missing)+len(e.Unexpected) > 0 {
				t.Fatalf("with another axis of %s: error %v", name, err)
			}
		}
	}
	var e *resnet.WeightsError
	if _, _, err := build(t, plain(), resnet.Options{Architecture: "resnet32-cifar"}); !errors.As(err, &e) || e.Fits != "resnet20-cifar" {
		t.Errorf("weights of resnet20-cifar as resnet32-cifar: error %v", err)
	}
	w := plain()
	delete(w, "bn1.bias")
	delete(w, "layer3.2.conv2.weight")
	w["layer3.2.se.weight"] = tensor.New(4)
	w["linear.bias"] = tensor.New(9)
	_, _, err := build(t, w, resnet.Options{})
	want := `resnet: the tensors are those of no known architecture; resnet20-cifar is the nearest:
  missing: bn1.bias
  missing: layer3.2.conv2.weight
  unexpected: layer3.2.se.weight
  of another shape: linear.bias: 9, want 10`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	_, _, err = build(t, map[string]*tensor.Tensor{"h.0.attn": tensor.New(1), "h.1.attn": tensor.New(1), "ln": tensor.New(1), "wte": tensor.New(1)}, resnet.Options{})
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "(h.0.attn, h.1.attn, ln, ...) are those of no known architecture: resnet20-cifar, ") {
		t.Errorf("a language model: error %v", err)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, w map[string]*tensor.Tensor) string {
		name = filepath.Join(dir, name)
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(safetensors.Write(f, w), f.Close()); err != nil {
			t.Fatal(err)
		}
		return name
	}
	w := make(map[string]*tensor.Tensor)
	for name, x := range plain() {
		w["module."+name] = x
	}
	g, arch, err := resnet.ReadFile(write("mine.safetensors", w))
	if err != nil || g.Name != "mine" || arch != "resnet20-cifar" {
		t.Fatalf("got graph %v, architecture %s, error %v", g, arch, err)
	}

	for _, tt := range []struct {
		change func()
		want   string
	}{
		{func() { w["module.bn1.bias"].Data[3] = float32(math.NaN()) }, `safetensors: FILE: tensor "module.bn1.bias": element 3 is NaN`},
		{func() { w["module.bn1.bias"].Data[3] = 0; w["module.bn1.running_var"].Data[2] = -1 }, `resnet: FILE: node "bn1"`},
		{func() { delete(w, "module.bn1.bias") }, `resnet: FILE: the tensors are those of no known architecture; resnet20-cifar is the nearest:` + "\n  missing: module.bn1.bias"},
	} {
		tt.change()
		name := write("bad.safetensors", w)
		_, _, err := resnet.ReadFile(name)
		if want := strings.ReplaceAll(tt.want, "FILE", name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
	if _, _, err := resnet.ReadFile(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
}
