package snn

import "fmt"

// Resets and Encodings list the names of what there is, the default first.
func Resets() []string    { return []string{ResetSubtract.String(), ResetZero.String()} }
func Encodings() []string { return []string{Direct.String(), Poisson.String()} }

// MarshalText returns the name of r.
func (r Reset) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText sets r to the one of that name.
func (r *Reset) UnmarshalText(b []byte) error {
	for i, name := range Resets() {
		if string(b) == name {
			*r = Reset(i)
			return nil
		}
	}
	return fmt.Errorf("snn: no reset %q", b)
}

// MarshalText returns the name of e.
func (e Encoding) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText sets e to the one of that name.
func (e *Encoding) UnmarshalText(b []byte) error {
	for i, name := range Encodings() {
		if string(b) == name {
			*e = Encoding(i)
			return nil
		}
	}
	return fmt.Errorf("snn: no encoding %q", b)
}
