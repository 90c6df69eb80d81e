package shard

import (
	"encoding/json"
	"fmt"
)

// Format is the form in which a run is kept: that of plan.json and runs.json, and of
// what the work writes beside them. It grows by one whenever a version of the program
// reads or writes something else, so that no number of an older run is taken for
// another.
const Format = 2

// FormatError says that a run was kept by another version of the program, in a form
// that this one does not read.
type FormatError struct {
	Name   string // Of the folder, or what else it is about.
	Format int    // Its form, not [Format].
}

// Error names the form and that of this version.
func (e *FormatError) Error() string {
	age := "an earlier"
	if e.Format > Format {
		age = "a later"
	}
	return fmt.Sprintf("%s was kept by %s version of sresnet (format %d); this one reads format %d", e.Name, age, e.Format, Format)
}

// Hint says what to do about it.
func (e *FormatError) Hint() string {
	if e.Format > Format {
		return "use the version of sresnet that kept it, or a later one"
	}
	return "make the run again in a new folder, or use the version of sresnet that kept it"
}

// CheckFormat returns a [*FormatError] unless b, a JSON object, is of this format. An
// object that does not say is of format 1. What is not an object at all is nil:
// reading it will show that.
func CheckFormat(name string, b []byte) error {
	var f *struct {
		Format *int `json:"format"`
	}
	if json.Unmarshal(b, &f) != nil || f == nil {
		return nil
	}
	format := 1
	if f.Format != nil {
		format = *f.Format
	}
	if format != Format {
		return &FormatError{name, format}
	}
	return nil
}
