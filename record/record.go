// Package record writes what populations of a spiking network do to files: spike
// trains, membrane potentials and input currents of every neuron, for every image and
// timestep. It knows no trained network and no data set.
//
// # Shapes
//
// An array is (samples, steps, neurons), as NIRData has it: images in the order of the
// data set, timesteps from 0, and the neurons of a population channel by channel, row
// by row: neuron (c, y, x) of a population of (C, H, W) is number (c*H + y)*W + x.
//
// # Meaning
//
// With I the currents, v the potentials and z the spikes of a neuron whose threshold
// is θ,
//
//	u[t] = v[t-1] + I[t]
//	z[t] = u[t] >= θ
//	v[t] = u[t] - θ z[t], or 0 after a spike if the neuron resets to zero
//
// in float32, to the last bit, from v[-1] = V[0] on, but for [Options.Units], by which each value is multiplied and rounded once; u[t] = A v[t-1] + I[t] with a leak,
// and where a neuron rests see snn.LIF. I is the sum of what all synapses
// carry and of the bias, at one timestep. A max-pool gate has spikes alone.
//
// # Phased networks
//
// Steps are those of the network's clock, from the first of the image to the last one in
// which the output fires; see snn.Network.Latency. With windows of T timesteps, a
// population of phase d integrates at (d-1) T <= t < d T and fires at d T <= t < (d+1) T:
//
//	v[t] = v[t-1] + I[t]            z[t] = 0                                in the first
//	z[t] = v[t-1] >= q              v[t] = v[t-1] - q z[t]      I[t] = 0    in the second
//
// where q is θ, or in first-spike coding ((d+1) T - t) θ, and z[t] = 0 for a neuron that
// has fired. At all other timesteps v stays, and I and z are 0.
//
// # Memory
//
// Arrays go to the file while they come about. In memory are, for each worker, a piece
// of every array, and up to 64 MB of pieces that wait for those of earlier images:
// files have them in the order of the images, for any number of workers.
package record

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sresnet/internal/parallel"
	"sresnet/sim"
	"sresnet/snn"
)

// Observable is a quantity of neurons.
type Observable uint8

// Observables.
const (
	Spikes     Observable = iota // Whether a neuron spikes at a timestep.
	Potentials                   // Its membrane potential after the timestep.
	Currents                     // The current into it at the timestep.
)

var observables = []string{"spikes", "potentials", "currents"}

// Observables returns the names of all observables.
func Observables() []string { return slices.Clone(observables) }

// String returns the name, which files have, too.
func (o Observable) String() string {
	if int(o) < len(observables) {
		return observables[o]
	}
	return fmt.Sprintf("Observable(%d)", uint8(o))
}

// ParseObservable returns the observable of that name.
func ParseObservable(s string) (Observable, error) {
	if i := slices.Index(observables, s); i >= 0 {
		return Observable(i), nil
	}
	return 0, fmt.Errorf("record: %q is not one of %s", s, strings.Join(observables, ", "))
}

// size returns the bytes of an element.
func (o Observable) size() int {
	if o == Spikes {
		return 1
	}
	return 4
}

// Population is one layer of a network and the name that the file has for it. In NIRData
// that is the name of its node in the graph; see nir.LayerNodes.
type Population struct {
	Layer int
	Name  string
}

// Images are normalised images, CHW, safe for concurrent use.
type Images interface {
	Len() int                         // How many there are.
	Image(i int, dst []float32) error // Writes image i, from 0, to dst.
}

// Options says what is recorded.
type Options struct {
	Format      Format
	Populations []Population // At least one, by ascending layers.
	Observables []Observable // At least one, each once.

	// Events makes spikes a list for each image, EventData, in place of a grid of all
	// neurons and timesteps. NIRData has both.
	Events bool

	// Units has, for every layer of the network, what potentials and currents of each channel
	// are multiplied by, so that they are in the unit in which the file of the network has
	// thresholds: nil for 1, as it may be itself. See nir.LayerUnits.
	Units [][]float32

	Timesteps int    // T, at least 1; in a phased network that of each window.
	Seed      uint64 // Of the Poisson encoding.
	Reference bool   // Simulate with the reference engine.

	Labels     []int             // Of the images, which arrays named labels keep; nil for none.
	Attributes map[string]string // Of the file as a whole; NIRData alone has room for them.

	// Workers is how many images run at a time. It never changes a byte. Defaults to
	// the number of cores, or fewer where pieces of that many images take too much
	// memory.
	Workers int

	// Progress, if set, is told how many of how many megabytes have been recorded.
	// Calls do not overlap.
	Progress func(done, total int)

	steps  int   // Of every array.
	phases []int // Of all layers.
}

