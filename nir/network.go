package nir

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"sresnet/snn"
	"sresnet/tensor"
)

// Info is what a file says of a spiking network beside the network. All of it is
// kept as metadata, under the keys of its fields in docs/nir.md; what is empty is
// left out.
type Info struct {
	Version       string `json:"sresnet_version"` // Of sresnet.
	Model         string `json:"model"`           // File of the trained network.
	ModelSHA256   string `json:"model_sha256"`
	Normalization string `json:"normalization"` // Of pixels, as dataset.ParseNormalization reads it.
	Readout       string `json:"readout"`       // How outputs become a class.
	Conversion    string `json:"conversion"`    // How scales were chosen, in words.

	Percentile   float64   `json:"percentile,omitempty"`   // Of the activations of a layer that became its lambda; 0 if that is not known.
	Compensation []float32 `json:"compensation,omitempty"` // Factor of each layer, in the order of the network, as snn.Network.Compensated has it; nil for none.
}

// Keys of the fields that are numbers.
const (
	percentileKey   = "percentile"
	compensationKey = "compensation"
)

// strings pairs the fields that are text with their keys.
func (i *Info) strings() []struct {
	key   string
	value *string
} {
	return []struct {
		key   string
		value *string
	}{
		{"sresnet_version", &i.Version},
		{"model", &i.Model},
		{"model_sha256", &i.ModelSHA256},
		{"normalization", &i.Normalization},
		{"readout", &i.Readout},
		{"conversion", &i.Conversion},
	}
}

// InfoOf returns what the metadata of a graph says of its network.
func InfoOf(g *Graph) Info {
	var i Info
	for _, s := range i.strings() {
		*s.value = g.Metadata.Text(s.key)
	}
	if g.Metadata == nil {
		return i
	}
	if x, err := g.Metadata.Arrays[percentileKey].Float64(); err == nil {
		i.Percentile = x
	}
	if x, err := g.Metadata.Arrays[compensationKey].Float32s(); err == nil {
		i.Compensation = x
	}
	return i
}

// FromNetwork returns the graph of a spiking network in the form of a profile, and
// warnings: what readers of the graph, or the reader of the profile, will do
// differently from the network. The graph has them in its metadata as well, with
// all that [Graph.Network] needs to restore the same network. A layer that the
// reader cannot have in any form is an error that holds a [*RefusedError], and so is a
// phased network; see [Profile.CheckSchedule].
//
// A spike carries 1 in NIR, so weights are multiplied by the charge of the spikes
// they carry.
func FromNetwork(net *snn.Network, p Profile, info Info) (g *Graph, warnings []string, err error) {
	if err := net.Validate(); err != nil {
		return nil, nil, fmt.Errorf("nir: %w", err)
	}
	if err := p.CheckSchedule(net.Schedule); err != nil {
		return nil, nil, err
	}
	if p.Name == Common.Name && net.Schedule != snn.Synchronous {
		return nil, nil, &RefusedError{p.Name, []Refused{{"", "firing windows have no form that tools read"}}}
	}
	e := &exporter{net: net, profile: p, limit: math.MaxInt}
	if err := e.run(); err != nil {
		return nil, nil, fmt.Errorf("nir: %w", err)
	}
	if len(e.refused) > 0 {
		return nil, nil, &RefusedError{p.Reader, e.refused}
	}
	if e.g.Metadata, err = e.metadata(info); err != nil {
		return nil, nil, fmt.Errorf("nir: %w", err)
	}
	if err := e.warn(); err != nil {
		return nil, nil, fmt.Errorf("nir: %w", err)
	}
	e.g.Metadata.Set("warnings", Array{Shape: []int{len(e.warnings)}, Data: e.warnings})
	return e.g, e.warnings, nil
}

// LayerNodes returns, for every layer of the network of g, the name of the node that
// its neurons are in g. net is what [Graph.Network] returned; without a graph, the
// names are those that [FromNetwork] gives.
func LayerNodes(net *snn.Network, g *Graph) ([]string, error) {
	var layers []layerRecord
	if g != nil {
		r, err := readRecord(g)
		if err != nil {
			return nil, fmt.Errorf("nir: %w", err)
		}
		if r == nil { // A graph of others, whose nodes layers are named after.
			layers = make([]layerRecord, len(net.Layers))
			for i := range layers {
				layers[i].Node = net.Layers[i].Name
			}
		} else {
			layers = r.Layers
		}
	} else {
		e := &exporter{net: net, limit: math.MaxInt}
		if err := e.run(); err != nil {
			return nil, fmt.Errorf("nir: %w", err)
		}
		layers = e.record.Layers
	}
	if len(layers) != len(net.Layers) {
		return nil, fmt.Errorf("nir: the graph has %d populations, the network %d layers", len(layers), len(net.Layers))
	}
	names := make([]string, len(layers))
	for i := range layers {
		names[i] = layers[i].Node
		if g != nil && g.Node(names[i]) == nil {
			return nil, fmt.Errorf("nir: there is no node %q of layer %q", names[i], net.Layers[i].Name)
		}
	}
	return names, nil
}

