package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sresnet/energy"
	"sresnet/sim"
	"sresnet/snn"
)

// Tally is what was counted on some images. It holds integers only, so that tallies
// add up to the same, in any grouping and any order; its JSON form keeps all of it.
type Tally struct {
	readout     Readout
	images      int
	annCorrect  int
	marks       []int      // Timesteps, from 1, after which there is an answer; see [Marks].
	correct     []uint32   // By mark: images that the spiking network classifies correctly.
	agree       []uint32   // By mark: images on which both networks agree.
	spikes      [][]uint64 // Per layer, over time.
	acs         [][]uint64
	saturated   []uint64 // Per layer, potentials of integer networks.
	macs        uint64
	counts      *energy.Counts // Of operations.
	predictions []prediction
	changed     changes
	exits       *exits // Nil without a rule.
}

func newTally(readout Readout, schedule snn.Schedule, timesteps, layers int) *Tally {
	marks := Marks(schedule, timesteps)
	a := &Tally{
		readout: readout, counts: new(energy.Counts),
		marks: marks, correct: make([]uint32, len(marks)), agree: make([]uint32, len(marks)),
		spikes: make([][]uint64, layers), acs: make([][]uint64, layers), saturated: make([]uint64, layers),
	}
	for l := range layers {
		a.spikes[l], a.acs[l] = make([]uint64, timesteps), make([]uint64, timesteps)
	}
	return a
}

// timesteps returns T.
func (a *Tally) timesteps() int { return a.marks[len(a.marks)-1] }

// Images returns the indices of the images, in no order.
func (a *Tally) Images() []int {
	list := make([]int, len(a.predictions))
	for i := range a.predictions {
		list[i] = a.predictions[i].Index
	}
	return list
}

// add takes in the record of one image and the class that the trained network
// gave it, or noClass. It keeps nothing of rec.
func (a *Tally) add(index, label, class int, rec *sim.Record) {
	p := prediction{Index: index, Label: label, ANN: class}
	for m, T := range a.marks {
		k := a.readout.Class(rec.At(T - 1))
		if m == 0 || k != p.SNN() {
			p.Changes = append(p.Changes, change{int32(m), int32(k)})
		}
		if k == label {
			a.correct[m]++
		}
		if k == class {
			a.agree[m]++
		}
	}
	p.Changes = slices.Clip(p.Changes)
	a.predictions = append(a.predictions, p)
	if class != noClass && p.SNN() != class {
		a.changed.add(&p, rec, a.readout, evidenceAt(a.marks))
	}
	a.images++
	if class == label {
		a.annCorrect++
	}
	a.macs += rec.MACs
	addTo(a.saturated, rec.Saturated)
	for l := range rec.Spikes {
		for t, n := range rec.Spikes[l] {
			a.spikes[l][t] += uint64(n)
		}
		for t, n := range rec.ACs[l] {
			a.acs[l][t] += n
		}
	}
}

// Merge adds what b counted, of other images with the same networks and options.
func (a *Tally) Merge(b *Tally) {
	a.images += b.images
	a.annCorrect += b.annCorrect
	a.macs += b.macs
	addTo(a.correct, b.correct)
	addTo(a.agree, b.agree)
	addTo(a.saturated, b.saturated)
	for l := range a.spikes {
		addTo(a.spikes[l], b.spikes[l])
		addTo(a.acs[l], b.acs[l])
	}
	a.counts.Merge(b.counts)
	a.predictions = append(a.predictions, b.predictions...)
	a.changed.merge(b.changed)
	if a.exits != nil {
		a.exits.merge(b.exits)
	}
}

// tallyFile is the JSON form of a [Tally]. The number of images and of right classes
// of the trained network follow from the predictions.
type tallyFile struct {
	Correct     []uint32      `json:"correct"`
	Agree       []uint32      `json:"agree"`
	Spikes      [][]uint64    `json:"spikes"`
	ACs         [][]uint64    `json:"acs"`
	Saturated   []uint64      `json:"saturated,omitempty"`
	MACs        uint64        `json:"macs"`
	Counts      energy.Counts `json:"counts"`
	Predictions []prediction  `json:"predictions"`
	Changed     []Changed     `json:"changed,omitempty"`
	Exits       *stopped      `json:"exits,omitempty"`
}

// MarshalJSON implements json.Marshaler. Tallies of the same images have the same
// form.
func (a *Tally) MarshalJSON() ([]byte, error) {
	f := tallyFile{
		Correct: a.correct, Agree: a.agree, Spikes: a.spikes, ACs: a.acs, MACs: a.macs,
		Counts: *a.counts, Predictions: slices.SortedFunc(slices.Values(a.predictions), byIndex), Changed: a.changed.list,
	}
	if slices.Max(a.saturated) > 0 {
		f.Saturated = a.saturated
	}
	if a.exits != nil {
		f.Exits = &a.exits.stopped
	}
	return json.Marshal(&f)
}

