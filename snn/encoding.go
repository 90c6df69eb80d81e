package snn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"sresnet/tensor"
)

// Encoding is how an image becomes current: the number of a row in [encodings], which
// has its code. Code that presents images asks it and needs no list of encodings.
type Encoding uint8

// Encodings.
const (
	// Direct presents the image as a constant current at every timestep.
	Direct Encoding = iota

	// Poisson presents, at every timestep and for every pixel x on its own, the
	// value Amplitude with the sign of x with probability |x| / Amplitude, else
	// zero. Its mean is x.
	Poisson
)

// encoding is the code of an encoding.
type encoding struct {
	name string // The word for options and files.
	note string // What enters, for people.

	constant bool // The current is the same at every timestep, and is computed once.
	spikes   bool // Signed spikes of one amplitude enter: their operations are additions of weights. Otherwise numbers do, which are multiplied by weights.

	// encode writes what image x shows at the next timestep; nil for x itself.
	encode func(dst, x []float32, amplitude float32, rnd *rand.Rand)
}

var encodings = [...]encoding{
	Direct:  {name: "direct", note: "a constant current", constant: true},
	Poisson: {name: "poisson", note: "signed Poisson spikes", spikes: true, encode: poisson},
}

func poisson(dst, x []float32, amplitude float32, rnd *rand.Rand) {
	for i, x := range x {
		dst[i] = 0
		// One draw per pixel whether it fires or not keeps the stream in step.
		if float32(rnd.Float32()*amplitude) < float32(math.Abs(float64(x))) {
			dst[i] = float32(math.Copysign(float64(amplitude), float64(x)))
		}
	}
}

// Encodings returns the words of all encodings, that of [Direct] first.
func Encodings() []string {
	var names []string
	for _, e := range encodings {
		names = append(names, e.name)
	}
	return names
}

// EncodingNamed returns the encoding of that word.
func EncodingNamed(word string) (Encoding, error) {
	i := slices.Index(Encodings(), word)
	if i < 0 {
		return 0, fmt.Errorf("snn: there is no encoding %q, only %v", word, Encodings())
	}
	return Encoding(i), nil
}

// String returns the word: "direct" or "poisson".
func (e Encoding) String() string {
	if !e.Valid() {
		return fmt.Sprintf("Encoding(%d)", uint8(e))
	}
	return encodings[e].name
}

// Valid reports whether there is such an encoding.
func (e Encoding) Valid() bool { return int(e) < len(encodings) }

// Note says what enters, as in "signed Poisson spikes".
func (e Encoding) Note() string { return encodings[e].note }

// Constant reports whether the image is the same current at every timestep.
func (e Encoding) Constant() bool { return encodings[e].constant }

// Spikes reports whether signed spikes of one amplitude enter, which add weights,
// rather than numbers, which are multiplied by weights.
func (e Encoding) Spikes() bool { return encodings[e].spikes }

// Encode returns x, CHW, as it is presented at the next timestep: x itself, or dst
// filled. rnd is the random stream of the image. An integer network gets whole numbers of
// [Input.Unit], clipped:
//
//	min(max(round(x / Unit), -Levels), Levels)      halves to even
func (in *Input) Encode(dst, x []float32, rnd *rand.Rand) []float32 {
	encode := encodings[in.Encoding].encode
	if encode != nil {
		encode(dst, x, in.Amplitude, rnd)
		x = dst
	}
	if in.Unit == 0 {
		return x
	}
	most, unit := float64(in.Levels), float64(in.Unit)
	dst = dst[:len(x)]
	for i, v := range x {
		q := float64(v) / unit
		switch { // Faster than min and max, which ask for NaN.
		case q > most:
			q = most
		case q < -most:
			q = -most
		}
		dst[i] = float32(q + toWhole - toWhole)
	}
	return dst
}

// toWhole is where a float64 has no fraction: numbers up to 2^51 that have it added are rounded,
// halves to even.
const toWhole = 3 << 51

// AsIs reports whether an image is presented as it is, the same at every timestep.
func (in *Input) AsIs() bool { return in.Encoding.Constant() && in.Unit == 0 }

func (in *Input) check() error {
	if !in.Encoding.Valid() {
		return fmt.Errorf("unknown encoding %v", in.Encoding)
	}
	if a := in.Amplitude; in.Encoding.Spikes() && (!(a > 0) || tensor.CheckFinite([]float32{a}) != nil) {
		return fmt.Errorf("amplitude %v of %s must be positive and finite", a, in.Encoding.Note())
	}
	if u := in.Unit; u < 0 || tensor.CheckFinite([]float32{u}) != nil || (u > 0) != (in.Levels > 0) {
		return fmt.Errorf("pixels of %v times a unit of %v: both must be positive and finite, or 0", in.Levels, u)
	}
	return nil
}
