package sweep

import (
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/experiment"
)

// Report is the JSON form of a sweep. Index t of a list over time is the state after
// t+1 timesteps; accuracies are fractions of 1.
type Report struct {
	Model        string     `json:"model"`
	Timesteps    int        `json:"timesteps"`
	At           int        `json:"t"` // At which settings are compared that are not for one T.
	Complete     bool       `json:"complete"`
	Calibration  Images     `json:"calibration"`
	Selection    Images     `json:"selection"`
	Settings     []Measured `json:"settings"` // On the selection images; finished ones only.
	Chosen       string     `json:"chosen,omitempty"`
	Confirmation *Confirmed `json:"confirmation,omitempty"` // Of the chosen one on test images.
}

// Images says which images something was measured on.
type Images struct {
	Data   string `json:"data"`
	Images int    `json:"images"`
	SHA256 string `json:"sha256"`
}

func newImages(name string, images *dataset.Images) Images {
	return Images{name, images.Len(), images.Hash()}
}

// Measured is a setting that is finished.
type Measured struct {
	Name    string         `json:"setting"`
	Options map[string]any `json:"options"` // Those that a sweep varies.
	Measures
	Chosen bool `json:"chosen"`
}

// Confirmed is the chosen setting on the test images.
type Confirmed struct {
	Images
	Measures
}

// Measures are the figures of one run. Accuracies and agreement of a phased network are
// those of its end alone.
type Measures struct {
	TrainedTop1        float64   `json:"trained_top1"`
	SpikingTop1        []float64 `json:"spiking_top1"`
	Agreement          []float64 `json:"agreement"`
	SpikesPerImage     []float64 `json:"spikes_per_image"`     // Up to each timestep.
	OperationsPerImage []float64 `json:"operations_per_image"` // The same.
	Timesteps          int       `json:"timesteps"`            // T; of a phased network T per window.
	Latency            int       `json:"latency"`              // Timesteps from the image to the answer.
}

func newMeasures(r *eval.Result) Measures {
	m := Measures{Timesteps: r.Timesteps, Latency: r.Latency, TrainedTop1: r.TrainedTop1, SpikingTop1: r.SpikingTop1, Agreement: r.Agreement}
	for _, T := range r.Marks() {
		m.SpikesPerImage = append(m.SpikesPerImage, r.SpikesPerImage[T-1])
		m.OperationsPerImage = append(m.OperationsPerImage, r.Candidate(T).Operations)
	}
	return m
}

// Report returns what has been found so far.
func (s *Sweep) Report() *Report {
	best := s.Chosen()
	rep := &Report{
		Model: s.Graph.Name, Timesteps: s.Options.Timesteps, At: s.At, Complete: s.Confirmed != nil,
		Calibration: newImages(s.CalibrationName(), s.Calibration), Selection: newImages(s.SelectionName(), s.Selection),
		Settings: []Measured{},
	}
	for i, v := range s.Settings {
		if r := s.Results[i]; r != nil {
			rep.Settings = append(rep.Settings, Measured{v.Name(), v.options(), newMeasures(r), i == best})
		}
	}
	if best >= 0 {
		rep.Chosen = s.Settings[best].Name()
	}
	if s.Confirmed != nil {
		rep.Confirmation = &Confirmed{newImages(experiment.SourceOf(s.Options.Data), s.Test), newMeasures(s.Confirmed)}
	}
	return rep
}

// options returns the values of s under the keys of their options.
func (s Setting) options() map[string]any {
	o := s.apply(experiment.Options{})
	values := make(map[string]any)
	for _, option := range named {
		p := experiment.OptionNamed(option)
		values[p.Key()] = p.Value(&o)
	}
	return values
}
