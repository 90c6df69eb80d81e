package chip

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sresnet/snn"
	"sresnet/tensor"
)

// chain is an integer network of one population after the other into which spikes enter, with
// weights of 1 to 3.
func chain(in tensor.Shape, connections ...snn.Connection) *snn.Network {
	net := &snn.Network{Name: "chain", Bits: 8, TunedFor: 8, Input: snn.Input{Shape: in, Encoding: snn.Poisson, Amplitude: 1, Unit: 1, Levels: 1}}
	for i, k := range connections {
		add(net, snn.Synapse{From: i - 1, Connection: k})
	}
	return net
}

// add adds a population.
func add(net *snn.Network, synapses ...snn.Synapse) *snn.Layer {
	s, err := synapses[0].Connection.Out(net.ShapeOf(synapses[0].From))
	if err != nil {
		panic(err)
	}
	l := snn.Layer{Name: fmt.Sprint("p", len(net.Layers)), Shape: s, Synapses: synapses, Charge: 1, Lambda: 1}
	if !l.IsGate() {
		l.Neuron = snn.Neuron{Threshold: []float32{20}}
	}
	net.Layers = append(net.Layers, l)
	return &net.Layers[len(net.Layers)-1]
}

func filled(shape ...int) *tensor.Tensor {
	w := tensor.New(shape...)
	for i := range w.Data {
		w.Data[i] = float32(1 + i%3)
	}
	return w
}

func conv(out, in int, w tensor.Window) *snn.Conv {
	return &snn.Conv{Weight: filled(out, in, w.Kernel[0], w.Kernel[1]), Window: w, Groups: 1}
}

func square(out, in, k, stride, pad int) *snn.Conv {
	return conv(out, in, tensor.Square(k, stride, pad))
}
func dense(out, in int) *snn.Dense { return &snn.Dense{Weight: filled(out, in)} }

// small fits everywhere.
func small() *snn.Network {
	return chain(tensor.Shape{2, 8, 8}, square(4, 2, 3, 1, 1), square(4, 4, 3, 2, 1), dense(10, 64))
}

// changed is small with a change.
func changed(change func(net *snn.Network)) *snn.Network {
	net := small()
	change(net)
	return net
}

// phased is small with windows and, unless k is nil, k from the first population to a third.
func phased(k *snn.Shortcut) *snn.Network {
	net := chain(tensor.Shape{2, 8, 8}, square(4, 2, 3, 1, 1), square(4, 4, 3, 1, 1))
	net.Schedule = snn.Phased
	third := add(net, snn.Synapse{From: 1, Connection: square(4, 4, 3, 1, 1)})
	if k != nil {
		third.Synapses = append(third.Synapses, snn.Synapse{From: 0, Connection: k})
	}
	add(net, snn.Synapse{From: 2, Connection: dense(10, 256)})
	return net
}

// tiny is n populations of one neuron.
func tiny(n int) *snn.Network {
	return chain(tensor.Shape{1, 1, 1}, slices.Repeat([]snn.Connection{dense(1, 1)}, n)...)
}

// misses returns the names of the limits that a report says are not kept.
func misses(r *Report) (names []string) {
	for _, m := range r.misfits() {
		names = append(names, m.need.Of)
	}
	slices.Sort(names)
	return names
}

