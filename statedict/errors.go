package statedict

import "fmt"

// FormatError is the error of bytes that are not a dictionary of tensors as torch.save
// writes it, or that ask for more.
type FormatError struct {
	err    error
	remedy string
}

func (e *FormatError) Error() string { return e.err.Error() }

// Unwrap returns the error without its kind.
func (e *FormatError) Unwrap() error { return e.err }

// Hint says what to do about e.
func (e *FormatError) Hint() string { return e.remedy }

// What to do about a file.
const (
	save  = "save it again, with torch.save(model.state_dict(), FILE)"
	again = "copy or download the file again"
)

func wrong(remedy, format string, args ...any) error {
	return &FormatError{fmt.Errorf(format, args...), remedy}
}
