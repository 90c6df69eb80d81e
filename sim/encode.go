package sim

import (
	"math"
	"math/rand/v2"

	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
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

// analog is a synapse that carries the image itself.
type analog struct {
	conv *kernel.Conv
	taps []uint64 // Products that each position of each input channel takes part in.
}

func newAnalog(connection snn.Connection, in, out tensor.Shape) analog {
	gi, go_ := newGrid(in), newGrid(out)
	switch k := connection.(type) {
	case *snn.Conv:
		reached := windowTaps(k.Window, gi, go_)
		for p := range reached {
			reached[p] *= uint64(go_.c / k.Groups)
		}
		return analog{taps: reached, conv: kernel.PackConv(kernel.Geometry{
			Channels: gi.c, Rows: gi.h, Cols: gi.w,
			OutChannels: go_.c, OutRows: go_.h, OutCols: go_.w,
			Kernel: k.Window.Kernel, Stride: k.Window.Stride, Dilation: k.Window.Dilation,
			PadTop: k.Window.Pad[0], PadLeft: k.Window.Pad[1], Groups: k.Groups,
		}, k.Weight.Data, nil)}
	case *snn.Dense:
		reached := make([]uint64, gi.positions())
		for p := range reached {
			reached[p] = uint64(go_.c)
		}
		return analog{taps: reached, conv: kernel.PackDense(gi.c, gi.h, gi.w, go_.c, k.Weight.Data, nil)}
	}
	panic("sim: only Conv and Dense carry the image") // Validate allows no others.
}

// products counts the products of the image x, channels last, with weights: none
// for pixels that are zero.
func (a *analog) products(x []float32) (n uint64) {
	channels := len(x) / len(a.taps)
	for i, v := range x {
		if v != 0 {
			n += a.taps[i/channels]
		}
	}
	return n
}

// channelsLast copies an image from CHW to HWC.
func channelsLast(dst, src []float32, channels int) {
	positions := len(src) / channels
	for c := range channels {
		for p := range positions {
			dst[p*channels+c] = src[c*positions+p]
		}
	}
}
