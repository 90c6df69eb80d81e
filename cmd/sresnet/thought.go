package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"sresnet/ann/infer"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/tensor"
)

// sight is the image that is watched.
type sight struct {
	name   string
	index  int       // In the test images; 0 for a file.
	label  int       // Its class, or -1 for a file.
	pixels []float32 // CHW, 0..255.
}

// look reads the image that --image names.
func (p *pipeline) look(o watchOptions) (*sight, error) {
	shape := p.test.Shape()
	seen := &sight{name: o.image, label: -1}
	if i, err := strconv.Atoi(o.image); err == nil {
		if i < 0 || i >= p.test.Len() {
			return nil, hinted(fmt.Errorf("--image %d: the test images of %s are 0 to %d", i, p.data, p.test.Len()-1), "for a file whose name is a number, write ./%d", i)
		}
		*seen = sight{fmt.Sprintf("image %d of %s", i, p.data), i, p.test.Label(i), make([]float32, shape.Len())}
		if err := p.test.Pixels(i, seen.pixels); err != nil {
			return nil, err
		}
	} else if seen.pixels, err = readPicture(o.image, shape); err != nil {
		return nil, err
	}
	if o.invert {
		for i, x := range seen.pixels {
			seen.pixels[i] = 255 - x
		}
	}
	return seen, nil
}

// thought is how one image was classified. Its JSON form is an interface; index t
// of a list over time is the state after t+1 timesteps.
type thought struct {
	Model     string         `json:"model"`
	Image     string         `json:"image"`
	Label     *int           `json:"label,omitempty"` // None for a picture.
	ANN       int            `json:"ann"`             // Class that the trained network names.
	Class     int            `json:"class"`           // Of the spiking network in the end.
	Settled   int            `json:"settled"`         // The first timestep, from 1, after which the class does not change.
	Timesteps int            `json:"timesteps"`
	Readout   string         `json:"readout"`
	Classes   []int          `json:"classes"`  // Over time.
	Evidence  [][]float64    `json:"evidence"` // Over time, per class: spikes so far, or with the read-out potential the current so far.
	Layers    []thoughtLayer `json:"layers"`

	pixels    []float32
	shape     tensor.Shape
	className func(int) string
	additions uint64
	most      float64 // Of the evidence; 0 until it is asked for.
}

type thoughtLayer struct {
	Name    string   `json:"name"`
	Neurons int      `json:"neurons"`
	Spikes  []uint32 `json:"spikes"` // At each timestep.
	short   string   // Name for a narrow column.
}

// think presents the image to both networks.
func (p *pipeline) think(ctx context.Context, seen *sight) (*thought, error) {
	x := slices.Clone(seen.pixels)
	p.test.Normalization().Apply(x, p.test.Shape())
	m, err := infer.New(p.graph)
	if err != nil {
		return nil, err
	}
	logits, err := m.NewRunner().Run(x)
	if err != nil {
		return nil, err
	}
	if err := tensor.CheckFinite(logits); err != nil {
		return nil, fmt.Errorf("output of the trained network: %w", err)
	}
	o := p.simOptions()
	o.Workers = p.workerCount()
	plan, err := sim.Compile(p.network, o)
	if err != nil {
		return nil, err
	}
	rec, err := plan.NewEngine().Run(ctx, x, seen.index)
	if err != nil {
		return nil, err
	}
	readout, err := eval.ParseReadout(p.readout)
	if err != nil {
		return nil, err
	}
	th := newThought(rec, readout)
	th.Model, th.Image, th.pixels = p.graph.Name, seen.name, seen.pixels
	th.shape, th.className = p.test.Shape(), p.test.ClassName
	if seen.label >= 0 {
		th.Label = &seen.label
	}
	for k := range logits {
		if logits[k] > logits[th.ANN] {
			th.ANN = k
		}
	}
	for i, spikes := range rec.Spikes {
		l := &p.network.Layers[i]
		th.Layers = append(th.Layers, thoughtLayer{Name: l.Name, Neurons: l.Neurons(), Spikes: slices.Clone(spikes)})
	}
	shortNames(th.Layers)
	return th, nil
}

// newThought reads the outputs of a presentation.
func newThought(rec *sim.Record, readout eval.Readout) *thought {
	th := &thought{Timesteps: rec.Timesteps, Readout: readout.String(), Settled: 1}
	for t := range rec.Timesteps {
		counts, potential, current := rec.At(t)
		k := readout.Class(counts, potential, current)
		if t > 0 && k != th.Classes[t-1] {
			th.Settled = t + 1
		}
		th.Classes = append(th.Classes, k)
		evidence := make([]float64, rec.Classes)
		for c := range evidence {
			evidence[c] = float64(counts[c])
			if readout == eval.Potential {
				evidence[c] = float64(current[c])
			}
		}
		th.Evidence = append(th.Evidence, evidence)
	}
	th.Class = th.Classes[rec.Timesteps-1]
	for i := range rec.ACs {
		for _, n := range rec.ACs[i] {
			th.additions += n
		}
	}
	return th
}
