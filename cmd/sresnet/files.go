package main

import (
	"io"

	"sresnet/eval"
	"sresnet/run"
)

// conversionFiles are the files of a run about how the network was made.
func (p *pipeline) conversionFiles() []run.File {
	return append(p.compensationFiles(), run.File{Name: "activations.json", Write: p.activations().Write})
}

// reportFiles are the files of a run that a report draws and no table shows.
func (p *pipeline) reportFiles(r *eval.Result) []run.File {
	return []run.File{
		{Name: "spikes.csv", Write: r.WriteSpikes},
		{Name: "changed.json", Write: func(w io.Writer) error {
			f, err := p.changed(r)
			if err != nil {
				return err
			}
			return f.Write(w)
		}},
	}
}

// activations is what calibration saw.
func (p *pipeline) activations() *eval.Activations {
	a := &eval.Activations{}
	for _, n := range p.statistics.Nodes {
		a.Layers = append(a.Layers, eval.Activation{
			Name: n.Node, Lambda: float64(n.Lambda), Max: float64(n.Max), Mean: n.Mean,
			Zeros: float64(n.Zeros) / float64(n.Count),
			Edges: n.Histogram.Edges, Counts: n.Histogram.Counts,
		})
	}
	return a
}

// changed adds pictures to the images on which the two networks disagree.
func (p *pipeline) changed(r *eval.Result) (*eval.ChangedFile, error) {
	readout, err := eval.ParseReadout(p.readout)
	if err != nil {
		return nil, err
	}
	f := &eval.ChangedFile{Shape: p.test.Shape(), Timesteps: eval.EvidenceAt(r.Timesteps), Unit: readout.EvidenceUnit(), Images: []eval.Changed{}}
	pixels := make([]float32, f.Shape.Len())
	for _, c := range r.Changed {
		if err := p.test.Pixels(c.Index, pixels); err != nil {
			return nil, err
		}
		c.Pixels = make([]byte, len(pixels))
		for i, x := range pixels {
			c.Pixels[i] = byte(x)
		}
		f.Images = append(f.Images, c)
	}
	return f, nil
}
