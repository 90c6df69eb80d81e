// Package watch shows how a spiking network classifies one image: what it thinks after every
// timestep, as frames of text that move in a terminal, or as a few states in a row.
//
// It takes plain values and knows no file of networks or images. Timesteps are those of the
// network's clock, from the image to the answer. They count from 1 in names and texts; index
// t of a list over time is the state after t+1 of them.
package watch

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// Image is the image that is watched.
type Image struct {
	Name   string
	Index  int       // Among the images it is from, which seeds Poisson spikes.
	Label  int       // Its class, or -1 if that is not known.
	Pixels []float32 // CHW, 0 to 255, or of any range if they are Values.
	Values bool
	Input  []float32 // The same, normalised; of frames their mean.
	Frames []float32 // One after the other, where the image is made of several; else nil.
}

// Options say what is shown to whom.
type Options struct {
	Model     string
	Graph     *ann.Graph // The trained network; nil where there is none.
	Network   *snn.Network
	Sim       sim.Options
	Readout   eval.Readout
	ClassName func(int) string // Nil if classes have numbers only.
}

// Thought is how one image was classified. Its JSON form is an interface.
type Thought struct {
	Model     string      `json:"model"`
	Image     string      `json:"image"`
	Label     *int        `json:"label,omitempty"`         // None if it is not known.
	ANN       *int        `json:"trained_class,omitempty"` // Class that the trained network names; none without one.
	Class     int         `json:"spiking_class"`           // Of the spiking network in the end.
	Settled   int         `json:"settled_t"`               // The first timestep, from 1, after which the class does not change.
	Timesteps int         `json:"timesteps"`               // T; of a phased network that of every window.
	Latency   int         `json:"latency"`                 // Timesteps from the image to the answer, which all lists over time are of: T in a synchronous network.
	Schedule  string      `json:"schedule,omitempty"`      // Of a phased network, as the next one.
	Coding    string      `json:"coding,omitempty"`
	Readout   string      `json:"readout"`
	Classes   []int       `json:"spiking_class_at"` // Over time; -1 before a phased network answers, which it does in the end.
	Evidence  [][]float64 `json:"evidence"`         // Over time, per class: spikes so far, or with the read-out potential the current so far.
	Layers    []Layer     `json:"layers"`

	pixels    []float32
	shape     tensor.Shape
	className func(int) string
	additions uint64
	most      float64 // Of the evidence; 0 until it is asked for.
}

// Layer is what one layer of the spiking network did.
type Layer struct {
	Name    string   `json:"layer"`
	Neurons int      `json:"neurons"`
	Spikes  []uint32 `json:"spikes_at"`       // At each timestep.
	Opens   int      `json:"opens,omitempty"` // Of a phased network: the timestep, from 0, at which the window opens in which it fires.
	short   string   // Name for a narrow column.
}

// Run presents the image to the spiking network, and to the trained one if there is one.
func Run(ctx context.Context, image Image, o Options) (*Thought, error) {
	trained, err := trainedClass(o.Graph, image.Input)
	if err != nil {
		return nil, err
	}
	plan, err := sim.Compile(o.Network, o.Sim)
	if err != nil {
		return nil, err
	}
	present, x := plan.NewEngine().Run, image.Input
	if image.Frames != nil {
		present, x = plan.NewEngine().RunFrames, image.Frames
	}
	rec, err := present(ctx, x, image.Index)
	if err != nil {
		return nil, err
	}
	th := newThought(rec, o.Readout, o.Network)
	th.Model, th.Image, th.ANN = o.Model, image.Name, trained
	th.pixels, th.shape, th.className = image.Pixels, o.Network.Input.Shape, o.ClassName
	if image.Values {
		th.pixels = slices.Clone(image.Pixels)
		dataset.Stretch(th.pixels)
	}
	if th.className == nil {
		th.className = strconv.Itoa
	}
	if image.Label >= 0 {
		th.Label = &image.Label
	}
	for i, d := range o.Network.Phases() {
		l, opens := &o.Network.Layers[i], d*rec.Timesteps
		spikes := make([]uint32, th.Latency)
		copy(spikes[min(opens, th.Latency):], rec.Spikes[i])
		th.Layers = append(th.Layers, Layer{Name: l.Name, Neurons: l.Neurons(), Spikes: spikes, Opens: opens})
	}
	shortNames(th.Layers)
	return th, nil
}

// trainedClass returns the class that the trained network names, nil if there is no such
// network.
func trainedClass(g *ann.Graph, input []float32) (*int, error) {
	if g == nil {
		return nil, nil
	}
	m, err := infer.New(g)
	if err != nil {
		return nil, err
	}
	logits, err := m.NewRunner().Run(input)
	if err != nil {
		return nil, err
	}
	if err := tensor.CheckFinite(logits); err != nil {
		return nil, fmt.Errorf("watch: output of the trained network: %w", err)
	}
	class := tensor.ArgMax(logits)
	return &class, nil
}

// newThought reads the outputs of a presentation to net.
func newThought(rec *sim.Record, readout eval.Readout, net *snn.Network) *Thought {
	th := &Thought{Timesteps: rec.Timesteps, Latency: net.Latency(rec.Timesteps), Readout: readout.String(), Settled: 1}
	before := th.Latency - rec.Timesteps // Timesteps before the window of the output.
	if net.Schedule != snn.Synchronous {
		th.Schedule, th.Coding = net.Schedule.String(), net.Coding.String()
	}
	for clock := range th.Latency {
		t := clock - before
		th.Evidence = append(th.Evidence, evidenceAt(rec, readout, t, th.phased()))
		k := noAnswer
		if !th.phased() || t == rec.Timesteps-1 {
			k = readout.Class(rec.At(t))
		}
		if clock > 0 && k != th.Classes[clock-1] {
			th.Settled = clock + 1
		}
		th.Classes = append(th.Classes, k)
	}
	th.Class = th.Classes[th.Latency-1]
	for i := range rec.ACs {
		for _, n := range rec.ACs[i] {
			th.additions += n
		}
	}
	return th
}
