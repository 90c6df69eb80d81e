package record_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/internal/hdf5"
	"sresnet/record"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// images are random ones, of which number bad cannot be read.
type images struct {
	n, size, bad int
}

func (m images) Len() int { return m.n }

func (m images) Image(i int, dst []float32) error {
	if i+1 == m.bad {
		return errors.New("it is no image")
	}
	rnd := rand.New(rand.NewPCG(uint64(i), 3))
	for j := range dst {
		dst[j] = rnd.Float32()*2 - 0.5
	}
	return nil
}

// network has a residual block, a gate, more channels than a word of a mask has bits,
// and an output.
func network() *snn.Network {
	rnd := rand.New(rand.NewPCG(1, 2))
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = (rnd.Float32() - 0.4) / float32(len(w.Data)/shape[0])
		}
		return w
	}
	conv := func(from, in, out int) snn.Synapse {
		return snn.Synapse{From: from, Connection: &snn.Conv{Weight: weights(out, in, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}}
	}
	layer := func(name string, s tensor.Shape, syn ...snn.Synapse) snn.Layer {
		l := snn.Layer{Name: name, Shape: s, Synapses: syn, Neuron: snn.Neuron{Threshold: []float32{0.25}, VInit: []float32{0.5}}, Charge: 1, Lambda: 1}
		l.Bias = make([]float32, s[0])
		for c := range l.Bias {
			l.Bias[c] = rnd.Float32() / 8
		}
		return l
	}
	s := tensor.Shape{70, 4, 5}
	net := &snn.Network{Name: "net", Input: snn.Input{Shape: tensor.Shape{2, 4, 5}}, Layers: []snn.Layer{
		layer("first", s, conv(snn.FromInput, 2, 70)),
		layer("inner", s, conv(0, 70, 70)),
		layer("sum", s, conv(1, 70, 70), snn.Synapse{From: 0, Connection: snn.Identity(0.5, s)}),
		{Name: "gate", Shape: tensor.Shape{70, 2, 2}, Charge: 1, Lambda: 1, Synapses: []snn.Synapse{{From: 2, Connection: &snn.MaxPool{Window: tensor.Square(2, 2, 0)}}}},
		layer("out", tensor.Shape{3, 1, 1}, snn.Synapse{From: 3, Connection: &snn.Dense{Weight: weights(3, 280)}}),
	}}
	net.Layers[4].Neuron.Reset = snn.ResetZero
	return net
}

func populations(net *snn.Network, names ...string) (list []record.Population) {
	for i := range net.Layers {
		if len(names) == 0 || slices.Contains(names, net.Layers[i].Name) {
			list = append(list, record.Population{Layer: i, Name: net.Layers[i].Name})
		}
	}
	return list
}

var inf = math.Inf(1)

var everything = []record.Observable{record.Spikes, record.Potentials, record.Currents}

// recorded is what the reference engine does, kept in memory: by NAME.OBSERVABLE.
func recorded(t *testing.T, net *snn.Network, m images, timesteps int) map[string]any {
	t.Helper()
	var neurons []int
	for i := range net.Layers {
		if !net.Layers[i].IsGate() {
			neurons = append(neurons, i)
		}
	}
	plan, err := sim.Compile(net, sim.Options{Timesteps: timesteps, Reference: true, Traced: neurons})
	if err != nil {
		t.Fatal(err)
	}
	bools, floats := make(map[string][]bool), make(map[string][]float32)
	e := plan.NewEngine()
	e.Probe = func(s sim.Spikes) {
		l := &net.Layers[s.Layer]
		c, h, w := l.Shape.CHW()
		for ch := range c {
			for p := range h * w {
				bools[l.Name+".spikes"] = append(bools[l.Name+".spikes"], s.Bits[p*s.Words+ch/64]>>(ch%64)&1 > 0)
			}
		}
	}
	e.Trace = func(s sim.Trace) {
		name := net.Layers[s.Layer].Name
		floats[name+".potentials"] = append(floats[name+".potentials"], s.V...)
		floats[name+".currents"] = append(floats[name+".currents"], s.I...)
	}
	x := make([]float32, m.size)
	for i := range m.n {
		if err := m.Image(i, x); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Run(t.Context(), x, i); err != nil {
			t.Fatal(err)
		}
	}
	all := make(map[string]any)
	for k, v := range bools {
		all[k] = v
	}
	for k, v := range floats {
		all[k] = v
	}
	return all
}

