package eval

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"sresnet/energy"
	"sresnet/shard"
	"sresnet/snn"
)

// Format is the form of a [Result] in JSON, and of the other files of a run.
const Format = shard.Format

// Result is what one evaluation found. It is plain data, and all that tables show of an
// evaluation follows from it; nothing in it depends on the number of workers but
// Seconds. Index t of a slice over time is the state after t+1 timesteps, or with At in
// its name what the timestep t+1 alone added; in a phased network these are the timesteps
// of every layer's own windows. Top-1 accuracies and agreement are fractions of 1, one for
// each of [Result.Marks]: for every timestep, or for the end alone. docs/runs.md lists the
// keys of the JSON form.
type Result struct {
	Model     string  `json:"model"`             // Name of the network.
	Images    int     `json:"images"`            // Images that were finished.
	Skipped   int     `json:"skipped,omitempty"` // Images that could not be read and were left out.
	Timesteps int     `json:"timesteps"`         // T; of a phased network T per window.
	Complete  bool    `json:"complete"`          // Whether all images that were asked for are in it.
	Seconds   float64 `json:"seconds"`           // Wall time of the evaluation, the trained network's passes included.

	// CalibrationSeconds is the wall time before that, of calibration, conversion and what is
	// searched and learned with them; 0 for a network from a file.
	CalibrationSeconds float64 `json:"calibration_seconds,omitempty"`

	// Without a trained network TrainedTop1 and DenseMACsPerImage are 0 and Agreement is
	// nil, all of them null in JSON, and the accounts in Energy have none of it.
	TrainedTop1 float64   `json:"trained_top1"`
	SpikingTop1 []float64 `json:"spiking_top1"`
	Agreement   []float64 `json:"agreement"` // Images on which both networks name the same class.

	// Images that one of the networks alone gets right, likewise for each mark: see
	// [Result.Paired]. Nil without a trained network, and in results of versions that did
	// not count them.
	Lost   []int `json:"lost_images"`   // By the trained one alone.
	Gained []int `json:"gained_images"` // By the spiking one alone.

	// Synaptic operations of the spiking network, over all layers, split as NeuroBench
	// does [yik2025].
	SpikesPerImage []float64 `json:"spikes_per_image"`
	ACsPerImage    []float64 `json:"acs_per_image"`  // Additions that spikes cause.
	MACsPerImage   float64   `json:"macs_per_image"` // Effective multiply-accumulates of the analog image: once per image, as its current is constant; of frames at all timesteps.

	DenseMACsPerImage float64 `json:"dense_macs_per_image"` // Of the trained network.

	// Of a phased network the words of [snn.Schedule] and [snn.Coding]; empty for the
	// synchronous schedule and rate coding.
	Schedule string `json:"schedule,omitempty"`
	Coding   string `json:"coding,omitempty"`
	Latency  int    `json:"latency"`             // Timesteps from the image to the answer; see [snn.Network.Latency].
	TunedFor int    `json:"tuned_for,omitempty"` // T that the network was calibrated for, if it was for one.

	Layers []Layer          `json:"layers"`
	Energy *energy.Accounts `json:"energy,omitempty"` // Every operation of both networks, itemised.
	Exit   *Exit            `json:"exit,omitempty"`   // What it would be to stop early; nil unless that is asked for.

	Predictions Predictions `json:"predictions"`
	Changed     []Changed   `json:"-"` // The first images that the networks disagree on, up to 24.
}

// Layer is one population, or one max-pool gate, over all images.
type Layer struct {
	Name           string  `json:"layer"`
	Kind           string  `json:"kind"`             // The connections that end on it, such as "conv+shortcut".
	Neurons        int     `json:"neurons"`          // Or outputs of a gate.
	Lambda         float64 `json:"lambda"`           // Activation that a rate of 1 stands for.
	Rate           float64 `json:"rate"`             // Mean spikes per neuron and timestep.
	SpikesPerImage float64 `json:"spikes_per_image"` // After T timesteps.
	ACsPerImage    float64 `json:"acs_per_image"`    // After T timesteps.

	// Neurons and timesteps per image at which a potential of an integer network saturated.
	Saturated float64 `json:"saturated_per_image,omitempty"`

	// At every timestep alone, per image. Runs that were converted from format 1 may lack
	// them: nil then.
	SpikesAt []float64 `json:"spikes_at"`
	ACsAt    []float64 `json:"acs_at"`
}

// Predictions are what the networks say of every finished image after the last
// timestep. All slices have the same length and are in the order of the images.
type Predictions struct {
	Image   []int `json:"image"` // Index of the image in the data set.
	Label   []int `json:"label"`
	Trained []int `json:"trained_class"` // Nil without a trained network.
	Spiking []int `json:"spiking_class"`

	// Turns has the timesteps, from 1 and ascending, at which the spiking network becomes
	// right and wrong in turn. Nil in results of versions that did not keep them.
	Turns [][]int `json:"turns_t,omitempty"`
}

