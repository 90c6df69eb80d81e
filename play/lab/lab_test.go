package lab

import (
	"math"
	"slices"
	"strings"
	"testing"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/eval"
	"sresnet/internal/onnxfile"
	"sresnet/models"
	"sresnet/onnx"
	"sresnet/sim"
	"sresnet/snn"
)

// pictures are images with edges, normalised.
func pictures(n, size int) [][]float32 {
	list := make([][]float32, n)
	for i := range list {
		list[i] = make([]float32, size)
		for j := range list[i] {
			list[i][j] = -0.4
			if (j/28+i)%7 < 2 && j%28 > 4 || j%28-j/28 == i {
				list[i][j] = 2.4
			}
		}
	}
	return list
}

var paper = Options{Timesteps: 40, Schedule: "synchronous", Coding: "rate", VInit: 0.5, Percentile: 99.9}

// built is the built-in network, calibrated on pictures.
func built(t *testing.T) *Model {
	t.Helper()
	m, err := Read(models.ResNet8MNIST)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Calibrate(pictures(10, 784)); err != nil {
		t.Fatal(err)
	}
	return m
}

// settings are those that a page may ask for.
var settings = map[string]Options{
	"paper":       paper,
	"bits":        {Timesteps: 30, Schedule: "synchronous", Coding: "rate", VInit: 0.25, Percentile: 99, Bits: 6},
	"phased":      {Timesteps: 12, Schedule: "phased", Coding: "rate", VInit: 0.5, Percentile: 99.9},
	"first-spike": {Timesteps: 12, Schedule: "phased", Coding: "first-spike", VInit: 0.5, Percentile: 100},
	"phased bits": {Timesteps: 12, Schedule: "phased", Coding: "rate", VInit: 0.5, Percentile: 99.9, Bits: 8},
}

