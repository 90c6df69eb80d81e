package sim

import (
	"math/rand/v2"

	"sresnet/snn"
)

// encoder presents an image to the network, timestep by timestep.
type encoder struct {
	input *snn.Input
	image []float32  // CHW, as given.
	out   []float32  // CHW, as presented; nil for a constant image.
	rnd   *rand.Rand // Of this image.
}

// newEncoder starts the presentation of an image. The stream of random numbers
// depends on seed and index alone, so that any worker may run any image.
func newEncoder(in *snn.Input, image []float32, seed uint64, index int) *encoder {
	e := &encoder{input: in, image: image}
	if !in.Encoding.Constant() {
		e.rnd = rand.New(rand.NewPCG(seed, uint64(index)))
		e.out = make([]float32, len(image))
	}
	return e
}

// next returns the image as presented at the next timestep; see [snn.Encoding].
// The slice is reused.
func (e *encoder) next() []float32 { return e.input.Encode(e.out, e.image, e.rnd) }