// exporter makes a graph of a network.
type exporter struct {
	net      *snn.Network
	profile  Profile
	g        *Graph
	record   record
	warnings []string
	refused  []Refused

	phases   []int           // Of the layers.
	used     map[string]bool // Names of nodes.
	flat     []bool          // Layers that are vectors in NIR, (N); others are (C, H, W).
	elements int             // Of all arrays so far.
	limit    int             // To elements.
	averaged bool            // Pools are averages wherever they can, as versions wrote them that did not count in whole numbers.
}

func (e *exporter) run() error {
	net := e.net
	e.g = &Graph{Version: Version}
	e.used = make(map[string]bool)
	e.record = record{Name: net.Name, Profile: &e.profile, Input: net.Input}
	e.schedule()
	e.findFlat()
	s := net.Input.Shape
	e.add(e.name("input"), "Input").Data.Set("shape", Ints(s...))
	e.used["output"] = true
	for i := range net.Layers {
		if err := e.layer(i); err != nil {
			return fmt.Errorf("layer %q: %w", net.Layers[i].Name, err)
		}
	}
	last := len(net.Layers) - 1
	e.add("output", "Output").Data.Set("shape", Ints(e.shape(last)...))
	e.connect(e.node(last), "output")
	if e.profile.DepthFirst {
		e.orderDepthFirst()
	}
	e.record.setFormat()
	return nil
}

// refuse notes that the reader cannot have layer i.
func (e *exporter) refuse(i int, reason string) {
	e.refused = append(e.refused, Refused{e.net.Layers[i].Name, reason})
}

// findFlat chooses the layers that are vectors in NIR: what a fully connected
// synapse ends on, as long as nothing that leaves them wants channels, rows and
// columns, for which NIR has no way back.
func (e *exporter) findFlat() {
	layers := e.net.Layers
	e.flat = make([]bool, len(layers))
	for i := range e.flat {
		e.flat[i] = slices.ContainsFunc(layers[i].Synapses, isDense)
		if !e.profile.BareFlatten { // What else ends on it cannot be flattened.
			e.flat[i] = !slices.ContainsFunc(layers[i].Synapses, func(s snn.Synapse) bool { return !isDense(s) })
		}
	}
	for j := len(layers) - 1; j >= 0; j-- {
		for _, s := range layers[j].Synapses {
			if s.From != snn.FromInput && !(isDense(s) && e.flat[j]) {
				e.flat[s.From] = false
			}
		}
	}
}

func isDense(s snn.Synapse) bool { _, ok := s.Connection.(*snn.Dense); return ok }

// shape returns the shape that layer i has in NIR.
func (e *exporter) shape(i int) tensor.Shape {
	s := e.net.ShapeOf(i)
	if i != snn.FromInput && e.flat[i] {
		return s[:1]
	}
	return s
}

// node returns the name of the node that the spikes of layer i leave.
func (e *exporter) node(i int) string {
	if i == snn.FromInput {
		return "input"
	}
	return e.record.Layers[i].Node
}

// maxName bounds names of nodes, which some readers make file names of.
const maxName = 200

// name returns a name like s that no node has. It has no slashes, which HDF5 would
// take for groups, and no dots, which modules of PyTorch cannot have.
func (e *exporter) name(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '/' || r == '.' || r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "_"))
	for len(s) > maxName {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	if s == "" {
		s = "layer"
	}
	unique := s
	for i := 2; e.used[unique]; i++ {
		unique = fmt.Sprintf("%s_%d", s, i)
	}
	e.used[unique] = true
	return unique
}

// clean returns s as a string that HDF5 can hold.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "_"), "\x00", "_")
}

// add adds a node of that unused name.
func (e *exporter) add(name, typ string) *Node {
	n := &Node{Name: name, Type: typ}
	e.g.Nodes = append(e.g.Nodes, n)
	return n
}

func (e *exporter) connect(from, to string) { e.g.Edges = append(e.g.Edges, Edge{from, to}) }

