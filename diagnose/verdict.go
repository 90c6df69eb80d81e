package diagnose

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// verdict puts what was found into sentences, the largest gain first.
func verdict(r *Diagnosis, trials []trial) []Finding {
	T := lastT(r)
	top1 := r.SNNTop1[len(r.SNNTop1)-1]
	loss := 100 * (r.ANNTop1 - top1)
	if loss <= 0 {
		after := fmt.Sprintf("after %d timesteps", T)
		if r.Latency > 0 {
			after = fmt.Sprintf("with T = %d in a window, %d timesteps after the image came,", T, r.Latency)
		}
		return []Finding{{
			Cause: CauseNone,
			Text:  fmt.Sprintf("Nothing is lost on these %d images: %s the spiking network classifies %.2f %% of them correctly, the trained one %.2f %%.", r.Images, after, 100*top1, 100*r.ANNTop1),
		}}
	}
	var list []Finding
	for i := range trials {
		t := &trials[i]
		if t.Regained <= t.Lost || t.kind == replaced {
			continue
		}
		if f, ok := finding(r, trials, t); ok {
			f.Points = t.Gain
			list = append(list, f)
		}
	}
	list = append(list, where(r, trials)...)
	slices.SortStableFunc(list, func(a, b Finding) int { return cmp.Compare(b.Points, a.Points) })
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
		Layer: l.Name, Cause: part,
		Text: fmt.Sprintf("Nothing that was tried recovers any of the %.2f points. The layer with the largest error of its own is %s: %s, %.3g of lambda.", loss, l.Name, part, size),
	}}
}

// lastT returns the number of timesteps that the verdict is about.
func lastT(r *Diagnosis) int { return r.Timesteps[len(r.Timesteps)-1] }

// bestFactor reports whether t is the first of the factors for the lambdas of its layer that
// gained the most.
func bestFactor(trials []trial, t *trial) bool {
	for i := range trials {
		o := &trials[i]
		if o == t {
			break
		}
		if o.kind == lambdaFactor && o.index == t.index && o.Gain >= t.Gain {
			return false
		}
	}
	return !slices.ContainsFunc(trials, func(o trial) bool { return o.kind == lambdaFactor && o.index == t.index && o.Gain > t.Gain })
}

// finding describes a trial that gained accuracy; not all deserve a sentence.
func finding(r *Diagnosis, trials []trial, t *trial) (Finding, bool) {
	f := Finding{Layer: t.Layer}
	var l *Layer
	if t.index >= 0 {
		l = &r.Layers[t.index]
	}
	switch t.kind {
	case lambdaFactor:
		if !bestFactor(trials, t) {
			return f, false // Said of another.
		}
		f.Cause = CauseQuantisation
		f.Text = fmt.Sprintf("%s: levels of lambda/T are too coarse there; %s recover %.2f points.", l.Name, t.Change, t.Gain)
		if t.higher {
			f.Cause = CauseClipping
			f.Text = fmt.Sprintf("%s: %.2g %% of its activations exceed lambda; %s recover %.2f points.", l.Name, 100*l.Clipped, t.Change, t.Gain)
		}
	case schedule:
		f.Cause = CauseUnevenness
		f.Text = fmt.Sprintf("All layers: %s recovers %.2f points: no neuron fires before it has its whole input. The answer takes %d timesteps in place of %d: T = %d in each of %d windows, one layer after the other.", t.Change, t.Gain, t.Latency, lastT(r), t.Timesteps, t.Latency/t.Timesteps)
	case calibrated:
		f.Cause = coarse(r)
		f.Text = fmt.Sprintf("All layers: %s recover %.2f points.", t.Change, t.Gain)
	case lambdaMax:
		p := other(trials, t, lambdaPercentile, true)
		if p != nil && p.Gain > t.Gain {
			return f, false // Said there.
		}
		f.Cause = CauseClipping
		f.Text = fmt.Sprintf("%s: clipping takes %.2f points, since %.2g %% of its activations exceed lambda, %.4g; the maximum as lambda recovers them", l.Name, t.Gain, 100*l.Clipped, l.Lambda)
		if p != nil && p.Gain > 0 {
			f.Text += fmt.Sprintf(", percentile %v recovers %.2f", high, p.Gain)
		}
		f.Text += "."
	case lambdaPercentile:
		if t.higher {
			if m := other(trials, t, lambdaMax, true); m != nil && m.Gain >= t.Gain {
				return f, false // Said there.
			}
			f.Cause = CauseClipping
			f.Text = fmt.Sprintf("%s: clipping takes points, since %.2g %% of its activations exceed lambda; percentile %v recovers %.2f of them.", l.Name, 100*l.Clipped, high, t.Gain)
			break
		}
		f.Cause = CauseQuantisation
		f.Text = fmt.Sprintf("%s: its lambda, %.4g, is large for %d timesteps; percentile %v recovers %.2f points.", l.Name, l.Lambda, t.Timesteps, low, t.Gain)
	case realWeights:
		f.Cause = CauseRounding
		f.Text = fmt.Sprintf("All layers: %s recover %.2f points; rounding the weights makes errors of %.3g of lambda on average, which more bits make smaller.", t.Change, t.Gain, average(r, CauseRounding))
	case moreTimesteps:
		f.Cause = coarse(r)
		why := "after fewer, rates are too coarse"
		if r.Latency > 0 {
			why = "a window of fewer has too few levels"
		}
		if f.Cause == CauseUnevenness {
			why = "unevenly timed spikes weigh less after more of them"
		}
		f.Text = fmt.Sprintf("All layers: %s recovers %.2f points; %s (%s, %.3g of lambda on average).", t.Change, t.Gain, why, f.Cause, average(r, f.Cause))
		if r.Latency > 0 {
			f.Text += fmt.Sprintf(" The answer then takes %d timesteps in place of %d.", t.Latency, r.Latency)
		}
	case startPotential:
		f.Cause = CauseQuantisation
		f.Text = fmt.Sprintf("All layers: %s recovers %.2f points.", t.Change, t.Gain)
	case allPercentile:
		f.Cause = CauseQuantisation
		if t.higher {
			f.Cause = CauseClipping
		}
		f.Text = fmt.Sprintf("All layers: %s recovers %.2f points.", t.Change, t.Gain)
	case compensation:
		f.Cause = coarse(r)
		f.Text = fmt.Sprintf("All layers: %s, for charge that neurons have not yet turned into spikes, recovers %.2f points.", t.Change, t.Gain)
	case readout:
		f.Cause = CauseReadout
		f.Text = fmt.Sprintf("Output: %s recovers %.2f points; spike counts cannot tell negative logits apart.", t.Change, t.Gain)
	}
	return f, true
}

