package main

import (
	"io"

	"sresnet/internal/atomic"
)

// writeTo writes a file as a whole or, after an error, not at all.
func writeTo(name string, write func(io.Writer) error) error {
	if err := atomic.Replaceable(name); err != nil {
		return err
	}
	return atomic.WriteFile(name, write)
}
