package atomic

import (
	"fmt"
	"os"

	"sresnet/internal/hint"
)

// Replaceable returns an error, with a hint, unless a file may be written under that name.
// Writing replaces what is there, which must be a file or a link to one: it would replace a
// device as well.
func Replaceable(name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil || info.Mode().IsRegular():
		return nil // Or the error shows when it is written.
	case info.IsDir():
		return hint.Error(fmt.Errorf("%s is a folder", name), "give the path of a file")
	}
	return hint.Error(fmt.Errorf("%s is not a regular file, and writing would replace it", name), "give the path of a file")
}
