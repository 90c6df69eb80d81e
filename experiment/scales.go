package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"sresnet/internal/regular"
)

// Scales are the lambdas of single layers, by the layer's name, in place of those that
// [Options.Percentile] gives.
type Scales map[string]Scale

// Scale says what the lambda of a layer is. One of its fields is above 0.
type Scale struct {
	Value      float64 // Lambda itself, as an activation of the trained network.
	Percentile float64 // Of the layer's activations; 100 is their maximum.
	Factor     float64 // What lambda would be, times this; of a network that is calibrated for T the lambdas of all channels.
}

// scaleForms is how a scale is written, for errors.
const scaleForms = "a number, pP for a percentile, max, or xF for a factor"

// parseScale reads a scale as [Scale.String] writes it.
func parseScale(text string) (s Scale, err error) {
	word, field := text, &s.Value
	switch {
	case text == "max":
		return Scale{Percentile: 100}, nil
	case strings.HasPrefix(text, "p"):
		word, field = text[1:], &s.Percentile
	case strings.HasPrefix(text, "x"):
		word, field = text[1:], &s.Factor
	}
	x, err := strconv.ParseFloat(word, 64)
	if err != nil || math.IsNaN(x) {
		return s, fmt.Errorf("%q is no lambda: give %s", text, scaleForms)
	}
	if *field = x; !s.valid() {
		return s, fmt.Errorf("%s is out of range: a lambda is above 0 and a number of 32 bits, a percentile above 0 and up to 100, a factor from %v to %v", text, minFactor, maxFactor)
	}
	return s, nil
}

// Factors of a lambda beyond these are no adjustments of it.
const minFactor, maxFactor = 0.001, 1000

func (s Scale) valid() bool {
	value := float32(s.Value)
	switch {
	case s.Percentile == 0 && s.Factor == 0:
		return value > 0 && !math.IsInf(float64(value), 0)
	case s.Factor == 0:
		return s.Value == 0 && s.Percentile > 0 && s.Percentile <= 100
	}
	return s.Value == 0 && s.Percentile == 0 && s.Factor >= minFactor && s.Factor <= maxFactor
}

// String returns the scale as options have it: "2.5", "p99.9", "max" or "x1.5".
func (s Scale) String() string {
	switch {
	case s.Percentile == 100:
		return "max"
	case s.Percentile > 0:
		return "p" + strconv.FormatFloat(s.Percentile, 'g', -1, 64)
	case s.Factor > 0:
		return "x" + strconv.FormatFloat(s.Factor, 'g', -1, 64)
	}
	return strconv.FormatFloat(s.Value, 'g', -1, 64)
}

// MarshalText returns the scale as options have it.
func (s Scale) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads it.
func (s *Scale) UnmarshalText(b []byte) (err error) {
	*s, err = parseScale(string(b))
	return err
}

// UnmarshalJSON adds the scales of a JSON object, {"layer": "p99"}, to those that there are.
// It shares nothing with what was there before.
func (s *Scales) UnmarshalJSON(b []byte) error {
	var more map[string]Scale
	if err := json.Unmarshal(b, &more); err != nil {
		return err
	}
	*s = s.with(more)
	return nil
}

// with returns s with others, which replace those of the same layers.
func (s Scales) with(more Scales) Scales {
	if len(s)+len(more) == 0 {
		return nil
	}
	all := make(Scales, len(s)+len(more))
	maps.Copy(all, s)
	maps.Copy(all, more)
	return all
}

// String returns "conv1=2.5,layer1.0=max", by the names of the layers.
func (s Scales) String() string { return strings.Join(s.entries(), ",") }

// entries returns one text for each layer.
func (s Scales) entries() []string {
	var list []string
	for _, layer := range s.names() {
		list = append(list, layer+"="+s[layer].String())
	}
	return list
}

// names returns the names of the layers, sorted.
func (s Scales) names() []string { return slices.Sorted(maps.Keys(s)) }

// parseScales reads scales as String writes them. A comma may be part of a name.
func parseScales(text string) (Scales, error) {
	all, rest := make(Scales), strings.Split(text, ",")
	for len(rest) > 0 {
		entry := rest[0]
		for rest = rest[1:]; !strings.Contains(entry, "=") && len(rest) > 0; rest = rest[1:] {
			entry += "," + rest[0]
		}
		at := strings.LastIndexByte(entry, '=')
		if at < 0 || strings.TrimSpace(entry[:at]) == "" {
			return nil, fmt.Errorf("%q: give LAYER=LAMBDA", entry)
		}
		scale, err := parseScale(strings.TrimSpace(entry[at+1:]))
		if err != nil {
			return nil, err
		}
		all[strings.TrimSpace(entry[:at])] = scale
	}
	return all, nil
}

// maxScalesFile bounds a file of scales, in bytes.
const maxScalesFile = 1 << 20

// readScales reads a file with one LAYER=LAMBDA a line. Empty lines, and those that begin
// with #, say nothing.
func readScales(name string) (Scales, error) {
	b, err := regular.ReadFile(name, maxScalesFile)
	if err != nil {
		return nil, fmt.Errorf("neither LAYER=LAMBDA nor a file of such lines: %w", err)
	}
	if strings.HasPrefix(strings.TrimSpace(string(b)), "{") {
		return nil, errors.New("that is JSON: a file of advice goes with {apply}")
	}
	all := make(Scales)
	for i, line := range strings.Split(string(b), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		one, err := parseScales(line)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, i+1, err)
		}
		maps.Copy(all, one)
	}
	return all, nil
}

// scalesValue is an option that is Scales. Setting it adds to what there is, so that a flag
// can be given again.
type scalesValue struct{}

func (scalesValue) get(o *Options) string   { return o.Lambda.String() }
func (scalesValue) raw(o *Options) any      { return &o.Lambda }
func (scalesValue) number(*Options) float64 { return 0 }

func (scalesValue) set(o *Options, text string) error {
	if text == "" {
		return nil
	}
	more, err := parseScales(text)
	if err != nil && !strings.Contains(text, "=") {
		more, err = readScales(text)
	}
	if err == nil {
		o.Lambda = o.Lambda.with(more)
	}
	return err
}
