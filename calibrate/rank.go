package calibrate

import (
	"math/big"
	"strconv"
)

// Rank returns which of n activations in ascending order, counted from 1, is the
// percentile p: floor(n p / 100), and at least 1.
//
// p stands for the decimal number that it prints as. The nearest float64 to 99.9
// is a little more than that, to 64.1 a little less, and a product in floating
// point rounds once more; with the decimal, 99.9 of 1000 is 999 on every machine.
func Rank(p float64, n uint64) uint64 {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(p, 'g', -1, 64))
	if !ok {
		return 1 // NaN or infinite.
	}
	r.Mul(r, new(big.Rat).SetFrac(new(big.Int).SetUint64(n), big.NewInt(100)))
	floor := new(big.Int).Quo(r.Num(), r.Denom()).Uint64()
	return min(max(floor, 1), n)
}