// where says between which layers accuracy is lost. What replacing a layer by the
// trained network's recovers, beyond the one before it, is lost between the two.
func where(r *Diagnosis, trials []trial) (list []Finding) {
	before, gain, top1 := "", 0.0, r.SNNTop1[len(r.SNNTop1)-1]
	for i := range trials { // In the order of the layers.
		t := &trials[i]
		if t.kind != replaced {
			continue
		}
		if points := t.Gain - gain; points*float64(r.Images) > 50 { // Half an image.
			l := &r.Layers[t.index]
			part, size := l.last().largestOwn()
			place := "Up to " + l.Name
			if before != "" {
				place = fmt.Sprintf("After %s, up to %s", before, l.Name)
			}
			list = append(list, Finding{
				Layer: l.Name, Cause: part, Points: points,
				Text: fmt.Sprintf("%s: %.2f points are lost there. With the trained network's activations in place of the latter's, %.2f %% of images are classified correctly, without them %.2f %%. Its own error is mostly %s, %.3g of lambda.", place, points, 100*t.Top1, 100*top1, part, size),
			})
		}
		if t.Gain > gain {
			gain, top1 = t.Gain, t.Top1
		}
		before = t.Layer
	}
	return list
}

// other returns the trial of another kind for the same layer, or nil.
func other(trials []trial, t *trial, kind kindOfTrial, higher bool) *trial {
	for i := range trials {
		if o := &trials[i]; o.kind == kind && o.index == t.index && o.higher == higher {
			return o
		}
	}
	return nil
}

// largestOwn returns the largest part of an error that arises in the layer itself.
func (e *Errors) largestOwn() (cause string, rms float64) {
	cause, rms = CauseClipping, e.Clipping.RMS
	if e.Quantisation.RMS > rms {
		cause, rms = CauseQuantisation, e.Quantisation.RMS
	}
	if e.Unevenness.RMS > rms {
		cause, rms = CauseUnevenness, e.Unevenness.RMS
	}
	if e.Vanished.RMS > rms {
		cause, rms = CauseVanished, e.Vanished.RMS
	}
	if e.Rounding.RMS > rms {
		cause, rms = CauseRounding, e.Rounding.RMS
	}
	return cause, rms
}

// coarse tells which of the two errors that shrink with time is the larger one.
func coarse(r *Diagnosis) string {
	if average(r, CauseUnevenness) > average(r, CauseQuantisation) {
		return CauseUnevenness
	}
	return CauseQuantisation
}

// average returns the mean over layers of the size of a part.
func average(r *Diagnosis, cause string) float64 {
	sum := 0.0
	for i := range r.Layers {
		e := r.Layers[i].last()
		switch cause {
		case CauseClipping:
			sum += e.Clipping.RMS
		case CauseUnevenness:
			sum += e.Unevenness.RMS
		case CauseRounding:
			sum += e.Rounding.RMS
		default:
			sum += math.Hypot(e.Quantisation.RMS, e.Vanished.RMS) // Of no neuron both.
		}
	}
	return sum / float64(len(r.Layers))
}