// floats returns a new array that counts against the limit.
func (e *exporter) floats(shape ...int) ([]float32, error) {
	if err := tensor.Shape(shape).Check(); err != nil {
		return nil, err
	}
	n := tensor.Shape(shape).Len()
	if n > e.limit-e.elements {
		return nil, fmt.Errorf("an array of shape %v is more than the file holds", tensor.Shape(shape))
	}
	e.elements += n
	return make([]float32, n), nil
}

// charge returns what a spike of layer i carries.
func (e *exporter) charge(i int) float32 {
	if i == snn.FromInput {
		return 1
	}
	return e.net.Layers[i].Charge
}

// layer adds the nodes of layer i and of the synapses that end on it.
func (e *exporter) layer(i int) error {
	l := &e.net.Layers[i]
	e.record.Layers = append(e.record.Layers, newLayerRecord(l))
	r := &e.record.Layers[i]
	r.Node = e.name(l.Name)
	if !l.IsGate() {
		r.Thresholds = len(l.Neuron.Threshold)
	}
	for _, s := range l.Synapses {
		r.Synapses = append(r.Synapses, newSynapseRecord(s))
	}
	// The first synapse with weights takes the bias, the first of all if none has.
	carrier := slices.IndexFunc(l.Synapses, func(s snn.Synapse) bool {
		switch s.Connection.(type) {
		case *snn.Conv, *snn.Dense:
			return true
		}
		return false
	})
	carrier = max(carrier, 0)
	gain := e.gain(i)
	var last string
	for j, s := range l.Synapses {
		b := branch{layer: i, synapse: j, from: s.From, gain: gain}
		if j == carrier {
			b.bias = l.Bias
		}
		var end string
		var err error
		if b.start, err = e.start(i, s.From); err == nil {
			end, err = e.synapse(b)
		}
		if err != nil {
			return fmt.Errorf("synapse %d (%s): %w", j, s.Connection.Kind(), err)
		}
		if e.flat[i] && !isDense(s) {
			end = e.flatten(end, r.Node, l.Shape)
		}
		if b.bias != nil {
			last = end
			continue
		}
		e.connect(end, r.Node)
	}
	if l.Bias != nil { // Of several biases, py-spinnaker2 takes the last one.
		e.connect(last, r.Node)
	}
	return e.neurons(i, gain)
}

// branch is a synapse on its way into the graph.
type branch struct {
	layer, synapse int
	from           int       // Its source,
	start          string    // and the node that it leaves: that of the source, or a Delay node.
	bias           []float32 // Of the layer if this synapse takes it.
	gain           gain      // Of the layer.
}

// neurons adds the IF or LIF node of layer i, or the node that stands for a gate.
func (e *exporter) neurons(i int, g gain) (err error) {
	l := &e.net.Layers[i]
	s := e.shape(i)
	positions := l.Shape[1] * l.Shape[2]
	n := e.add(e.node(i), "IF")
	n.Metadata = &Tree{}
	r := float32(1 / e.profile.DT)
	parameters := []parameter{
		{"r", func(int) float32 { return r }},
		{"v_threshold", func(j int) float32 { return g.threshold(l, j/positions) }},
	}
	if !e.profile.NoReset {
		parameters = append(parameters, parameter{"v_reset", func(int) float32 { return 0 }})
	}
	if l.IsGate() {
		parameters[1].value = func(int) float32 { return e.gateThreshold(i) }
		if e.profile.Gate == "LIF" {
			n.Type = "LIF"
			parameters = append(parameters,
				parameter{"tau", func(int) float32 { return gateTau }},
				parameter{"v_leak", func(int) float32 { return 0 }})
		}
	} else if parameters, err = e.model(i, n, parameters); err != nil {
		return err
	}
	for _, p := range parameters {
		x, err := e.floats(s...)
		if err != nil {
			return err
		}
		for j := range x {
			x[j] = p.value(j)
		}
		if p.name == "v_threshold" && e.profile.Above && !l.IsGate() {
			n.keep(p.name, slices.Clone(x), s...)
			for j, th := range x {
				x[j] = math.Nextafter32(th, 0)
			}
		}
		n.Data.Set(p.name, Floats(x, s...))
	}
	n.Metadata.Set("layer", Text(clean(l.Name)))
	n.Metadata.Set("lambda", Array{Data: []float32{l.Lambda}})
	e.noteSchedule(i, n)
	if l.IsGate() {
		n.Metadata.Set("gate", Text("max pool"))
		return nil
	}
	n.Metadata.Set("reset", Text(l.Neuron.Reset.String()))
	if v := l.Neuron.VInit; v != nil && l.Start == nil {
		n.Metadata.Set("v_init", Floats(v, len(v)))
	}
	noteStart(l, n, g, s)
	return nil
}

