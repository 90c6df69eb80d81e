package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sresnet/internal/terminal"
	"sresnet/snn"
	"sresnet/tensor"
)

// spikingInspection is what inspect knows of a network that is spiking already.
type spikingInspection struct {
	Model    string        `json:"model"`
	Input    tensor.Shape  `json:"input"`
	Encoding string        `json:"encoding"`
	Layers   []spikingInfo `json:"layers"`
	Weights  int           `json:"weights"`
	Neurons  int           `json:"neurons"`
	Schedule string        `json:"schedule"`
	Coding   string        `json:"coding"`
	TunedFor int           `json:"tuned_for,omitempty"` // T.
	Latency  int           `json:"latency,omitempty"`   // At that T.
	Timing   string        `json:"timing"`              // All that in words; see snn.Network.Timing.
}

// spikingInfo is one layer of a spiking network.
type spikingInfo struct {
	Name     string       `json:"name"`
	Shape    tensor.Shape `json:"shape"`
	Neurons  int          `json:"neurons"` // Of a gate, its outputs.
	Synapses []string     `json:"synapses"`
	Weights  int          `json:"weights"` // Thresholds and biases not counted.
	Lambda   float32      `json:"lambda"`
	Rate     float32      `json:"rate"`             // To expect; 0 if nothing is known of it.
	Reset    string       `json:"reset"`            // Empty for a gate.
	Neuron   string       `json:"neuron,omitempty"` // The model, unless it is integrate-and-fire.
}

// showNetwork prints the layers of a spiking network.
func showNetwork(w io.Writer, net *snn.Network, asJSON bool) error {
	in := inspectNetwork(net)
	if asJSON {
		return json.NewEncoder(w).Encode(in)
	}
	in.print(w)
	return nil
}

func inspectNetwork(net *snn.Network) *spikingInspection {
	in := &spikingInspection{Model: net.Name, Input: net.Input.Shape, Encoding: net.Input.Encoding.String(), Neurons: net.Neurons()}
	in.Schedule, in.Coding, in.TunedFor, in.Latency, in.Timing = net.Schedule.String(), net.Coding.String(), net.TunedFor, net.Latency(net.TunedFor), net.Timing(net.TunedFor)
	for i := range net.Layers {
		l := &net.Layers[i]
		info := spikingInfo{Name: l.Name, Shape: l.Shape, Neurons: l.Neurons(), Lambda: l.Lambda, Rate: l.Rate}
		if !l.IsGate() {
			info.Reset = l.Neuron.Reset.String()
			if l.Neuron.Model != nil {
				info.Neuron = l.Neuron.Model.String()
			}
		}
		for _, syn := range l.Synapses {
			from := "the image"
			if syn.From != snn.FromInput {
				from = net.Layers[syn.From].Name
			}
			info.Synapses = append(info.Synapses, fmt.Sprintf("%v from %s", syn.Connection, from))
			info.Weights += syn.Connection.Parameters()
		}
		in.Weights += info.Weights
		in.Layers = append(in.Layers, info)
	}
	return in
}

func (in *spikingInspection) print(w io.Writer) {
	terminal.Printf(w, "%s: a spiking network, takes images of %v, %s encoding\n%s", terminal.Clean(in.Model), in.Input, in.Encoding, strings.TrimPrefix(in.Timing+"\n", "\n"))
	var models []string
	for _, l := range in.Layers {
		if l.Neuron != "" && !slices.Contains(models, l.Neuron) {
			models = append(models, l.Neuron)
		}
	}
	if models != nil {
		terminal.Printf(w, "neurons: %s\n", strings.Join(models, "; "))
	}
	terminal.Printf(w, "\n")
	t := terminal.NewTable("llrrrrlt", "layer", "output", "neurons", "weights", "lambda", "rate", "reset", "synapses")
	for _, l := range in.Layers {
		rate, reset := "unknown", l.Reset
		if l.Rate > 0 {
			rate = fmt.Sprintf("%.4f", l.Rate)
		}
		if reset == "" {
			reset = "gate"
		}
		t.Append(terminal.Clean(l.Name), l.Shape, l.Neurons, orBlank(int64(l.Weights)), fmt.Sprintf("%.4g", l.Lambda), rate, reset, terminal.Clean(strings.Join(l.Synapses, ", ")))
	}
	t.Footer("total", "", in.Neurons, in.Weights, "", "", "", "")
	t.Print(w)
	fmt.Fprintln(w, "'sresnet nir' shows the nodes of the file and which tools read it.")
}
