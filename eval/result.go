package eval

import (
	"encoding/json"
	"io"

	"sresnet/energy"
)

// Result is what one evaluation found. It is plain data with the JSON form that
// the command prints; nothing in it depends on the number of workers but the
// times. Index t of a slice over time is the state after t+1 timesteps. Top-1
// accuracies and agreement are fractions of 1.
type Result struct {
	Model     string    `json:"model"`             // Name of the network.
	Images    int       `json:"images"`            // Images that were finished.
	Skipped   int       `json:"skipped,omitempty"` // Images that could not be read and were left out.
	Timesteps int       `json:"timesteps"`         // T
	Complete  bool      `json:"complete"`          // Whether all images that were asked for are in it.
	ANN       ANN       `json:"ann"`
	SNN       SNN       `json:"snn"`
	Agreement []float64 `json:"agreement"` // Over time: images on which both networks name the same class.
	Layers    []Layer   `json:"layers"`

	// Synaptic operations, split as NeuroBench does [yik2025].
	SpikesPerImage    float64 `json:"spikes_per_image"`     // Sum over Layers.
	ACsPerImage       float64 `json:"acs_per_image"`        // Sum over Layers: additions that spikes cause.
	MACsPerImage      float64 `json:"macs_per_image"`       // Effective multiply-accumulates of the analog image: once an image, as its current is constant.
	DenseMACsPerImage float64 `json:"dense_macs_per_image"` // Of the trained network.

	MembraneUpdatesPerImage float64 `json:"membrane_updates_per_image"` // Neurons times T.

	Seconds             float64 `json:"seconds"` // Wall time of the evaluation, the trained network's passes included.
	ImageStepsPerSecond float64 `json:"image_steps_per_second"`

	// Alone says that there was no trained network. ANN, Agreement, DenseMACsPerImage
	// and Energy are empty then, and "ann" and "agreement" null in JSON.
	Alone bool `json:"-"`

	Energy *energy.Accounts `json:"energy,omitempty"` // Every operation of both networks, itemised.

	// Totals over all layers and over the timesteps so far, per image.
	SpikesUpTo []float64 `json:"-"`
	ACsUpTo    []float64 `json:"-"`

	Predictions []Prediction `json:"-"` // Of the finished images, in order.
	Changed     []Changed    `json:"-"` // The first images that the networks disagree on, up to 24.
}

// ANN is what the trained network did.
type ANN struct {
	Top1 float64 `json:"top1"`
}

// SNN is what the spiking network did.
type SNN struct {
	Top1 []float64 `json:"top1"` // Over time.
}

// Layer is one population, or one max-pool gate, over all images.
type Layer struct {
	Name           string  `json:"name"`
	Kind           string  `json:"kind"`    // The connections that end on it, such as "conv+shortcut".
	Neurons        int     `json:"neurons"` // Or outputs of a gate.
	Lambda         float64 `json:"lambda"`  // Activation that a rate of 1 stands for.
	Rate           float64 `json:"rate"`    // Mean spikes a neuron and timestep.
	SpikesPerImage float64 `json:"spikes_per_image"`
	ACsPerImage    float64 `json:"acs_per_image"`

	// At every timestep alone, per image.
	SpikesAt []float64 `json:"-"`
	ACsAt    []float64 `json:"-"`
}

// References:
//
//	[yik2025]  Jason Yik et al. The NeuroBench framework for benchmarking neuromorphic
//	           computing algorithms and systems. Nature Communications 16:1545. 2025.

// Final returns the accuracy of the spiking network after all timesteps.
func (r *Result) Final() float64 { return r.SNN.Top1[len(r.SNN.Top1)-1] }

// WriteJSON writes r as one JSON object on one line, with what [Result.Choose] says
// of it under the key "choice".
func (r *Result) WriteJSON(w io.Writer) error {
	if r.Alone {
		return json.NewEncoder(w).Encode(struct {
			*Result
			ANN    *ANN   `json:"ann"` // In place of the result's.
			Choice Choice `json:"choice"`
		}{r, nil, r.Choose()})
	}
	return json.NewEncoder(w).Encode(struct {
		*Result
		Choice Choice `json:"choice"`
	}{r, r.Choose()})
}
