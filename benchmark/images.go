package benchmark

import (
	"math/rand/v2"

	"sresnet/sim"
	"sresnet/tensor"
)

// Random are N images of random numbers, normal with deviation 1, the same in every run.
type Random struct {
	Shape tensor.Shape
	N     int
}

// Len returns N.
func (r Random) Len() int { return r.N }

// Image writes image i to dst, which has the length of Shape.
func (r Random) Image(i int, dst []float32) error {
	rnd := rand.New(rand.NewPCG(1, uint64(i)))
	for j := range dst {
		dst[j] = float32(rnd.NormFloat64())
	}
	return nil
}

// Images are normalised images, CHW.
type Images interface {
	sim.Images
	Len() int // How many there are.
}

// Read reads all images, of n elements each, and where they are made of frames, these.
func Read(images Images, n int) (pixels, frames [][]float32, err error) {
	s, _ := images.(sim.Sequences)
	for i := range images.Len() {
		x := make([]float32, n)
		if err := images.Image(i, x); err != nil {
			return nil, nil, err
		}
		pixels = append(pixels, x)
		if s != nil && s.Frames() > 1 {
			x := make([]float32, n*s.Frames())
			if err := s.Sequence(i, x); err != nil {
				return nil, nil, err
			}
			frames = append(frames, x)
		}
	}
	return pixels, frames, nil
}
