package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"sresnet/eval"
	"sresnet/internal/regular"
)

// ErrIncomplete says that a folder does not hold a whole run: it was interrupted,
// or its files are not those that its manifest names.
var ErrIncomplete = errors.New("run: the run is not complete")

// ReadResult reads back the result of the complete run that m, the manifest in dir,
// describes, without its Predictions, its Changed images and the spikes of its layers
// over time. A run that is not whole is an ErrIncomplete.
func ReadResult(dir string, m *Manifest) (*eval.Result, error) {
	if !m.Complete {
		return nil, fmt.Errorf("%w: %s was interrupted after %d images", ErrIncomplete, dir, m.Images)
	}
	b, err := m.read(dir, "result.json")
	if err != nil {
		return nil, err
	}
	r := new(eval.Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("run: %s: %w", filepath.Join(dir, "result.json"), err)
	}
	if b, err = m.read(dir, "accuracy.csv"); err != nil {
		return nil, err
	}
	if r.SpikesUpTo, err = column(b, "spikes_per_image", r.Timesteps); err == nil {
		r.ACsUpTo, err = column(b, "acs_per_image", r.Timesteps)
	}
	if err == nil && (len(r.SNN.Top1) != r.Timesteps || len(r.Agreement) != r.Timesteps) {
		err = fmt.Errorf("%w: its result.json has fewer accuracies than timesteps", ErrIncomplete)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, dir)
	}
	return r, nil
}

// read reads a file of the run and checks that it is the one that m was written
// with.
func (m *Manifest) read(dir, name string) ([]byte, error) {
	b, err := regular.ReadFileIn(dir, name, MaxFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != m.Files[name] {
		return nil, fmt.Errorf("%w: %s is not of the same run as the manifest", ErrIncomplete, filepath.Join(dir, name))
	}
	return b, nil
}

// column returns the numbers below a name in the header of a CSV file with n lines
// after it.
func column(file []byte, name string, n int) ([]float64, error) {
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	if len(rows) != n+1 {
		return nil, fmt.Errorf("%w: a table of %d timesteps has %d lines", ErrIncomplete, n, len(rows))
	}
	for j, head := range rows[0] {
		if head != name {
			continue
		}
		x := make([]float64, n)
		for i := range x {
			if x[i], err = strconv.ParseFloat(rows[i+1][j], 64); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
			}
		}
		return x, nil
	}
	return nil, fmt.Errorf("%w: a table has no column %s", ErrIncomplete, name)
}
