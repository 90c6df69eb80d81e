package nir

import (
	"fmt"
	"strings"

	"sresnet/snn"
	"sresnet/tensor"
)

// What NIR has no word for, firing windows, spikes whose time is their value, and
// potentials that neurons begin with, lies in metadata. What it has one for is the delay
// of a shortcut around populations: a Delay node, for networks that were calibrated for
// a T and so have windows of a known length.

// Keys of the metadata that say it; see docs/nir.md.
const (
	scheduleKey  = "schedule"
	codingKey    = "coding"
	tunedKey     = "tuned_for"
	latencyKey   = "latency"
	phaseKey     = "phase"
	lambdasKey   = "lambdas"
	startKey     = "v_start"
	exactKey     = "v_start_exact"
	bitsKey      = "bits"
	saturatesKey = "v_saturates"
	unitKey      = "pixel_unit"
	levelsKey    = "pixel_levels"
	sourcesKey   = "takes_over"
	scalesKey    = "takes_over_scale"
)

// maxWindow bounds the T of files.
const maxWindow = 1<<16 - 1

// CheckSchedule returns a [*RefusedError] if the reader has no firing windows, which no
// reader has that a profile is for.
func (p Profile) CheckSchedule(s snn.Schedule) error {
	if s == snn.Synchronous || p.Reader == "" {
		return nil
	}
	return &RefusedError{p.Reader, []Refused{{"", "its neurons fire at every timestep, and firing windows need a layer-by-layer schedule or microcode; convert with the synchronous schedule for it"}}}
}

// schedule begins the record with the schedule.
func (e *exporter) schedule() {
	e.phases = e.net.Phases()
	e.record.TunedFor, e.record.Bits, e.record.StateBits = e.net.TunedFor, e.net.Bits, e.net.StateBits
	if e.net.Schedule != snn.Synchronous {
		e.record.Schedule = e.net.Schedule.String()
	}
	if e.net.Coding != snn.Rate {
		e.record.Coding = e.net.Coding.String()
	}
}

// schedule gives net what the record says of its schedule.
func (r *record) schedule(net *snn.Network) (err error) {
	if r.Schedule != "" {
		if net.Schedule, err = snn.ScheduleNamed(r.Schedule); err != nil {
			return err
		}
	}
	if r.Coding != "" {
		if net.Coding, err = snn.CodingNamed(r.Coding); err != nil {
			return err
		}
	}
	if r.TunedFor < 0 || r.TunedFor > maxWindow {
		return fmt.Errorf("calibrated for T = %d, which must be between 1 and %d", r.TunedFor, maxWindow)
	}
	net.TunedFor, net.Bits, net.StateBits = r.TunedFor, r.Bits, r.StateBits
	return nil
}

// phase returns that of layer i, or of the image.
func (e *exporter) phase(i int) int {
	if i == snn.FromInput {
		return 0
	}
	return e.phases[i]
}

// windows returns for how many windows a synapse from layer from into layer i holds spikes
// back; see [snn.Network.Delay].
func (e *exporter) windows(i, from int) int {
	if e.net.Schedule == snn.Synchronous || e.net.Layers[i].IsGate() {
		return 0
	}
	return e.phase(i) - 1 - e.phase(from)
}

// start returns the node that a synapse from layer from into layer i leaves: that of the
// source or, where it holds spikes back for a time that is known, a Delay node behind that.
func (e *exporter) start(i, from int) (string, error) {
	steps := e.windows(i, from) * e.net.TunedFor
	if steps == 0 {
		return e.node(from), nil
	}
	s := e.shape(from)
	x, err := e.floats(s...)
	if err != nil {
		return "", err
	}
	for j := range x {
		x[j] = float32(float64(steps) * e.profile.DT)
	}
	n := e.add(e.name(e.node(i)+"_delay"), "Delay")
	n.Data.Set("delay", Floats(x, s...))
	e.connect(e.node(from), n.Name)
	return n.Name, nil
}

