package sweep

import (
	"cmp"
	"fmt"
	"strings"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/shell"
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
	Settings     []Measured `json:"settings"`               // On the selection images; finished ones only.
	Best         string     `json:"best,omitempty"`         // With the most images right.
	Chosen       string     `json:"chosen,omitempty"`       // The cheapest of those that tie with it.
	Convert      string     `json:"convert,omitempty"`      // The command that writes the chosen one.
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
	Judged
	Chosen bool `json:"chosen"`
}

// Judged is how a setting does at the T where settings are compared. What it says of the best
// setting is absent while some are not finished, or where it is not known.
type Judged struct {
	At       int      `json:"judged_at_t"`
	Low      float64  `json:"spiking_top1_low"`  // The 95 % interval of its accuracy.
	High     float64  `json:"spiking_top1_high"` //
	Loss     *float64 `json:"loss_to_best,omitempty"`
	LossLow  *float64 `json:"loss_to_best_low,omitempty"` // Its 95 % interval.
	LossHigh *float64 `json:"loss_to_best_high,omitempty"`
	McNemar  *float64 `json:"mcnemar_p,omitempty"` // Uncorrected.
	Tie      bool     `json:"tie"`                 // Not told apart from the best one.
}

// judged returns how setting i does.
func (s *Sweep) judged(i int, standings []Standing) Judged {
	at := s.Results[i].Point(s.JudgedAt(i))
	j := Judged{At: at.T, Low: at.Low, High: at.High}
	if standings == nil {
		return j
	}
	x := &standings[i]
	if j.Tie = x.Tie; x.Known {
		loss, p := x.Pairs.Loss(), x.Pairs.PValue()
		low, high := x.Pairs.Interval()
		j.Loss, j.LossLow, j.LossHigh, j.McNemar = &loss, &low, &high, &p
	}
	return j
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
	standings := s.Standings()
	for i, v := range s.Settings {
		if r := s.Results[i]; r != nil {
			rep.Settings = append(rep.Settings, Measured{v.Name(), v.options(), newMeasures(r), s.judged(i, standings), i == best})
		}
	}
	if best >= 0 {
		rep.Best, rep.Chosen, rep.Convert = s.Settings[s.best()].Name(), s.Settings[best].Name(), shell.Join(s.ConvertCommand())
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

// ConvertCommand returns the command that writes the network of the chosen setting, in words:
// every option that is not that of its preset. The read-out is no part of a conversion.
func (s *Sweep) ConvertCommand() []string {
	v, o := s.Settings[s.chosen()], &s.Options
	images := cmp.Or(o.Calibrate, o.Data)
	if !strings.Contains(images, "images=") {
		mark := "?"
		if strings.Contains(images, "?") {
			mark = "&"
		}
		images += fmt.Sprintf("%simages=%d", mark, s.Calibration.Len())
	}
	words := []string{"sresnet", "convert", o.Model}
	give := func(option, value string) { words = append(words, "--"+option, value) }
	give("calibrate", images)
	give("normalize", o.Normalize)
	preset := v.Value("preset")
	searches := v.Value("compensation") != experiment.NoCompensation.String() // For a T.
	for _, option := range named {
		value := v.Value(option)
		switch {
		case option == "preset" && preset == paper(), option != "preset" && value == usual(preset, option):
		case option == readout, option == length && !v.OneT() && !searches:
		case experiment.OptionNamed(option).IsBool():
			words = append(words, "--"+option)
		default:
			give(option, value)
		}
	}
	if o.Lambda != nil {
		give("lambda", o.Lambda.String())
	}
	return append(words, "-o", v.Name()+".nir")
}
