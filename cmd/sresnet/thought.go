package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"sresnet/ann/infer"
	"sresnet/dataset"
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

// isPicture reports whether --image names a file rather than a test image.
func isPicture(image string) bool {
	_, err := strconv.Atoi(image)
	return err != nil && image != ""
}

// look reads the image that --image names.
func (p *pipeline) look(o watchOptions) (*sight, error) {
	_, shape, _ := p.takes()
	seen := &sight{name: o.image, label: -1}
	if i, err := strconv.Atoi(o.image); err == nil {
		if i < 0 || i >= p.test.Len() {
			return nil, hinted(fmt.Errorf("--image %d: the test images of %s are 0 to %d", i, p.data, p.test.Len()-1), "for a file whose name is a number, write ./%d", i)
		}
		*seen = sight{fmt.Sprintf("image %d of %s", i, p.data), i, p.test.Label(i), make([]float32, shape.Len())}
		if err := p.test.Pixels(i, seen.pixels); err != nil {
			return nil, err
		}
	} else {
		if p.crop > 0 && (shape[1] != p.crop || shape[2] != p.crop) {
			return nil, &usageError{p.command, fmt.Errorf("--crop %d: the network takes images of %v", p.crop, shape)}
		}
		if seen.pixels, err = dataset.ReadImageFile(o.image, shape, p.resize); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				err = hinted(err, "give a PNG or JPEG file, or the number of a test image; --resize N gives the length of its shorter side")
			}
			return nil, err
		}
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
	Label     *int           `json:"label,omitempty"`         // None for a picture.
	ANN       *int           `json:"trained_class,omitempty"` // Class that the trained network names; none for a NIR file.
	Class     int            `json:"spiking_class"`           // Of the spiking network in the end.
	Settled   int            `json:"settled_t"`               // The first timestep, from 1, after which the class does not change.
	Timesteps int            `json:"timesteps"`
	Readout   string         `json:"readout"`
	Classes   []int          `json:"spiking_class_at"` // Over time.
	Evidence  [][]float64    `json:"evidence"`         // Over time, per class: spikes so far, or with the read-out potential the current so far.
	Layers    []thoughtLayer `json:"layers"`

	pixels    []float32
	shape     tensor.Shape
	className func(int) string
	additions uint64
	most      float64 // Of the evidence; 0 until it is asked for.
}

type thoughtLayer struct {
	Name    string   `json:"layer"`
	Neurons int      `json:"neurons"`
	Spikes  []uint32 `json:"spikes_at"` // At each timestep.
	short   string   // Name for a narrow column.
}

// think presents the image to both networks.
func (p *pipeline) think(ctx context.Context, seen *sight) (*thought, error) {
	x := slices.Clone(seen.pixels)
	name, shape, _ := p.takes()
	norm, err := dataset.ParseNormalization(p.normalize, shape[0])
	if err != nil {
		return nil, &usageError{p.command, fmt.Errorf("--normalize: %w", err)}
	}
	norm.Apply(x, shape)
	trained, err := p.trainedClass(x)
	if err != nil {
		return nil, err
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
	th.Model, th.Image, th.ANN, th.pixels = name, seen.name, trained, seen.pixels
	th.shape, th.className = shape, strconv.Itoa
	if p.test != nil {
		th.className = p.test.ClassName
	}
	if seen.label >= 0 {
		th.Label = &seen.label
	}
	for i, spikes := range rec.Spikes {
		l := &p.network.Layers[i]
		th.Layers = append(th.Layers, thoughtLayer{Name: l.Name, Neurons: l.Neurons(), Spikes: slices.Clone(spikes)})
	}
	shortNames(th.Layers)
	return th, nil
}

// trainedClass returns the class that the trained network names, nil if there is no
// such network. x is the normalised image.
func (p *pipeline) trainedClass(x []float32) (*int, error) {
	if p.graph == nil {
		return nil, nil
	}
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
	class := 0
	for k := range logits {
		if logits[k] > logits[class] {
			class = k
		}
	}
	return &class, nil
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
