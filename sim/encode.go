package sim

import (
	"math"
	"math/rand/v2"

	"sresnet/snn"
)

// encoder presents an image to the network, timestep by timestep.
type encoder struct {
	input *snn.Input
	image []float32  // CHW, as given.
	out   []float32  // CHW, as presented.
	rnd   *rand.Rand // Of this image, for Poisson spikes.
}

// newEncoder starts the presentation of an image. The stream of random numbers
// depends on seed and index alone, so that any worker may run any image.
func newEncoder(in *snn.Input, image []float32, seed uint64, index int) *encoder {
	e := &encoder{input: in, image: image, out: image}
	if in.Encoding == snn.Poisson {
		e.rnd = rand.New(rand.NewPCG(seed, uint64(index)))
		e.out = make([]float32, len(image))
	}
	return e
}

// next returns the image as presented at the next timestep; see [snn.Encoding].
// The slice is reused.
func (e *encoder) next() []float32 {
	if e.rnd == nil {
		return e.out
	}
	a := e.input.Amplitude
	for i, x := range e.image {
		e.out[i] = 0
		// One draw a pixel whether it fires or not keeps the stream in step.
		if float32(e.rnd.Float32()*a) < float32(math.Abs(float64(x))) {
			e.out[i] = float32(math.Copysign(float64(a), float64(x)))
		}
	}
	return e.out
}
