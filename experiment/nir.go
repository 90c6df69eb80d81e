package experiment

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/internal/hint"
	"sresnet/nir"
	"sresnet/snn"
)

// openNIR reads the spiking network of the model and, where the file gives them and the
// options do not, the normalisation and the read-out. Beside a trained network, the file
// says how it was converted.
func (e *Experiment) openNIR() error {
	g, err := nir.ReadFile(e.model.file)
	if err != nil {
		return err
	}
	if err := e.refuseShaping(g.Foreign()); err != nil {
		return err
	}
	rule, err := e.rule(g)
	if err != nil {
		return err
	}
	if e.network, err = networkOf(g, rule, e.model.file); err != nil {
		return err
	}
	if g.Foreign() && e.model.rule == nil { // Few tools go by NIR's.
		e.Options.warn(fmt.Sprintf("another tool wrote %s, which does not say by which rule its neurons go: NIR's is taken, %v; name it as '%s?reset=subtract&fires=at' for another", e.model.file, rule, e.model.file))
	}
	e.File = g
	info, o := nir.InfoOf(g), &e.Options
	o.Normalize, o.Readout = cmp.Or(o.Normalize, info.Normalization), cmp.Or(o.Readout, info.Readout)
	e.takeTimesteps()
	if o.Trained == "" {
		return nil
	}
	return e.checkTrained(&info)
}

// rule returns by which rule neurons of the graph go, if another tool wrote it: that of the
// model, or with another reset, or NIR's.
func (e *Experiment) rule(g *nir.Graph) (nir.Rule, error) {
	o := &e.Options
	switch {
	case e.model.rule != nil && !g.Foreign():
		return nir.Rule{}, bad("model", e.model.file, errors.New("sresnet wrote it, and it says itself how its neurons reset and when they fire"))
	case g.Foreign() && (o.AskedReset || o.Reset != DefaultOptions().Reset):
		rule := nir.Rule{Reset: o.Reset}
		if e.model.rule != nil {
			rule.At = e.model.rule.At
		}
		e.model.rule = &rule
		o.Model = e.model.String() // What a run keeps.
	}
	if e.model.rule != nil {
		return *e.model.rule, nil
	}
	return nirRule, nil
}

// nirRule is the rule of NIR itself.
var nirRule = nir.Rule{Reset: snn.ResetZero}

// takeTimesteps takes the T that the network of a NIR file was calibrated for, or warns if
// another was asked for.
func (e *Experiment) takeTimesteps() {
	o, T := &e.Options, e.network.TunedFor
	switch {
	case T == 0 || T == o.Timesteps:
	case o.OwnT:
		o.Timesteps = T
	default:
		o.warn(fmt.Sprintf("%s was calibrated for T = %d: T = %d is not what its lambdas and biases were chosen for; leave T out, or convert again for that T", e.model.file, T, o.Timesteps))
	}
}

// refuseShaping returns an error for an option that shapes a spiking network: the one of a
// NIR file has its shape, but for the reset of neurons of another tool's file. Only images to calibrate on may be given beside the trained
// network, since other conversions of that may be tried.
func (e *Experiment) refuseShaping(foreign bool) error {
	usual := DefaultOptions()
	for _, p := range Table() {
		if !p.Shapes || p.Get(&e.Options) == p.Get(&usual) {
			continue
		}
		if foreign && p.Name == "reset" {
			continue
		}
		if p.Name == "calibration-images" && e.Options.Calibrate == "" { // So many of none.
			continue
		}
		switch {
		case e.Options.Trained == "":
			return bad(p.Name, "", fmt.Errorf("%s is a spiking network already, without a trained one; give the ONNX file", e.model.file))
		case p.Name != "calibrate" && p.Name != "calibration-images":
			return bad(p.Name, "", fmt.Errorf("%s is converted already; give the ONNX file as the model for another conversion", e.model.file))
		}
	}
	return nil
}

