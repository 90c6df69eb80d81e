package nir

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/snn"
)

// Warnings tell what readers of a graph will do otherwise than the network.
const (
	warnPhased   = "firing windows need a layer-by-layer schedule or microcode, and NIR cannot say them: readers that do not look at the metadata let all neurons fire at every timestep, which is another network"
	warnCoding   = "a neuron fires once, and the time of its spike is its value, which NIR cannot say: readers take it for one spike"
	warnDelays   = "synapses that go around other populations hold spikes back for some windows, which takes Delay nodes: convert for a T to have them; the metadata phase says how many windows"
	warnStart    = "neurons begin with potentials of their own, which NIR cannot say: readers begin at 0; they are v_start in the metadata of the nodes, to be set by hand, or convert without start potentials"
	warnReset    = "neurons reset by subtraction, which NIR cannot say: readers that reset to zero lose charge with every spike"
	warnVInit    = "neurons begin with a potential above 0, which NIR cannot say: readers begin at 0"
	warnCompare  = "neurons fire when the potential reaches the threshold (>=), those of NIR when it is above (>)"
	warnEncoding = "the image comes in as %s, which NIR cannot say: encode it before the graph"
	warnLeak     = "leaky neurons whose potential is multiplied by 1 - dt / tau: readers that multiply it by exp(-dt / tau), or take another dt than the 1 of the metadata, leak otherwise"
	warnWhole    = "weights are whole numbers, of pixels that are whole numbers, too, which NIR cannot say: divide pixels by pixel_unit of the metadata and round them, to pixel_levels at most, before the graph"
	warnRest     = "neurons that rest after a spike, which NIR cannot say: readers let them fire again at once"
	warnGate     = "max-pool gates, which NIR has not: a pool and a node of neurons stand for them, which fire whenever a neuron under the window does, and so more often"
	warnGroups   = "convolutions in groups, for which nir.read needs type_check=False and of which Sinabs takes the number of input channels wrongly"
	warnSquare   = "kernels with more rows than columns, or fewer, for which nir.read needs type_check=False"
	warnScale    = "Scale nodes, which few readers have (Spyx before 1.0)"
	warnUniform  = "thresholds that differ within a layer, which snnTorch and SpikingJelly refuse"
	compareName  = ">="
	maxCondensed = 5 // Names that a warning lists.
)

// warn fills in the warnings: what NIR cannot say, and with a profile for a reader
// what this reader will get wrong, with no word of what it gets right. It returns an
// error if the reader cannot read the graph at all.
func (e *exporter) warn() error {
	var notes []string
	r := readerNamed(e.profile.Reader)
	if r != nil {
		v := r.read(e.g)
		if !v.Reads {
			return fmt.Errorf("%s cannot read the graph: %s", v.Reader, v.Why)
		}
		notes = v.Notes
	}
	about := make(map[string][]string) // Warning to names of nodes.
	add := func(w, name string) { about[w] = append(about[w], name) }
	for _, w := range e.scheduleWarnings() {
		add(w, "")
	}
	if e.net.Integer() {
		add(warnWhole, "")
	}
	for i := range e.net.Layers {
		l := &e.net.Layers[i]
		name := e.node(i)
		if l.IsGate() {
			add(warnGate, name)
			continue
		}
		if l.Neuron.Reset == snn.ResetSubtract && r == nil { // Readers have a note of it.
			add(warnReset, "")
		}
		if a, _ := l.Neuron.Decay(); a != 1 {
			add(warnLeak, "")
		}
		if l.Neuron.Period() > 1 {
			add(warnRest, "")
		}
		if l.Start != nil {
			add(warnStart, "")
		} else if slices.ContainsFunc(l.Neuron.VInit, func(v float32) bool { return v != 0 }) {
			add(warnVInit, "")
		}
		if r == nil && slices.ContainsFunc(l.Neuron.Threshold, func(th float32) bool { return th != l.Neuron.Threshold[0] }) {
			add(warnUniform, name)
		}
	}
	if !e.profile.Above && (r == nil || r.fires != compareName) {
		add(warnCompare, "")
	}
	enters := fmt.Sprintf(warnEncoding, e.net.Input.Encoding.Note())
	if !e.net.Input.Encoding.Constant() {
		add(enters, "")
	}
	for _, n := range e.g.Nodes {
		switch n.Type {
		case "Conv2d":
			if g, _ := n.Data.Arrays["groups"].Ints(); g[0] > 1 {
				add(warnGroups, n.Name)
			}
			if s := n.Data.Arrays["weight"].Shape; s[2] != s[3] {
				add(warnSquare, n.Name)
			}
		case "Scale":
			add(warnScale, n.Name)
		}
	}
	for _, w := range []string{warnPhased, warnCoding, warnDelays, warnStart, warnReset, warnVInit, warnCompare, warnLeak, warnRest, enters, warnWhole, warnGate, warnGroups, warnSquare, warnScale, warnUniform} {
		names, ok := about[w]
		if !ok {
			continue
		}
		if names[0] != "" {
			w += ": " + condensed(names)
		}
		e.warnings = append(e.warnings, w)
	}
	for _, n := range notes {
		e.warnings = append(e.warnings, r.name+": "+n)
	}
	return nil
}

// condensed lists a few names, and says how many more there are.
func condensed(names []string) string {
	s := strings.Join(names[:min(len(names), maxCondensed)], ", ")
	if more := len(names) - maxCondensed; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// metadata returns that of the graph without the warnings.
func (e *exporter) metadata(info Info) (*Tree, error) {
	t := &Tree{}
	for _, s := range info.strings() {
		if *s.value != "" {
			t.Set(s.key, Text(clean(*s.value)))
		}
	}
	if info.Percentile > 0 {
		t.Set(percentileKey, Array{Data: []float64{info.Percentile}})
	}
	if len(info.Compensation) > 0 {
		t.Set(compensationKey, Floats(info.Compensation, len(info.Compensation)))
	}
	t.Set("tool", Text("sresnet"))
	t.Set("profile", Text(e.profile.Name))
	t.Set("dt", Array{Data: []float64{e.profile.DT}})
	t.Set("threshold_compare", Text(compareName))
	if code := e.afterLoading(); code != "" {
		t.Set(afterKey, Text(code))
	}
	t.Set("reset", Text(e.reset()))
	t.Set("encoding", Text(e.net.Input.Encoding.String()))
	if e.net.Input.Encoding.Spikes() {
		t.Set("amplitude", Array{Data: []float32{e.net.Input.Amplitude}})
	}
	e.setSchedule(t)
	r, err := e.record.array()
	t.Set(recordKey, r)
	return t, err
}

// reset returns the reset of all neurons, or "mixed".
func (e *exporter) reset() string {
	reset := e.net.Output().Neuron.Reset
	for i := range e.net.Layers {
		if l := &e.net.Layers[i]; !l.IsGate() && l.Neuron.Reset != reset {
			return "mixed"
		}
	}
	return reset.String()
}