// parameter is an array of a population, with a value for every neuron.
type parameter struct {
	name  string
	value func(j int) float32
}

// flatten adds a Flatten node after the named one.
func (e *exporter) flatten(from, base string, s tensor.Shape) string {
	n := e.add(e.name(base+"_flatten"), "Flatten")
	start := 0
	if e.profile.FlattenFromEnd {
		start = -len(s)
	}
	n.Data.Set("start_dim", Int(start))
	n.Data.Set("end_dim", Int(-1))
	n.Data.Set("input_type", Ints(s...))
	e.connect(from, n.Name)
	return n.Name
}

// synapse adds the nodes of a synapse and returns the last one, or the source
// itself for a plain edge.
func (e *exporter) synapse(b branch) (end string, err error) {
	r := &e.record.Layers[b.layer].Synapses[b.synapse]
	switch k := e.net.Layers[b.layer].Synapses[b.synapse].Connection.(type) {
	case *snn.Conv:
		end, err = e.conv(b, k)
		r.Node = end
	case *snn.Dense:
		end, err = e.dense(b, k)
		r.Node = end
	case *snn.Shortcut:
		return e.shortcut(b, k)
	case *snn.AveragePool:
		return e.averagePool(b, k)
	case *snn.MaxPool:
		return e.gate(b, k)
	default:
		return "", fmt.Errorf("no counterpart is known")
	}
	return end, err
}

// conv adds a Conv2d node of the weights of k times the charge of a spike.
func (e *exporter) conv(b branch, k *snn.Conv) (string, error) {
	in := e.net.ShapeOf(b.from)
	w, err := newSymmetric(k.Window, in[1], in[2], e.profile.Square)
	if err != nil {
		return "", err
	}
	ws := k.Weight.Shape
	folded, err := b.gain.weights(k.Weight, e.charge(b.from))
	if err != nil {
		return "", err
	}
	groups := k.Groups
	if groups > 1 && !e.profile.Groups {
		groups = 1
	}
	shape := []int{ws[0], in[0] / groups, w.window.Kernel[0], w.window.Kernel[1]}
	large, err := e.floats(shape...)
	if err != nil {
		return "", err
	}
	place := grouped{out: ws[0], in: ws[1], groups: k.Groups, wide: shape[1]}
	w.enlarge(large, folded, k.Window.Kernel, place.kernel)
	n, err := e.addConv(b.start, b, Floats(large, shape...), w.window, groups, in, "_conv")
	if err == nil && b.gain != nil {
		n.keep("weight", k.Weight.Data, ws...)
	}
	return n.Name, err
}

// addConv adds a Conv2d node of these weights after the named one, whose output has
// shape in, with the bias if the branch takes it.
func (e *exporter) addConv(from string, b branch, weight Array, w tensor.Window, groups int, in tensor.Shape, suffix string) (*Node, error) {
	n := e.add(e.name(e.node(b.layer)+suffix), "Conv2d")
	n.Data.Set("input_shape", Ints(in[1], in[2]))
	n.Data.Set("weight", weight)
	n.Data.Set("stride", Ints(w.Stride[:]...))
	n.Data.Set("padding", Ints(w.Pad[:2]...))
	n.Data.Set("dilation", Ints(w.Dilation[:]...))
	n.Data.Set("groups", Int(groups))
	e.connect(from, n.Name)
	return n, e.setBias(n, b, weight.Shape[0])
}

// setBias gives a node the bias of the layer if its branch takes that, and zeros
// otherwise.
func (e *exporter) setBias(n *Node, b branch, outputs int) error {
	x, err := e.floats(outputs)
	if err != nil {
		return err
	}
	n.Data.Set("bias", Floats(x, outputs))
	if b.bias == nil {
		return nil
	}
	for c, v := range b.bias {
		x[c] = b.gain.times(v, c)
	}
	e.record.Layers[b.layer].BiasNode = n.Name
	if b.gain != nil {
		n.keep("bias", b.bias, outputs)
	}
	return tensor.CheckFinite(x)
}

// keep leaves numbers of the network that those of the node are made of, and that
// these do not give again, in its metadata, under the same name.
func (n *Node) keep(field string, x []float32, shape ...int) {
	if n.Metadata == nil {
		n.Metadata = &Tree{}
	}
	n.Metadata.Set(field, Floats(x, shape...))
}