// noteSchedule writes into the metadata of the node of layer i what its lambdas are, when it
// fires, and from which nodes it takes over what their neurons have left.
func (e *exporter) noteSchedule(i int, n *Node) {
	l := &e.net.Layers[i]
	if l.Lambdas != nil {
		n.Metadata.Set(lambdasKey, Floats(l.Lambdas, len(l.Lambdas)))
	}
	if e.net.Schedule != snn.Synchronous {
		n.Metadata.Set(phaseKey, Int(e.phases[i]))
	}
	var sources []string
	var scales []float32
	for _, s := range l.Synapses {
		if k, ok := s.Connection.(*snn.Shortcut); ok && k.Remainder {
			sources = append(sources, e.node(s.From))
			for c := range l.Shape[0] {
				scales = append(scales, k.ScaleOf(c))
			}
		}
	}
	if sources != nil {
		n.Metadata.Set(sourcesKey, Text(strings.Join(sources, "\n")))
		n.Metadata.Set(scalesKey, Floats(scales, len(sources), l.Shape[0]))
	}
}

// noteStart writes the potentials that the neurons of l begin with into the metadata of
// their node, in its unit, which is g times that of the network; those of the network
// beside them if they differ.
func noteStart(l *snn.Layer, n *Node, g gain, s tensor.Shape) {
	if l.Start == nil {
		return
	}
	if g == nil {
		n.Metadata.Set(startKey, Floats(l.Start, s...))
		return
	}
	positions := l.Shape[1] * l.Shape[2]
	x := make([]float32, len(l.Start))
	for j, v := range l.Start {
		x[j] = g.times(v, j/positions)
	}
	n.Metadata.Set(startKey, Floats(x, s...))
	n.Metadata.Set(exactKey, Floats(l.Start, s...))
}

// start returns the potentials that the n neurons of a node begin with.
func (s *store) start(name string, n int) ([]float32, error) {
	for _, key := range []string{exactKey, startKey} {
		if s.kept(name, key) {
			return s.floats(name, key, n)
		}
	}
	return nil, fmt.Errorf("node %q has no %s in its metadata", name, startKey)
}

// setSchedule writes into the metadata of the graph what pixels and weights are whole numbers
// of, when populations fire and what the network was calibrated for.
func (e *exporter) setSchedule(t *Tree) {
	if e.net.Integer() {
		t.Set(bitsKey, Int(e.net.Bits))
		t.Set(saturatesKey, Int(int(e.net.Saturates())))
		t.Set(unitKey, Array{Data: []float32{e.net.Input.Unit}})
		t.Set(levelsKey, Int(e.net.Input.Levels))
	}
	if e.net.TunedFor > 0 {
		t.Set(tunedKey, Int(e.net.TunedFor))
	}
	if e.net.Schedule == snn.Synchronous {
		return
	}
	t.Set(scheduleKey, Text(e.net.Schedule.String()))
	t.Set(codingKey, Text(e.net.Coding.String()))
	if e.net.TunedFor > 0 {
		t.Set(latencyKey, Int(e.net.Latency(e.net.TunedFor)))
	}
}

// scheduleWarnings returns what readers will do otherwise for want of the schedule.
func (e *exporter) scheduleWarnings() (list []string) {
	if e.net.Schedule == snn.Synchronous {
		return nil
	}
	list = append(list, warnPhased)
	if e.net.Coding != snn.Rate {
		list = append(list, warnCoding)
	}
	if e.net.TunedFor == 0 && e.delays() {
		list = append(list, warnDelays)
	}
	return list
}

// delays reports whether a synapse holds spikes back.
func (e *exporter) delays() bool {
	for i := range e.net.Layers {
		for _, s := range e.net.Layers[i].Synapses {
			if e.windows(i, s.From) > 0 {
				return true
			}
		}
	}
	return false
}