// rightAt reports whether the spiking network is right about the image in place i after T
// timesteps.
func (p *Predictions) rightAt(i, T int) bool {
	n, found := slices.BinarySearch(p.Turns[i], T)
	return found != (n%2 == 1)
}

// Right returns whether the spiking network is right about each image after T timesteps; nil
// if that is not known.
func (p *Predictions) Right(T int) []bool {
	if p.Turns == nil {
		return nil
	}
	list := make([]bool, len(p.Turns))
	for i := range list {
		list[i] = p.rightAt(i, T)
	}
	return list
}

// against counts, for every timestep up to T, the images that are among some and that the
// spiking network gets wrong then, and those that are not and that it gets right.
func (p *Predictions) against(T int, among func(i int) bool) (lost, gained []int) {
	lost, gained = make([]int, T), make([]int, T)
	for i, turns := range p.Turns {
		is := among(i)
		for k := 0; k <= len(turns); k++ {
			from, to := 1, T+1
			if k > 0 {
				from = turns[k-1]
			}
			if k < len(turns) {
				to = turns[k]
			}
			switch right := k%2 == 1; {
			case is && !right:
				for t := from; t < to; t++ {
					lost[t-1]++
				}
			case !is && right:
				for t := from; t < to; t++ {
					gained[t-1]++
				}
			}
		}
	}
	return lost, gained
}

// References:
//
//	[yik2025]  Jason Yik et al. The NeuroBench framework for benchmarking neuromorphic
//	           computing algorithms and systems. Nature Communications 16:1545. 2025.

// Alone reports whether there was no trained network.
func (r *Result) Alone() bool { return r.Agreement == nil }

// Saturation says how often potentials of an integer network saturated; "" for never.
func (r *Result) Saturation() string {
	sum, most := 0.0, 0
	for i, l := range r.Layers {
		if sum += l.Saturated; l.Saturated > r.Layers[most].Saturated {
			most = i
		}
	}
	if sum == 0 {
		return ""
	}
	return fmt.Sprintf("Potentials saturated %.4g times per image, most of them (%.4g) in %s.", sum, r.Layers[most].Saturated, r.Layers[most].Name)
}

// Final returns the accuracy of the spiking network in the end.
func (r *Result) Final() float64 { return r.SpikingTop1[len(r.SpikingTop1)-1] }

// ImageStepsPerSecond returns how fast the evaluation was: images times timesteps over
// its wall time; 0 if that is not known.
func (r *Result) ImageStepsPerSecond() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(r.Images) * float64(r.Timesteps) / r.Seconds
}

// plainResult is a Result without its methods, of which MarshalJSON would take the place
// of the fields.
type plainResult Result

// resultFile is the JSON form of a Result: with its format and, for readers that are no
// Go programs, its choice, which follows from the rest.
type resultFile struct {
	Format int `json:"format"`
	*plainResult
	TrainedTop1       *float64 `json:"trained_top1"` // In place of the result's: nil without a trained network.
	DenseMACsPerImage *float64 `json:"dense_macs_per_image"`

	// Of each mark, what [Pairs] says of the loss: its 95 % interval and McNemar's test.
	LossLow  []float64 `json:"loss_low"`
	LossHigh []float64 `json:"loss_high"`
	McNemar  []float64 `json:"mcnemar_p"`

	Choice *Choice `json:"choice"`

	Predictions *Predictions `json:"predictions"` // The result's: what is long comes last.
}

// MarshalJSON implements json.Marshaler: all of r but Changed, with what [Result.Choose]
// says of it under the key "choice".
func (r *Result) MarshalJSON() ([]byte, error) {
	choice := r.Choose()
	f := resultFile{Format: Format, plainResult: (*plainResult)(r), Choice: &choice, Predictions: &r.Predictions}
	if !r.Alone() {
		f.TrainedTop1, f.DenseMACsPerImage = &r.TrainedTop1, &r.DenseMACsPerImage
	}
	for m := range r.Lost {
		p := Pairs{r.Images, r.Lost[m], r.Gained[m]}
		low, high := p.Interval()
		f.LossLow, f.LossHigh, f.McNemar = append(f.LossLow, low), append(f.LossHigh, high), append(f.McNemar, p.PValue())
	}
	return json.Marshal(&f)
}

// WriteJSON writes r as one JSON object on one line.
func (r *Result) WriteJSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// ReadResult reads what [Result.WriteJSON] wrote. What was written by another version
// of the program, in another form, is a [*shard.FormatError].
func ReadResult(rd io.Reader) (*Result, error) {
	b, err := io.ReadAll(rd)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	if err := shard.CheckFormat("the result", b); err != nil {
		return nil, err
	}
	r := new(Result)
	f := resultFile{plainResult: (*plainResult)(r)}
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("eval: not a result: %w", err)
	}
	if f.Predictions == nil {
		return nil, errors.New("eval: not a result: it has no predictions")
	}
	r.Predictions = *f.Predictions
	if (f.TrainedTop1 == nil) != r.Alone() || (f.DenseMACsPerImage == nil) != r.Alone() {
		return nil, errors.New("eval: not a result: it has half of a trained network")
	}
	if !r.Alone() {
		r.TrainedTop1, r.DenseMACsPerImage = *f.TrainedTop1, *f.DenseMACsPerImage
	}
	if r.Latency == 0 { // Of a version that had the synchronous schedule alone.
		r.Latency = r.Timesteps
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("eval: not a result: %w", err)
	}
	return r, nil
}

