package dataset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sresnet/internal/nearest"
	"sresnet/tensor"
)

// Normalization turns pixels p in 0..255 into what a network was trained on, in
// float32 and in this order of operations, as PyTorch's transforms do:
//
//	x = (p/255 - Mean[c]) / Std[c]
//
// or leaves them as they are.
type Normalization struct {
	Mean []float32 // Per channel, in units of p/255; len 1 broadcasts. Unused if Raw.
	Std  []float32 // Per channel, in units of p/255, not 0; len 1 broadcasts. Unused if Raw.
	Raw  bool      // x = p, without the division by 255.

	preset string // The name it was asked for by; empty for lists.
}

// presets are the normalisations that published networks were trained with.
var presets = []Normalization{
	{preset: "imagenet", Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}},
	{preset: "cifar10", Mean: []float32{0.4914, 0.4822, 0.4465}, Std: []float32{0.2023, 0.1994, 0.2010}},
	{preset: "cifar100", Mean: []float32{0.5071, 0.4865, 0.4409}, Std: []float32{0.2673, 0.2564, 0.2762}},
	{preset: "mnist", Mean: []float32{0.1307}, Std: []float32{0.3081}},
	{preset: "none", Raw: true},
	{preset: "unit", Mean: []float32{0}, Std: []float32{1}},
}

// Normalizations describes what [ParseNormalization] understands, for a
// command's help.
const Normalizations = "imagenet, cifar10, cifar100, mnist, none (0..255), unit (0..1) or MEAN:STD, each one number or one per channel separated by commas"

// NormalizationNames lists the normalisations that have a name.
func NormalizationNames() []string {
	var names []string
	for _, p := range presets {
		names = append(names, p.preset)
	}
	return names
}

// ParseNormalization returns the normalisation s for images of the given number
// of channels: the name of a preset, or "MEAN:STD", two lists of numbers in
// units of pixel/255, separated by commas, in which one number stands for all
// channels ("0.5:0.25", "0.485,0.456,0.406:0.229,0.224,0.225").
func ParseNormalization(s string, channels int) (Normalization, error) {
	for _, p := range presets {
		if p.preset != s {
			continue
		}
		// A preset of one channel is for grey images; only lists broadcast.
		// unit says nothing about channels.
		if n := len(p.Mean); n > 0 && n != channels && s != "unit" {
			return Normalization{}, fmt.Errorf("normalization %s is for images of %d channels, but these have %d", s, n, channels)
		}
		p.Mean, p.Std = slices.Clone(p.Mean), slices.Clone(p.Std)
		return p, nil
	}
	mean, std, ok := strings.Cut(s, ":")
	if !ok {
		return Normalization{}, fmt.Errorf("normalization %q is unknown: give %s%s", s, Normalizations, nearest.DidYouMean(s, NormalizationNames()))
	}
	var n Normalization
	var err error
	if n.Mean, err = parseList(mean); err != nil {
		return Normalization{}, fmt.Errorf("normalization %q: mean: %w", s, err)
	}
	if n.Std, err = parseList(std); err != nil {
		return Normalization{}, fmt.Errorf("normalization %q: standard deviation: %w", s, err)
	}
	if err := n.check(channels); err != nil {
		return Normalization{}, fmt.Errorf("normalization %q: %w", s, err)
	}
	return n, nil
}

func parseList(s string) ([]float32, error) {
	var list []float32
	for field := range strings.SplitSeq(s, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(field), 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number that float32 holds", field)
		}
		list = append(list, float32(v))
	}
	return list, nil
}

// check returns an error unless n can be applied to images of the given channels.
func (n Normalization) check(channels int) error {
	if n.Raw {
		return nil
	}
	for _, list := range [][]float32{n.Mean, n.Std} {
		if len(list) != 1 && len(list) != channels {
			return fmt.Errorf("%d means and %d standard deviations, want 1 or %d of each", len(n.Mean), len(n.Std), channels)
		}
		if err := tensor.CheckFinite(list); err != nil {
			return fmt.Errorf("mean and standard deviation must be finite: %w", err)
		}
	}
	for _, v := range n.Std {
		if v <= 0 {
			return fmt.Errorf("standard deviation %v: must be above 0", v)
		}
	}
	for c := range channels {
		ends := []float32{0, 255}
		n.channel(ends, c)
		if tensor.CheckFinite(ends) != nil {
			return fmt.Errorf("mean %v and standard deviation %v give values that float32 cannot hold", broadcast(n.Mean, c), broadcast(n.Std, c))
		}
	}
	return nil
}

// Apply normalises, in place, one image of pixels 0..255 of the shape (C, H, W).
// n must have been made by [ParseNormalization] for C channels, or have lists of
// length 1 or C.
func (n Normalization) Apply(dst []float32, shape tensor.Shape) {
	if n.Raw {
		return
	}
	c, h, w := shape.CHW()
	for i := range c {
		n.channel(dst[i*h*w:(i+1)*h*w], i)
	}
}

// channel normalises the pixels of channel c.
func (n Normalization) channel(pixels []float32, c int) {
	mean, std := broadcast(n.Mean, c), broadcast(n.Std, c)
	for i, p := range pixels {
		pixels[i] = (p/255 - mean) / std
	}
}

func broadcast(list []float32, i int) float32 {
	if len(list) == 1 {
		return list[0]
	}
	return list[i]
}

// String returns the preset's name or "MEAN:STD"; [ParseNormalization] reads it
// back to the same normalisation.
func (n Normalization) String() string {
	switch {
	case n.preset != "":
		return n.preset
	case n.Raw:
		return "none"
	}
	return formatList(n.Mean) + ":" + formatList(n.Std)
}

func formatList(list []float32) string {
	var s []string
	for _, v := range list {
		s = append(s, strconv.FormatFloat(float64(v), 'g', -1, 32))
	}
	return strings.Join(s, ",")
}
