package benchmark

import (
	"math/rand/v2"

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