// dense adds an Affine node, with a Flatten node before it where the source is
// no vector. Where the layer is none, a convolution of the whole source says the
// same.
func (e *exporter) dense(b branch, k *snn.Dense) (string, error) {
	in, from := e.net.ShapeOf(b.from), b.start
	if !e.flat[b.layer] {
		conv := &snn.Conv{Groups: 1, Window: tensor.Square(1, 1, 0)}
		conv.Window.Kernel = [2]int{in[1], in[2]}
		conv.Weight = tensor.Of(k.Weight.Data, k.Weight.Shape[0], in[0], in[1], in[2])
		return e.conv(b, conv)
	}
	if len(e.shape(b.from)) > 1 {
		if !e.profile.BareFlatten { // A pool that does nothing.
			from = e.pool(b.layer, from, "SumPool2d", tensor.Square(1, 1, 0))
		}
		from = e.flatten(from, e.node(b.layer), in)
	}
	folded, err := b.gain.weights(k.Weight, e.charge(b.from))
	if err != nil {
		return "", err
	}
	e.elements += len(folded)
	n := e.add(e.name(e.node(b.layer)+"_affine"), "Affine")
	n.Data.Set("weight", Floats(folded, k.Weight.Shape...))
	e.connect(from, n.Name)
	if b.gain != nil {
		n.keep("weight", k.Weight.Data, k.Weight.Shape...)
	}
	return n.Name, e.setBias(n, b, k.Weight.Shape[0])
}

// scale adds a Scale node of that shape, with value(i) for element i.
func (e *exporter) scale(name, from string, s tensor.Shape, value func(i int) float32) (string, error) {
	x, err := e.floats(s...)
	if err != nil {
		return "", err
	}
	for i := range x {
		x[i] = value(i)
	}
	if err := tensor.CheckFinite(x); err != nil {
		return "", fmt.Errorf("scales times the charge of a spike overflow: %w", err)
	}
	n := e.add(e.name(name), "Scale")
	n.Data.Set("scale", Floats(x, s...))
	e.connect(from, n.Name)
	return n.Name, nil
}

// shortcut adds the nodes of a shortcut: none, a Scale node, or a convolution that
// takes single neurons.
func (e *exporter) shortcut(b branch, k *snn.Shortcut) (string, error) {
	in := e.net.ShapeOf(b.from)
	value := func(c int) float32 { return e.charge(b.from) * k.ScaleOf(c) }
	identity := k.Stride == [2]int{1, 1} && k.Start == [2]int{} && k.Offset == 0 && in.Equal(k.Shape)
	if b.bias == nil && identity {
		into := e.node(b.layer)
		// Two edges between the same nodes would be one to some readers.
		repeated := slices.Contains(e.g.Edges, Edge{b.start, into})
		if b.gain.allOne(value, in[0]) && e.profile.PlainEdges && (!repeated || e.flat[b.layer]) {
			return b.start, nil
		}
		if e.profile.Scale {
			return e.scale(into+"_shortcut", b.start, in, func(i int) float32 { return value(i / (in[1] * in[2])) })
		}
	}
	w := tensor.Square(1, 1, 0)
	w.Stride = k.Stride
	for a := range 2 {
		// With zeros behind the tap that lead to as many outputs as there are.
		w.Kernel[a] = max(k.Start[a]+1, in[a+1]-k.Shape[a+1]*k.Stride[a]+1)
	}
	if e.profile.Square {
		square := w
		square.Kernel = [2]int{max(w.Kernel[0], w.Kernel[1]), max(w.Kernel[0], w.Kernel[1])}
		if rows, cols, err := square.Out(in[1], in[2]); err == nil && rows == k.Shape[1] && cols == k.Shape[2] {
			w = square
		}
	}
	taps := w.Kernel[0] * w.Kernel[1]
	shape := []int{k.Shape[0], in[0], w.Kernel[0], w.Kernel[1]}
	weight, err := e.floats(shape...)
	if err != nil {
		return "", err
	}
	for c := range in[0] {
		weight[((c+k.Offset)*in[0]+c)*taps+k.Start[0]*w.Kernel[1]+k.Start[1]] = b.gain.times(value(c), c+k.Offset)
	}
	if err := tensor.CheckFinite(weight); err != nil {
		return "", err
	}
	n, err := e.addConv(b.start, b, Floats(weight, shape...), w, 1, in, "_shortcut")
	return n.Name, err
}
