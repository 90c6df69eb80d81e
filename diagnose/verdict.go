package diagnose

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"sresnet/eval"
)

// alpha is the level of significance of all that is said together: of advice, and of where
// accuracy is lost.
const alpha = 0.05

// likely is what the half that chooses must show for the other half to be asked, so that the
// level is not spread over changes of which nobody expects anything.
const likely = 0.25

// lossOf compares the trained network with the spiking one.
func lossOf(spiking, trained []bool) (t eval.Pairs) {
	for i, ok := range trained {
		count(&t, spiking[i], ok)
	}
	return t
}

// verdict puts what was found into sentences, the largest gain first.
func verdict(r *Diagnosis, trials []trial, lost eval.Pairs) []Finding {
	T, top1, loss := lastT(r), r.SNNTop1[len(r.SNNTop1)-1], gain(lost)
	low, high := gainInterval(lost)
	if loss <= 0 || lost.PValue() > alpha {
		after := fmt.Sprintf("after %d timesteps", T)
		if r.Latency > 0 {
			after = fmt.Sprintf("with T = %d in a window, %d timesteps after the image came,", T, r.Latency)
		}
		what := "Nothing is lost"
		if loss > 0 {
			what = "No loss can be told from chance"
		}
		return []Finding{{
			Cause: CauseNone, Points: max(loss, 0), Low: low, High: high,
			Text: fmt.Sprintf("%s on these %d images: %s the spiking network classifies %.2f %% of them correctly, the trained one %.2f %%; the difference lies between %.1f and %.1f points.", what, r.Images, after, 100*top1, 100*r.ANNTop1, low, high),
		}}
	}
	found := advice(r, trials)
	for _, f := range where(r) {
		found = append(found, named{Finding: f})
	}
	list := ranked(found)
	rounds := func(f Finding) bool { return f.Cause == CauseRounding && f.Layer == "" }
	if roundsMost(r) && !slices.ContainsFunc(list, rounds) {
		list = append(list, Finding{
			Cause: CauseRounding,
			Text:  fmt.Sprintf("All layers: rounding the weights to %d bits is the largest part of their own errors, %.3g of lambda on average; more bits, or real weights, make it smaller.", r.Bits, average(r, CauseRounding)),
		})
	}
	if len(list) > 0 {
		return list
	}
	l := &r.Layers[worst(r, 1)[0]]
	part, size := l.last().largestOwn()
	return []Finding{{
		Layer: l.Name, Cause: part, Low: low, High: high,
		Text: fmt.Sprintf("Of the %.2f points that are lost (%.1f to %.1f), nothing that was tried recovers more than chance would on these %d images; more images tell smaller gains. The layer with the largest error of its own is %s: %s, %.3g of lambda.", loss, low, high, r.Images, l.Name, part, size),
	}}
}

// named is a finding; many says that a part of what was changed may gain as much.
type named struct {
	Finding
	many bool
}

// ranked puts the largest gain first; among equals, what names a layer. A change of many things,
// such as another calibration, comes after all that has one cause and may gain as much: alone, or
// in the layers named first together.
func ranked(list []named) []Finding {
	slices.SortStableFunc(list, func(a, b named) int {
		if a.Points == b.Points && (a.Layer == "") != (b.Layer == "") {
			return strings.Compare(b.Layer, a.Layer)
		}
		return cmp.Compare(b.Points, a.Points)
	})
	var one, many []Finding
	for _, f := range list {
		if f.many {
			many = append(many, f.Finding)
		} else {
			one = append(one, f.Finding)
		}
	}
	behind := make([][]Finding, len(one)+1) // What comes after so many of one.
	for _, f := range many {
		place, together, layers := 0, 0.0, make(map[string]bool)
		for i, g := range one {
			reached := together >= f.Points
			if g.Layer != "" && !layers[g.Layer] {
				layers[g.Layer] = true
				together += g.High
			}
			if g.Points > f.Points || g.High >= f.Points || !reached && together >= f.Points {
				place = i + 1
			}
		}
		behind[place] = append(behind[place], f)
	}
	ranked := behind[0]
	for i, g := range one {
		ranked = append(append(ranked, g), behind[i+1]...)
	}
	return ranked
}

// bundled reports whether t changes many things at once, one of which may be all that it takes.
func (t *trial) bundled(r *Diagnosis, trials []trial) bool {
	switch t.kind {
	case schedule: // It also lets neurons fire what they could not at once.
		return mostly(r) != CauseUnevenness
	case allPercentile, calibrated, scheduleFor, found:
		return true
	case realWeights: // Their potentials have all bits as well.
		return slices.ContainsFunc(trials, func(t trial) bool { return t.kind == wideState })
	}
	return false
}

