package experiment

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sresnet/internal/hint"
	"sresnet/internal/nearest"
)

// Option is one entry of the [Table]: what flags, checks, JSON and manifests have to
// know of one field of [Options].
type Option struct {
	Name    string // Of a flag: "v-init". The key in JSON is the same with "_": "v_init".
	Letter  string // Short form of a flag: "T"; "" for none.
	Default string // As Set takes it.
	Help    string // In one line, with the word for the value in backquotes and options in braces; see package internal/hint.
	Words   func() []string
	Range   Range // Of a number.

	// Shapes says that the option shapes a spiking network, so that it means nothing for
	// one that is given.
	Shapes bool

	// Setting says that the option is a part of the method: commands that convert have it,
	// and sweeps vary it. Nil for others.
	Setting *Setting

	value value
}

// Setting is what a sweep does with an option.
type Setting struct {
	Prefix string   // Of a value in the name of a setting, such as "p" in "p99.9".
	Always bool     // The value is in the name even if it is the default.
	Tried  []string // Values that a sweep tries unless it is told others; nil for the default alone.
}

// Settings returns the names of the options that are parts of the method, in the order of
// the [Table]: what takes longest to change comes first.
func Settings() []string {
	var names []string
	for _, p := range Table() {
		if p.Setting != nil {
			names = append(names, p.Name)
		}
	}
	return names
}

// Key returns the name of the option in JSON: "v_init".
func (p *Option) Key() string { return strings.ReplaceAll(p.Name, "-", "_") }

// Get returns the value of the option in o, as Set takes it.
func (p *Option) Get(o *Options) string { return p.value.get(o) }

// IsBool reports whether the option is either set or not.
func (p *Option) IsBool() bool { _, ok := p.value.raw(new(Options)).(*bool); return ok }

// Set sets the option in o. The error says what is wrong with s, without its name.
func (p *Option) Set(o *Options, s string) error {
	if p.Words != nil && !slices.Contains(p.Words(), s) {
		return fmt.Errorf("give %s%s", Either(p.Words()), nearest.DidYouMean(s, p.Words()))
	}
	return p.value.set(o, s)
}

// Value returns the value of the option in o, as it is in JSON.
func (p *Option) Value(o *Options) any { return p.value.raw(o) }

// Check returns an [*OptionError] if the value in o is out of range.
func (p *Option) Check(o *Options) error {
	bad := p.Range != Range{} && !p.Range.contains(p.value.number(o))
	if p.Words != nil && p.Get(o) != p.Default {
		bad = bad || !slices.Contains(p.Words(), p.Get(o))
	}
	switch {
	case !bad:
		return nil
	case p.Words != nil:
		return &OptionError{p.Name, strconv.Quote(p.Get(o)), fmt.Errorf("give %s%s", Either(p.Words()), nearest.DidYouMean(p.Get(o), p.Words()))}
	}
	return &OptionError{p.Name, p.Get(o), fmt.Errorf("give a number %v", p.Range)}
}

// OptionError is an option whose value makes no sense, by itself or with what it is for.
type OptionError struct {
	Option string // Its name in the [Table].
	Value  string // As it is shown; "" where there is none.
	Err    error
}

// Error returns the name, the value and what is wrong with it.
func (e *OptionError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %v", e.Option, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Option, e.Value, e.Err)
}

// Unwrap returns the error without the option.
func (e *OptionError) Unwrap() error { return e.Err }

// bad returns an OptionError with a hint, if there is one.
func bad(option, value string, err error, hints ...string) error {
	if len(hints) > 0 {
		err = hint.Error(err, "%s", hints[0])
	}
	return &OptionError{option, value, err}
}

// Either lists words: "a, b or c".
func Either(words []string) string {
	n := len(words)
	if n < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
}

// Range is the numbers that an option may have. The zero value is no bound.
type Range struct {
	Min, Max float64
	Above    bool // Min itself is not in it,
	Below    bool // nor is Max.
	Unbound  bool // There is no Max.
}

// contains reports whether x is in r, also when rounded to the precision of a potential.
// NaN is in none.
func (r Range) contains(x float64) bool {
	low := x >= r.Min && (!r.Above || x > r.Min)
	high := r.Unbound || x <= r.Max && (!r.Below || x < r.Max && float32(x) < float32(r.Max))
	return low && high
}

// String returns "from 0 to below 1" and the like.
func (r Range) String() string {
	words := fmt.Sprintf("from %v", r.Min)
	if r.Above {
		words = fmt.Sprintf("above %v", r.Min)
	}
	switch {
	case r.Unbound && r.Above:
	case r.Unbound:
		words += " on"
	case r.Below:
		words += fmt.Sprintf(" to below %v", r.Max)
	case r.Above:
		words += fmt.Sprintf(", up to %v", r.Max)
	default:
		words += fmt.Sprintf(" to %v", r.Max)
	}
	return words
}