// Recording says what was written.
type Recording struct {
	Images    int
	Timesteps int      // T
	Steps     int      // Of every array: the latency of a phased network, else T.
	Bytes     int64    // Of all arrays, before compression.
	Spikes    []uint64 // Per population, of all images.
}

// array is one of a file, or one column of a list of events.
type array interface {
	// pack makes elements ready to be written. It may be called from several goroutines.
	pack(data any) ([]byte, error)

	// put writes what pack has made, at the offset of the first element. Elements are
	// whole rows: all neurons of successive timesteps of one image.
	put(offset []int, b []byte) error
}

// sink is a file, or several, in the making.
type sink interface {
	// grid makes the array of an observable, which is written rows timesteps at a time.
	grid(p Population, o Observable, neurons, rows int) (array, error)

	// events makes the columns of a list of spikes.
	events(p Population, neurons int) (idx, time array, err error)

	// finish gives the files their names. most has, per population, the most spikes of
	// an image, if they are lists. wrote is told of bytes that are written once more.
	finish(ctx context.Context, most []int, wrote func(n int64)) error

	// abort removes what has been written. After finish it does nothing.
	abort()
}

func (o Options) withDefaults(net *snn.Network, n int) (Options, error) {
	switch {
	case n < 1:
		return o, errors.New("record: no images")
	case o.Timesteps < 1 || o.Timesteps > sim.MaxTimesteps:
		return o, fmt.Errorf("record: %d timesteps: T must be between 1 and %d", o.Timesteps, sim.MaxTimesteps)
	case len(o.Populations) == 0 || len(o.Observables) == 0:
		return o, errors.New("record: nothing to record")
	case o.Labels != nil && len(o.Labels) != n:
		return o, fmt.Errorf("record: %d labels for %d images", len(o.Labels), n)
	case o.Events && o.Format != NIRData:
		return o, fmt.Errorf("record: %v files have no lists of events", o.Format)
	}
	o.steps, o.phases = net.Latency(o.Timesteps), net.Phases()
	names := make(map[string]bool)
	for k, p := range o.Populations {
		switch {
		case p.Layer < 0 || p.Layer >= len(net.Layers) || k > 0 && p.Layer <= o.Populations[k-1].Layer:
			return o, fmt.Errorf("record: population %q: layer %d of %d, which are to come in order", p.Name, p.Layer, len(net.Layers))
		case p.Name == "" || strings.Contains(p.Name, "/") || names[p.Name]:
			return o, fmt.Errorf("record: %q cannot be the name of a population, or is that of two", p.Name)
		case len(o.kinds(&net.Layers[p.Layer])) == 0:
			return o, fmt.Errorf("record: population %q is a max-pool gate, which has spikes and no potentials or currents", p.Name)
		}
		names[p.Name] = true
	}
	for k, x := range o.Observables {
		if int(x) >= len(observables) || slices.Contains(o.Observables[:k], x) {
			return o, fmt.Errorf("record: observables %v are unknown, or the same twice", o.Observables)
		}
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	const memory = 1 << 30 // Of all pieces.
	var pieces int64
	for _, p := range o.Populations {
		l := &net.Layers[p.Layer]
		for _, x := range o.kinds(l) {
			pieces += int64(o.rows(l, x)) * int64(l.Neurons()) * int64(x.size())
		}
	}
	o.Workers = max(min(o.Workers, n, int(memory/(pieces+maxHeld))), 1)
	return o, nil
}

// kinds returns the observables that a layer has.
func (o Options) kinds(l *snn.Layer) []Observable {
	if l.IsGate() {
		if slices.Contains(o.Observables, Spikes) {
			return []Observable{Spikes}
		}
		return nil
	}
	return o.Observables
}

// pieceBytes is how long pieces of an array are, or a row if that is longer.
const pieceBytes = 1 << 20

// rows returns the timesteps of a piece of an array.
func (o Options) rows(l *snn.Layer, x Observable) int {
	return max(min(pieceBytes/max(l.Neurons()*x.size(), 1), o.steps), 1)
}

// Size returns the bytes of all arrays of a recording of n images, before
// compression. Lists of events count as the grids that they stand for.
func Size(net *snn.Network, n int, o Options) (int64, error) {
	o, err := o.withDefaults(net, n)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, p := range o.Populations {
		l := &net.Layers[p.Layer]
		for _, x := range o.kinds(l) {
			total += float64(n) * float64(o.steps) * float64(l.Neurons()) * float64(x.size())
		}
	}
	if total > math.MaxInt64/4 {
		return 0, fmt.Errorf("record: %.3g bytes cannot be recorded", total)
	}
	return int64(total), nil
}

// Write records a network on images in the file, or the folder, of that name, which
// gets the name only when all is written. If ctx ends there is no file, and the error
// is that of ctx.
func Write(ctx context.Context, name string, net *snn.Network, images Images, o Options) (*Recording, error) {
	n := images.Len()
	size, err := Size(net, n, o)
	if err != nil {
		return nil, err
	}
	if o, err = o.withDefaults(net, n); err != nil {
		return nil, err
	}
	o.noteSchedule(net)
	r := &recorder{net: net, images: images, o: o, size: size, total: size}
	r.order.init()
	if o.Format == NPZ {
		r.total *= 2
	}
	if r.plan, err = sim.Compile(net, o.simulation(net)); err != nil {
		return nil, err
	}
	if r.sink, err = create(filepath.Clean(name), n, o); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	defer r.sink.abort()
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	err = parallel.Do(ctx, o.Workers, n, func(int) func(context.Context, int) error {
		w := r.newWorker()
		return w.record
	}, func() {})
	if err != nil {
		return nil, err
	}
	if err := r.sink.finish(ctx, r.most, r.wrote); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("record: %w", err)
	}
	return &Recording{Images: n, Timesteps: o.Timesteps, Steps: o.steps, Bytes: size, Spikes: r.spikes}, nil
}