// topic is what trials have in common of which one at most is advised: a lambda is raised or
// lowered, not both.
func (t *trial) topic() string {
	switch t.kind {
	case lambdaMax, lambdaPercentile, lambdaFactor:
		return "lambda " + t.Layer
	case scheduleFor:
		return string(schedule)
	}
	return string(t.kind)
}

// advice returns what to change. Of changes that exclude each other, each half of the images
// chooses the one that gains most there, and the other half measures its gain: where both choose
// the same, that is its gain on all of them, else that of the first half's choice on the second.
// It has to be more than chance.
func advice(r *Diagnosis, trials []trial) (list []named) {
	var topics []string
	first, second := make(map[string]*trial), make(map[string]*trial)
	choose := func(best map[string]*trial, t *trial, of func(*trial) eval.Pairs) {
		p, before := of(t), best[t.topic()]
		if t.kind != replaced && gain(p) > 0 && better(p) <= likely && (before == nil || gain(p) > gain(of(before))) {
			best[t.topic()] = t
		}
	}
	for i := range trials {
		t := &trials[i]
		if !slices.Contains(topics, t.topic()) {
			topics = append(topics, t.topic())
		}
		choose(first, t, func(t *trial) eval.Pairs { return t.first })
		choose(second, t, func(t *trial) eval.Pairs { return t.second })
	}
	var (
		chosen   []*trial
		measured []eval.Pairs
		p        []float64
	)
	for _, topic := range topics {
		t := first[topic]
		if t == nil {
			continue
		}
		pairs := t.second
		if t == second[topic] {
			pairs = t.all()
		}
		chosen, measured, p = append(chosen, t), append(measured, pairs), append(p, better(pairs))
	}
	for k, ok := range eval.Holm(p, alpha) {
		if ok {
			list = append(list, named{finding(r, chosen[k], measured[k], trials), chosen[k].bundled(r, trials)})
		}
	}
	return list
}

// advised returns the options of the finding to follow, see [Diagnosis.Advice].
func advised(verdict []Finding) map[string]any {
	for _, follow := range []func(Finding) bool{
		func(f Finding) bool { return f.Searched },
		func(f Finding) bool { return f.Options["timesteps"] == nil },
		func(Finding) bool { return true },
	} {
		for _, f := range verdict { // What to do first comes first.
			if f.Options != nil && follow(f) {
				return f.Options
			}
		}
	}
	return nil
}

// lastT returns the number of timesteps that the verdict is about.
func lastT(r *Diagnosis) int { return r.Timesteps[len(r.Timesteps)-1] }

// finding describes a trial that gained accuracy.
func finding(r *Diagnosis, t *trial, measured eval.Pairs, trials []trial) Finding {
	f := Finding{Layer: t.Layer, Points: gain(measured), Options: t.Options, Searched: t.kind == found}
	f.Low, f.High = gainInterval(measured)
	gain := fmt.Sprintf("%.2f points (%.1f to %.1f)", f.Points, f.Low, f.High)
	f.Cause = CauseQuantisation
	switch t.kind {
	case lambdaFactor, lambdaMax, lambdaPercentile:
		l, verb := &r.Layers[t.index], "recovers"
		if t.kind == lambdaFactor {
			verb = "recover"
		}
		why := fmt.Sprintf("its lambda, %.4g, is large for %d timesteps", l.Lambda, t.Timesteps)
		if r.Latency > 0 {
			why = "levels of lambda/T are too coarse there"
		}
		if t.higher {
			f.Cause = CauseClipping
			why = fmt.Sprintf("clipping takes points, since %.2g %% of its activations exceed lambda, %.4g", 100*l.Clipped, l.Lambda)
		}
		f.Text = fmt.Sprintf("%s: %s; %s %s %s.", l.Name, why, t.Change, verb, gain) + l.inChannels(f.Cause)
	case schedule, scheduleFor:
		f.Cause = mostly(r)
		alone := ""
		if i := slices.IndexFunc(trials, func(t trial) bool { return t.kind == schedule }); t.kind == scheduleFor && i >= 0 {
			alone = fmt.Sprintf("; the schedule alone gains %.2f", trials[i].Gain)
		}
		f.Text = fmt.Sprintf("All layers: %s recovers %s%s: no neuron fires before it has its whole input. The answer takes %d timesteps in place of %d: T = %d in each of %d windows, one layer after the other.", t.Change, gain, alone, t.Latency, lastT(r), t.Timesteps, t.Latency/t.Timesteps)
	case calibrated:
		f.Cause = mostly(r)
		f.Text = fmt.Sprintf("All layers: %s recover %s.", t.Change, gain)
	case found:
		f.Cause = coarse(r)
		f.Text = fmt.Sprintf("All layers: %s, recover %s.", t.Change, gain)
	case noLeak:
		f.Cause = CauseLeak
		f.Text = fmt.Sprintf("All layers: %s recover %s; that potentials fade makes errors of %.3g of lambda on average.", t.Change, gain, average(r, CauseLeak))
	case wideState:
		f.Cause = CauseSaturation
		f.Text = fmt.Sprintf("All layers: %s recover %s: what a potential cannot hold is lost, %.3g of lambda on average.", t.Change, gain, average(r, CauseSaturation))
	case realWeights:
		f.Cause = CauseRounding
		f.Text = fmt.Sprintf("All layers: %s recover %s; rounding the weights makes errors of %.3g of lambda on average, which more bits make smaller.", t.Change, gain, average(r, CauseRounding))
	case moreTimesteps:
		f.Cause = coarse(r)
		why := "after fewer, rates are too coarse"
		if r.Latency > 0 {
			why = "a window of fewer has too few levels"
		}
		if f.Cause == CauseUnevenness {
			why = "unevenly timed spikes weigh less after more of them"
		}
		f.Text = fmt.Sprintf("All layers: %s recovers %s; %s (%s, %.3g of lambda on average).", t.Change, gain, why, f.Cause, average(r, f.Cause))
		if r.Latency > 0 {
			f.Text += fmt.Sprintf(" The answer then takes %d timesteps in place of %d.", t.Latency, r.Latency)
		}
	case allPercentile:
		if t.higher {
			f.Cause = CauseClipping
		}
		f.Text = fmt.Sprintf("All layers: %s recovers %s.", t.Change, gain)
	case compensation:
		f.Cause = coarse(r)
		f.Text = fmt.Sprintf("All layers: %s, for charge that neurons have not yet turned into spikes, recovers %s.", t.Change, gain)
	case readout:
		f.Cause = CauseReadout
		f.Text = fmt.Sprintf("Output: %s recovers %s; spike counts cannot tell negative logits apart.", t.Change, gain)
	default:
		f.Text = fmt.Sprintf("All layers: %s recovers %s.", t.Change, gain)
	}
	return f
}