// Every limit is found by a network that keeps all others but those that follow from it.
func TestFit(t *testing.T) {
	identity := func(remainder bool) *snn.Shortcut {
		k := snn.Identity(1, tensor.Shape{4, 8, 8})
		k.Remainder = remainder
		return k
	}
	weight := func(net *snn.Network) *float32 {
		return &net.Layers[1].Synapses[0].Connection.(*snn.Conv).Weight.Data[5]
	}
	const none, many = "", "many"
	seen := make(map[string]bool)
	for _, tt := range []struct {
		name                      string
		net                       *snn.Network
		T                         int
		spinnaker2, loihi2, speck string // What is too much, with commas.
	}{
		{"small", small(), 8, none, none, none},
		{"odd weight", changed(func(net *snn.Network) { net.Bits, *weight(net) = 9, 201 }), 8, "bits of weights", "bits of weights", "bits of weights"},
		{"shifted weights", changed(func(net *snn.Network) {
			for i := range 36 {
				net.Layers[1].Synapses[0].Connection.(*snn.Conv).Weight.Data[i] *= 64
			}
		}), 4, "bits of weights", none, "bits of weights"},
		{"T = 1000", small(), 1000, none, none, "bits of potentials"},
		{"T = 300,000", small(), 300_000, none, "bits of potentials", "bits of potentials"},
		{"T = 100,000,000", small(), 100_000_000, "bits of potentials", "bits of potentials", "bits of potentials"},
		{"threshold", changed(func(net *snn.Network) { net.Layers[0].Neuron.Threshold[0] = 1 << 17 }), 8, none, "bits of thresholds", "bits of potentials,bits of thresholds"},
		{"thresholds", changed(func(net *snn.Network) { net.Layers[0].Neuron.Threshold = []float32{20, 20, 21, 20} }), 8, none, none, "different thresholds"},
		{"bias", changed(func(net *snn.Network) { net.Layers[0].Bias = []float32{0, -128, 0, 0} }), 8, none, none, "bits of biases"},
		{"odd bias", changed(func(net *snn.Network) { net.Layers[0].Bias = []float32{0, 0, 4097, 0} }), 1, none, "bits of biases", "bits of biases"},
		{"even bias", changed(func(net *snn.Network) { net.Layers[0].Bias = []float32{0, 0, 4096 << 1, 0} }), 1, none, none, "bits of biases"},
		{"start", changed(func(net *snn.Network) {
			net.Layers[0].Start = make([]float32, 256)
			net.Layers[0].Start[7] = -(1 << 15)
		}), 8, none, none, "bits of potentials,bits of start potentials"},
		{"delay", phased(identity(false)), 63, "firing windows,timesteps of delay", "timesteps of delay", "firing windows"},
		{"short delay", phased(identity(false)), 62, "firing windows,timesteps of delay", none, "firing windows"},
		{"windows", phased(nil), 8, "firing windows", none, "firing windows"},
		{"remainder", phased(identity(true)), 8, "charge handed on as a number,firing windows,timesteps of delay", none, "charge handed on as a number,firing windows"},
		{"pixels", changed(func(net *snn.Network) { net.Input = snn.Input{Shape: net.Input.Shape, Unit: 1, Levels: 9} }), 8, "pixels that enter as numbers", none, "pixels that enter as numbers"},
		{"wide pixels", changed(func(net *snn.Network) { net.Input = snn.Input{Shape: net.Input.Shape, Unit: 1, Levels: 1 << 33} }), 8, "bits of potentials,pixels that enter as numbers", "bits of a graded spike,bits of potentials", "bits of potentials,pixels that enter as numbers"},
		{"max pool", chain(tensor.Shape{2, 8, 8}, square(4, 2, 3, 1, 1), &snn.MaxPool{Window: tensor.Square(2, 2, 0)}, dense(10, 64)), 8, "max pools", none, "max pools"},
		{"destinations", changed(func(net *snn.Network) {
			for range 2 {
				add(net, snn.Synapse{From: 0, Connection: dense(10, 256)})
			}
		}), 8, none, none, "populations that spikes go to"},
		{"channels", chain(tensor.Shape{1, 1, 1}, square(1025, 1, 1, 1, 0), dense(3, 1025)), 8, none, none, "channels"},
		{"rows", chain(tensor.Shape{1, 65, 65}, square(1, 1, 1, 1, 0), square(1, 1, 3, 8, 1), dense(10, 81)), 8, none, none, "rows and columns"},
		{"kernel", chain(tensor.Shape{1, 17, 17}, dense(10, 289)), 8, none, none, "rows and columns of a kernel"},
		{"padding", chain(tensor.Shape{1, 4, 4}, square(1, 1, 9, 4, 8), dense(10, 9)), 8, none, none, "padding"},
		{"stride", chain(tensor.Shape{1, 9, 9}, square(1, 1, 3, 3, 0), dense(10, 9)), 8, none, none, "strides that are not 1, 2, 4 or 8"},
		{"strides", changed(func(net *snn.Network) {
			net.Layers[1].Synapses = append(net.Layers[1].Synapses, snn.Synapse{From: snn.FromInput, Connection: square(4, 2, 8, 4, 4)})
			net.Layers[1].Synapses[1].Connection.(*snn.Conv).Window.Pad = [4]int{6, 6, 6, 6}
		}), 8, none, none, "different strides into a population"},
		{"oblong", chain(tensor.Shape{1, 4, 4}, conv(1, 1, tensor.Window{Kernel: [2]int{3, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 0, 1, 0}}), dense(10, 16)), 8, none, none, "kernels with more rows than columns, or fewer"},
		{"kernel memory", chain(tensor.Shape{1, 4, 4}, square(64, 1, 1, 1, 0), square(128, 64, 3, 4, 1), dense(10, 128)), 8, none, none, "entries of kernel memory,populations without a core of their size"},
		{"neuron memory", chain(tensor.Shape{1, 64, 64}, square(17, 1, 1, 1, 0), square(1, 17, 3, 8, 1), dense(10, 64)), 8, none, none, "entries of neuron memory,populations without a core of their size"},
		{"both memories", chain(tensor.Shape{1, 32, 32}, square(64, 1, 1, 1, 0), square(64, 64, 3, 1, 1), square(1, 64, 3, 8, 1), dense(10, 16)), 8, none, none, "populations without a core of their size"},
		{"image", chain(tensor.Shape{1, 129, 129}, square(1, 1, 16, 8, 0), dense(10, 225)), 8, none, none, "rows and columns of the image"},
		{"nine", tiny(9), 8, none, none, none},
		{"ten", tiny(10), 8, none, none, "cores,populations without a core of their size"},
		{"129", tiny(129), 8, none, "cores", "cores,populations without a core of their size"},
		{"153", tiny(153), 8, "cores", "cores", "cores,populations without a core of their size"},
		{"neurons", chain(tensor.Shape{1, 1001, 1000}, square(1, 1, 1, 1, 0), &snn.AveragePool{Window: tensor.Window{Kernel: [2]int{1001, 1000}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}, Scale: 1001000}), 1, none, "neurons", many},
	} {
		for chip, want := range map[string]string{"spinnaker2": tt.spinnaker2, "loihi2": tt.loihi2, "speck": tt.speck} {
			if want == many {
				continue
			}
			r := Fit(tt.net, chip, tt.T)
			got := strings.Join(misses(r), ",")
			if got != want || r.Fits != (want == none) {
				t.Errorf("%s, %s: too much is %q, fits %v; want %q", tt.name, chip, got, r.Fits, want)
			}
			for _, name := range misses(r) {
				seen[chip+" "+name] = true
			}
		}
	}
	seen["loihi2 weights"] = true            // Half a gigabyte of them.
	seen["speck leaks that multiply"] = true // TestRealNumbers.
	for _, c := range chips {
		for _, l := range c.Limits {
			if !seen[c.Name+" "+l.Name] {
				t.Errorf("%s: no network has too much of %q", c.Name, l.Name)
			}
			if l.Source == "" || (l.needs == nil) == (l.each == nil) {
				t.Errorf("%s: %q has no source, or nothing that needs it", c.Name, l.Name)
			}
		}
	}
}

