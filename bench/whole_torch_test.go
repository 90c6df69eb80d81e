package bench_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sresnet/dataset"
	"sresnet/experiment"
	"sresnet/nir"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

var long = flag.Bool("long", false, "compare integer networks with PyTorch on 1,000 images, which takes some minutes")

// TestIntegerNetworksEqualPyTorch holds whole numbers to their word: sums are the same in any
// order, so every neuron of every layer fires as often as in a plain loop of PyTorch, which
// has nothing but the NIR file and the images.
func TestIntegerNetworksEqualPyTorch(t *testing.T) {
	presented, calibrated := 4, 5
	if *long {
		presented, calibrated = 1000, 200
	}
	images, nets := integerResNets(t, presented, calibrated)
	for seed := range uint64(2) {
		for _, s := range []snn.Schedule{snn.Synchronous, snn.Phased} {
			nets = append(nets, named{fmt.Sprintf("small %v %d", s, seed), smallNetwork(t, s, seed)})
		}
	}
	counts := countsOfPyTorch(t, images, nets)
	for i, n := range nets {
		t.Run(n.name, func(t *testing.T) { compareCounts(t, n.net, images, counts[i]) })
	}
}

type named struct {
	name string
	net  *snn.Network
}

// integerResNets converts ResNet-20, phased and synchronous, or skips the test.
func integerResNets(t *testing.T, presented, calibrated int) (*dataset.Images, []named) {
	test, train, file := files(t, "resnet20_cifar10_akamaster")
	if _, err := exec.LookPath(python()); err != nil {
		t.Skipf("needs Python with torch and h5py: %v", err)
	}
	var first *experiment.Experiment
	var list []named
	for _, tt := range []struct {
		preset string
		bits   int
	}{{"few-steps", 8}, {"few-steps", 16}, {"calibrated", 8}} {
		o := experiment.DefaultOptions()
		o.Model, o.Data, o.Calibrate, o.Normalize = file, "cifar10:"+test, "cifar10:"+train, "imagenet"
		o.Images, o.CalibrationImages = presented, calibrated
		if err := o.Begin(tt.preset); err != nil {
			t.Fatal(err)
		}
		o.Bits = tt.bits
		e := first
		if first == nil {
			var err error
			if e, err = experiment.Open(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			first = e
		} else {
			e = first.With(o, first.Test)
		}
		net, err := e.Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if net.Bits != tt.bits {
			t.Fatalf("%s: weights of %d bits, want %d", tt.preset, net.Bits, tt.bits)
		}
		list = append(list, named{fmt.Sprintf("%s %d bits", tt.preset, tt.bits), net})
	}
	return first.Test, list
}

// smallNetwork is an integer network with what ResNet-20 lacks: a max-pool gate, windows of
// nine for means, with padding that counts and padding that does not.
func smallNetwork(t *testing.T, s snn.Schedule, seed uint64) *snn.Network {
	rnd := rand.New(rand.NewPCG(seed, uint64(s)))
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = float32(0.6*rnd.NormFloat64()+0.1) / float32(shape[1])
		}
		return w
	}
	conv := func(from, out, in int, w tensor.Window) snn.Synapse {
		return snn.Synapse{From: from, Connection: &snn.Conv{Weight: weights(out, in, w.Kernel[0], w.Kernel[1]), Window: w, Groups: 1}}
	}
	shortcut := snn.Identity(0.9, tensor.Shape{6, 8, 8})
	shortcut.Remainder = s == snn.Phased
	layer := func(name string, c, side int, synapses ...snn.Synapse) snn.Layer {
		l := snn.Layer{Name: name, Shape: tensor.Shape{c, side, side}, Charge: 1, Lambda: 1, Synapses: synapses}
		if !l.IsGate() {
			l.Neuron = snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
			for range c {
				l.Bias = append(l.Bias, float32(0.1*rnd.NormFloat64()))
			}
		}
		return l
	}
	net := &snn.Network{
		Name: "small", Input: snn.Input{Shape: tensor.Shape{3, 32, 32}}, Schedule: s, TunedFor: 9,
		Layers: []snn.Layer{
			layer("conv", 6, 16, conv(snn.FromInput, 6, 3, tensor.Square(3, 2, 1))),
			layer("gate", 6, 8, snn.Synapse{From: 0, Connection: &snn.MaxPool{Window: tensor.Square(3, 2, 1)}}),
			layer("sum0", 6, 8, conv(1, 6, 6, tensor.Square(3, 1, 1))),
			layer("mid", 6, 8, conv(2, 6, 6, tensor.Square(3, 1, 1))),
			layer("sum1", 6, 8, conv(3, 6, 6, tensor.Square(1, 1, 0)), snn.Synapse{From: 2, Connection: shortcut}),
			layer("mean0", 6, 4, snn.Synapse{From: 4, Connection: &snn.AveragePool{Window: tensor.Square(3, 2, 1), Scale: 1.1}}),
			layer("mean1", 6, 2, snn.Synapse{From: 5, Connection: &snn.AveragePool{Window: tensor.Square(3, 2, 1), Scale: 1, CountPad: true}}),
			layer("fc", 10, 1, snn.Synapse{From: 6, Connection: &snn.Dense{Weight: weights(10, 24)}}),
		},
	}
	q, err := net.Quantised(snn.Integers{Bits: 6 + int(seed), Timesteps: net.TunedFor, InputMax: 2})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// layerCounts are spikes of a layer: those of every neuron, CHW, of one image after the other.
type layerCounts map[string][]uint16

