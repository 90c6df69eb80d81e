// Package hint gives errors a second sentence: what to do about them. Any error type
// may have one by a method Hint() string; Error adds one to an error that has none.
//
// A library knows options by their names and not how its caller spells them: on a
// command line {data} is --data, in Go the field Data. So a hint writes options in
// braces, and the caller that shows it says how ([Render]).
package hint

import (
	"errors"
	"fmt"
	"regexp"
	"sync"
)

// Error returns err with a hint, in which an option has braces around its name; nil
// for nil.
func Error(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }
func (e *hinted) Hint() string  { return e.hint }

// Of returns the outermost hint of err, "" if it has none.
func Of(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// option is compiled when it is first asked for: whoever shows no hint need not wait for it.
var option = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([a-z]+(?:-[a-z]+)*)\}`) })

// Render replaces every option in braces by how the reader spells it.
func Render(s string, spell func(name string) string) string {
	return option().ReplaceAllStringFunc(s, func(m string) string { return spell(m[1 : len(m)-1]) })
}