// Networks of real numbers are told so, and what to do.
func TestRealNumbers(t *testing.T) {
	net := small()
	net.Bits, net.Input.Unit, net.Input.Levels = 0, 0, 0
	net.Layers[0].Neuron.Model = snn.LIF{Leak: 0.5}
	if err := net.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"spinnaker2": "bits of potentials,bits of weights",
		"loihi2":     "bits of biases,bits of potentials,bits of thresholds,bits of weights",
		"speck":      "bits of biases,bits of potentials,bits of start potentials,bits of thresholds,bits of weights,leaks that multiply",
	} {
		r := Fit(net, name, 8)
		if got := strings.Join(misses(r), ","); got != want {
			t.Errorf("%s: too much is %q, want %q", name, got, want)
		}
		if !strings.Contains(r.Advice, "give {bits} 8") {
			t.Errorf("%s: advice %q", name, r.Advice)
		}
		if n := r.Populations[0].Needs[0]; n.Needs != nil || n.Fits {
			t.Errorf("%s: real weights need %+v", name, n)
		}
	}
	if r := Fit(net, "abacus", 8); r != nil {
		t.Errorf("no chip: %+v", r)
	}
}

// What a population takes is counted, synapse by synapse.
func TestPopulation(t *testing.T) {
	net := phased(snn.Identity(1, tensor.Shape{4, 8, 8}))
	r := Fit(net, "speck", 8)
	p := r.Populations[2]
	// A convolution of 3x3 taps of 4 channels and a shortcut; onwards to 10 outputs.
	if p.Neurons != 256 || p.Cores != 1 || p.FanIn != 37 || p.FanOut != 10 || p.Synapses != 22*22*16+256 {
		t.Errorf("%+v", p)
	}
	if first := r.Populations[0]; first.FanIn != 18 || first.FanOut != 9*4+1 {
		t.Errorf("%+v", first)
	}
	need := make(map[string]int)
	for _, n := range p.Needs {
		need[n.Of] = *n.Needs
	}
	if k, n := need["entries of kernel memory"], need["entries of neuron memory"]; k != 8<<(4+2) || n != 256 {
		t.Errorf("kernels take %d, neurons %d", k, n)
	}
	// A pool of 2x2 is done on the way.
	pooled := chain(tensor.Shape{1, 8, 8}, square(4, 1, 1, 1, 0), &snn.AveragePool{Window: tensor.Square(2, 2, 0), Scale: 4}, dense(10, 64))
	if k := newView(pooled, Named("speck"), 8).convolved(1); k.kernel != [2]int{1, 1} || k.channels != 4 {
		t.Errorf("a pool of 2x2 is %+v", k)
	}
}

// It is told how many channels need too much.
func TestBeyond(t *testing.T) {
	net := small()
	net.Layers[0].Bias = []float32{0, -128, 127, 200}
	net.Layers[1].Bias = []float32{500, 0, 0, 0}
	r := Fit(net, "speck", 1)
	list := r.misfits()
	if len(list) != 1 || list[0].channels != 3 {
		t.Fatalf("%+v", list)
	}
	if got, want := list[0].text(len(r.Populations)), "bits of biases: up to 10, where the chip has 8, in 3 channels of p0, p1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The page has the limits of the table.
func TestPage(t *testing.T) {
	var b strings.Builder
	b.WriteString("| chip | limited | at most | source |\n|---|---|---:|---|\n")
	for _, c := range chips {
		for _, l := range c.Limits {
			fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", c.Title, l.Name, l.Most, l.Source)
		}
	}
	page, err := os.ReadFile("../docs/nir.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), b.String()) {
		t.Errorf("docs/nir.md has another table than\n%s", b.String())
	}
}