// checkTrained checks that the file of the spiking network was converted from Trained,
// and takes the options of that conversion.
func (e *Experiment) checkTrained(info *nir.Info) error {
	o := &e.Options
	if IsNIR(o.Trained) {
		return bad("trained", o.Trained, errors.New("give the ONNX file"))
	}
	if T := e.network.TunedFor; T > 0 {
		return hint.Error(fmt.Errorf("%s was calibrated for T = %d, layer by layer on images, and cannot be compared with a conversion from its scales alone", e.model.file, T),
			"give %s as the model, with the options of that calibration", cmp.Or(info.Model, "the ONNX file"))
	}
	if e.network.Integer() {
		return hint.Error(fmt.Errorf("%s has weights of %d bits, which were rounded for a number of timesteps, and cannot be compared with a conversion from its scales alone", e.model.file, e.network.Bits),
			"give %s as the model, with the options of that conversion", cmp.Or(info.Model, "the ONNX file"))
	}
	if info.ModelSHA256 == "" || info.Percentile == 0 {
		return hint.Error(fmt.Errorf("%s does not say how it was converted and from which file", e.model.file), "write it again with 'sresnet convert'")
	}
	hash, err := o.HashModel(o.Trained)
	if err != nil {
		return err
	}
	if hash != info.ModelSHA256 {
		return hint.Error(fmt.Errorf("%s was not converted from %s: that has the SHA-256 %.12s, the file that it was converted from %.12s", e.model.file, o.Trained, hash, info.ModelSHA256),
			"give %s as it was then, or convert again", info.Model)
	}
	out := &e.network.Output().Neuron
	o.Percentile, o.VInit, o.Reset, o.Encoding = info.Percentile, 0, out.Reset, e.network.Input.Encoding
	if out.VInit != nil {
		o.VInit = float64(out.VInit[0])
	}
	o.setNeuron(out.Model)
	o.Schedule, o.Coding = e.network.Schedule, e.network.Coding
	return nil
}

