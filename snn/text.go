package snn

import "fmt"

// Resets lists the names of the resets, the default first.
func Resets() []string { return []string{ResetSubtract.String(), ResetZero.String()} }

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
func (e *Encoding) UnmarshalText(b []byte) (err error) {
	*e, err = EncodingNamed(string(b))
	return err
}
