//go:build js && wasm

// Command wasm is the engine of the playground as a Web Worker calls it: an object "lab" of
// functions, each of which returns a promise. Calls do not overlap. A fault in here ends the
// program, which the page sees and begins anew.
package main

import (
	"context"
	"syscall/js"

	"sresnet/calibrate"
	"sresnet/play/lab"
	"sresnet/snn"
)

// bench is what lies on the lab's table.
type bench struct {
	model *lab.Model
	net   *snn.Network
	T     int
	show  *lab.Show
	shown int // Timesteps that were handed out.
}

func main() {
	b := &bench{}
	js.Global().Set("lab", map[string]any{
		"read":      promise(b.read),
		"calibrate": promise(b.calibrate),
		"convert":   promise(b.convert),
		"trained":   promise(b.trained),
		"present":   promise(b.present),
		"next":      promise(b.next),
		"neuron":    promise(b.neuron),
	})
	select {}
}

// promise makes a function of JavaScript of f: it returns a promise, and f may wait. An error
// of f rejects it with an object {says, remedy}.
func promise(f func(args []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		var run js.Func
		run = js.FuncOf(func(_ js.Value, settle []js.Value) any {
			go func() {
				defer run.Release()
				x, err := f(args)
				if err != nil {
					says, remedy := lab.Sentences(err)
					settle[1].Invoke(map[string]any{"says": says, "remedy": remedy})
					return
				}
				settle[0].Invoke(x)
			}()
			return nil
		})
		return js.Global().Get("Promise").New(run)
	})
}

// read reads a network: (Uint8Array of a file, list of statistics of one that is calibrated
// already, or null) to {name, shape, assumed}.
func (b *bench) read(args []js.Value) (any, error) {
	data := bytes(args[0])
	read := func() (*lab.Model, error) { return lab.Read(data) }
	if args[1].Truthy() {
		read = func() (*lab.Model, error) { return lab.Calibrated(data, statistics(args[1])) }
	}
	m, err := read()
	if err != nil {
		return nil, err
	}
	b.stop()
	b.model, b.net = m, nil
	return map[string]any{"name": m.Graph.Name, "shape": ints(m.Shape()), "assumed": m.Assumed}, nil
}

// statistics takes what JSON of a list of [calibrate.Statistics] is in JavaScript.
func statistics(list js.Value) []*calibrate.Statistics {
	all := make([]*calibrate.Statistics, list.Length())
	for i := range all {
		v := list.Index(i)
		s := &calibrate.Statistics{
			Percentile: v.Get("Percentile").Float(), Images: v.Get("Images").Int(),
			InputMax: float32(v.Get("InputMax").Float()), Unspoken: v.Get("Unspoken").Int(),
		}
		for j := range v.Get("Nodes").Length() {
			n := v.Get("Nodes").Index(j)
			s.Nodes = append(s.Nodes, calibrate.NodeStatistics{
				Node: n.Get("Node").String(), Lambda: float32(n.Get("Lambda").Float()), Max: float32(n.Get("Max").Float()),
				Mean: n.Get("Mean").Float(), Zeros: uint64(n.Get("Zeros").Float()), Count: uint64(n.Get("Count").Float()),
			})
		}
		all[i] = s
	}
	return all
}

// calibrate takes images: (array of Float32Array).
func (b *bench) calibrate(args []js.Value) (any, error) {
	list := make([][]float32, args[0].Length())
	for i := range list {
		list[i] = floats(args[0].Index(i))
	}
	return nil, b.model.Calibrate(list)
}

// convert converts: (options) to {layers, latency, neurons, classes}.
func (b *bench) convert(args []js.Value) (any, error) {
	o := args[0]
	b.stop()
	T := o.Get("timesteps").Int()
	net, err := b.model.Convert(context.Background(), lab.Options{
		Timesteps: T, Schedule: o.Get("schedule").String(), Coding: o.Get("coding").String(),
		VInit: o.Get("vInit").Float(), Percentile: o.Get("percentile").Float(), Bits: o.Get("bits").Int(),
	})
	if err != nil {
		return nil, err
	}
	b.net, b.T = net, T
	var layers []any
	for _, l := range lab.Layers(net, T) {
		var kinds []any
		for _, k := range l.Kinds {
			kinds = append(kinds, k)
		}
		layers = append(layers, map[string]any{
			"name": l.Name, "short": l.Short, "shape": ints(l.Shape), "gate": l.Gate, "opens": l.Opens, "from": ints(l.From), "kinds": kinds,
		})
	}
	return map[string]any{"layers": layers, "latency": net.Latency(T), "neurons": net.Neurons(), "classes": net.Output().Neurons()}, nil
}

// trained returns the outputs of the trained network: (Float32Array) to Float32Array.
func (b *bench) trained(args []js.Value) (any, error) {
	out, err := b.model.Trained(floats(args[0]))
	if err != nil {
		return nil, err
	}
	return array("Float32Array", out), nil
}

// present begins to present an image: (Float32Array, layer) to {traced}.
func (b *bench) present(args []js.Value) (_ any, err error) {
	b.stop()
	if b.show, err = lab.Present(b.net, b.T, floats(args[0]), args[1].Int()); err != nil {
		return nil, err
	}
	return map[string]any{"traced": b.show.Traced()}, nil
}

// next computes timesteps: (how many) to an array of frames, which is shorter at the end.
func (b *bench) next(args []js.Value) (any, error) {
	frames := []any{}
	for range args[0].Int() {
		if b.show == nil {
			break
		}
		f, err := b.show.Next()
		if err != nil {
			return nil, err
		}
		if f == nil {
			break
		}
		b.shown++
		evidence := make([]any, len(f.Evidence))
		for i, x := range f.Evidence {
			evidence[i] = x
		}
		frames = append(frames, map[string]any{
			"clock": f.Clock, "spikes": array("Uint32Array", f.Spikes), "maps": array("Uint16Array", f.Maps), "close": array("Uint32Array", f.Close),
			"evidence": evidence, "class": f.Class,
		})
	}
	return frames, nil
}

// neuron returns potentials of the layer that is looked at: (place) to {threshold, start,
// potential}, or null.
func (b *bench) neuron(args []js.Value) (any, error) {
	if b.show == nil {
		return nil, nil
	}
	u := b.show.Neuron(args[0].Int(), b.shown)
	if u == nil {
		return nil, nil
	}
	return map[string]any{"threshold": u.Threshold, "start": u.Start, "potential": array("Float32Array", u.Potential)}, nil
}

// stop ends the presentation.
func (b *bench) stop() {
	if b.show != nil {
		b.show.Stop()
	}
	b.show, b.shown = nil, 0
}

func ints(list []int) []any {
	x := make([]any, len(list))
	for i, n := range list {
		x[i] = n
	}
	return x
}
