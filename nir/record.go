package nir

import (
	"encoding/json"
	"fmt"
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// recordKey is the name of the record in the metadata of a graph.
const recordKey = "sresnet_network"

// record is what it takes, beside the nodes, to have the same spiking network
// again. It lies as JSON in the metadata of the graph.
type record struct {
	Format  int // Of what versions must know to have the same network: 1, 2 with a schedule or what calibration for T chose, or 3 for whole numbers.
	Name    string
	Profile *Profile `json:",omitempty"` // Nil for [Generic], in files from before there were others.
	Input   snn.Input

	Schedule  string `json:",omitempty"` // Words; empty for those of the paper.
	Coding    string `json:",omitempty"`
	TunedFor  int    `json:",omitempty"`
	Bits      int    `json:",omitempty"`
	StateBits int    `json:",omitempty"`

	Layers []layerRecord
}

// layerRecord is one layer, in the order of the network.
type layerRecord struct {
	Name       string
	Node       string // Of its neurons, whose thresholds are the layer's unless Threshold has them.
	Shape      tensor.Shape
	Thresholds int       // Length of snn.Neuron.Threshold in the node; 0 for a gate.
	Threshold  []float32 `json:",omitempty"` // Where the node has other thresholds.
	VInit      []float32
	Reset      snn.Reset
	Model      *modelRecord `json:",omitempty"`
	Charge     float32
	Lambda     float32
	Rate       float32
	BiasNode   string // Which holds the bias of the layer; empty if it has none.
	Synapses   []synapseRecord

	Lambdas []float32 `json:",omitempty"`
	Start   bool      `json:",omitempty"` // Its neurons have start potentials of their own, in the metadata of the node.
	Shift   []float32 `json:",omitempty"`
	Refit   bool      `json:",omitempty"`
}

// newLayerRecord returns the record of a layer, without nodes and synapses.
func newLayerRecord(l *snn.Layer) layerRecord {
	return layerRecord{
		Name: l.Name, Shape: l.Shape, VInit: l.Neuron.VInit, Reset: l.Neuron.Reset, Model: newModelRecord(&l.Neuron),
		Charge: l.Charge, Lambda: l.Lambda, Rate: l.Rate,
		Lambdas: l.Lambdas, Start: l.Start != nil, Shift: l.Shift, Refit: l.Refit,
	}
}

// synapseRecord is one synapse, in the order of the sum. Weights of convolutions
// and dense synapses are in their node, times the charge of a spike; or as they are
// in its metadata, if they are more than that there.
type synapseRecord struct {
	From     int
	Kind     string         // As snn.Connection has it.
	Node     string         `json:",omitempty"`
	Window   *tensor.Window `json:",omitempty"`
	Channels [2]int         // Of the weights: out, in a group.
	Groups   int            `json:",omitempty"`
	CountPad bool           `json:",omitempty"`
	Scale    float32        `json:",omitempty"`
	Scales   []float32      `json:",omitempty"`
	Stride   [2]int
	Start    [2]int
	Offset   int `json:",omitempty"`

	Remainder bool `json:",omitempty"`
}

func newSynapseRecord(s snn.Synapse) synapseRecord {
	r := synapseRecord{From: s.From, Kind: s.Connection.Kind()}
	switch k := s.Connection.(type) {
	case *snn.Conv:
		r.Window, r.Groups, r.Channels = &k.Window, k.Groups, [2]int{k.Weight.Shape[0], k.Weight.Shape[1]}
	case *snn.Dense:
		r.Channels = [2]int{k.Weight.Shape[0], k.Weight.Shape[1]}
	case *snn.Shortcut:
		r.Scale, r.Scales, r.Stride, r.Start, r.Offset, r.Remainder = k.Scale, k.Scales, k.Stride, k.Start, k.Offset, k.Remainder
	case *snn.AveragePool:
		r.Window, r.CountPad, r.Scale, r.Scales = &k.Window, k.CountPad, k.Scale, k.Scales
	case *snn.MaxPool:
		r.Window = &k.Window
	}
	return r
}

// setFormat chooses the format: the first whose readers know all that the record has.
func (r *record) setFormat() {
	r.Format = 1
	if r.Schedule != "" || r.Coding != "" || r.TunedFor != 0 || slices.ContainsFunc(r.Layers, layerRecord.calibrated) {
		r.Format = 2
	}
	if r.Bits != 0 {
		r.Format = 3
	}
}

// calibrated reports whether the layer has what calibration for T chose.
func (r layerRecord) calibrated() bool {
	scales := slices.ContainsFunc(r.Synapses, func(s synapseRecord) bool { return s.Scales != nil })
	return r.Lambdas != nil || r.Start || r.Shift != nil || r.Refit || scales
}

func (r *record) array() (Array, error) {
	b, err := json.Marshal(r)
	return Text(string(b)), err
}

// readRecord returns the record of a graph, nil if it has none.
func readRecord(g *Graph) (*record, error) {
	text := g.Metadata.Text(recordKey)
	if text == "" {
		return nil, nil
	}
	r := &record{}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", recordKey, err)
	}
	if r.Format < 1 || r.Format > 3 {
		return nil, fmt.Errorf("metadata %s is of format %d, this version reads formats 1 to 3", recordKey, r.Format)
	}
	return r, nil
}
