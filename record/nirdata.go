package record

import (
	"context"
	"maps"
	"math"
	"slices"

	"sresnet/internal/hdf5"
)

// Dt is the length of a timestep in files: time is counted in timesteps.
const Dt = 1.0

// nirData is a NIRData file: groups with types as attributes,
//
//	/                               NIRGraphData
//	/nodes/NAME                     NIRNodeData
//	/nodes/NAME/observables/WHAT    TimeGriddedData: data, dt
//	                                EventData: idx, time, n_neurons, t_max
//
// and beside the nodes, where the nir package does not look, the labels of the images.
type nirData struct {
	w     *hdf5.Writer
	n     int
	o     Options
	nodes *hdf5.GroupWriter
	node  map[string]*hdf5.GroupWriter // The observables of a population.
	ends  []func(most []int)           // Of every array.
}

// stored is how arrays are compressed. Level 4 takes three times as long, for 6 % less of
// potentials and currents.
var stored = hdf5.Storage{Deflate: 1, Shuffle: true}

func createNIRData(name string, n int, o Options) (*nirData, error) {
	w, err := hdf5.Create(name)
	if err != nil {
		return nil, err
	}
	f := &nirData{w: w, n: n, o: o, node: make(map[string]*hdf5.GroupWriter)}
	w.Root().Attribute("__type__", nil, "NIRGraphData")
	for _, key := range slices.Sorted(maps.Keys(o.Attributes)) {
		w.Root().Attribute(key, nil, o.Attributes[key])
	}
	if o.Labels != nil {
		w.Root().Dataset("labels", []int{n}, o.Labels, hdf5.Storage{})
	}
	f.nodes = w.Root().Group("nodes")
	return f, nil
}

// observable makes the group of an observable of a population.
func (f *nirData) observable(p Population, o Observable, typ string) *hdf5.GroupWriter {
	if f.node[p.Name] == nil {
		node := f.nodes.Group(p.Name)
		node.Attribute("__type__", nil, "NIRNodeData")
		if phase := f.o.phases[p.Layer]; phase > 0 {
			node.Attribute("phase", nil, phase)
		}
		f.node[p.Name] = node.Group("observables")
	}
	g := f.node[p.Name].Group(o.String())
	g.Attribute("__type__", nil, typ)
	return g
}

func (f *nirData) grid(p Population, o Observable, neurons, rows int) (array, error) {
	g := f.observable(p, o, "TimeGriddedData")
	g.Attribute("dt", nil, Dt)
	var fill any = float32(0)
	if o == Spikes {
		fill = false
	}
	s := stored
	s.Shuffle = o != Spikes // Which have a byte each.
	s.Chunk = []int{1, rows, neurons}
	c := g.Chunks("data", fill, s)
	f.ends = append(f.ends, func([]int) { c.Close(f.n, f.o.steps, neurons) })
	return chunks{f, c}, nil
}

func (f *nirData) events(p Population, neurons int) (idx, time array, err error) {
	g := f.observable(p, Spikes, "EventData")
	g.Attribute("n_neurons", nil, neurons)
	g.Attribute("t_max", nil, float64(f.o.steps)*Dt)
	s := stored
	s.Chunk = []int{1, eventsPiece}
	index := slices.Index(f.o.Populations, p)
	column := func(name string, fill any) array {
		c := g.Chunks(name, fill, s)
		f.ends = append(f.ends, func(most []int) { c.Close(f.n, most[index]) })
		return chunks{f, c}
	}
	return column("idx", int32(-1)), column("time", float32(math.Inf(1))), nil
}

func (f *nirData) finish(ctx context.Context, most []int, _ func(int64)) error {
	for _, end := range f.ends {
		end(most)
	}
	return f.w.Close()
}

func (f *nirData) abort() { f.w.Abort() }

// chunks is an array of the file.
type chunks struct {
	f *nirData
	c *hdf5.ChunkWriter
}

func (a chunks) pack(data any) ([]byte, error) { return a.c.Pack(data) }

func (a chunks) put(offset []int, b []byte) error {
	a.c.Put(offset, b)
	return a.f.w.Err()
}
