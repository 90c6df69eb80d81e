package sweep

import (
	"sresnet/experiment"
	"sresnet/snn"
)

// work counts the whole sweep for one bar, in images that are simulated for as long as the
// longest setting.
type work struct {
	update      func(done, total int)
	done, total int
}

// part returns what a step that is worth n images calls to say how far it is.
func (w *work) part(n int) func(done, total int) {
	before := w.done
	return func(done, total int) {
		if done == total {
			w.done = before + n
		}
		w.update(min(before+n*done/total, w.total-1), w.total) // A full bar disappears, and the total is an estimate.
	}
}

// begin begins a bar for all that is to do. The caller must call stop.
func (s *Sweep) begin() (stop func()) {
	s.work = work{total: s.estimate()}
	s.work.update, stop = s.Options.Step("sweeping")
	return stop
}

// progress returns what the experiment of a setting tells its steps to, which are parts
// of the whole. It presents n images.
func (s *Sweep) progress(o *experiment.Options, n int) func(string) (func(done, total int), func()) {
	return func(step string) (func(done, total int), func()) {
		worth := s.images(n, o.Timesteps)
		switch step {
		case "calibrating":
			worth = s.calibrationWork()
		case "calibrating for T":
			worth = s.tuningWork(o)
		case "compensating":
			worth = s.compensationWork(o.Compensation)
		}
		return s.work.part(worth), func() {}
	}
}

// estimate returns about how much is to do.
func (s *Sweep) estimate() int {
	n := s.Test.Len()
	calibrated := make(map[string]bool)
	for i, v := range s.Settings {
		if s.Results[i] != nil {
			continue
		}
		o := v.apply(s.Options)
		n += s.images(s.Selection.Len(), o.Timesteps)
		if s.planned[i] {
			continue
		}
		n += s.compensationWork(o.Compensation) + s.tuningWork(&o)
		if p := v.Value("percentile"); !calibrated[p] {
			calibrated[p] = true
			n += s.calibrationWork()
		}
	}
	return n
}

// images is the work of presenting n images for T timesteps.
func (s *Sweep) images(n, T int) int { return max(n*T/max(s.longest(), 1), 1) }

// longest returns the largest T of all settings.
func (s *Sweep) longest() int {
	T := 0
	for _, v := range s.Settings {
		T = max(T, v.timesteps())
	}
	return T
}

// tuningWork is that of calibrating a network for T: about ten passes of the trained network
// or, where rates are simulated, three simulations.
func (s *Sweep) tuningWork(o *experiment.Options) int {
	switch {
	case !o.Tuned():
		return 0
	case o.Schedule == snn.Phased:
		return s.images(s.Calibration.Len(), 10*10)
	}
	return s.images(s.Calibration.Len(), 3*o.Timesteps)
}

// calibrationWork is two passes of the trained network, each about as long as ten
// timesteps.
func (s *Sweep) calibrationWork() int {
	return s.images(s.Calibration.Len(), 2*10)
}

// compensationWork is the simulations of a search: 14 factors, or for a factor per
// layer, every layer with those below it.
func (s *Sweep) compensationWork(c experiment.Compensation) int {
	n := min(s.Options.CompensationImages, s.Calibration.Len())
	switch c {
	case experiment.GlobalFactor:
		return 14 * n
	case experiment.LayerFactors:
		return s.Rectifiers() * n / 2
	}
	return 0
}
