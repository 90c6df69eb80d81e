package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/diagnose"
	"sresnet/eval"
	"sresnet/internal/regular"
	"sresnet/internal/shell"
	"sresnet/shard"
)

// Run is a run that was kept. What is large or not there in every run is read when it
// is asked for.
type Run struct {
	Dir      string
	Manifest *Manifest
	Result   *eval.Result // Of the images that were finished; see Complete.
}

// ErrIncomplete says that a folder does not hold a whole run: a file that its manifest
// names is not there, or is not the one that was written.
var ErrIncomplete = errors.New("the run is not complete")

// Error says why a folder is not a run that can be read. It wraps what [Read] says.
type Error struct {
	Dir     string
	Problem string
	Remedy  string // What to do about it.
	Err     error  // Nil if nothing is to be told apart.
}

// Error names the folder before the problem.
func (e *Error) Error() string { return "run: " + e.Dir + ": " + e.Problem }

// Unwrap returns what Read says of the error.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns the remedy.
func (e *Error) Hint() string { return e.Remedy }

func problem(dir string, err error, remedy, format string, args ...any) error {
	return &Error{dir, fmt.Sprintf(format, args...), remedy, err}
}

// Remedies.
const (
	again = "make the run again in a new folder"
	give  = "give the folder of a run"
)

// anew says how the files of the run in dir are written again: from its shards where they
// are there.
func anew(dir string) string {
	r, err := shard.Open(dir)
	if err != nil {
		return again
	}
	name := shell.Quote(dir)
	switch missing, err := r.Missing(); {
	case err != nil:
		return again
	case len(missing) > 0:
		return fmt.Sprintf("give 'sresnet run %s', which computes what is missing, and then 'sresnet merge %s'", name, name)
	}
	return fmt.Sprintf("give 'sresnet merge %s', which writes its files again from its shards", name)
}

// Read reads the run in the folder dir, finished or interrupted, and checks that all
// files are those of its manifest.
//
// An error is a [*shard.FormatError] if another version of the program kept the run in
// another form, and otherwise an [*Error]. That is an fs.ErrNotExist if there is no run
// that has been kept, and an ErrIncomplete if files are missing or of another run.
func Read(dir string) (*Run, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem(dir, err, give, "there is no such folder")
	case err != nil:
		return nil, problem(dir, err, give, "it cannot be read: %v", err)
	case !info.IsDir():
		return nil, problem(dir, nil, give, "it is a file; a run is kept in a folder")
	}
	r := &Run{Dir: dir}
	if r.Manifest, err = ReadManifest(dir); err != nil {
		return nil, err
	}
	if !r.Has(resultFile) {
		return nil, problem(dir, ErrIncomplete, anew(dir), "it is incomplete: manifest.json does not name %s; the run was kept by version %s", resultFile, r.Manifest.Version)
	}
	if err := r.checkFiles(); err != nil {
		return nil, err
	}
	b, err := r.ReadFile(resultFile)
	if err != nil {
		return nil, err
	}
	var format *shard.FormatError
	if r.Result, err = eval.ReadResult(bytes.NewReader(b)); errors.As(err, &format) {
		format.Name = dir
		return nil, format
	}
	if err != nil {
		return nil, r.strange(resultFile, err)
	}
	if r.Result.Images != r.Manifest.Images || r.Result.Complete != r.Manifest.Complete {
		return nil, problem(dir, ErrIncomplete, anew(dir), "its files are of different runs: %d images in result.json, %d in manifest.json", r.Result.Images, r.Manifest.Images)
	}
	return r, nil
}

// strange is for a file that is as its run wrote it and not as this program would.
func (r *Run) strange(file string, err error) error {
	return problem(r.Dir, err, "use the version of sresnet that kept the run, or "+again,
		"%s is not what this version of sresnet understands: %v; the run was kept by version %s", file, err, r.Manifest.Version)
}

// Has reports whether the run has a file of that name.
func (r *Run) Has(name string) bool { return r.Manifest.Files[name] != "" }

