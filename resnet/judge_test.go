package resnet_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sresnet/ann/infer"
	"sresnet/dataset"
	"sresnet/onnx"
	"sresnet/resnet"
)

// python runs testdata/judge.py.
func python(t *testing.T, needs string, args ...string) {
	t.Helper()
	for _, p := range []string{"python3", "/usr/bin/python3"} { // The second is Debian's, with Debian's torch.
		if exec.Command(p, "-c", "import "+needs).Run() != nil {
			continue
		}
		if out, err := exec.Command(p, append([]string{filepath.Join("testdata", "judge.py")}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("judge.py: %v\n%s", err, out)
		}
		return
	}
	t.Skipf("no python3 with %s to compare with", needs)
}

func readFloats(t *testing.T, name string) []float32 {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

// TestJudge holds networks of every architecture against PyTorch's, which
// testdata/judge.py defines as torchvision and the common code for CIFAR do: the
// same architecture is recognised, and the logits of an image are the same.
func TestJudge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := t.TempDir()
	python(t, "torch, numpy", dir)
	var cases []struct {
		Name, File, Arch string
		Rows, Cols       int
	}
	b, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err == nil {
		err = json.Unmarshal(b, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range cases {
		t.Run(tt.Name, func(t *testing.T) {
			g, arch, err := resnet.Options{Rows: tt.Rows, Cols: tt.Cols}.ReadFile(filepath.Join(dir, tt.File))
			if err != nil {
				t.Fatal(err)
			}
			if arch != tt.Arch || g.Name != tt.Name {
				t.Errorf("read as %s named %q, want %s named %q", arch, g.Name, tt.Arch, tt.Name)
			}
			m, err := infer.New(g)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.NewRunner().Run(readFloats(t, filepath.Join(dir, tt.Name+".image")))
			if err != nil {
				t.Fatal(err)
			}
			want := readFloats(t, filepath.Join(dir, tt.Name+".logits"))
			if len(got) != len(want) {
				t.Fatalf("%d logits, want %d", len(got), len(want))
			}
			largest := 0.0
			for _, w := range want {
				largest = max(largest, math.Abs(float64(w)))
			}
			for i := range got {
				if d := math.Abs(float64(got[i] - want[i])); !(d <= 2e-5*largest) {
					t.Fatalf("logit %d is %v, want %v", i, got[i], want[i])
				}
			}
		})
	}
	if len(cases) < 28 {
		t.Errorf("compared %d networks, fewer than expected", len(cases))
	}
}

// TestTrained takes the weights out of a trained network's ONNX file: the logits of
// test images are the same but for rounding, so that the same images are named
// correctly.
func TestTrained(t *testing.T) {
	data := filepath.Join("..", "..", "shared", "data")
	model := filepath.Join(data, "models", "resnet20_cifar10_akamaster_bn.onnx")
	if _, err := os.Stat(model); err != nil {
		t.Skip("no folder ../shared/data with trained networks beside the repository")
	}
	weights := filepath.Join(t.TempDir(), "resnet20.safetensors")
	python(t, "onnx, numpy", model, weights)
	want, err := onnx.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	got, arch, err := resnet.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	if arch != "resnet20-cifar" || got.MACs() != want.MACs() {
		t.Errorf("read as %s with %d MACs, want resnet20-cifar with %d", arch, got.MACs(), want.MACs())
	}
	test, err := dataset.Open("cifar10:"+filepath.Join(data, "cifar10", "test_batch.bin"), dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	norm, err := dataset.ParseNormalization("imagenet", 3)
	if err != nil {
		t.Fatal(err)
	}
	images, err := dataset.NewImages(test, norm)
	if err != nil {
		t.Fatal(err)
	}
	a, err := infer.New(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := infer.New(got)
	if err != nil {
		t.Fatal(err)
	}
	const n = 100
	right := 0
	x := make([]float32, images.Shape().Len())
	ra, rb := a.NewRunner(), b.NewRunner()
	for i := range n {
		if err := images.Image(i, x); err != nil {
			t.Fatal(err)
		}
		ya, err := ra.Run(x)
		if err != nil {
			t.Fatal(err)
		}
		yb, err := rb.Run(x)
		if err != nil {
			t.Fatal(err)
		}
		best := 0
		for k := range ya {
			if d := math.Abs(float64(ya[k] - yb[k])); !(d <= 1e-5) {
				t.Fatalf("image %d: logit %d is %v from the weights, %v from the ONNX file", i, k, yb[k], ya[k])
			}
			if yb[k] > yb[best] {
				best = k
			}
		}
		if best == images.Label(i) {
			right++
		}
	}
	if right < 85 { // 91.73 % of all.
		t.Errorf("%d of %d images are classified correctly", right, n)
	}
}