// countsOfPyTorch returns what whole_torch.py makes of networks and images, or skips the test.
func countsOfPyTorch(t *testing.T, images *dataset.Images, nets []named) (list []layerCounts) {
	dir := t.TempDir()
	args := []string{"whole_torch.py", writeImages(t, dir, images)}
	for i, n := range nets {
		g, _, err := nir.FromNetwork(n.net, nir.Generic, nir.Info{})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, fmt.Sprintf("%d.nir", i))
		if err := nir.WriteFile(file, g); err != nil {
			t.Fatal(err)
		}
		args = append(args, file, filepath.Join(dir, fmt.Sprintf("%d.npz", i)))
	}
	begin := time.Now()
	out, err := exec.Command(python(), args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skipf("needs Python with torch and h5py: %s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("PyTorch took %.1f s for %d networks and %d images", time.Since(begin).Seconds(), len(nets), images.Len())
	for i := range nets {
		list = append(list, readCounts(t, args[3+2*i]))
	}
	return list
}

// python is Debian's, which has its packages; else the first in the path.
func python() string {
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		return "/usr/bin/python3"
	}
	return "python3"
}

// writeImages writes normalised images as an array of numpy's.
func writeImages(t *testing.T, dir string, images *dataset.Images) string {
	c, h, w := images.Shape().CHW()
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }", images.Len(), c, h, w)
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	pixels := make([]float32, images.Shape().Len())
	for i := range images.Len() {
		if err := images.Image(i, pixels); err != nil {
			t.Fatal(err)
		}
		var err error
		if b, err = binary.Append(b, binary.LittleEndian, pixels); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(dir, "images.npy")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// readCounts reads what whole_torch.py writes: the names of the layers, and an array for each.
func readCounts(t *testing.T, name string) layerCounts {
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	data := func(member string) []byte {
		f, err := z.Open(member + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil || len(b) < 10 {
			t.Fatalf("%s: %d bytes, error %v", member, len(b), err)
		}
		return b[10+int(binary.LittleEndian.Uint16(b[8:])):]
	}
	counts := make(layerCounts)
	for i, layer := range strings.Split(string(bytes.TrimRight(data("names"), "\x00")), "\n") {
		b := data(fmt.Sprint(i))
		n := make([]uint16, len(b)/2)
		for j := range n {
			n[j] = binary.LittleEndian.Uint16(b[2*j:])
		}
		counts[layer] = n
	}
	return counts
}

// compareCounts compares the spikes of every neuron with those of PyTorch: of an engine that a
// probe sees, and of one that is free to have no spikes.
func compareCounts(t *testing.T, net *snn.Network, images *dataset.Images, want layerCounts) {
	if len(want) != len(net.Layers) {
		t.Fatalf("PyTorch has %d layers, the network %d", len(want), len(net.Layers))
	}
	plan, err := sim.Compile(net, sim.Options{Timesteps: net.TunedFor})
	if err != nil {
		t.Fatal(err)
	}
	probed, free := plan.NewEngine(), plan.NewEngine()
	got := make([][]uint16, len(net.Layers)) // Of an image, CHW.
	probed.Probe = func(s sim.Spikes) {
		l := &net.Layers[s.Layer]
		positions := l.Shape[1] * l.Shape[2]
		for i, word := range s.Bits {
			for ; word != 0; word &= word - 1 {
				got[s.Layer][(i%s.Words*64+bits.TrailingZeros64(word))*positions+i/s.Words]++
			}
		}
	}
	pixels := make([]float32, images.Shape().Len())
	var neurons, spikes, differences int
	for image := range images.Len() {
		if err := images.Image(image, pixels); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i] = make([]uint16, net.Layers[i].Neurons())
		}
		if _, err := probed.Run(t.Context(), pixels, image); err != nil {
			t.Fatal(err)
		}
		record, err := free.Run(t.Context(), pixels, image)
		if err != nil {
			t.Fatal(err)
		}
		for i := range net.Layers {
			l := &net.Layers[i]
			if all := len(want[l.Name]); all != images.Len()*l.Neurons() {
				t.Fatalf("layer %q: %d counts of PyTorch for %d images of %d neurons", l.Name, all, images.Len(), l.Neurons())
			}
			total := 0
			for j, w := range want[l.Name][image*l.Neurons():][:l.Neurons()] {
				total += int(w)
				if g := got[i][j]; g != w {
					if differences++; differences <= 10 {
						positions := l.Shape[1] * l.Shape[2]
						t.Errorf("image %d, layer %q, channel %d, row %d, column %d: %d spikes, PyTorch has %d",
							image, l.Name, j/positions, j%positions/l.Shape[2], j%l.Shape[2], g, w)
					}
				}
			}
			for _, n := range record.Spikes[i] {
				total -= int(n)
			}
			if total != 0 {
				t.Errorf("image %d, layer %q: %d spikes less than PyTorch where no probe sees them", image, l.Name, total)
			}
			neurons += l.Neurons()
			spikes += int(sumOf(got[i]))
		}
		last := net.Output()
		for k, n := range record.Counts[(net.TunedFor-1)*last.Neurons():] {
			if w := want[last.Name][image*last.Neurons()+k]; n != uint32(w) {
				t.Errorf("image %d: %d spikes of output %d, PyTorch has %d", image, n, k, w)
			}
		}
	}
	t.Logf("%d of %d counts differ, of %d spikes", differences, neurons, spikes)
	if spikes == 0 {
		t.Error("no neuron fires")
	}
}

func sumOf(x []uint16) (s uint64) {
	for _, v := range x {
		s += uint64(v)
	}
	return s
}
