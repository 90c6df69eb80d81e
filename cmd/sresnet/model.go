package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/dataset"
	"sresnet/nir"
)

// isNIR reports whether a MODEL is a spiking network already.
func isNIR(model string) bool { return strings.EqualFold(filepath.Ext(model), ".nir") }

// conversionFlags are the options that shape a spiking network. The one of a NIR
// file has its shape.
var conversionFlags = []string{
	"calibrate", "calibration-images", "percentile", "shared-lambda", "v-init", "encoding", "reset", "compensation", "compensation-images",
}

// refuse returns a usage error for the first of the named options that was given:
// they mean nothing for model, a NIR file.
func refuse(cmd *cobra.Command, model string, names ...string) error {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			return &usageError{cmd.CommandPath(), fmt.Errorf("--%s: %s is a spiking network already, with no trained one beside it; give the ONNX file", name, model)}
		}
	}
	return nil
}

// openModel is all steps before the work, for either kind of MODEL: an ONNX file is
// read and checked, and ready makes a spiking network of it; that of a NIR file is
// there, and the pipeline has no trained network.
func (p *pipeline) openModel(cmd *cobra.Command, model string) error {
	if !isNIR(model) {
		return p.open(cmd.Context(), model)
	}
	if err := refuse(cmd, model, conversionFlags...); err != nil {
		return err
	}
	p.model = model
	return p.openNIR(cmd.Context(), cmd.Flags().Changed("readout"))
}

// ready is all steps between openModel and the work.
func (p *pipeline) ready(ctx context.Context) error {
	if p.graph == nil {
		return nil
	}
	return p.prepare(ctx)
}

// openNIR reads the network and the test images, and fills --normalize and, unless
// it was given, --readout with what the file says.
func (p *pipeline) openNIR(ctx context.Context, readoutGiven bool) error {
	if err := p.readNetwork(readoutGiven); err != nil {
		return err
	}
	test, err := p.openDataset(p.data, dataset.Test, "--data")
	if err != nil {
		return err
	}
	if _, test, err = p.resized(test, test); err != nil {
		return err
	}
	if err := p.fits(test); err != nil {
		return err
	}
	if test, err = p.firstImages(test); err != nil {
		return err
	}
	if p.normalize == "" {
		c, _, _ := test.Shape().CHW()
		p.normalize = defaultNormalization(test.Name(), c)
	}
	p.test, err = p.testImages(ctx, test)
	return err
}

// readNetwork reads the spiking network of the NIR file p.model, and fills
// --normalize and, unless it was given, --readout as far as the file says them.
func (p *pipeline) readNetwork(readoutGiven bool) error {
	g, err := nir.ReadFile(p.model)
	if err != nil {
		return err
	}
	if p.network, err = g.Network(); err != nil {
		var unsupported *nir.UnsupportedError
		switch {
		case errors.Is(err, nir.ErrChanged):
			err = hinted(err, "write it again with 'sresnet convert'; without the key sresnet_network of its metadata it is read as NIR means it")
		case errors.As(err, &unsupported):
			err = hinted(err, "'sresnet nir %s' shows the nodes", p.model)
		default:
			err = hinted(err, "if the file is damaged, write it again with 'sresnet convert' or download it again")
		}
		return fmt.Errorf("%s: %w", p.model, err)
	}
	p.file = g
	p.nameNetwork()
	info := nir.InfoOf(g)
	p.normalize = cmp.Or(p.normalize, info.Normalization)
	if !readoutGiven && info.Readout != "" {
		p.readout = info.Readout
	}
	return nil
}

// nameNetwork gives the network of a NIR file that says no name the name of the file.
func (p *pipeline) nameNetwork() {
	if p.network.Name == "" {
		p.network.Name = strings.TrimSuffix(filepath.Base(p.model), filepath.Ext(p.model))
	}
}

// wantsTrained is the error of a NIR file where the trained network is wanted, for
// that reason.
func wantsTrained(name, reason string) error {
	from := "the .onnx file that it was converted from"
	if g, err := nir.ReadFile(name); err == nil {
		if i := nir.InfoOf(g); i.Model != "" {
			from = clean(i.Model) + ", which it was converted from"
		}
	}
	return hinted(fmt.Errorf("%s is a spiking network already, and a trained one is wanted: %s", name, reason), "give %s", from)
}
