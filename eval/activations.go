package eval

import (
	"encoding/json"
	"fmt"
	"io"
)

// Activations is the form of activations.json: what calibration saw of the trained
// network.
type Activations struct {
	Layers []Activation `json:"layers"`
}

// Activation is one node of the trained network, all units and images pooled.
type Activation struct {
	Name   string  `json:"layer"`
	Lambda float64 `json:"lambda"`
	Max    float64 `json:"max"`
	Mean   float64 `json:"mean"`
	Zeros  float64 `json:"zeros"` // Fraction of activations that are exactly zero.

	// The others in bins of equal width; bin i goes from Edges[i] to Edges[i+1].
	Edges  []float64 `json:"edges"`
	Counts []uint64  `json:"counts"`
}

// ReadActivations reads what [Activations.Write] wrote.
func ReadActivations(b []byte) (*Activations, error) {
	a := new(Activations)
	if err := json.Unmarshal(b, a); err != nil {
		return nil, err
	}
	for _, l := range a.Layers {
		if len(l.Counts) > 0 && len(l.Edges) != len(l.Counts)+1 {
			return nil, fmt.Errorf("layer %q has %d edges of %d bins", l.Name, len(l.Edges), len(l.Counts))
		}
	}
	return a, nil
}

// Write writes a as one JSON object.
func (a *Activations) Write(w io.Writer) error { return json.NewEncoder(w).Encode(a) }
