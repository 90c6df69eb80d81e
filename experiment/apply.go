package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"sresnet/internal/hint"
	"sresnet/internal/regular"
)

// maxAdvice bounds a file of advice, in bytes.
const maxAdvice = 64 << 20

// Apply sets the options that a diagnosis advises; file has one in its JSON form. It returns
// the names of the options.
func (o *Options) Apply(file string) ([]string, error) {
	wrong := func(err error) ([]string, error) {
		return nil, bad("apply", file, hint.Error(err, "give what 'sresnet diagnose' has written with {out}, a file that ends in .json"))
	}
	b, err := regular.ReadFile(file, maxAdvice)
	if err != nil {
		return wrong(err)
	}
	var d struct {
		Verdict json.RawMessage            `json:"verdict"`
		Advice  map[string]json.RawMessage `json:"advice"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return wrong(err)
	}
	switch {
	case d.Advice == nil && d.Verdict != nil:
		return wrong(errors.New("this diagnosis advises no change of options"))
	case d.Advice == nil:
		return wrong(errors.New("that is no diagnosis"))
	}
	var names []string
	for key, value := range d.Advice {
		p := optionOf(key)
		if p == nil || !p.advisable() {
			return wrong(fmt.Errorf("%q is no option that is advised", key))
		}
		if err := json.Unmarshal(value, p.value.raw(o)); err != nil {
			return wrong(fmt.Errorf("%q: %w", key, err))
		}
		if err := p.Check(o); err != nil {
			return wrong(err)
		}
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names, nil
}

// advisable reports whether a diagnosis may say what the option should be: those that shape a
// network, but not of which images, and how long and how it answers.
func (p *Option) advisable() bool {
	switch p.Name {
	case "timesteps", "readout":
		return true
	case "calibrate", "calibration-images", "preset":
		return false
	}
	return p.Shapes
}

// Advice returns options to [Options.Apply] for an experiment like that of o, with some changed:
// those that o does not leave at their defaults, and T. Both are by the keys of options.
func (o *Options) Advice(change map[string]any) (map[string]any, error) {
	b, err := json.Marshal(change)
	if err != nil {
		return nil, err
	}
	var changed struct {
		Lambda map[string]string `json:"lambda"`
	}
	if err := json.Unmarshal(b, &changed); err != nil {
		return nil, err
	}
	var rest map[string]json.RawMessage
	if err := json.Unmarshal(b, &rest); err != nil {
		return nil, err
	}
	delete(rest, "lambda")
	if b, err = json.Marshal(rest); err != nil {
		return nil, err
	}
	to := *o
	if err := json.Unmarshal(b, &to); err != nil {
		return nil, err
	}
	if err := to.Adjust(changed.Lambda); err != nil {
		return nil, err
	}
	usual, list := DefaultOptions(), make(map[string]any)
	for _, p := range Table() {
		if _, told := change[p.Key()]; p.advisable() && (told || p.Name == "timesteps" || p.Get(&to) != p.Get(&usual)) {
			list[p.Key()] = p.Value(&to)
		}
	}
	return list, nil
}

// Adjust sets lambdas of layers as [Scale.UnmarshalText] reads them. Factors are on the lambdas
// that layers have: on factors of them, too.
func (o *Options) Adjust(lambda map[string]string) error {
	more := make(Scales)
	for layer, text := range lambda {
		scale, err := parseScale(text)
		if err != nil {
			return err
		}
		before, has := o.Lambda[layer]
		switch {
		case has && scale.Factor > 0 && before.Factor > 0:
			scale.Factor *= before.Factor
		case has && scale.Factor > 0:
			return bad("lambda", layer+"="+before.String(), errors.New("there is a factor on it, too"))
		}
		more[layer] = scale
	}
	o.Lambda = o.Lambda.with(more)
	return nil
}
