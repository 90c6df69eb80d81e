package torch_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/internal/hint"
	"sresnet/snn"
	"sresnet/tensor"
	"sresnet/torch"
)

// one is a network of one neuron that gets a pixel.
func one() *snn.Network {
	k := &snn.Dense{Weight: tensor.Of([]float32{1}, 1, 1)}
	l := snn.Layer{Name: "a \"b\"\\\n\u00e9", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}}}
	l.Synapses = []snn.Synapse{{From: snn.FromInput, Connection: k}}
	return &snn.Network{Name: "one", Input: snn.Input{Shape: tensor.Shape{1, 1, 1}}, Layers: []snn.Layer{l}}
}

var about = torch.About{Readout: "count", Timesteps: 4, Model: `a"""b\`, Normalization: "0.5:0.25", Mean: []float32{0.5}, Std: []float32{0.25}}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestFiles(t *testing.T) {
	for name, want := range map[string]string{
		"net": "net.py", "dir/net.py": "dir/net.py", "net_2.safetensors": "net_2.py", "resnet-20": "", "20": "", "class": "", "torch": "", "": "", "a.b": "", "dir/": "",
	} {
		program, weights, err := torch.Files(name)
		if want == "" {
			if err == nil || hint.Of(err) == "" {
				t.Errorf("Files(%q): %q, error %v without a hint", name, program, err)
			}
			continue
		}
		if err != nil || program != want || weights != strings.TrimSuffix(want, ".py")+".safetensors" {
			t.Errorf("Files(%q): %q, %q, %v", name, program, weights, err)
		}
	}
}

// Nothing is left of files that cannot be written, and what was there is replaced.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "net.py"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := torch.Write(filepath.Join(dir, "net"), one(), about); err == nil {
		t.Error("a folder in place of the Python file: no error")
	}
	if got := entries(t, dir); !slices.Equal(got, []string{"net.py"}) {
		t.Errorf("%q are left", got)
	}
	if _, _, err := torch.Write(filepath.Join(dir, "none", "net"), one(), about); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	bad := about
	bad.Readout = "softmax"
	if _, _, err := torch.Write(filepath.Join(dir, "other"), one(), bad); err == nil || !strings.Contains(err.Error(), "softmax") {
		t.Errorf("an unknown read-out: %v", err)
	}
	empty := one()
	empty.Layers = nil
	if _, _, err := torch.Write(filepath.Join(dir, "other"), empty, about); err == nil {
		t.Error("a network without layers: no error")
	}
	if got := entries(t, dir); !slices.Equal(got, []string{"net.py"}) {
		t.Errorf("%q are left", got)
	}
	for range 2 {
		if _, _, err := torch.Write(filepath.Join(dir, "twice"), one(), about); err != nil {
			t.Error(err)
		}
	}
	if got := entries(t, dir); !slices.Equal(got, []string{"net.py", "twice.py", "twice.safetensors"}) {
		t.Errorf("%q are left", got)
	}
}

// TestUse is what users meet: errors that say what is wrong, random spikes, another device's
// or user's numbers.
func TestUse(t *testing.T) {
	dir := t.TempDir()
	poisson := one()
	poisson.Input.Encoding, poisson.Input.Amplitude = snn.Poisson, 2
	for name, net := range map[string]*snn.Network{"plain": one(), "poisson": poisson} {
		if _, _, err := torch.Write(filepath.Join(dir, name), net, about); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python(), "-c", use)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skipf("needs Python with torch: %v %s", err, out)
	}
	if err != nil || !bytes.HasSuffix(out, []byte("done\n")) {
		t.Errorf("%v\n%s", err, out)
	}
}

const use = `
import sys
sys.path.insert(0, "")
try:
    import torch
except ImportError as e:
    print(e)
    sys.exit(3)
import plain, poisson

def refused(f, words):
    try:
        f()
    except ValueError as e:
        assert words in str(e), e
        return
    assert False, "no error with " + words

net = plain.load()
x = torch.full((3, 1, 1, 1), 0.25)
name = net.layers[0].name
assert name == "a \"b\"\\\n\u00e9", name
steps = list(net.steps(x, 8))
assert [int(s.spikes[name].sum()) for s in steps] == [0, 0, 0, 3, 0, 0, 0, 3]
assert [float(s.potentials[name][0]) for s in steps[:4]] == [0.25, 0.5, 0.75, 0]
assert net(x).tolist() == [[1.0]] * 3
assert net.double()(x.double(), 8).dtype == torch.float64
assert plain.normalize(torch.tensor([[[255]]], dtype=torch.uint8)).item() == 2
frames = torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1, 1)
assert [int(s.spikes[name].sum()) for s in plain.load().steps(frames, 7)] == [1, 0, 0, 1, 0, 0, 1]
refused(lambda: net(x[:, 0]), "images of shape (3, 1, 1)")
refused(lambda: net(x, 0), "0 timesteps")

noisy = poisson.load()
counts = noisy(torch.full((500, 1, 1, 1), 0.5), 100, torch.Generator().manual_seed(1))
assert abs(counts.mean() / 100 - 0.5) < 0.01, counts.mean()
refused(lambda: noisy(frames), "frames")

data = bytearray(open("plain.safetensors", "rb").read())
data[-1] ^= 1
open("plain.safetensors", "wb").write(data)
refused(plain.load, "not the file that was written with")
plain.load("plain.safetensors")
print("done")
`
