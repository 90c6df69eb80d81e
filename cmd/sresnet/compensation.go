package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"sresnet/calibrate"
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/run"
)

// compensation is what --compensation did to the network.
type compensation struct {
	images  int       // That it was searched on.
	factors []float32 // Per layer; nil for none.
	global  float32   // The one factor of all layers, or 0.
	curve   []calibrate.FactorPoint
}

// compensate searches the factors of --compensation on calibration images and
// gives them to the network.
func (p *pipeline) compensate(ctx context.Context) error {
	if p.compensation == "none" {
		return nil
	}
	readout, err := eval.ParseReadout(p.readout)
	if err != nil {
		return err
	}
	d, err := p.calibration.First(min(p.compensationImages, p.calibration.Len()))
	if err != nil {
		return err
	}
	images, err := dataset.NewImages(d, p.calibration.Normalization())
	if err != nil {
		return err
	}
	update, stop := p.progress.Bar("compensating")
	defer stop()
	o := calibrate.Compensation{Sim: p.simOptions(), Readout: readout.Class, Workers: p.workers, Progress: update}
	c := compensation{images: images.Len()}
	if p.compensation == "layer" {
		c.factors, err = calibrate.LayerFactors(ctx, p.graph, p.network, images, o)
	} else {
		c.global, c.curve, err = calibrate.GlobalFactor(ctx, p.graph, p.network, images, o)
		c.factors = p.network.UniformFactors(c.global)
	}
	if err != nil {
		return err
	}
	p.factors = c
	p.network, err = p.network.Compensated(c.factors)
	return err
}

// String says what was done in a few words.
func (c *compensation) String() string {
	switch {
	case c.factors == nil:
		return "none"
	case c.global != 0:
		return fmt.Sprintf("global, factor %v (searched on %d calibration images)", c.global, c.images)
	}
	return fmt.Sprintf("layer, factors %.4v to %.4v (found on %d calibration images)", slices.Min(c.factors), slices.Max(c.factors), c.images)
}

// compensationFiles are the tables of a run that say how the factors were found:
// the curve of the search for a global factor, and the factor of every layer.
func (p *pipeline) compensationFiles() []run.File {
	c := &p.factors
	var files []run.File
	if c.curve != nil {
		rows := [][]string{{"factor", "agreement", "rate_error"}}
		for _, q := range c.curve {
			rows = append(rows, []string{float(float64(q.Factor), 32), float(q.Agreement, 64), float(q.RateError, 64)})
		}
		files = append(files, csvFile("compensation_search.csv", rows))
	}
	if c.factors != nil {
		rows := [][]string{{"layer", "factor"}}
		for i, f := range c.factors {
			rows = append(rows, []string{p.network.Layers[i].Name, float(float64(f), 32)})
		}
		files = append(files, csvFile("compensation.csv", rows))
	}
	return files
}

func float(x float64, bits int) string { return strconv.FormatFloat(x, 'g', -1, bits) }

func csvFile(name string, rows [][]string) run.File {
	return run.File{Name: name, Write: func(w io.Writer) error { return csv.NewWriter(w).WriteAll(rows) }}
}