// readHDF5 reads all grids of a NIRData file.
func readHDF5(t *testing.T, name string) map[string]any {
	t.Helper()
	f, err := hdf5.OpenFile(name, hdf5.Options{MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make(map[string]any)
	err = f.Walk(func(path string, o hdf5.Object) error {
		d, ok := o.(*hdf5.Dataset)
		parts := strings.Split(path, "/") // nodes, NAME, observables, WHAT, data
		if !ok || parts[len(parts)-1] != "data" {
			return nil
		}
		var err error
		key := parts[2] + "." + parts[4]
		if parts[4] == "spikes" {
			all[key], err = d.Bools()
		} else {
			all[key], err = d.Float32s()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Arrays are what the reference engine does, in every format and for any number of
// workers, which does not change a byte of a file.
func TestWrite(t *testing.T) {
	net := network()
	m := images{n: 5, size: net.Input.Shape.Len()}
	for _, timesteps := range []int{1, 21} {
		want := recorded(t, net, m, timesteps)
		for _, format := range []record.Format{record.NIRData, record.NPZ, record.NPY} {
			var first []byte
			for _, workers := range []int{1, 3} {
				name := filepath.Join(t.TempDir(), "rec")
				o := record.Options{
					Format: format, Populations: populations(net), Observables: everything, Timesteps: timesteps, Workers: workers,
					Labels: []int{3, 1, 4, 1, 5},
				}
				r, err := record.Write(t.Context(), name, net, m, o)
				if err != nil {
					t.Fatal(err)
				}
				for k, p := range o.Populations {
					n := uint64(0)
					for _, z := range want[p.Name+".spikes"].([]bool) {
						if z {
							n++
						}
					}
					if r.Spikes[k] != n {
						t.Errorf("%s: %d spikes, want %d", p.Name, r.Spikes[k], n)
					}
				}
				if list, err := os.ReadDir(filepath.Dir(name)); err != nil || len(list) != 1 {
					t.Errorf("%v: left %v, error %v", format, list, err)
				}
				b := contents(t, name)
				if first != nil && !bytes.Equal(b, first) {
					t.Errorf("%v: other bytes with %d workers", format, workers)
				}
				first = b
				if format == record.NIRData {
					got := readHDF5(t, name)
					for key := range want {
						if !reflect.DeepEqual(got[key], want[key]) {
							t.Errorf("%s is not what the reference engine has", key)
						}
					}
					if len(got) != len(want) {
						t.Errorf("%d arrays, want %d", len(got), len(want))
					}
				}
			}
		}
	}
}

// contents returns the bytes of a file, or of all in a folder.
func contents(t *testing.T, name string) (b []byte) {
	t.Helper()
	err := filepath.WalkDir(name, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		part, err := os.ReadFile(path)
		b = append(append(b, strings.TrimPrefix(path, name)...), part...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The equations of the package comment hold to the last bit, and so do those of other
// neuron models.
func TestEquations(t *testing.T) {
	for _, model := range []snn.Model{nil, snn.LIF{Leak: 0.875}, snn.LIF{Leak: 0.75, Refractory: 2}} {
		net := network()
		net.Layers[0].Neuron.Model, net.Layers[2].Neuron.Model = model, model
		testEquations(t, net)
	}
}

func testEquations(t *testing.T, net *snn.Network) {
	m := images{n: 2, size: net.Input.Shape.Len()}
	const T = 30
	name := filepath.Join(t.TempDir(), "rec.h5")
	o := record.Options{Populations: populations(net, "first", "sum", "out"), Observables: everything, Timesteps: T}
	if _, err := record.Write(t.Context(), name, net, m, o); err != nil {
		t.Fatal(err)
	}
	got := readHDF5(t, name)
	for _, p := range o.Populations {
		l := &net.Layers[p.Layer]
		z, v, in := got[p.Name+".spikes"].([]bool), got[p.Name+".potentials"].([]float32), got[p.Name+".currents"].([]float32)
		n, fired := l.Neurons(), 0
		rest := make([]int, n)
		model, ok := l.Neuron.Model.(snn.LIF)
		if !ok {
			model.Leak = 1
		}
		for i := range v {
			before := l.Neuron.VInitOf(0)
			if i/n%T > 0 {
				before = v[i-n]
			} else {
				rest[i%n] = 0
			}
			u := float32(model.Leak*before) + in[i]
			spike := u >= l.Neuron.ThresholdOf(0)
			if rest[i%n] > 0 {
				rest[i%n]--
				u, spike = before, false
			}
			if spike {
				fired++
				rest[i%n] = model.Refractory
				u -= l.Neuron.ThresholdOf(0)
				if l.Neuron.Reset == snn.ResetZero {
					u = 0
				}
			}
			if spike != z[i] || u != v[i] {
				t.Fatalf("%s, element %d: spike %v and potential %v, want %v and %v", p.Name, i, z[i], v[i], spike, u)
			}
		}
		if fired == 0 || fired == len(z) {
			t.Errorf("%s: %d of %d spikes", p.Name, fired, len(z))
		}
	}
}

// judge runs testdata/read.py, if there is a python with what it takes.
func judge(t *testing.T, files ...string) map[string]any {
	t.Helper()
	for _, p := range []string{"python3", "/usr/bin/python3"} { // The second is Debian's, with Debian's h5py.
		if exec.Command(p, "-c", "import h5py, numpy").Run() != nil {
			continue
		}
		cmd := exec.Command(p, append([]string{"testdata/read.py"}, files...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.Bytes())
		}
		all := make(map[string]any)
		if err := json.Unmarshal(out, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	t.Skip("no python3 with h5py and numpy to compare with")
	return nil
}

// told is what read.py tells of an array.
func told(typ string, data any, shape ...any) []any {
	b, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(b)
	for i, n := range shape {
		shape[i] = float64(n.(int))
	}
	return []any{typ, shape, hex.EncodeToString(sum[:])}
}

// numpy and h5py read every array as it is, and NIRData has the groups and the
// attributes that the nir package looks for, and no others.
func TestPythonReads(t *testing.T) {
	net := network()
	m := images{n: 3, size: net.Input.Shape.Len()}
	const T = 7
	dir := t.TempDir()
	o := record.Options{
		Populations: populations(net, "first", "gate", "out"), Observables: everything, Timesteps: T,
		Labels: []int{7, 0, 7}, Attributes: map[string]string{"model": "net.onnx"},
	}
	write := func(name string, change func(*record.Options)) string {
		t.Helper()
		o, name := o, filepath.Join(dir, name)
		change(&o)
		if _, err := record.Write(t.Context(), name, net, m, o); err != nil {
			t.Fatal(err)
		}
		return name
	}
	files := []string{
		write("grid.h5", func(o *record.Options) { o.Format = record.NIRData }),
		write("events.h5", func(o *record.Options) { o.Events, o.Observables = true, everything[:1] }),
		write("all.npz", func(o *record.Options) { o.Format = record.NPZ }),
		write("folder", func(o *record.Options) { o.Format = record.NPY }),
		write("one.npy", func(o *record.Options) {
			o.Format, o.Populations, o.Observables, o.Labels = record.NPY, populations(net, "out"), everything[1:2], nil
		}),
	}
	got := judge(t, files...)

	data := recorded(t, net, m, T)
	labels := told("int64", []int64{7, 0, 7}, 3)
	want := map[string]any{
		"grid.h5/@__type__": "NIRGraphData", "grid.h5/@model": "net.onnx", "grid.h5/": nil, "grid.h5/labels": labels, "grid.h5/nodes": nil,
		"events.h5/@__type__": "NIRGraphData", "events.h5/@model": "net.onnx", "events.h5/": nil, "events.h5/labels": labels, "events.h5/nodes": nil,
		"all.npz/labels": labels, "folder/labels": labels,
		"one.npy": told("float32", data["out.potentials"], 3, T, 3),
	}
	for _, p := range o.Populations {
		n := net.Layers[p.Layer].Neurons()
		for _, x := range everything {
			array, typ := data[p.Name+"."+x.String()], "float32"
			if x == record.Spikes {
				typ = "bool"
			} else if p.Name == "gate" {
				continue
			}
			want["all.npz/"+p.Name+"."+x.String()] = told(typ, array, 3, T, n)
			want["folder/"+p.Name+"."+x.String()] = told(typ, array, 3, T, n)
			node := "grid.h5/nodes/" + p.Name
			want[node], want[node+"@__type__"] = nil, "NIRNodeData"
			want[node+"/observables"] = nil
			at := node + "/observables/" + x.String()
			want[at], want[at+"@__type__"], want[at+"@dt"] = nil, "TimeGriddedData", 1.0
			want[at+"/data"] = told(typ, array, 3, T, n)
		}
		idx, time, most := eventsOf(data[p.Name+".spikes"].([]bool), 3, T, n)
		node := "events.h5/nodes/" + p.Name
		want[node], want[node+"@__type__"] = nil, "NIRNodeData"
		want[node+"/observables"] = nil
		at := node + "/observables/spikes"
		want[at], want[at+"@__type__"], want[at+"@n_neurons"], want[at+"@t_max"] = nil, "EventData", float64(n), float64(T)
		want[at+"/idx"], want[at+"/time"] = told("int32", idx, 3, most), told("float32", time, 3, most)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	if _, err := exec.LookPath("h5dump"); err != nil {
		t.Skip("no h5dump (Debian's package hdf5-tools) to compare with")
	}
	for _, name := range files[:2] {
		if out, err := exec.Command("h5dump", name).CombinedOutput(); err != nil || strings.Contains(string(out), "unable") {
			t.Errorf("h5dump %s: %v\n%.1000s", name, err, out)
		}
	}
}

// eventsOf makes lists of a grid, as TimeGriddedData.to_event of the nir package does.
func eventsOf(grid []bool, samples, timesteps, neurons int) (idx []int32, time []float32, most int) {
	count := make([]int, samples)
	for i, z := range grid {
		if z {
			count[i/(timesteps*neurons)]++
		}
	}
	most = slices.Max(count)
	for range samples * most {
		idx, time = append(idx, -1), append(time, float32(inf))
	}
	clear(count)
	for i, z := range grid {
		if s := i / (timesteps * neurons); z {
			idx[s*most+count[s]], time[s*most+count[s]] = int32(i%neurons), float32(i/neurons%timesteps)
			count[s]++
		}
	}
	return idx, time, most
}

// A list longer than a piece, and a silent one.
func TestLongEvents(t *testing.T) {
	one := func(bias float32) snn.Layer {
		s := tensor.Shape{3, 10, 10}
		return snn.Layer{
			Name: fmt.Sprint("bias", bias), Shape: s, Charge: 1, Lambda: 1, Bias: []float32{bias, bias, bias}, Neuron: snn.Neuron{Threshold: []float32{1}},
			Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Conv{Weight: tensor.New(3, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}}},
		}
	}
	net := &snn.Network{Name: "n", Input: snn.Input{Shape: tensor.Shape{1, 10, 10}}, Layers: []snn.Layer{one(1), one(0), {
		Name: "out", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}},
		Synapses: []snn.Synapse{{From: 1, Connection: &snn.Dense{Weight: tensor.New(1, 300)}}},
	}}}
	name := filepath.Join(t.TempDir(), "rec.h5")
	const T = 31 // 9,300 spikes, two pieces and some.
	o := record.Options{Populations: populations(net), Observables: everything[:1], Events: true, Timesteps: T}
	if _, err := record.Write(t.Context(), name, net, images{n: 2, size: 100}, o); err != nil {
		t.Fatal(err)
	}
	f, err := hdf5.OpenFile(name, hdf5.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tt := range []struct {
		layer string
		n     int
	}{{"bias1", 300 * T}, {"bias0", 0}} {
		err := f.Walk(func(path string, o hdf5.Object) error {
			d, ok := o.(*hdf5.Dataset)
			if !ok || !strings.HasSuffix(path, tt.layer+"/observables/spikes/idx") {
				return nil
			}
			x, err := d.Int64s()
			if !slices.Equal(d.Shape(), []int{2, tt.n}) {
				t.Errorf("%s: shape %v", tt.layer, d.Shape())
			}
			for i, n := range x {
				if n != int64(i%300) {
					t.Fatalf("%s: element %d is %d", tt.layer, i, n)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSize(t *testing.T) {
	net := network()
	o := record.Options{Populations: populations(net), Observables: everything, Timesteps: 10}
	// Three layers of 1,400 neurons and one of 3 with 9 bytes, 280 outputs of a gate with 1.
	if got, err := record.Size(net, 7, o); err != nil || got != 7*10*(9*(3*1400+3)+280) {
		t.Errorf("Size: %d, error %v", got, err)
	}
	o.Timesteps = sim.MaxTimesteps
	if _, err := record.Size(net, 1<<62, o); err == nil {
		t.Error("Size of absurd arrays: no error")
	}
}

func TestErrors(t *testing.T) {
	net := network()
	m := images{n: 2, size: net.Input.Shape.Len()}
	dir := t.TempDir()
	for _, tt := range []struct {
		want   string
		change func(o *record.Options)
	}{
		{"nothing to record", func(o *record.Options) { o.Populations = nil }},
		{"nothing to record", func(o *record.Options) { o.Observables = nil }},
		{"0 timesteps", func(o *record.Options) { o.Timesteps = 0 }},
		{"1 labels for 2 images", func(o *record.Options) { o.Labels = []int{1} }},
		{"npz files have no lists of events", func(o *record.Options) { o.Format, o.Events = record.NPZ, true }},
		{"layer 5 of 5", func(o *record.Options) { o.Populations[0].Layer = 5 }},
		{"come in order", func(o *record.Options) { slices.Reverse(o.Populations) }},
		{`"a/b" cannot be the name`, func(o *record.Options) { o.Populations[0].Name = "a/b" }},
		{`or is that of two`, func(o *record.Options) { o.Populations[1].Name = o.Populations[0].Name }},
		{`"gate" is a max-pool gate`, func(o *record.Options) { o.Observables = everything[1:] }},
		{"the same twice", func(o *record.Options) { o.Observables = []record.Observable{0, 0} }},
		{"unknown format", func(o *record.Options) { o.Format = 9 }},
	} {
		o := record.Options{Populations: populations(net), Observables: everything, Timesteps: 3}
		tt.change(&o)
		if _, err := record.Write(t.Context(), filepath.Join(dir, "x"), net, m, o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got error %v, want %q in it", err, tt.want)
		}
	}
	o := record.Options{Format: record.NPY, Populations: populations(net), Observables: everything, Timesteps: 3}
	if _, err := record.Write(t.Context(), filepath.Join(dir, "x.npy"), net, m, o); err == nil || !strings.Contains(err.Error(), "room for one array") {
		t.Errorf("two arrays in a file: error %v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("left %v, error %v", list, err)
	}
}

// An image that cannot be read, and Ctrl-C, leave what was there before.
func TestNothingHalf(t *testing.T) {
	net := network()
	for _, format := range []record.Format{record.NIRData, record.NPZ, record.NPY} {
		for _, tt := range []struct {
			bad    int
			cancel bool
			want   string
		}{{bad: 3, want: "record: image 2: it is no image"}, {cancel: true, want: context.Canceled.Error()}} {
			dir := t.TempDir()
			name := filepath.Join(dir, "rec")
			if format != record.NPY {
				if err := os.WriteFile(name, []byte("before"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			o := record.Options{
				Format: format, Populations: populations(net), Observables: everything, Timesteps: 100, Workers: 4,
				Progress: func(int, int) {
					if tt.cancel {
						cancel()
					}
				},
			}
			_, err := record.Write(ctx, name, net, images{n: 8, size: net.Input.Shape.Len(), bad: tt.bad}, o)
			cancel()
			if err == nil || err.Error() != tt.want {
				t.Errorf("%v: got error %v, want %q", format, err, tt.want)
			}
			list, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if format == record.NPY {
				if len(list) > 0 {
					t.Errorf("%v: left %v", format, list)
				}
			} else if b, err := os.ReadFile(name); err != nil || string(b) != "before" || len(list) != 1 {
				t.Errorf("%v: left %v, error %v", format, list, err)
			}
		}
	}
}

func TestFormatOf(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]any{
		"a.h5": record.NIRData, "a.HDF5": record.NIRData, "a.npy": record.NPY, "b.npz": record.NPZ, dir: record.NPY, "new/": record.NPY,
		"a.nir": nil, "a": nil, "": nil,
	} {
		got, err := record.FormatOf(name)
		if want == nil && err == nil || want != nil && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("FormatOf(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	for _, s := range record.Formats() {
		if f, err := record.ParseFormat(s); err != nil || f.String() != s {
			t.Errorf("ParseFormat(%q) = %v, %v", s, f, err)
		}
	}
	for _, s := range record.Observables() {
		if x, err := record.ParseObservable(s); err != nil || x.String() != s {
			t.Errorf("ParseObservable(%q) = %v, %v", s, x, err)
		}
	}
	if _, err := record.ParseFormat("mat"); err == nil {
		t.Error("ParseFormat(mat): no error")
	}
	if _, err := record.ParseObservable("voltage"); err == nil {
		t.Error("ParseObservable(voltage): no error")
	}
}

// TestUnits: potentials and currents are written in the unit that is asked for, channel by
// channel, and spikes as they are.
func TestUnits(t *testing.T) {
	net := network()
	m := images{n: 2, size: net.Input.Shape.Len()}
	dir := t.TempDir()
	units := make([][]float32, len(net.Layers))
	for c := range net.Layers[0].Shape[0] {
		units[0] = append(units[0], float32(c+1)*0.3)
	}
	var got [2]map[string]any
	for k, u := range [][][]float32{nil, units} {
		name := filepath.Join(dir, fmt.Sprint(k))
		o := record.Options{Format: record.NIRData, Populations: populations(net), Observables: everything, Timesteps: 6, Units: u}
		if _, err := record.Write(t.Context(), name, net, m, o); err != nil {
			t.Fatal(err)
		}
		got[k] = readHDF5(t, name)
	}
	first, positions := populations(net)[0].Name, net.Layers[0].Shape[1]*net.Layers[0].Shape[2]
	for key, was := range got[0] {
		x, ok := was.([]float32)
		if name, _, _ := strings.Cut(key, "."); !ok || name != first {
			if !reflect.DeepEqual(was, got[1][key]) {
				t.Errorf("%s has changed", key)
			}
			continue
		}
		for j, v := range got[1][key].([]float32) {
			if want := x[j] * units[0][j%net.Layers[0].Neurons()/positions]; v != want {
				t.Fatalf("%s, element %d: %v, want %v", key, j, v, want)
			}
		}
	}
}
