package torch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/eval"
	"sresnet/internal/spiking"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/torch"
)

// python is Debian's, which has its packages; else the first in the path.
func python() string {
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		return "/usr/bin/python3"
	}
	return "python3"
}

// networks is how many are drawn for a test.
const networks = 60

// job is what testdata/run.py is asked for: networks that were written, with images.
type job struct {
	Program   string
	Shape     []int // Of the images: (N, C, H, W), or (N, frames, C, H, W).
	Images    []float32
	Timesteps int
}

// ran is what testdata/run.py says of a job.
type ran struct {
	Steps  []map[string]string  // By timestep and layer, where it fires: a character a neuron, 0 or 1, of all images.
	Last   map[string][]float32 // The potentials at the end.
	Scores [][]float64
}

// runPython runs the jobs, or skips the test.
func runPython(t *testing.T, jobs []job) []ran {
	t.Helper()
	in, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python(), filepath.Join("testdata", "run.py"))
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skipf("needs Python with torch: %v %s", err, stderr.Bytes())
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var list []ran
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// drawn is a network that was written for PyTorch, and an image of one frame or several.
type drawn struct {
	net     *snn.Network
	readout eval.Readout
	image   []float32
	job     job
}

// draw draws a network and writes it: one of whole numbers, or of any.
func draw(t *testing.T, dir string, seed uint64, whole bool) drawn {
	rnd := rand.New(rand.NewPCG(seed, 77))
	net := spiking.Scheduled(rnd.IntN, rnd)
	net.Input.Encoding, net.Input.Amplitude = snn.Direct, 0
	T := 1 + rnd.IntN(12)
	if whole {
		net = spiking.Integers(func(n int) int { return rnd.IntN(n) * min(n-3, 1) }, net, T)
	}
	d := drawn{net: net, readout: eval.Readout(rnd.IntN(3)), image: spiking.Frames(net.Input.Shape, 1+rnd.IntN(2)*rnd.IntN(3), rnd)}
	name := filepath.Join(dir, fmt.Sprintf("net%d", seed))
	program, _, err := torch.Write(name, net, torch.About{Readout: d.readout.String(), Timesteps: T})
	if err != nil {
		t.Fatal(err)
	}
	frames := len(d.image) / net.Input.Shape.Len()
	d.job = job{Program: program, Shape: append([]int{1}, net.Input.Shape...), Images: d.image, Timesteps: T}
	if frames > 1 {
		d.job.Shape = append([]int{1, frames}, net.Input.Shape...)
	}
	return d
}

// result is what the engine makes of a drawn network: as ran, and the class.
type result struct {
	spikes map[string]string // By layer and step of its window.
	last   map[string][]float32
	class  int
}