// restore fills a, an empty tally, with what MarshalJSON wrote of one like it.
func (a *Tally) restore(b []byte, classes int) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var f tallyFile
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	fits := len(f.Correct) == len(a.correct) && len(f.Agree) == len(a.agree) && len(f.Spikes) == len(a.spikes) && len(f.ACs) == len(a.acs) &&
		len(f.Counts.Synapses) == len(a.counts.Synapses) && len(f.Counts.Trained) == len(a.counts.Trained) && len(f.Changed) <= maxChanged &&
		(f.Counts.Added == nil || len(f.Counts.Added) == len(a.counts.Synapses)) && f.Counts.Graded <= uint64(len(f.Predictions)) && f.Counts.Binary <= uint64(len(f.Predictions))
	fits = fits && (f.Exits != nil) == (a.exits != nil) && (f.Exits == nil || f.Exits.fits(a.exits, len(f.Predictions)))
	fits = fits && (f.Saturated == nil || len(f.Saturated) == len(a.saturated))
	for l := 0; fits && l < len(f.Spikes); l++ {
		fits = len(f.Spikes[l]) == a.timesteps() && len(f.ACs[l]) == a.timesteps()
	}
	if !fits {
		return errors.New("eval: counts of another network or of other options")
	}
	for i := range f.Predictions {
		if err := f.Predictions[i].check(len(a.correct), classes); err != nil {
			return err
		}
	}
	a.correct, a.agree, a.spikes, a.acs, a.macs = f.Correct, f.Agree, f.Spikes, f.ACs, f.MACs
	a.predictions, a.changed.list = f.Predictions, f.Changed
	addTo(a.saturated, f.Saturated)
	a.counts = &f.Counts
	if a.exits != nil {
		a.exits.stopped = *f.Exits
	}
	a.images = len(a.predictions)
	for i := range a.predictions {
		if p := &a.predictions[i]; p.ANN == p.Label {
			a.annCorrect++
		}
	}
	return nil
}

func addTo[T uint32 | uint64](dst, src []T) {
	for i, v := range src {
		dst[i] += v
	}
}

// result turns the counts into means. There must be at least one image.
func (a *Tally) result(net *snn.Network, elapsed time.Duration) *Result {
	T, n := a.timesteps(), float64(a.images)
	spikesAt, acsAt := make([]uint64, T), make([]uint64, T)
	for l := range a.spikes {
		addTo(spikesAt, a.spikes[l])
		addTo(acsAt, a.acs[l])
	}
	r := &Result{
		Model: net.Name, Images: a.images, Timesteps: T, TunedFor: net.TunedFor, Latency: net.Latency(T),
		TrainedTop1:    float64(a.annCorrect) / n,
		SpikingTop1:    means(a.correct, n),
		Agreement:      means(a.agree, n),
		SpikesPerImage: means(cumulative(spikesAt), n),
		ACsPerImage:    means(cumulative(acsAt), n),
		MACsPerImage:   float64(a.macs) / n,
		Predictions:    predictionsOf(a.predictions, a.marks),
		Changed:        a.changed.list,
		Seconds:        elapsed.Seconds(),
	}
	lost, gained := r.Predictions.against(T, func(i int) bool { return r.Predictions.Trained[i] == r.Predictions.Label[i] })
	for _, T := range a.marks {
		r.Lost, r.Gained = append(r.Lost, lost[T-1]), append(r.Gained, gained[T-1])
	}
	if net.Schedule != snn.Synchronous {
		r.Schedule, r.Coding = net.Schedule.String(), net.Coding.String()
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		spikes, acs := total(a.spikes[i]), total(a.acs[i])
		r.Layers = append(r.Layers, Layer{
			Name: l.Name, Kind: kind(l), Neurons: l.Neurons(), Lambda: float64(l.Lambda),
			Rate:           float64(spikes) / (n * float64(T) * float64(l.Neurons())),
			SpikesPerImage: float64(spikes) / n,
			ACsPerImage:    float64(acs) / n,
			Saturated:      float64(a.saturated[i]) / n,
			SpikesAt:       means(a.spikes[i], n),
			ACsAt:          means(a.acs[i], n),
		})
	}
	return r
}

// predictionsOf puts predictions into the order of the images and takes what the networks
// say after the last timestep, and when the spiking one is right.
func predictionsOf(list []prediction, marks []int) Predictions {
	p := Predictions{Turns: make([][]int, 0, len(list))}
	slices.SortFunc(list, byIndex)
	for i := range list {
		x := &list[i]
		p.Image, p.Label = append(p.Image, x.Index), append(p.Label, x.Label)
		p.Trained, p.Spiking = append(p.Trained, x.ANN), append(p.Spiking, x.SNN())
		turns := []int{}
		for _, c := range x.Changes {
			if right := int(c.Class) == x.Label; right != (len(turns)%2 == 1) {
				turns = append(turns, marks[c.Step])
			}
		}
		p.Turns = append(p.Turns, turns)
	}
	return p
}

func means[T uint32 | uint64](sums []T, n float64) []float64 {
	m := make([]float64, len(sums))
	for i, s := range sums {
		m[i] = float64(s) / n
	}
	return m
}

func total(x []uint64) (sum uint64) {
	for _, v := range x {
		sum += v
	}
	return sum
}

// cumulative returns the sums of x up to and including each element.
func cumulative(x []uint64) []uint64 {
	c := slices.Clone(x)
	for t := 1; t < len(c); t++ {
		c[t] += c[t-1]
	}
	return c
}

// kind joins the words of the connections that end on l.
func kind(l *snn.Layer) string {
	var words []string
	for _, s := range l.Synapses {
		words = append(words, s.Connection.Kind())
	}
	return strings.Join(words, "+")
}