// noteSchedule adds to the attributes what the clock of a phased network is.
func (o *Options) noteSchedule(net *snn.Network) {
	if net.Schedule == snn.Synchronous {
		return
	}
	all := map[string]string{
		"schedule": net.Schedule.String(), "coding": net.Coding.String(),
		"timesteps": strconv.Itoa(o.Timesteps), "latency": strconv.Itoa(o.steps),
	}
	maps.Copy(all, o.Attributes)
	o.Attributes = all
}

// simulation returns the options of the engine: it stops after the last layer that is
// recorded.
func (o Options) simulation(net *snn.Network) sim.Options {
	s := sim.Options{Timesteps: o.Timesteps, Seed: o.Seed, Reference: o.Reference}
	s.Layers = o.Populations[len(o.Populations)-1].Layer + 1
	if slices.Contains(o.Observables, Potentials) || slices.Contains(o.Observables, Currents) {
		for _, p := range o.Populations {
			if !net.Layers[p.Layer].IsGate() {
				s.Traced = append(s.Traced, p.Layer)
			}
		}
	}
	return s
}

// recorder is a recording in the making.
type recorder struct {
	net    *snn.Network
	images Images
	o      Options
	plan   *sim.Plan
	sink   sink
	arrays []arrays // Per population.
	order  order
	size   int64

	mu     sync.Mutex
	done   int64    // Bytes,
	total  int64    // of so many.
	told   int64    // Megabytes.
	spikes []uint64 // Per population.
	most   []int    // Spikes of an image, per population.
}

// arrays are those of one population; nil for what is not recorded.
type arrays struct {
	observable [3]array
	idx, time  array
}

// open makes all arrays.
func (r *recorder) open() error {
	r.arrays = make([]arrays, len(r.o.Populations))
	r.spikes, r.most = make([]uint64, len(r.arrays)), make([]int, len(r.arrays))
	for k, p := range r.o.Populations {
		l, a := &r.net.Layers[p.Layer], &r.arrays[k]
		for _, x := range r.o.kinds(l) {
			var err error
			if x == Spikes && r.o.Events {
				a.idx, a.time, err = r.sink.events(p, l.Neurons())
			} else {
				a.observable[x], err = r.sink.grid(p, x, l.Neurons(), r.o.rows(l, x))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// wrote notes progress.
func (r *recorder) wrote(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done += n
	const mega = 1_000_000
	if now := r.done / mega; r.o.Progress != nil && now > r.told {
		r.told = now
		r.o.Progress(int(min(now, r.total/mega)), int(r.total/mega))
	}
}
