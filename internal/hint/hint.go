// Package hint gives errors a sentence about what to do.
//
// An error of any package may have a method Hint() string that returns such a sentence, or
// "" for none; [Of] finds it.
package hint

import (
	"errors"
	"fmt"
)

// hinted is an error that comes with what to do about it.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }
func (e *hinted) Hint() string  { return e.hint }

// Error returns err with a hint, formatted as fmt.Sprintf does; nil for nil. Its text is
// that of err.
func Error(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// Of returns the hint of err: that of the first error in its tree, as errors.As goes through
// it, which has a method Hint. Without one, or if that has nothing to say, it is "".
func Of(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
