package experiment

import (
	"context"
	"fmt"
	"slices"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/internal/hint"
	"sresnet/internal/nearest"
	"sresnet/snn"
)

// values returns the scales that are no factors.
func (s Scales) values() Scales {
	some := make(Scales)
	for layer, scale := range s {
		if scale.Factor == 0 {
			some[layer] = scale
		}
	}
	return some
}

// layersOf returns the layers that a name in [Options.Lambda] is of: one of that name with the
// one that has the same lambda, or all that do the work of a node of that name in the file.
func (e *Experiment) layersOf(name string) []string {
	all := calibrate.Layers(e.Graph)
	if slices.Contains(all, name) {
		return append(convert.SameScale(e.Graph, name), name)
	}
	var list []string
	for _, l := range all {
		if e.Graph.Node(l).Of == name {
			list = append(list, l)
		}
	}
	return list
}

// checkScales returns an [*OptionError] for a lambda of a layer that is not there.
func (e *Experiment) checkScales() error {
	for name, scale := range e.Options.Lambda {
		if len(e.layersOf(name)) == 0 {
			err := fmt.Errorf("%s has no layer of that name with a lambda%s", e.Graph.Name, nearest.DidYouMean(name, calibrate.Layers(e.Graph)))
			return bad("lambda", name+"="+scale.String(), hint.Error(err, "'sresnet inspect MODEL' lists the layers"))
		}
	}
	return nil
}

// withScales returns s with the lambdas that layers have, but for factors on what calibration for
// T is yet to choose.
func (e *Experiment) withScales(ctx context.Context, s *calibrate.Statistics) (*calibrate.Statistics, error) {
	scales := e.Options.Lambda
	if e.Options.Tuned() {
		scales = scales.values()
	}
	if len(scales) == 0 {
		return s, nil
	}
	c := *s
	c.Nodes = slices.Clone(s.Nodes)
	for _, name := range scales.names() {
		scale := scales[name]
		for _, layer := range e.layersOf(name) {
			lambda := float32(scale.Value)
			if scale.Factor > 0 {
				lambda = float32(float64(s.Node(layer).Lambda) * scale.Factor)
			}
			if scale.Percentile > 0 {
				other, err := e.measured(ctx, scale.Percentile)
				if err != nil {
					return nil, err
				}
				lambda = other.Node(layer).Lambda
			}
			c.Node(layer).Lambda = lambda
		}
	}
	return &c, nil
}

// rescaled returns net, if calibration for T has chosen its lambdas, with the factors on them
// that the options have.
func (e *Experiment) rescaled(net *snn.Network) (*snn.Network, error) {
	if !e.Options.Tuned() {
		return net, nil
	}
	for _, name := range e.Options.Lambda.names() {
		f := e.Options.Lambda[name].Factor
		if f == 0 {
			continue
		}
		done := false
		for _, layer := range e.layersOf(name) {
			i := slices.IndexFunc(net.Layers, func(l snn.Layer) bool { return l.Name == layer })
			if i < 0 {
				continue
			}
			var err error
			if net, err = net.Rescaled(i, []float32{float32(f)}); err != nil {
				return nil, bad("lambda", name+"="+e.Options.Lambda[name].String(), err)
			}
			done = true
		}
		if !done {
			return nil, bad("lambda", name+"="+e.Options.Lambda[name].String(), fmt.Errorf("the spiking network has no layer of that name"))
		}
	}
	return net, nil
}