// named gives a network that has no name that of its file.
func named(net *snn.Network, file string) *snn.Network {
	if net.Name == "" {
		net.Name = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	return net
}

// networkOf returns the spiking network of a NIR file. One that has no name there has that
// of the file.
func networkOf(g *nir.Graph, rule nir.Rule, name string) (*snn.Network, error) {
	net, err := g.NetworkBy(rule)
	var unsupported *nir.UnsupportedError
	switch {
	case err == nil:
		return named(net, name), nil
	case errors.Is(err, nir.ErrChanged):
		err = hint.Error(err, "write it again with 'sresnet convert'; without the key sresnet_network in its metadata it is read as plain NIR")
	case errors.As(err, &unsupported):
		err = hint.Error(err, "'sresnet nir %s' shows the nodes", name)
	default:
		err = hint.Error(err, "if the file is damaged, write it again with 'sresnet convert' or download it again")
	}
	return nil, fmt.Errorf("%s: %w", name, err)
}

// reconvert converts the trained network again with the scales of the NIR file, which
// must give that file's network: then a change of an option is the only change. s is what
// calibration measures, for what else is tried; its scales become those of the file.
func (e *Experiment) reconvert(s *calibrate.Statistics) error {
	file := e.network
	for i := range file.Layers {
		l := &file.Layers[i]
		// Conversion multiplies the scales of neurons that rest, and the product may round.
		period := float64(l.Neuron.Period())
		if n := s.Node(l.Name); n != nil && float32(float64(n.Lambda)*period) != l.Lambda {
			n.Lambda = float32(float64(l.Lambda) / period)
		}
	}
	if file.Input.Encoding.Spikes() {
		s.InputMax = file.Input.Amplitude
	}
	net, err := convert.Convert(e.Graph, s, e.Options.Convert())
	if err != nil {
		return err
	}
	net = scheduled(net, file.Schedule, file.Coding)
	if f := nir.InfoOf(e.File).Compensation; f != nil {
		if net, err = net.Compensated(f); err != nil {
			return fmt.Errorf("%s: %w", e.model.file, err)
		}
		e.factors.PerLayer = f
	}
	if !sameNetwork(net, file) {
		return hint.Error(fmt.Errorf("%s is not the network that the trained one becomes with the scales and options in it: another version of sresnet wrote it, it was changed, or its neurons are leaky and were calibrated on other images", e.model.file), "convert again")
	}
	e.converted(s)
	return nil
}

// sameNetwork reports whether two networks are the same except for their name and
// the rates to expect.
func sameNetwork(a, b *snn.Network) bool {
	if len(a.Layers) != len(b.Layers) || !reflect.DeepEqual(a.Input, b.Input) || a.Schedule != b.Schedule || a.Coding != b.Coding || a.TunedFor != b.TunedFor || a.Bits != b.Bits || a.StateBits != b.StateBits {
		return false
	}
	for i := range a.Layers {
		x, y := a.Layers[i], b.Layers[i]
		x.Rate = y.Rate
		if len(x.Bias) == 0 && len(y.Bias) == 0 {
			x.Bias, y.Bias = nil, nil
		}
		if !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}

// ReadNIR reads the NIR file of a model, which may say by which rule the neurons of another
// tool go, and its network; why has the reason if it has none that can be simulated.
func ReadNIR(model string) (g *nir.Graph, net *snn.Network, rule nir.Rule, why error, err error) {
	rule.Reset = snn.ResetZero
	m, err := parseModel(model)
	if err != nil {
		return nil, nil, rule, nil, err
	}
	if g, err = nir.ReadFile(m.file); err != nil {
		return nil, nil, rule, nil, err
	}
	if m.rule != nil {
		rule = *m.rule
	}
	net, why = g.NetworkBy(rule)
	return g, net, rule, why, nil
}

// Info returns what a NIR file of the network says of where it comes from; version is
// that of the program.
func (e *Experiment) Info(version string) (nir.Info, error) {
	o := &e.Options
	hash, err := o.HashModel(o.Model)
	if err != nil {
		return nir.Info{}, err
	}
	percentile := o.Percentile
	if o.Tuned() { // By which alone it could not be converted again.
		percentile = 0
	}
	return nir.Info{
		Version: version, Model: filepath.Base(e.model.file), ModelSHA256: hash,
		Normalization: o.Normalize, Readout: o.Readout,
		Percentile: percentile, Compensation: e.factors.PerLayer,
		Conversion: fmt.Sprintf("%s, from %d images of %s, V[0] %v, compensation %v", o.Scales(), e.Calibration.Len(), SourceOf(o.Calibrate), o.VInit, e.factors.String()),
	}, nil
}

// SourceOf returns what a spec of images names, without its options.
func SourceOf(spec string) string {
	s, _ := dataset.ParseSpec(spec)
	return s.Source
}

// Scales says how scales come from activations, and what else is calibrated.
func (o *Options) Scales() string {
	words := fmt.Sprintf("percentile %v", o.Percentile)
	if o.Lambdas == ChannelLambdas {
		words = "a lambda per channel"
	}
	if o.SharedLambda {
		words += ", one lambda along identity shortcuts"
	}
	for _, c := range []struct {
		is   bool
		what string
	}{{o.Bits > 0, fmt.Sprintf("weights of %d bits", o.Bits)}, {o.StateBits > 0, fmt.Sprintf("potentials of %d bits", o.StateBits)}, {o.Match&MatchBias != 0, "biases matched"}, {o.Match&MatchStart != 0, "start potentials matched"}, {o.Refit, "weights fitted anew"}, {o.Tuned(), fmt.Sprintf("for T = %d", o.Timesteps)}} {
		if c.is {
			words += ", " + c.what
		}
	}
	return words
}
