package verify

import (
	"fmt"
	"slices"
)

// stages joins the findings of images into one verdict a comparison, for those that
// there were.
func (f *forms) stages(found []findings) []Stage {
	spikes := func(x *findings) []uint64 { return x.spikes }
	stages := []Stage{
		f.foldStage(found),
		f.layerStage("folded = normalised (activations)", found, func(x *findings) []gap { return x.activation }),
		f.layerStage("weight-normalised = threshold-balanced (rates)", found, func(x *findings) []gap { return x.rates }),
		f.spikeStage("weight-normalised = threshold-balanced (spikes, scales powers of two)", 0, found,
			func(x *findings) []uint64 { return x.exactSpikes }, func(x *findings) []uint64 { return x.exactMoved }),
		f.spikeStage("weight-normalised = threshold-balanced (spikes, scales as calibrated)", 0, found,
			spikes, func(x *findings) []uint64 { return x.moved }),
		f.engineStage(found),
	}
	return slices.DeleteFunc(stages, func(s Stage) bool { return s.Images == 0 })
}

func (f *forms) foldStage(found []findings) Stage {
	var all, worst gap
	where := 0
	for i := range found {
		all.join(found[i].logits)
		if found[i].logits.diff > worst.diff {
			worst, where = found[i].logits, found[i].image
		}
	}
	s := Stage{Name: "imported = folded (logits)", Images: len(found), Difference: all.relative(), Unit: "of the largest logit", Bound: MaxRelative}
	if worst.diff > 0 {
		s.Where = fmt.Sprintf("image %d", where)
	}
	return s.judge()
}

// layerStage reports the layer with the largest difference relative to the
// largest value that the layer took on any image.
func (f *forms) layerStage(name string, found []findings, of func(*findings) []gap) Stage {
	s := Stage{Name: name, Images: len(found), Unit: "of the layer's largest value", Bound: MaxRelative}
	for l := range f.normalised.Layers {
		var all gap
		for i := range found {
			all.join(of(&found[i])[l])
		}
		if d := all.relative(); d > s.Difference {
			s.Difference, s.Where = d, f.normalised.Layers[l].Name
		}
	}
	return s.judge()
}

// spikeStage reports the fraction of spikes that differ in the whole network, and
// the layer with the largest fraction of its own.
func (f *forms) spikeStage(name string, bound float64, found []findings, all, of func(*findings) []uint64) Stage {
	s := Stage{Name: name, Bound: bound}
	var moved, spikes uint64
	worst := 0.0
	for l := range f.normalised.Layers {
		var m, n uint64
		for i := range found {
			if all(&found[i]) == nil { // Not compared on this image.
				continue
			}
			m += of(&found[i])[l]
			n += all(&found[i])[l]
			if l == 0 {
				s.Images++
			}
		}
		moved, spikes = moved+m, spikes+n
		if d := float64(m) / float64(max(n, 1)); d > worst {
			worst, s.Where = d, f.normalised.Layers[l].Name
		}
	}
	s.Difference = float64(moved) / float64(max(spikes, 1))
	s.Unit = fmt.Sprintf("of %d spikes on %d images", spikes, s.Images)
	return s.judge()
}

// engineStage reports the spikes that only one of the engines has.
func (f *forms) engineStage(found []findings) Stage {
	return f.spikeStage("event engine = reference engine (spikes)", 0, found,
		func(x *findings) []uint64 { return x.engineSpikes }, func(x *findings) []uint64 { return x.engineMoved })
}

// judge fills OK. A NaN fails.
func (s Stage) judge() Stage {
	s.OK = s.Difference <= s.Bound
	return s
}
