package nir

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// The neuron models of NIR are differential equations. A LIF node is
//
//	tau dv/dt = v_leak - v + r I
//
// which readers take in timesteps of dt by Euler's rule:
//
//	v[t] = A v[t-1] + k (I[t] + v_leak / r)     A = 1 - dt / tau     k = r dt / tau
//
// Those of snn.LIF have k = 1 and v_leak = 0, and so tau = dt / (1 - A) and
// r = 1 / (1 - A). What NIR cannot say lies in metadata.

// modelRecord is the model of a layer in the record, nil for snn.IF.
type modelRecord struct {
	LIF          *snn.LIF
	Gain, Offset float32
}

func newModelRecord(n *snn.Neuron) *modelRecord {
	if m, ok := n.Model.(snn.LIF); ok {
		return &modelRecord{LIF: &m, Gain: n.Gain, Offset: n.Offset}
	}
	return nil
}

// neuron returns the neurons of the record, without thresholds.
func (r *layerRecord) neuron() snn.Neuron {
	n := snn.Neuron{VInit: r.VInit, Reset: r.Reset}
	if m := r.Model; m != nil {
		n.Gain, n.Offset = m.Gain, m.Offset
		if m.LIF != nil {
			n.Model = *m.LIF
		}
	}
	return n
}

// model makes n, an IF node with the parameters of one, the node of a layer's model.
func (e *exporter) model(i int, n *Node, parameters []parameter) ([]parameter, error) {
	l := &e.net.Layers[i]
	constant := func(name string, v float32) parameter { return parameter{name, func(int) float32 { return v }} }
	switch m := l.Neuron.Model.(type) {
	case nil, snn.IF:
	case snn.LIF:
		if m.Refractory > 0 {
			n.Metadata.Set("refractory", Int(m.Refractory))
		}
		if m.Leak == 1 {
			break
		}
		if e.profile.Name != Generic.Name {
			e.refuse(i, "leaky neurons have no form for tools, which differ in how they count time")
		}
		n.Type = "LIF"
		n.Metadata.Set("leak", Array{Data: []float32{m.Leak}})
		r := 1 / (1 - float64(m.Leak))
		parameters[0] = constant("r", float32(r))
		parameters = append(parameters, constant("tau", float32(e.profile.DT*r)), constant("v_leak", 0))
	default:
		return nil, fmt.Errorf("no node is known for %v neurons", m)
	}
	return parameters, nil
}

// populations are the types of nodes that can be layers.
var populations = []string{"IF", "LIF"}

// neuron returns what a node of others, of neurons of shape s, means: the model, what
// its thresholds are divided by, and a constant current per channel, nil for none.
func (p *interpreter) neuron(n *Node, s tensor.Shape) (m snn.Model, k float64, current []float64, err error) {
	if n.Type == "LIF" {
		return p.leaky(n, s)
	}
	// Potentials grow by dt r I, and files do not say what dt is. Writers set r to 1 for
	// a step of 1, or to 1 / dt, so that one r for all is that.
	r, err := n.Data.Arrays["r"].Float32s()
	if p.r == 0 && err == nil && len(r) > 0 {
		p.r = r[0]
	}
	if err != nil || len(r) == 0 || slices.ContainsFunc(r, func(v float32) bool { return v != p.r || !(v > 0) }) {
		return nil, 0, nil, errors.New("r is not one positive number for all neurons of the network")
	}
	return nil, 1, nil, nil
}

// leaky is neuron for a LIF node. The length of a timestep is what the metadata of the
// graph say, or what makes k one.
func (p *interpreter) leaky(n *Node, s tensor.Shape) (_ snn.Model, k float64, current []float64, err error) {
	var m snn.LIF
	one := func(field string) (float64, error) {
		x, err := n.Data.Arrays[field].Float32s()
		if err != nil || len(x) == 0 || !(x[0] > 0) || slices.ContainsFunc(x, func(v float32) bool { return v != x[0] }) {
			return 0, fmt.Errorf("%s is not one positive number for all its neurons", field)
		}
		return float64(x[0]), nil
	}
	tau, err1 := one("tau")
	r, err2 := one("r")
	if err := errors.Join(err1, err2); err != nil {
		return nil, 0, nil, err
	}
	dt := tau / r
	if p.g.Metadata != nil {
		if x, err := p.g.Metadata.Arrays["dt"].Float64(); err == nil {
			dt = x
		}
	}
	m.Leak, k = float32(1-dt/tau), r*dt/tau
	if !(m.Leak > 0 && m.Leak < 1 && k > 0) {
		return nil, 0, nil, fmt.Errorf("a leak of 1 - dt/tau = %v per timestep; the metadata dt of the graph, or r = tau/dt, must say how long a timestep is", m.Leak)
	}
	leak, err := perChannel(n.Data.Arrays["v_leak"], s)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("v_leak: %w", err)
	}
	if slices.ContainsFunc(leak, func(v float32) bool { return v != 0 }) {
		for _, v := range leak {
			current = append(current, float64(v)/r)
		}
	}
	return m, k, current, nil
}
