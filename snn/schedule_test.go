package snn

import (
	"slices"
	"strings"
	"testing"

	"sresnet/tensor"
)

// A gate hands on in the window of its source; a shortcut waits as many windows as its
// branch has populations more.
func TestPhases(t *testing.T) {
	n := pooledNetwork() // first, sum of it, gate, pool, output.
	if got, want := n.Phases(), []int{0, 0, 0, 0, 0}; !slices.Equal(got, want) || n.Latency(8) != 8 || n.Delay(1, 1, 8) != 0 {
		t.Errorf("synchronous: phases %v, want %v; latency %d", got, want, n.Latency(8))
	}
	n.Schedule = Phased
	if got, want := n.Phases(), []int{1, 2, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("phases %v, want %v", got, want)
	}
	if got, want := n.Latency(8), 8*(4+1); got != want {
		t.Errorf("latency %d, want %d", got, want)
	}
	n.Layers[3].Synapses = append(n.Layers[3].Synapses, Synapse{0, n.Layers[3].Synapses[0].Connection}, Synapse{FromInput, n.Layers[0].Synapses[0].Connection})
	for j, want := range []int{0, 8, 16} {
		if got := n.Delay(3, j, 8); got != want {
			t.Errorf("synapse %d delays %d timesteps, want %d", j, got, want)
		}
	}
}

func TestTiming(t *testing.T) {
	n := pooledNetwork()
	for _, tt := range []struct {
		schedule Schedule
		coding   Coding
		tuned, T int
		want     string
	}{
		{T: 32, want: ""},
		{tuned: 32, T: 32, want: "synchronous schedule, calibrated for T = 32"},
		{schedule: Phased, T: 8, want: "phased schedule: 8 timesteps a window, 5 windows, a latency of 40 timesteps"},
		{schedule: Phased, want: "phased schedule: T timesteps a window, 5 windows, a latency of 5 T timesteps"},
		{schedule: Phased, coding: FirstSpike, tuned: 16, T: 16, want: "phased schedule, first-spike coding, calibrated for T = 16: 16 timesteps a window, 5 windows, a latency of 80 timesteps"},
	} {
		n.Schedule, n.Coding, n.TunedFor = tt.schedule, tt.coding, tt.tuned
		if got := n.Timing(tt.T); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestScheduleErrors(t *testing.T) {
	for want, spoil := range map[string]func(n *Network){
		"unknown schedule":            func(n *Network) { n.Schedule = 7 },
		"calibrated for T = -1":       func(n *Network) { n.TunedFor = -1 },
		"takes a phased schedule":     func(n *Network) { n.Schedule = Synchronous; n.Coding = FirstSpike },
		`layer "sum": LIF leak 0.9`:   func(n *Network) { n.Layers[1].Neuron.Model = LIF{Leak: 0.9} },
		`layer "output": reset zero`:  func(n *Network) { n.Layers[4].Neuron.Reset = ResetZero },
		`layer "sum": 2 lambdas`:      func(n *Network) { n.Layers[1].Lambdas = []float32{1, 1} },
		"the largest be 1":            func(n *Network) { n.Layers[1].Lambdas = []float32{0.5} },
		"must be positive, and":       func(n *Network) { n.Layers[1].Lambdas = []float32{-1} },
		"3 start potentials":          func(n *Network) { n.Layers[1].Start = make([]float32, 3) },
		"4 start potentials for 4":    func(n *Network) { n.Layers[2].Start = make([]float32, 4) },
		"2 shifts of biases":          func(n *Network) { n.Layers[1].Shift = make([]float32, 2) },
		"2 scales for 1 channels":     func(n *Network) { n.Layers[1].Synapses[1].Connection.(*Shortcut).Scales = []float32{1, 2} },
		"pool): 2 scales for 1 chann": func(n *Network) { n.Layers[1].Synapses[2].Connection.(*AveragePool).Scales = []float32{1, 2} },
	} {
		n := pooledNetwork()
		n.Schedule = Phased
		if err := n.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(n)
		if err := n.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want error %q, got %v", want, err)
		}
	}
}

// Words of schedules and codings come back.
func TestScheduleWords(t *testing.T) {
	for i, word := range Schedules() {
		if s, err := ScheduleNamed(word); err != nil || s != Schedule(i) || s.String() != word {
			t.Errorf("%q: %v, %v", word, s, err)
		}
	}
	for i, word := range Codings() {
		if c, err := CodingNamed(word); err != nil || c != Coding(i) || c.String() != word {
			t.Errorf("%q: %v, %v", word, c, err)
		}
	}
	if _, err := ScheduleNamed("layers"); err == nil {
		t.Error("no error for an unknown schedule")
	}
	if _, err := CodingNamed("burst"); err == nil {
		t.Error("no error for an unknown coding")
	}
}

func TestScales(t *testing.T) {
	s := &Shortcut{Scale: 2, Scales: []float32{1, 3}, Stride: [2]int{1, 1}, Shape: tensor.Shape{2, 1, 1}}
	p := &AveragePool{Window: tensor.Square(2, 2, 0), Scale: 2, Scales: []float32{1, 3}}
	if c := s.Scaled(2).(*Shortcut); c.ScaleOf(1) != 6 || s.ScaleOf(1) != 3 || c.Parameters() != 2 {
		t.Errorf("shortcut: scale %v of channel 1, %d parameters", c.ScaleOf(1), c.Parameters())
	}
	if c := p.Scaled(2).(*AveragePool); c.WeightAt(1, 0, 0, 4, 4) != 1.5 || p.ScaleOf(1) != 3 || c.Parameters() != 2 {
		t.Errorf("pool: weight %v of channel 1, %d parameters", c.WeightAt(1, 0, 0, 4, 4), c.Parameters())
	}
}
