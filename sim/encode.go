package sim

import (
	"math/rand/v2"

	"sresnet/snn"
)

// encoder presents an image to the network, timestep by timestep.
type encoder struct {
	input    *snn.Input
	image    []float32  // CHW, as given; frames one after the other.
	out      []float32  // CHW, as presented; nil where it is what is given.
	rnd      *rand.Rand // Of this image.
	step     int        // That comes next.
	constant bool       // The same enters at every timestep.
	spikes   bool       // Spikes of one magnitude enter, which add weights.
	entered  uint64     // Such spikes so far.
}

// newEncoder starts the presentation of an image. The stream of random numbers
// depends on seed and index alone, so that any worker may run any image.
func newEncoder(in *snn.Input, image []float32, seed uint64, index int) *encoder {
	framed := len(image) > in.Shape.Len()
	e := &encoder{
		input: in, image: image,
		constant: in.Encoding.Constant() && !framed,
		spikes:   in.Encoding.Spikes() || framed && oneMagnitude(image),
	}
	if !in.AsIs() {
		e.out = make([]float32, len(image))
	}
	if !in.Encoding.Constant() {
		e.rnd = rand.New(rand.NewPCG(seed, uint64(index)))
	}
	return e
}

// oneMagnitude reports whether all elements that are not zero have the same magnitude.
func oneMagnitude(x []float32) bool {
	var a float32
	for _, v := range x {
		v = max(v, -v)
		if a == 0 {
			a = v
		}
		if v != 0 && v != a {
			return false
		}
	}
	return true
}

// next returns the image as presented at the next timestep; see [snn.Encoding]. Of
// frames it is the next one, and after the last the first. The slice is reused.
func (e *encoder) next() []float32 {
	n := e.input.Shape.Len()
	frame := e.image[e.step%(len(e.image)/n)*n:][:n]
	e.step++
	x := e.input.Encode(e.out, frame, e.rnd)
	if e.spikes {
		for _, v := range x {
			if v != 0 {
				e.entered++
			}
		}
	}
	return x
}