// checkFiles compares all files with the manifest.
func (r *Run) checkFiles() error {
	var absent, changed []string
	for _, name := range slices.Sorted(maps.Keys(r.Manifest.Files)) {
		switch ok, err := r.holds(name); {
		case errors.Is(err, fs.ErrNotExist):
			absent = append(absent, name)
		case err != nil:
			return problem(r.Dir, ErrIncomplete, "copy the whole folder, with files and not links, or "+anew(r.Dir), "%s cannot be read: %v", name, err)
		case !ok:
			changed = append(changed, name)
		}
	}
	if len(absent) > 0 {
		return problem(r.Dir, ErrIncomplete, "copy the whole folder, or "+anew(r.Dir), "it is incomplete: manifest.json names %s, which is not there", strings.Join(absent, ", "))
	}
	if len(changed) > 0 {
		return r.changed(strings.Join(changed, ", "))
	}
	return nil
}

func (r *Run) changed(names string) error {
	return problem(r.Dir, ErrIncomplete, "restore the file, or "+anew(r.Dir),
		"%s is not the file of this run: its SHA-256 differs from that in manifest.json; it was changed, belongs to another run, or a run is being written", names)
}

// holds reports whether a file is the one that the manifest names.
func (r *Run) holds(name string) (bool, error) {
	_, ok, err := r.read(name)
	return ok, err
}

// read reads a file and says whether it is the one that the manifest names.
func (r *Run) read(name string) (b []byte, ok bool, err error) {
	if !plain(name) {
		return nil, false, fmt.Errorf("%q is not a name for a file of a run", name)
	}
	if b, err = regular.ReadFileIn(r.Dir, name, maxFile); err != nil {
		return nil, false, err
	}
	sum := sha256.Sum256(b)
	return b, hex.EncodeToString(sum[:]) == r.Manifest.Files[name], nil
}

// plain reports whether name is that of a file in a folder, not a way out of it.
func plain(name string) bool { return name == filepath.Base(name) && !strings.HasPrefix(name, ".") }

// ReadFile reads a file that the run has and that is still as it was written.
func (r *Run) ReadFile(name string) ([]byte, error) {
	b, ok, err := r.read(name)
	if err != nil {
		return nil, problem(r.Dir, ErrIncomplete, "copy the whole folder, or "+anew(r.Dir), "%s cannot be read: %v", name, err)
	}
	if !ok {
		return nil, r.changed(name)
	}
	return b, nil
}

// Files of a run that are not views of its result.
const (
	activationsFile = "activations.json"
	changedFile     = "changed.json"
	diagnosisFile   = "diagnosis.json"
)

// Activations returns what calibration saw of the trained network; nil if the run does
// not have it. Errors are those of [Read], here and below.
func (r *Run) Activations() (*eval.Activations, error) {
	return optional(r, activationsFile, eval.ReadActivations)
}

// Changed returns the first images on which the networks disagree; nil if the run does
// not have them.
func (r *Run) Changed() (*eval.ChangedFile, error) {
	return optional(r, changedFile, eval.ReadChanged)
}

// Diagnosis returns why accuracy is lost; nil if the run has not been diagnosed.
func (r *Run) Diagnosis() (*diagnose.Diagnosis, error) {
	d, err := optional(r, diagnosisFile, diagnose.Read)
	if d == nil || err != nil {
		return nil, err
	}
	const remedy = "diagnose the model of the run again, into the same folder"
	if d.Model != "" && d.Model != r.Result.Model {
		return nil, problem(r.Dir, nil, remedy, "it mixes models: result.json is of %q, diagnosis.json of %q", r.Result.Model, d.Model)
	}
	for _, l := range d.Layers {
		if !slices.ContainsFunc(r.Result.Layers, func(x eval.Layer) bool { return x.Name == l.Name }) {
			return nil, problem(r.Dir, nil, remedy, "it mixes models: diagnosis.json has a layer %q, result.json has none", l.Name)
		}
	}
	return d, nil
}

// optional reads a file that not every run has; nil if this one does not.
func optional[T any](r *Run, name string, parse func([]byte) (*T, error)) (*T, error) {
	if !r.Has(name) {
		return nil, nil
	}
	b, err := r.ReadFile(name)
	if err != nil {
		return nil, err
	}
	x, err := parse(b)
	if err != nil {
		return nil, r.strange(name, err)
	}
	return x, nil
}
