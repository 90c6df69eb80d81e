package record

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Format is a kind of file.
type Format uint8

// Formats.
const (
	NIRData Format = iota // HDF5, as the nir package reads it.
	NPY                   // A folder of numpy files, one per array, or one such file.
	NPZ                   // An archive of numpy.
)

var formats = []string{"nirdata", "npy", "npz"}

// Formats returns the names of all formats.
func Formats() []string { return slices.Clone(formats) }

// String returns the name of the format.
func (f Format) String() string {
	if int(f) < len(formats) {
		return formats[f]
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// ParseFormat returns the format of that name.
func ParseFormat(s string) (Format, error) {
	if i := slices.Index(formats, s); i >= 0 {
		return Format(i), nil
	}
	return 0, fmt.Errorf("record: %q is not one of %s", s, strings.Join(formats, ", "))
}

// FormatOf returns the format of a file of that name: by its suffix, .h5 or .hdf5,
// .npy, .npz; a folder that is there, or a name that ends with a slash, is one of
// files of numpy.
func FormatOf(name string) (Format, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".h5", ".hdf5":
		return NIRData, nil
	case ".npy":
		return NPY, nil
	case ".npz":
		return NPZ, nil
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() || name != "" && os.IsPathSeparator(name[len(name)-1]) {
		return NPY, nil
	}
	return 0, fmt.Errorf("record: the suffix of %q selects no format", name)
}

// create begins the file of that name for a recording of n images.
func create(name string, n int, o Options) (sink, error) {
	switch o.Format {
	case NIRData:
		return checked(createNIRData(name, n, o))
	case NPY:
		return checked(createFiles(name, n, o))
	case NPZ:
		return checked(createNPZ(name, n, o))
	}
	return nil, fmt.Errorf("unknown format %v", o.Format)
}

// checked removes what a beginning left that failed.
func checked[T interface {
	comparable
	sink
}](s T, err error) (sink, error) {
	var none T
	if err != nil && s != none {
		s.abort()
	}
	return s, err
}