func simulate(t *testing.T, d drawn) result {
	T := d.job.Timesteps
	plan, err := sim.Compile(d.net, sim.Options{Timesteps: T, Marks: []int{T}})
	if err != nil {
		t.Fatal(err)
	}
	r := result{spikes: make(map[string]string), last: make(map[string][]float32)}
	e := plan.NewEngine()
	e.Probe = func(s sim.Spikes) {
		l := &d.net.Layers[s.Layer]
		positions := l.Shape[1] * l.Shape[2]
		b := bytes.Repeat([]byte("0"), l.Neurons())
		for j := range b {
			c, p := j/positions, j%positions
			if s.Bits[p*s.Words+c/64]>>(c%64)&1 == 1 {
				b[j] = '1'
			}
		}
		r.spikes[fmt.Sprintf("%s %d", l.Name, s.Step)] = string(b)
	}
	e.Potentials = func(p sim.Potentials) {
		r.last[d.net.Layers[p.Layer].Name] = append([]float32(nil), p.V...)
	}
	present := e.Run
	if len(d.image) > d.net.Input.Shape.Len() {
		present = e.RunFrames
	}
	rec, err := present(t.Context(), d.image, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.class = d.readout.Class(rec.At(T - 1))
	return r
}

// differing returns at how many of how many neurons and timesteps spikes differ.
func differing(t *testing.T, d drawn, want result, got ran) (differ, all, spikes int) {
	phases := d.net.Phases()
	T := d.job.Timesteps
	seen := 0
	for i := range d.net.Layers {
		name := d.net.Layers[i].Name
		for k := range T {
			a, b := want.spikes[fmt.Sprintf("%s %d", name, k)], got.Steps[phases[i]*T+k][name]
			if len(a) != len(b) || len(a) == 0 {
				t.Fatalf("layer %q, step %d: %d neurons, PyTorch has %d", name, k, len(a), len(b))
			}
			seen++
			for j := range a {
				if a[j] != b[j] {
					differ++
				}
			}
			all += len(a)
			spikes += strings.Count(a, "1")
		}
	}
	fired := 0
	for _, s := range got.Steps {
		fired += len(s)
	}
	if fired != seen {
		t.Errorf("layers fire at %d timesteps, in PyTorch at %d", seen, fired)
	}
	return differ, all, spikes
}

func argmax(x []float64) (best int) {
	for k := range x {
		if x[k] > x[best] {
			best = k
		}
	}
	return best
}

// TestWholeNumbers holds that networks of whole numbers fire in PyTorch as in the engine: every
// neuron of every layer at every timestep, of every kind of layer, schedule, coding, reset and
// read-out.
func TestWholeNumbers(t *testing.T) {
	dir := t.TempDir()
	var nets []drawn
	var jobs []job
	for seed := range uint64(networks) {
		nets = append(nets, draw(t, dir, seed, true))
		jobs = append(jobs, nets[seed].job)
	}
	kinds := make(map[string]int)
	total := 0
	for i, got := range runPython(t, jobs) {
		d := nets[i]
		if !d.net.Integer() {
			t.Fatalf("network %d has real numbers", i)
		}
		want := simulate(t, d)
		differ, all, spikes := differing(t, d, want, got)
		if differ > 0 {
			t.Errorf("network %d: %d of %d spikes differ\n%v", i, differ, all, d.net)
		}
		total += spikes
		for name, v := range want.last {
			if !slices.Equal(v, got.Last[name]) {
				t.Errorf("network %d, layer %q: potentials differ from those of PyTorch", i, name)
			}
		}
		if k := argmax(got.Scores[0]); k != want.class {
			t.Errorf("network %d: class %d, PyTorch has %d of %v", i, want.class, k, got.Scores)
		}
		count(kinds, d.net)
	}
	t.Logf("%d spikes; %v", total, kinds)
	for _, kind := range []string{"conv", "dense", "shortcut", "average pool", "max pool", "remainder", "synchronous rate", "phased rate", "phased first-spike", "zero", "state bits", "own start"} {
		if kinds[kind] == 0 {
			t.Errorf("none of the networks has %s", kind)
		}
	}
}

// count counts what there is in a network.
func count(kinds map[string]int, net *snn.Network) {
	kinds[fmt.Sprintf("%v %v", net.Schedule, net.Coding)]++
	if net.StateBits > 0 {
		kinds["state bits"]++
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		if l.Start != nil {
			kinds["own start"]++
		}
		if !l.IsGate() {
			kinds[l.Neuron.Reset.String()]++
			kinds[l.Neuron.Kind()]++
		}
		if l.TakesOver() {
			kinds["remainder"]++
		}
		for _, s := range l.Synapses {
			kinds[s.Connection.Kind()]++
		}
	}
}

// maxDiffering is the share of neurons and timesteps at which spikes of networks of real numbers
// may differ, all drawn networks together: only sums that round differ, and a spike that moves
// moves others. Weights of the drawn ones lie on a grid, where potentials often just reach
// their threshold. Seen: none.
const maxDiffering = 1e-4

// TestRealNumbers holds how close networks of real numbers come.
func TestRealNumbers(t *testing.T) {
	dir := t.TempDir()
	var nets []drawn
	var jobs []job
	for seed := range uint64(networks) {
		nets = append(nets, draw(t, dir, 1000+seed, false))
		jobs = append(jobs, nets[seed].job)
	}
	kinds := make(map[string]int)
	var differ, all, same, classes int
	for i, got := range runPython(t, jobs) {
		want := simulate(t, nets[i])
		d, n, _ := differing(t, nets[i], want, got)
		differ, all = differ+d, all+n
		if d == 0 {
			same++
		}
		if argmax(got.Scores[0]) == want.class {
			classes++
		}
		count(kinds, nets[i].net)
	}
	t.Logf("%d of %d spikes differ (%.1g); %d of %d networks have the same ones, %d the same class", differ, all, float64(differ)/float64(all), same, len(nets), classes)
	if share := float64(differ) / float64(all); share > maxDiffering {
		t.Errorf("spikes differ at %.2g of all neurons and timesteps, at most %v are allowed", share, maxDiffering)
	}
	if kinds["lif"] == 0 {
		t.Error("none of the networks has leaky neurons")
	}
}
