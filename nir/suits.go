package nir

import (
	"slices"

	"sresnet/snn"
)

// Suits returns a [*RefusedError] unless the reader of the profile, set up as [AfterLoading]
// says, runs the network of the graph that [FromNetwork] makes spike for spike, but for
// rounding. FromNetwork itself writes what it can and warns. A profile without a reader suits
// every network.
func (p Profile) Suits(net *snn.Network) error {
	r := readerNamed(p.Reader)
	if r == nil {
		return nil
	}
	if err := p.CheckSchedule(net.Schedule); err != nil {
		return err
	}
	e := &RefusedError{Reader: p.Reader}
	seen := make(map[string]bool)
	refuse := func(layer, reason string) {
		if !seen[reason] { // Mostly all layers are alike.
			seen[reason] = true
			e.Layers = append(e.Layers, Refused{layer, reason})
		}
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		if l.IsGate() {
			refuse(l.Name, "it has no max pools, and what can stand for one fires more often; train with average pools or strides instead")
			continue
		}
		reset := l.Neuron.Reset
		switch {
		case r.reset == "zero" && p.Name != "spikingjelly" && reset == snn.ResetSubtract:
			refuse("", "its neurons reset to 0, and those of this network subtract their threshold: convert with reset zero for the network that it runs, which in deep networks is a poor one")
		case r.reset == "subtract" && reset == snn.ResetZero:
			refuse("", "its neurons subtract their threshold, and those of this network reset to 0: convert with reset subtract")
		case reset != net.Output().Neuron.Reset:
			refuse(l.Name, "its neurons all reset alike")
		}
		if l.Neuron.Period() > 1 {
			refuse("", "its neurons do not rest after a spike: convert without refractory timesteps")
		}
		for j := range l.Neurons() {
			if l.StartOf(j) != 0 {
				refuse("", "its neurons begin at 0: convert with V[0] of 0, and without start potentials of their own")
				break
			}
		}
	}
	if len(e.Layers) > 0 {
		return e
	}
	return nil
}

// afterKey is that of [AfterLoading].
const afterKey = "after_loading"

// AfterLoading returns lines of Python that make the tool that a file is written for run it as
// it is meant, if net is what the tool has loaded; "" where there is nothing to set.
func AfterLoading(g *Graph) string { return g.Metadata.Text(afterKey) }

// afterLoading returns those lines for the profile.
func (e *exporter) afterLoading() string {
	lines := map[string]string{
		"spikingjelly": `from spikingjelly.activation_based import neuron
for m in net.modules():
    if isinstance(m, neuron.IFNode):
        m.v_reset = None
`,
		"sinabs": `import sinabs.activation, sinabs.layers
for m in net.modules():
    if isinstance(m, sinabs.layers.IAFSqueeze):
        m.spike_fn = sinabs.activation.SingleSpike
        m.min_v_mem = None
`,
		"snntorch": `import snntorch
for m in net.modules():
    if isinstance(m, snntorch.Leaky):
        m.beta.fill_(1.0)
        m.reset_delay = True
        if not hasattr(net, "execution_order"):  # Releases after 0.9.4.
            m.init_hidden = True
`,
	}
	// What stands for a gate is no neuron like others.
	gates := slices.ContainsFunc(e.net.Layers, func(l snn.Layer) bool { return l.IsGate() })
	if gates || e.reset() != snn.ResetSubtract.String() {
		return ""
	}
	return lines[e.profile.Name]
}
