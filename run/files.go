package run

import (
	"context"
	"encoding/csv"
	"io"
	"slices"
	"strconv"

	"sresnet/eval"
	"sresnet/snn"
)

// conversionFiles are the files of a run about how the network was made: what calibration
// saw, and how factors were found.
func (k *Kept) conversionFiles(ctx context.Context) ([]File, error) {
	s, err := k.Statistics(ctx)
	if err != nil {
		return nil, err
	}
	net, err := k.Network(ctx)
	if err != nil {
		return nil, err
	}
	a := &eval.Activations{}
	for _, n := range s.Nodes {
		lambda := n.Lambda
		if i := slices.IndexFunc(net.Layers, func(l snn.Layer) bool { return l.Name == n.Node }); i >= 0 && net.TunedFor > 0 {
			lambda = net.Layers[i].Lambda // Chosen for T: the largest of its channels.
		}
		a.Layers = append(a.Layers, eval.Activation{
			Name: n.Node, Lambda: float64(lambda), Max: float64(n.Max), Mean: n.Mean,
			Zeros: float64(n.Zeros) / float64(n.Count),
			Edges: n.Histogram.Edges, Counts: n.Histogram.Counts,
		})
	}
	files := []File{{Name: "activations.json", Write: a.Write}}
	f := k.Factors()
	if f.Search != nil {
		rows := [][]string{{"factor", "agreement", "rate_error"}}
		for _, q := range f.Search {
			rows = append(rows, []string{float(float64(q.Factor), 32), float(q.Agreement, 64), float(q.RateError, 64)})
		}
		files = append(files, table("compensation_search.csv", rows))
	}
	if f.PerLayer != nil {
		rows := [][]string{{"layer", "factor"}}
		for i, f := range f.PerLayer {
			rows = append(rows, []string{net.Layers[i].Name, float(float64(f), 32)})
		}
		files = append(files, table("compensation.csv", rows))
	}
	return files, nil
}

func float(x float64, bits int) string { return strconv.FormatFloat(x, 'g', -1, bits) }

func table(name string, rows [][]string) File {
	return File{Name: name, Write: func(w io.Writer) error { return csv.NewWriter(w).WriteAll(rows) }}
}

// reportFiles are the files of a run that a report draws and no table shows.
func (k *Kept) reportFiles(r *eval.Result) []File {
	return []File{{Name: "changed.json", Write: func(w io.Writer) error {
		f, err := k.changed(r)
		if err != nil {
			return err
		}
		return f.Write(w)
	}}}
}

// changed adds pictures to the images on which the two networks disagree.
func (k *Kept) changed(r *eval.Result) (*eval.ChangedFile, error) {
	readout, err := eval.ParseReadout(k.Options.Readout)
	if err != nil {
		return nil, err
	}
	f := &eval.ChangedFile{Shape: k.Test.Shape(), Timesteps: r.EvidenceAt(), Unit: readout.EvidenceUnit(), Images: []eval.Changed{}}
	pixels := make([]float32, f.Shape.Len())
	for _, c := range r.Changed {
		if err := k.Test.Pixels(c.Index, pixels); err != nil {
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
