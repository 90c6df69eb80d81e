package main

import (
	"context"
	"fmt"
	"reflect"

	"github.com/spf13/cobra"

	"sresnet/internal/hint"
	"sresnet/internal/regular"
	"sresnet/internal/terminal"
	"sresnet/nir"
	"sresnet/snn"
)

// openBeside is openModel for a NIR file with the trained network that it was
// converted from. The file says how that was done.
func (p *pipeline) openBeside(cmd *cobra.Command, model, trained string) error {
	if trained == "" {
		return wantsTrained(model, "errors are what is between its activations and the rates; name it with --ann")
	}
	if isNIR(trained) {
		return &usageError{p.command, fmt.Errorf("--ann %s: give an ONNX file", trained)}
	}
	for _, name := range conversionFlags {
		switch name {
		case "calibrate", "calibration-images": // Other percentiles are tried.
		default:
			if cmd.Flags().Changed(name) {
				return &usageError{p.command, fmt.Errorf("--%s: %s is converted already; give the ONNX file as MODEL to diagnose another conversion", name, model)}
			}
		}
	}
	p.model = model
	if err := p.readNetwork(cmd.Flags().Changed("readout")); err != nil {
		return err
	}
	info := nir.InfoOf(p.file)
	if info.ModelSHA256 == "" || info.Percentile == 0 {
		return hint.Error(fmt.Errorf("%s does not say how it was converted, and from which file", model), "write it again with 'sresnet convert'")
	}
	hash, err := regular.Hash(trained)
	if err != nil {
		return err
	}
	if hash != info.ModelSHA256 {
		return hint.Error(fmt.Errorf("%s was not converted from %s: that has the SHA-256 %.12s, the file that it was converted from %.12s", model, trained, hash, info.ModelSHA256), "give %s as it was then, or convert again", terminal.Clean(info.Model))
	}
	p.percentile = info.Percentile
	p.vInit, p.reset, p.encoding = 0, p.network.Output().Neuron.Reset.String(), p.network.Input.Encoding.String()
	if v := p.network.Output().Neuron.VInit; v != nil {
		p.vInit = float64(v[0])
	}
	err = p.open(cmd.Context(), trained)
	p.model = model
	return err
}

// reconvert calibrates the trained network, for what else is tried, and converts it
// again with the scales of the NIR file, which must give that file's network: then a
// change of an option is the only change.
func (p *pipeline) reconvert(ctx context.Context) error {
	file := p.network
	if err := p.calibrateGraph(ctx); err != nil {
		return err
	}
	for i := range file.Layers {
		l := &file.Layers[i]
		if n := p.statistics.Node(l.Name); n != nil {
			n.Lambda = l.Lambda
		}
	}
	if file.Input.Encoding == snn.Poisson {
		p.statistics.InputMax = file.Input.Amplitude
	}
	if err := p.convertGraph(); err != nil {
		return err
	}
	if f := nir.InfoOf(p.file).Compensation; f != nil {
		var err error
		if p.network, err = p.network.Compensated(f); err != nil {
			return fmt.Errorf("%s: %w", p.model, err)
		}
		p.factors.factors = f
	}
	if !sameNetwork(p.network, file) {
		return hint.Error(fmt.Errorf("%s is another network than the trained one converts into with the scales and options in it: another version of sresnet wrote it, or it was changed", p.model), "convert again")
	}
	p.network = file // With its rates.
	return nil
}

// sameNetwork reports whether two networks are the same but for their name and the
// rates to expect.
func sameNetwork(a, b *snn.Network) bool {
	if len(a.Layers) != len(b.Layers) || !reflect.DeepEqual(a.Input, b.Input) {
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