// maxClass bounds the number of a class, so that a table of classes fits memory.
const maxClass = 1 << 20

// check returns an error unless the parts of r fit together.
func (r *Result) check() error {
	if r.Images < 1 || r.Timesteps < 1 {
		return fmt.Errorf("%d images and %d timesteps", r.Images, r.Timesteps)
	}
	if len(r.Layers) == 0 {
		return errors.New("it has no layers")
	}
	if _, err := snn.ScheduleNamed(cmp.Or(r.Schedule, snn.Synchronous.String())); err != nil {
		return err
	}
	of := func(n int, what string, x []float64, most float64) error {
		if len(x) != n {
			return fmt.Errorf("it has %d timesteps and %s of %d", n, what, len(x))
		}
		for _, v := range x {
			if !(v >= 0 && v <= most) {
				return fmt.Errorf("it has %s of %v", what, v)
			}
		}
		return nil
	}
	over := func(what string, x []float64, most float64) error { return of(r.Timesteps, what, x, most) }
	marks := 1 // Not len(r.Marks()), which a damaged file could make large.
	if !r.Phased() {
		marks = r.Timesteps
	}
	err := cmp.Or(of(marks, "accuracies", r.SpikingTop1, 1), over("spikes", r.SpikesPerImage, math.MaxFloat64), over("additions", r.ACsPerImage, math.MaxFloat64))
	if !r.Alone() {
		err = cmp.Or(err, of(marks, "agreement", r.Agreement, 1))
	}
	for i := range r.Layers {
		if l := &r.Layers[i]; l.SpikesAt != nil || l.ACsAt != nil {
			err = cmp.Or(err, over("spikes of layer "+l.Name, l.SpikesAt, math.MaxFloat64), over("additions of layer "+l.Name, l.ACsAt, math.MaxFloat64))
		}
	}
	if r.Latency < r.Timesteps || r.Latency%r.Timesteps != 0 || !r.Phased() && r.Latency != r.Timesteps {
		err = cmp.Or(err, fmt.Errorf("it has %d timesteps and a latency of %d", r.Timesteps, r.Latency))
	}
	if r.Exit != nil {
		err = cmp.Or(err, r.Exit.check(r))
	}
	return cmp.Or(err, r.checkPairs(), r.Predictions.check(r.Images, r.Alone()), r.Predictions.checkTurns(r))
}

// checkPairs returns an error unless the counts of pairs are those of the accuracies.
func (r *Result) checkPairs() error {
	if r.Lost == nil && r.Gained == nil {
		return nil
	}
	if r.Alone() || len(r.Lost) != len(r.SpikingTop1) || len(r.Gained) != len(r.Lost) {
		return fmt.Errorf("it has %d accuracies and %d and %d counts of pairs", len(r.SpikingTop1), len(r.Lost), len(r.Gained))
	}
	trained := r.right(r.TrainedTop1)
	for m, lost := range r.Lost {
		if gained := r.Gained[m]; lost < 0 || lost > trained || gained < 0 || gained > r.Images-trained || trained-lost+gained != r.right(r.SpikingTop1[m]) {
			return fmt.Errorf("it has %d and %d images that one network gets right", lost, gained)
		}
	}
	return nil
}

// checkTurns returns an error unless p says of each image when the network is right.
func (p *Predictions) checkTurns(r *Result) error {
	if p.Turns == nil {
		return nil
	}
	if len(p.Turns) != r.Images {
		return fmt.Errorf("it has %d images and the turns of %d", r.Images, len(p.Turns))
	}
	for _, turns := range p.Turns {
		before := 0
		for _, t := range turns {
			if t <= before || t > r.Timesteps {
				return fmt.Errorf("it has an image with a turn at timestep %d after %d", t, before)
			}
			before = t
		}
	}
	return nil
}

// check returns an error unless p is of n images.
func (p *Predictions) check(n int, alone bool) error {
	lists := [][]int{p.Image, p.Label, p.Spiking}
	if !alone {
		lists = append(lists, p.Trained)
	} else if p.Trained != nil {
		return errors.New("it has predictions of a missing trained network")
	}
	for _, list := range lists {
		if len(list) != n {
			return fmt.Errorf("it has %d images and predictions of %d", n, len(list))
		}
	}
	for _, list := range lists[1:] {
		if lowest, highest := slices.Min(list), slices.Max(list); lowest < 0 || highest > maxClass {
			return fmt.Errorf("it has classes from %d to %d", lowest, highest)
		}
	}
	return nil
}