// TestShow holds what a presentation hands out, frame by frame, against the record and the
// potentials of an engine that runs without interruption.
func TestShow(t *testing.T) {
	m, image := built(t), pictures(11, 784)[10]
	for name, o := range settings {
		t.Run(name, func(t *testing.T) {
			net, err := m.Convert(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			const layer = 2
			plan, err := sim.Compile(net, sim.Options{Timesteps: o.Timesteps, Traced: []int{layer}})
			if err != nil {
				t.Fatal(err)
			}
			e, latency, phases := plan.NewEngine(), net.Latency(o.Timesteps), net.Phases()
			v := make([][]float32, latency)
			masks := make(map[[2]int][]uint64)
			e.Trace = func(x sim.Trace) { v[x.Step] = slices.Clone(x.V) }
			e.Probe = func(z sim.Spikes) {
				masks[[2]int{z.Layer, phases[z.Layer]*o.Timesteps + z.Step}] = slices.Clone(z.Bits)
			}
			rec, err := e.Run(t.Context(), image, 0)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Present(net, o.Timesteps, image, layer)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Stop()
			if !s.Traced() || s.Latency() != latency {
				t.Fatalf("traced %v, latency %d, want true and %d", s.Traced(), s.Latency(), latency)
			}
			for clock := range latency {
				f, err := s.Next()
				if err != nil || f == nil || f.Clock != clock+1 {
					t.Fatalf("frame %d: %+v, error %v", clock, f, err)
				}
				at := 0
				for i := range net.Layers {
					mask, n := masks[[2]int{i, clock}], uint32(0)
					if k := clock - phases[i]*o.Timesteps; k >= 0 && k < o.Timesteps {
						n = rec.Spikes[i][k]
					}
					if f.Spikes[i] != n {
						t.Fatalf("t = %d, layer %d: %d spikes, want %d", clock, i, f.Spikes[i], n)
					}
					for p := range positions(net.Layers[i].Shape) {
						var want uint64
						if mask != nil {
							want = mask[p*(len(mask)/positions(net.Layers[i].Shape))]
						}
						if f.Maps[at] != uint16(want) || i == layer && f.Close[p] != want {
							t.Fatalf("t = %d, layer %d, position %d: %x, close %x, want %x", clock, i, p, f.Maps[at], f.Close, want)
						}
						at++
					}
				}
				checkAnswer(t, f, net, rec, clock-(latency-o.Timesteps))
				if x := s.Neuron(777, clock+1).Potential[clock]; v[clock] != nil && x != v[clock][777] {
					t.Fatalf("potential at %d is %v as the frame comes, want %v", clock, x, v[clock][777])
				}
			}
			if f, err := s.Next(); f != nil || err != nil {
				t.Errorf("after the end: %v, error %v", f, err)
			}
			u := s.Neuron(777, latency)
			for clock, x := range u.Potential {
				if missing := math.IsNaN(float64(x)); missing != (v[clock] == nil) || !missing && x != v[clock][777] {
					t.Fatalf("potential at %d is %v, want %v", clock, x, v[clock])
				}
			}
			if len(u.Potential) != latency || u.Threshold <= 0 || s.Neuron(1<<20, 1) != nil || s.Neuron(-1, 1) != nil {
				t.Errorf("%d potentials of %d, threshold %v", len(u.Potential), latency, u.Threshold)
			}
		})
	}
}

// checkAnswer compares evidence and class at step t of the window of the output.
func checkAnswer(t *testing.T, f *Frame, net *snn.Network, rec *sim.Record, step int) {
	t.Helper()
	class := -1
	for c, got := range f.Evidence {
		want := 0.0
		if step >= 0 {
			counts, potential, current := rec.At(step)
			want = float64(counts[c])
			if net.Schedule == snn.Synchronous || step == rec.Timesteps-1 {
				class = eval.CountPotential.Class(counts, potential, current)
			}
		}
		if got != want {
			t.Fatalf("step %d: evidence %v of class %d, want %v", step, got, c, want)
		}
	}
	if f.Class != class {
		t.Fatalf("step %d: class %d, want %d", step, f.Class, class)
	}
}

// A presentation ends in the middle, and the next one begins anew.
func TestStop(t *testing.T) {
	m := built(t)
	net, err := m.Convert(t.Context(), paper)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s, err := Present(net, paper.Timesteps, pictures(1, 784)[0], -1)
		if err != nil {
			t.Fatal(err)
		}
		f, err := s.Next()
		if err != nil || f.Clock != 1 || f.Close != nil || s.Traced() || s.Neuron(0, 1) != nil {
			t.Fatalf("%+v, error %v", f, err)
		}
		s.Stop()
		if f, err := s.Next(); f != nil || err != nil {
			t.Fatalf("after Stop: %v, error %v", f, err)
		}
	}
	if _, err := Present(net, paper.Timesteps, pictures(1, 784)[0], len(net.Layers)); err == nil {
		t.Error("a layer that is not there: no error")
	}
	s, err := Present(net, paper.Timesteps, make([]float32, 3), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(); err == nil || !strings.Contains(err.Error(), "3 elements") {
		t.Errorf("an image of 3 numbers: error %v", err)
	}
}

// What is known of a network's activations stands for measuring them.
func TestCalibrated(t *testing.T) {
	list := images(pictures(10, 784))
	g, err := onnx.Parse(models.ResNet8MNIST)
	if err != nil {
		t.Fatal(err)
	}
	if g, err = convert.Simplify(g); err != nil {
		t.Fatal(err)
	}
	s, err := calibrate.Run(t.Context(), g, list, calibrate.Options{Percentile: 99})
	if err != nil {
		t.Fatal(err)
	}
	known, err := Calibrated(models.ResNet8MNIST, []*calibrate.Statistics{s})
	if err != nil {
		t.Fatal(err)
	}
	o := paper
	o.Percentile = 99
	a, err := known.Convert(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := built(t).Convert(t.Context(), o)
	if err != nil || a.String() != b.String() {
		t.Errorf("error %v, networks\n%v\n%v", err, a, b)
	}
	if _, err := known.Convert(t.Context(), paper); err == nil {
		t.Error("another percentile without images: no error")
	}
}

func TestReadErrors(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": nil, "zip": []byte("PK\x03\x04 and more"), "cut": models.ResNet8MNIST[:200000], "noise": []byte("\x08\x07\x12\x00hello"), "large": large(),
	} {
		m, err := Read(data)
		if err == nil {
			t.Errorf("%s: %+v", name, m)
			continue
		}
		says, remedy := Sentences(err)
		if says == "" || remedy == "" || strings.ContainsAny(remedy, "{}") || strings.Contains(says, "12 million neurons") != (name == "large") {
			t.Errorf("%s: says %q, remedy %q", name, says, remedy)
		}
	}
	m := built(t)
	if _, err := m.Trained(make([]float32, 5)); err == nil {
		t.Error("an image of 5 numbers: no error")
	}
	if err := m.Calibrate([][]float32{{1, 2}}); err == nil {
		t.Error("calibration on an image of 2 numbers: no error")
	}
	for _, o := range []Options{{Schedule: "never", Coding: "rate"}, {Schedule: "phased", Coding: "morse"}, {Timesteps: 9, Schedule: "synchronous", Coding: "first-spike", Percentile: 99}} {
		if _, err := m.Convert(t.Context(), o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// large is a network of 192 x 256 x 256 neurons.
func large() []byte {
	w := onnxfile.F32("w", []int64{192, 1, 1, 1}, make([]float32, 192)...)
	return onnxfile.Model{In: []onnxfile.Message{onnxfile.Input("x", 1, 1, 256, 256)}, Inits: []onnxfile.Message{w}, Nodes: []onnxfile.Message{
		onnxfile.Op("Conv", "c", []string{"x", "w"}), onnxfile.Op("Relu", "a", []string{"c"}), onnxfile.Op("GlobalAveragePool", "b", []string{"a"}), onnxfile.Op("Flatten", "y", []string{"b"}),
	}}.Encode()
}

func TestLayers(t *testing.T) {
	net, err := built(t).Convert(t.Context(), paper)
	if err != nil {
		t.Fatal(err)
	}
	list := Layers(net, 12)
	skips := 0
	for i, l := range list {
		if l.Short == "" || strings.HasPrefix(l.Short, "/") || len(l.From) != len(l.Kinds) || l.Opens != 0 {
			t.Errorf("layer %d: %+v", i, l)
		}
		for _, from := range l.From {
			if from != i-1 {
				skips++
			}
		}
	}
	if skips != 3 || list[0].From[0] != snn.FromInput {
		t.Errorf("%d shortcuts of a ResNet-8, which has 3: %+v", skips, list)
	}
	net.Schedule = snn.Phased
	if l := Layers(net, 12)[2]; l.Opens != 36 {
		t.Errorf("the third layer's window opens at %d, want 36", l.Opens)
	}
}
