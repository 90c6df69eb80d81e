package experiment

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/snn"
	"sresnet/tune"
)

// Lambdas says what has a lambda of its own.
type Lambdas uint8

// Lambdas of layers and of channels.
const (
	LayerLambdas   Lambdas = iota // One per layer, from [Options.Percentile].
	ChannelLambdas                // One per channel, chosen for [Options.Timesteps].
)

var lambdas = []string{LayerLambdas: "layer", ChannelLambdas: "channel"}

// String returns "layer" or "channel".
func (l Lambdas) String() string { return wordOf(lambdas, l, "Lambdas") }

// LambdasNamed returns the lambdas of that word.
func LambdasNamed(s string) (Lambdas, error) { return wordNamed[Lambdas](lambdas, s, "lambdas") }

// Match says what is changed so that, on calibration images, the mean activation that the
// spikes of a channel or neuron stand for is that of the trained network.
type Match uint8

// What may be changed. The zero value is nothing; they can be added.
const (
	MatchBias  Match = 1 << iota // The bias of every channel.
	MatchStart                   // The potential of every neuron before the first timestep.

	NoMatch Match = 0
)

var matches = []string{NoMatch: "none", MatchBias: "bias", MatchStart: "start", MatchBias | MatchStart: "bias+start"}

// String returns "none", "bias", "start" or "bias+start".
func (m Match) String() string { return wordOf(matches, m, "Match") }

// MatchNamed returns the match of that word.
func MatchNamed(s string) (Match, error) { return wordNamed[Match](matches, s, "match") }

// wordOf returns the word of x in a list.
func wordOf[T ~uint8](words []string, x T, kind string) string {
	if int(x) < len(words) {
		return words[x]
	}
	return fmt.Sprintf("%s(%d)", kind, uint8(x))
}

// wordNamed returns the one of a list that has that word.
func wordNamed[T ~uint8](words []string, s, kind string) (T, error) {
	i := slices.Index(words, s)
	if i < 0 {
		return 0, fmt.Errorf("experiment: there is no %s %q, only %v", kind, s, words)
	}
	return T(i), nil
}

// Tuned reports whether the network is calibrated for T, so that it is one for that T.
func (o *Options) Tuned() bool {
	return o.Lambdas != LayerLambdas || o.Match != NoMatch || o.Refit
}

// OneT reports whether T is part of what a network is: it is calibrated for T, or answers
// at the end of a window of T. Otherwise one simulation shows every shorter one. That of an
// integer network, too, which is made for all T up to one.
func (o *Options) OneT() bool { return o.Schedule != snn.Synchronous || o.Tuned() }

// untuned is what to give for a network that is not calibrated for T.
const untuned = "{lambdas} layer, {match} none and no {refit}"

// checkTogether returns an [*OptionError] for options that contradict each other.
func (o *Options) checkTogether() error {
	phased, usual := o.Schedule == snn.Phased, OptionNamed("percentile")
	for _, c := range []struct {
		is                         bool
		option, value, why, remedy string
	}{
		{!phased && o.Coding != snn.Rate, "coding", o.Coding.String(), "a synchronous neuron fires before it has its whole input, so that the time of one spike cannot be its value", "give {schedule} phased, or {coding} rate"},
		{phased && o.Neuron != (snn.IF{}).Kind(), "neuron", o.Neuron, "in a phased schedule a neuron holds its charge until its window opens, which only IF neurons do", "give {neuron} if, or {schedule} synchronous"},
		{phased && o.Reset != snn.ResetSubtract, "reset", o.Reset.String(), "in a phased schedule a potential holds the charge of all spikes of its window, of which such a reset keeps one", "give {reset} subtract, or {schedule} synchronous"},
		{phased && o.Compensation != NoCompensation, "compensation", o.Compensation.String(), "a phased schedule loses no spikes with depth, so that there is nothing to compensate", "give {compensation} none, or {schedule} synchronous"},
		{o.Tuned() && o.Compensation != NoCompensation, "compensation", o.Compensation.String(), "a network that is calibrated for T is right as it is, and factors would change that", "give {compensation} none, or " + untuned},
		{o.Tuned() && o.Neuron != (snn.IF{}).Kind(), "neuron", o.Neuron, "calibration for T takes IF neurons", "give {neuron} if, or " + untuned},
		{o.Tuned() && o.Reset != snn.ResetSubtract, "reset", o.Reset.String(), "calibration for T takes neurons that reset by subtraction", "give {reset} subtract, or " + untuned},
		{o.Tuned() && o.Encoding != snn.Direct, "encoding", o.Encoding.String(), "calibration for T takes the image as a constant current", "give {encoding} direct, or " + untuned},
		{phased && o.Match&MatchStart != 0, "match", o.Match.String(), "in a phased schedule a bias does what a start potential does", "give {match} bias, or {schedule} synchronous"},
		{o.Lambdas == ChannelLambdas && usual.Get(o) != usual.Default, "percentile", usual.Get(o), "lambdas of channels are chosen for T, not by a percentile", "leave {percentile} out, or give {lambdas} layer"},
		{o.Lambdas == ChannelLambdas && o.SharedLambda, "shared-lambda", "", "lambdas of channels are chosen for each, and shared by none", "leave {shared-lambda} out, or give {lambdas} layer"},
		{len(o.Lambda) > 0 && o.SharedLambda, "shared-lambda", "", "layers share a lambda, of which {lambda} would take one away", "leave {shared-lambda} out, or {lambda}"},
		{len(o.Lambda.values()) > 0 && o.Lambdas == ChannelLambdas, "lambda", o.Lambda.values().String(), "lambdas of channels are chosen for T, so that there is none of the layer", "give LAYER=xF, a factor on them, or {lambdas} layer"},
		{len(o.Lambda) > len(o.Lambda.values()) && o.Bits != 0 && o.Tuned(), "lambda", o.Lambda.String(), "a factor on lambdas that calibration for T has chosen leaves no whole numbers", "leave {lambda} out, or give {bits} 0"},
		{o.Bits != 0 && o.Bits < snn.MinBits, "bits", fmt.Sprint(o.Bits), "a weight has a sign and a number", fmt.Sprintf("give %d to %d, or 0 for real numbers", snn.MinBits, snn.MaxBits)},
		{o.StateBits != 0 && o.StateBits < snn.MinStateBits, "state-bits", fmt.Sprint(o.StateBits), "thresholds take more", fmt.Sprintf("give %d to %d, or 0 for as many as potentials need", snn.MinStateBits, snn.MaxStateBits)},
		{o.StateBits != 0 && o.Bits == 0, "state-bits", fmt.Sprint(o.StateBits), "potentials have bits where weights have", "give {bits}, too"},
		{o.Bits != 0 && o.Neuron != (snn.IF{}).Kind(), "bits", fmt.Sprint(o.Bits), "leaky neurons multiply their potential, which leaves no whole number", "give {neuron} if, or {bits} 0"},
		{o.Refit && o.CalibrationImages < tune.MinRefit, "refit", "", fmt.Sprintf("%d calibration images are too few to fit weights to: it takes %d", o.CalibrationImages, tune.MinRefit), "give more with {calibrate} 'SPEC?images=1000'"},
	} {
		if c.is {
			return bad(c.option, c.value, errors.New(c.why), c.remedy)
		}
	}
	return nil
}