// value reads and writes one field of Options.
type value interface {
	set(o *Options, s string) error
	get(o *Options) string
	raw(o *Options) any // Pointer to the field, with the JSON form of the option.
	number(o *Options) float64
}

// field is a value whose type has a way to text and back.
type field[T any] struct {
	at    func(*Options) *T
	parse func(string) (T, error)
	form  func(T) string
	float func(T) float64 // Nil for what is not a number.
}

func (f field[T]) get(o *Options) string { return f.form(*f.at(o)) }
func (f field[T]) raw(o *Options) any    { return f.at(o) }

func (f field[T]) set(o *Options, s string) error {
	x, err := f.parse(s)
	if err == nil {
		*f.at(o) = x
	}
	return err
}

func (f field[T]) number(o *Options) float64 {
	if f.float == nil {
		return 0
	}
	return f.float(*f.at(o))
}

func text(at func(*Options) *string) value {
	return field[string]{at: at, parse: func(s string) (string, error) { return s, nil }, form: func(s string) string { return s }}
}

func integer(at func(*Options) *int) value {
	return field[int]{at: at, form: strconv.Itoa, float: func(n int) float64 { return float64(n) }, parse: func(s string) (int, error) {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return 0, fmt.Errorf("give a whole number")
		}
		return n, nil
	}}
}

func unsigned(at func(*Options) *uint64) value {
	return field[uint64]{at: at, form: func(n uint64) string { return strconv.FormatUint(n, 10) }, parse: func(s string) (uint64, error) {
		n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("give a whole number from 0 to %d", uint64(1<<64-1))
		}
		return n, nil
	}}
}

func number(at func(*Options) *float64) value {
	return field[float64]{
		at: at, float: func(x float64) float64 { return x },
		form: func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) },
		parse: func(s string) (float64, error) {
			x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if err != nil {
				return 0, fmt.Errorf("give a number")
			}
			return x, nil
		},
	}
}

// optional is a number that need not be there: "" in text, null in JSON, and 0 for a range.
func optional(at func(*Options) **float64) value {
	var x float64
	one := number(func(*Options) *float64 { return &x }).(field[float64])
	return field[*float64]{
		at: at,
		parse: func(s string) (*float64, error) {
			x, err := one.parse(s)
			return &x, err
		},
		form: func(p *float64) string {
			if p == nil {
				return ""
			}
			return one.form(*p)
		},
		float: func(p *float64) float64 {
			if p == nil {
				return 0
			}
			return *p
		},
	}
}

func boolean(at func(*Options) *bool) value {
	return field[bool]{at: at, form: strconv.FormatBool, parse: func(s string) (bool, error) {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return false, fmt.Errorf("give true or false")
		}
		return b, nil
	}}
}

// word is a value of a type that has names, which are also its JSON form.
type word[T fmt.Stringer] struct {
	at    func(*Options) *T
	named func(string) (T, error)
}

func (w word[T]) get(o *Options) string   { return (*w.at(o)).String() }
func (w word[T]) number(*Options) float64 { return 0 }
func (w word[T]) raw(o *Options) any      { return &wordIn[T]{w, o} }

func (w word[T]) set(o *Options, s string) error {
	x, err := w.named(s)
	if err == nil {
		*w.at(o) = x
	}
	return err
}

// wordIn is a word in options, for JSON.
type wordIn[T fmt.Stringer] struct {
	word[T]
	o *Options
}

// MarshalText returns the name.
func (w *wordIn[T]) MarshalText() ([]byte, error) { return []byte(w.get(w.o)), nil }

// UnmarshalText sets the one of that name.
func (w *wordIn[T]) UnmarshalText(b []byte) error { return w.set(w.o, string(b)) }

// UnmarshalJSON sets the options that are in a JSON object, and leaves the others. An
// unknown one is an error.
func (o *Options) UnmarshalJSON(b []byte) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	for key, v := range m {
		p := optionOf(key)
		if p == nil {
			return fmt.Errorf("there is no option %q", key)
		}
		if err := json.Unmarshal(v, p.value.raw(o)); err != nil {
			return fmt.Errorf("option %q: %w", key, err)
		}
	}
	return nil
}

// OptionNamed returns the option of that name; nil for none.
func OptionNamed(name string) *Option { return optionOf(strings.ReplaceAll(name, "-", "_")) }

// optionOf returns the option with that key; nil for none.
func optionOf(key string) *Option {
	for _, p := range Table() {
		if p.Key() == key {
			return &p
		}
	}
	return nil
}
