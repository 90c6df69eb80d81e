package record_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"sresnet/internal/hdf5"
	"sresnet/record"
	"sresnet/snn"
	"sresnet/tensor"
)

// phased is network with windows, start potentials of their own and scales per channel.
func phased(c snn.Coding) *snn.Network {
	net := network()
	net.Schedule, net.Coding = snn.Phased, c
	for i := range net.Layers {
		net.Layers[i].Neuron.Reset = snn.ResetSubtract
	}
	l := &net.Layers[2]
	l.Start = make([]float32, l.Neurons())
	for j := range l.Start {
		l.Start[j] = float32(j%7)/16 - 0.125
	}
	k := l.Synapses[1].Connection.(*snn.Shortcut)
	k.Scales = make([]float32, 70)
	for c := range k.Scales {
		k.Scales[c] = float32(c) / 64
	}
	return net
}

// A recording of a phased network is over its clock, and says so; both engines and any
// number of workers give the same.
func TestPhased(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	const T = 45 // Whose pieces of potentials do not end with the steps.
	for i := range snn.Codings() {
		net := phased(snn.Coding(i))
		m := images{n: 2, size: net.Input.Shape.Len()}
		write := func(change func(o *record.Options)) string {
			t.Helper()
			name := filepath.Join(t.TempDir(), "rec.h5")
			o := record.Options{Populations: populations(net), Observables: everything, Timesteps: T, Workers: 1, Attributes: map[string]string{"model": "net.onnx"}}
			change(&o)
			var done, total int
			o.Progress = func(d, n int) { done, total = d, n }
			r, err := record.Write(t.Context(), name, net, m, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Timesteps != T || r.Steps != 5*T {
				t.Errorf("T = %d, %d steps, want %d and %d", r.Timesteps, r.Steps, T, 5*T)
			}
			if done != total || total == 0 {
				t.Errorf("%d of %d megabytes were told of", done, total)
			}
			return name
		}
		name := write(func(*record.Options) {})
		got := readHDF5(t, name)
		for j := range net.Layers {
			if !net.Layers[j].IsGate() {
				clocked(t, net, j, m, got, T)
			}
		}
		if workers := write(func(o *record.Options) { o.Workers = 3 }); !bytes.Equal(contents(t, name), contents(t, workers)) {
			t.Error("other bytes with 3 workers")
		}
		reference := readHDF5(t, write(func(o *record.Options) { o.Reference = true }))
		for key := range got {
			if !reflect.DeepEqual(got[key], reference[key]) {
				t.Errorf("%s is not what the reference engine has", key)
			}
		}
		said(t, name, net)
		npz := write(func(o *record.Options) { o.Format = record.NPZ })
		if info, err := os.Stat(npz); err != nil || info.Size() > 20e6 { // Of 54 MB.
			t.Errorf("an archive of %d bytes, error %v", info.Size(), err)
		}
		lists(t, write(func(o *record.Options) { o.Events, o.Observables = true, everything[:1] }), net, got, m.n, T)
	}
}

// clocked checks one layer of a recording: the equations of its neurons at every timestep
// of the network, and its currents from the spikes of the layers before, to the last bit.
func clocked(t *testing.T, net *snn.Network, layer int, m images, got map[string]any, T int) {
	t.Helper()
	l, d, steps := &net.Layers[layer], net.Phases()[layer], net.Latency(T)
	z, v, in := got[l.Name+".spikes"].([]bool), got[l.Name+".potentials"].([]float32), got[l.Name+".currents"].([]float32)
	n, spikes := l.Neurons(), 0
	x := make([]float32, m.size)
	if len(z) != m.n*steps*n || len(v) != len(z) || len(in) != len(z) {
		t.Fatalf("%s: %d, %d and %d elements, want %d", l.Name, len(z), len(v), len(in), m.n*steps*n)
	}
	for image := range m.n {
		if err := m.Image(image, x); err != nil {
			t.Fatal(err)
		}
		fired := make([]bool, n)
		for step := range steps {
			at := (image*steps + step) * n
			integrates, k := step/T == d-1, step-d*T
			want := make([]float32, n)
			if integrates {
				want = currentOf(net, layer, x, got, image, step, T)
			}
			for j := range n {
				before := l.StartOf(j)
				if step > 0 {
					before = v[at-n+j]
				}
				after, spike := before+want[j], false
				if k >= 0 && k < T {
					charge := l.Neuron.ThresholdOf(0)
					if net.Coding == snn.FirstSpike {
						charge *= float32(T - k)
					}
					if spike = before >= charge && !fired[j]; spike {
						after -= charge
						fired[j] = net.Coding == snn.FirstSpike
						spikes++
					}
				}
				if in[at+j] != want[j] || v[at+j] != after || z[at+j] != spike {
					t.Fatalf("%s, image %d, step %d, neuron %d: current %v, potential %v, spike %v, want %v, %v, %v", l.Name, image, step, j, in[at+j], v[at+j], z[at+j], want[j], after, spike)
				}
			}
		}
	}
	if spikes == 0 {
		t.Errorf("%s never fires", l.Name)
	}
}

// currentOf computes the current into a layer at a step from what the recording has of the
// spikes of its sources, as package snn defines the sum.
func currentOf(net *snn.Network, layer int, image []float32, got map[string]any, sample, step, T int) []float32 {
	l := &net.Layers[layer]
	out, constant := make([]float32, l.Neurons()), make([]float32, l.Neurons())
	for i, s := range l.Synapses {
		in := net.ShapeOf(s.From)
		source, to := image, constant
		if s.From != snn.FromInput {
			source, to = arrived(net, s.From, got, sample, step-net.Delay(layer, i, T), T), out
		}
		switch k := s.Connection.(type) {
		case *snn.Conv:
			convolve(to, source, k, in, l.Shape)
		case *snn.Shortcut:
			for j := range to {
				to[j] += k.ScaleOf(j/(in[1]*in[2])) * source[j]
			}
		case *snn.Dense:
			for o := range to {
				for p := range in[1] * in[2] { // Positions, then channels.
					for c := range in[0] {
						j := c*in[1]*in[2] + p
						to[o] += k.Weight.Data[o*in.Len()+j] * source[j]
					}
				}
			}
		}
	}
	for j := range out {
		out[j] += constant[j] + l.Bias[j/(l.Shape[1]*l.Shape[2])]
	}
	return out
}

// arrived returns the spikes of a layer at a step, as ones: in first-spike coding all of
// its window so far.
func arrived(net *snn.Network, layer int, got map[string]any, sample, step, T int) []float32 {
	l := &net.Layers[layer]
	z, n := got[l.Name+".spikes"].([]bool), l.Neurons()
	first := step
	if net.Coding == snn.FirstSpike {
		first = step / T * T
	}
	x := make([]float32, n)
	for ; first <= step; first++ {
		for j := range x {
			if z[(sample*net.Latency(T)+first)*n+j] {
				x[j] = 1
			}
		}
	}
	return x
}

// convolve adds a convolution of a source to sum, tap by tap, then channel by channel.
func convolve(sum, source []float32, k *snn.Conv, in, out tensor.Shape) {
	for j := range sum {
		o, r, c := j/(out[1]*out[2]), j/out[2]%out[1], j%out[2]
		for ky := range k.Window.Kernel[0] {
			for kx := range k.Window.Kernel[1] {
				y, x := k.Window.Row(r, ky), k.Window.Col(c, kx)
				if y < 0 || y >= in[1] || x < 0 || x >= in[2] {
					continue
				}
				taps := len(k.Weight.Data) / (out[0] * in[0])
				w := k.Weight.Data[o*in[0]*taps+ky*k.Window.Kernel[1]+kx:]
				for ch := range in[0] {
					if z := source[(ch*in[1]+y)*in[2]+x]; z != 0 {
						sum[j] += float32(w[ch*taps] * z)
					}
				}
			}
		}
	}
}

// said checks what a file says of its clock.
func said(t *testing.T, name string, net *snn.Network) {
	t.Helper()
	got := judge(t, name)
	base := filepath.Base(name)
	for key, want := range map[string]any{
		"@model": "net.onnx", "@schedule": "phased", "@coding": net.Coding.String(), "@timesteps": "45", "@latency": "225",
		"nodes/first@phase": 1.0, "nodes/gate@phase": 3.0, "nodes/out@phase": 4.0,
	} {
		if v := got[base+"/"+key]; v != want {
			t.Errorf("%s is %v, want %v", key, v, want)
		}
	}
	if shape := got[base+"/nodes/out/observables/spikes/data"].([]any)[1]; !reflect.DeepEqual(shape, []any{2.0, 225.0, 3.0}) {
		t.Errorf("shape %v of the output's spikes", shape)
	}
}

// lists checks that events are those of the grids.
func lists(t *testing.T, name string, net *snn.Network, grids map[string]any, samples, T int) {
	t.Helper()
	f, err := hdf5.OpenFile(name, hdf5.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range net.Layers {
		l := &net.Layers[i]
		idx, time, _ := eventsOf(grids[l.Name+".spikes"].([]bool), samples, net.Latency(T), l.Neurons())
		read := func(column string) []float32 {
			g := f.Root()
			for _, name := range []string{"nodes", l.Name, "observables", "spikes"} {
				if g, err = g.Group(name); err != nil {
					t.Fatal(err)
				}
			}
			d, err := g.Dataset(column)
			if err != nil {
				t.Fatal(err)
			}
			var x []float32
			if column == "time" {
				x, err = d.Float32s()
			} else {
				wide, err2 := d.Int64s()
				err = err2
				for _, v := range wide {
					x = append(x, float32(v))
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		var want []float32
		for _, v := range idx {
			want = append(want, float32(v))
		}
		if !slices.Equal(read("idx"), want) || !slices.Equal(read("time"), time) {
			t.Errorf("%s: the list of spikes is not that of the grid", l.Name)
		}
	}
}
