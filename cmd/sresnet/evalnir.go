package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/nir"
)

// isNIR reports whether a MODEL is a spiking network already.
func isNIR(model string) bool { return strings.EqualFold(filepath.Ext(model), ".nir") }

// trainedOnly are the options of eval that only mean something beside a trained
// network.
var trainedOnly = []string{
	"calibrate", "calibration-images", "percentile", "v-init", "encoding", "reset", "compensation", "compensation-images", "device",
}

// refuseTrainedOnly returns a usage error for the first of these options that is
// given.
func refuseTrainedOnly(cmd *cobra.Command, model string) error {
	for _, name := range trainedOnly {
		if cmd.Flags().Changed(name) {
			return &usageError{cmd.CommandPath(), fmt.Errorf("--%s: %s is a spiking network already, with no trained one beside it; give the ONNX file", name, model)}
		}
	}
	return nil
}

// openNIR reads the network and the test images, and fills --normalize and, unless
// it was given, --readout with what the file says.
func (p *pipeline) openNIR(ctx context.Context, readoutGiven bool) error {
	g, err := readNIR(p.model)
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
		}
		return fmt.Errorf("%s: %w", p.model, err)
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
	info := nir.InfoOf(g)
	if p.normalize == "" {
		c, _, _ := test.Shape().CHW()
		p.normalize = cmp.Or(info.Normalization, defaultNormalization(test.Name(), c))
	}
	if !readoutGiven && info.Readout != "" {
		p.readout = info.Readout
	}
	p.test, err = p.testImages(ctx, test)
	return err
}

// printAlone shows the result of a spiking network by itself.
func (p *pipeline) printAlone(w io.Writer, r *eval.Result) {
	fmt.Fprintf(w, "%s on %d images of %s, pixels normalised as %s\n", r.Model, r.Images, p.data, p.normalize)
	fmt.Fprintf(w, "spiking network of %s, read-out %s\n\n", p.model, p.readout)
	t := newTable("rrrr", "T", "spiking %", "spikes/image", "ACs/image")
	for _, T := range timestepsToShow(r.Timesteps) {
		t.AppendRow(table.Row{T, percent(r.SNN.Top1[T-1]), short(r.SpikesUpTo[T-1]), short(r.ACsUpTo[T-1])})
	}
	printTable(w, t)
	c := r.Choose()
	printChoice(w, r, &c)
	printLayers(w, r)
	p.printTime(w, r)
}