// part is one of the parts of an error that arise in a layer itself.
type part struct {
	cause string
	size  func(*Errors) float64
}

// ownParts are those of a layer whatever comes when; unevenness depends on when spikes come.
var ownParts = []part{
	{CauseClipping, func(e *Errors) float64 { return e.Clipping.RMS }},
	{CauseQuantisation, func(e *Errors) float64 { return e.Quantisation.RMS }},
	{CauseVanished, func(e *Errors) float64 { return e.Vanished.RMS }},
	{CauseRounding, func(e *Errors) float64 { return e.Rounding.RMS }},
	{CauseLeak, func(e *Errors) float64 { return e.Leak.RMS }},
	{CauseSaturation, func(e *Errors) float64 { return e.Saturation.RMS }},
}

// largest returns the largest of some parts.
func (e *Errors) largest(list []part) (cause string, rms float64) {
	for i, p := range list {
		if size := p.size(e); i == 0 || size > rms {
			cause, rms = p.cause, size
		}
	}
	return cause, rms
}

// largestOwn returns the largest part of an error that arises in the layer itself.
func (e *Errors) largestOwn() (cause string, rms float64) {
	if cause, rms = e.largest(ownParts); e.Unevenness.RMS > rms {
		cause, rms = CauseUnevenness, e.Unevenness.RMS
	}
	return cause, rms
}

// coarse tells which of the two errors that shrink with time is the larger one.
func coarse(r *Diagnosis) string {
	if overall(r, CauseUnevenness) > overall(r, CauseQuantisation) {
		return CauseUnevenness
	}
	return CauseQuantisation
}

// mostly tells which of the errors that another schedule or calibration makes smaller is the largest.
func mostly(r *Diagnosis) string {
	cause := coarse(r)
	if overall(r, CauseClipping) > overall(r, cause) {
		return CauseClipping
	}
	return cause
}

// average returns the mean over layers of the size of a part, in units of their lambdas.
func average(r *Diagnosis, cause string) float64 {
	return mean(r, func(e *Errors) float64 { return e.size(cause) })
}

// overall returns the mean over layers of the size of a part, against their activations.
func overall(r *Diagnosis, cause string) float64 {
	return mean(r, func(e *Errors) float64 { return e.relative(e.size(cause)) })
}

func mean(r *Diagnosis, of func(*Errors) float64) float64 {
	sum := 0.0
	for i := range r.Layers {
		sum += of(r.Layers[i].last())
	}
	return sum / float64(len(r.Layers))
}

// size returns that of the part that is a cause.
func (e *Errors) size(cause string) float64 {
	switch cause {
	case CauseClipping:
		return e.Clipping.RMS
	case CauseUnevenness:
		return e.Unevenness.RMS
	case CauseRounding:
		return e.Rounding.RMS
	case CauseLeak:
		return e.Leak.RMS
	case CauseSaturation:
		return e.Saturation.RMS
	}
	return math.Hypot(e.Quantisation.RMS, e.Vanished.RMS) // Of no neuron both.
}
