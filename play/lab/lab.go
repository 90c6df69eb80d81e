// Package lab is the engine of the playground: it reads a trained network from the bytes of an
// ONNX file, calibrates and converts it, and presents one image, timestep by timestep.
//
// It takes bytes, numbers and words and hands out plain values: it knows no file, no page and
// no data set. Package play/wasm lets the page in a browser call it.
package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/internal/hint"
	"sresnet/onnx"
	"sresnet/snn"
	"sresnet/tensor"
)

// What a page can hold: a browser gives WebAssembly 4 GiB, and one thread.
const (
	MaxFile    = 256 << 20 // Bytes of a file.
	MaxNeurons = 8 << 20   // Of a spiking network.
	MaxTraced  = 64 << 20  // Potentials that a [Show] keeps.
)

// Model is a trained network that was read, and what its calibration measured.
type Model struct {
	Graph *ann.Graph // In a form that converts.

	// Assumed says that the file leaves open what shape an image has, so that it is one
	// that is usual.
	Assumed bool

	original   *ann.Graph
	runner     *infer.Runner // Of the trained network, once it is asked for.
	images     images
	statistics map[float64]*calibrate.Statistics // By percentile.
}

// usual are shapes of images that files leave open.
var usual = []tensor.Shape{{3, 224, 224}, {3, 32, 32}, {1, 28, 28}}

// Read reads an ONNX file. Errors are those of package onnx, and of networks that have no
// spiking counterpart or are too large for a page.
func Read(data []byte) (*Model, error) { return read(data, true) }

// read is Read; a network that is known to convert need not be checked, which takes time.
func read(data []byte, check bool) (*Model, error) {
	if len(data) > MaxFile {
		return nil, tooLarge("the file has %d MB, more than the %d that a page can work on", len(data)>>20, MaxFile>>20)
	}
	m := &Model{}
	g, err := onnx.Parse(data)
	for i := 0; errors.Is(err, onnx.ErrOpenShape) && i < len(usual); i++ {
		if other, failed := (onnx.Options{InputShape: usual[i]}).Parse(data); failed == nil {
			g, err, m.Assumed = other, nil, true
		}
	}
	if err != nil {
		return nil, err
	}
	m.original = g
	if check {
		if err := sound(g); err != nil {
			return nil, err
		}
	}
	if m.Graph, err = convert.Simplify(g); err != nil {
		return nil, err
	}
	return m, nil
}

// sound returns an error about a network that has no spiking counterpart or is too large.
func sound(g *ann.Graph) error {
	if err := convert.Check(g); err != nil {
		return err
	}
	neurons := 0
	for i := range g.Nodes {
		if _, ok := g.Nodes[i].Op.(ann.Rectifier); ok {
			neurons += g.Nodes[i].Shape.Len()
		}
	}
	if neurons > MaxNeurons {
		return tooLarge("the network would have %d million neurons, more than the %d million that a page can work on", neurons>>20, MaxNeurons>>20)
	}
	return nil
}

// tooLarge is the error of what the command can do and a page cannot.
func tooLarge(format string, args ...any) error {
	return hint.Error(fmt.Errorf("lab: "+format, args...), "the program itself takes it: sresnet eval MODEL.onnx")
}

// Shape returns that of an image, (C, H, W); a vector of n numbers is (n, 1, 1).
func (m *Model) Shape() tensor.Shape {
	s := m.Graph.Input.Shape
	if len(s) == 3 {
		return s
	}
	return tensor.Shape{s.Len(), 1, 1}
}

// Trained returns the outputs of the trained network for an image, normalised and CHW; they
// are valid until the next call.
func (m *Model) Trained(image []float32) ([]float32, error) {
	if err := m.check(image); err != nil {
		return nil, err
	}
	if m.runner == nil {
		trained, err := infer.New(m.original)
		if err != nil {
			return nil, err
		}
		m.runner = trained.NewRunner()
	}
	out, err := m.runner.Run(image)
	if err == nil {
		err = tensor.CheckFinite(out)
	}
	if err != nil {
		return nil, fmt.Errorf("lab: output of the trained network: %w", err)
	}
	return out, nil
}

func (m *Model) check(image []float32) error {
	if want := m.Graph.Input.Shape; len(image) != want.Len() {
		return fmt.Errorf("lab: the image has %d numbers, the network takes %v", len(image), want)
	}
	return tensor.CheckFinite(image)
}

// Calibrate takes images, normalised and CHW, whose activations set the scales of networks
// that are converted from now on.
func (m *Model) Calibrate(list [][]float32) error {
	for _, x := range list {
		if err := m.check(x); err != nil {
			return err
		}
	}
	m.images, m.statistics = list, make(map[float64]*calibrate.Statistics)
	return nil
}

// images are images in memory.
type images [][]float32

func (x images) Len() int { return len(x) }

func (x images) Image(i int, dst []float32) error {
	copy(dst, x[i])
	return nil
}

// Options say how a network is converted.
type Options struct {
	Timesteps  int    // T; of a phased network T per window.
	Schedule   string // One of [snn.Schedules].
	Coding     string // One of [snn.Codings].
	VInit      float64
	Percentile float64
	Bits       int // Of the weights of an integer network; 0 for real numbers.
}

// Convert returns the spiking network. It calibrates if the percentile is a new one.
func (m *Model) Convert(ctx context.Context, o Options) (*snn.Network, error) {
	schedule, err := snn.ScheduleNamed(o.Schedule)
	if err != nil {
		return nil, err
	}
	coding, err := snn.CodingNamed(o.Coding)
	if err != nil {
		return nil, err
	}
	s := m.statistics[o.Percentile]
	if s == nil {
		if s, err = calibrate.Run(ctx, m.Graph, m.images, calibrate.Options{Percentile: o.Percentile}); err != nil {
			return nil, err
		}
		m.statistics[o.Percentile] = s
	}
	c := convert.DefaultOptions()
	c.VInit = float32(o.VInit)
	net, err := convert.Convert(m.Graph, s, c)
	if err != nil {
		return nil, err
	}
	net.Schedule, net.Coding = schedule, coding
	if schedule == snn.Phased {
		net = net.Exact()
	}
	if o.Bits > 0 {
		if net, err = net.Quantised(snn.Integers{Bits: o.Bits, Timesteps: o.Timesteps, InputMax: s.InputMax}); err != nil {
			return nil, err
		}
	}
	return net, net.Validate()
}

// Sentences returns what an error says and what to do about it, for people who see a page.
// Options are named without the braces that they have in hints.
func Sentences(err error) (says, remedy string) {
	return err.Error(), strings.NewReplacer("{", "", "}", "").Replace(hint.Of(err))
}
