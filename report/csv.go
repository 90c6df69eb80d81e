package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// num is a float64 that is null in JSON where it is not finite, and that has six
// digits there: more than any axis shows.
type num float64

var nan = num(math.NaN())

func (x num) known() bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// MarshalJSON writes x, or null.
func (x num) MarshalJSON() ([]byte, error) {
	if !x.known() {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(x), 'g', 6, 64), nil
}

// UnmarshalJSON reads a number, or null as NaN.
func (x *num) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*x = nan
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	*x = num(f)
	return err
}

// records are the lines of a CSV file below its header.
type records struct {
	column map[string]int
	lines  [][]string
}

// readCSV reads a table that has at least the given columns.
func readCSV(b []byte, columns ...string) (*records, error) {
	all, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("it is empty")
	}
	t := &records{make(map[string]int), all[1:]}
	for i, name := range all[0] {
		t.column[name] = i
	}
	for _, name := range columns {
		if _, ok := t.column[name]; !ok {
			return nil, fmt.Errorf("there is no column %s, only %s", name, strings.Join(all[0], ", "))
		}
	}
	return t, nil
}

// number returns a field as a number; an empty one, or one of no column, is NaN.
func (t *records) number(line int, column string) (num, error) {
	i, ok := t.column[column]
	if !ok || t.lines[line][i] == "" {
		return nan, nil
	}
	x, err := strconv.ParseFloat(t.lines[line][i], 64)
	if err != nil {
		return 0, fmt.Errorf("line %d: %s is %q, not a number", line+2, column, t.lines[line][i])
	}
	return num(x), nil
}

// numbers stores the fields of a line in what the columns name.
func (t *records) numbers(line int, dst map[string]*num) error {
	for _, column := range slices.Sorted(maps.Keys(dst)) { // One error of several is always the same.
		v, err := t.number(line, column)
		if err != nil {
			return err
		}
		*dst[column] = v
	}
	return nil
}

// whole returns a field as an integer that is not negative.
func (t *records) whole(line int, column string) (int, error) {
	s := t.lines[line][t.column[column]]
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("line %d: %s is %q, not a whole number", line+2, column, s)
	}
	return n, nil
}

func (r *Run) parseAccuracy(b []byte) error {
	t, err := readCSV(b, "t", "snn_top1", "agreement", "spikes_per_image", "acs_per_image")
	if err != nil {
		return err
	}
	for i := range t.lines {
		p := Point{T: i + 1, Low: nan, High: nan, Joules: nan}
		if n, err := t.whole(i, "t"); err != nil || n != p.T {
			return fmt.Errorf("line %d is not that of timestep %d", i+2, p.T)
		}
		if err := t.numbers(i, map[string]*num{"snn_top1": &p.Top1, "agreement": &p.Agreement, "spikes_per_image": &p.Spikes, "acs_per_image": &p.ACs}); err != nil {
			return err
		}
		r.Accuracy = append(r.Accuracy, p)
	}
	return nil
}

// parseChoice adds intervals and energies to the accuracy.
func (r *Run) parseChoice(b []byte) error {
	t, err := readCSV(b, "T", "top1", "low", "high")
	if err != nil {
		return err
	}
	for i := range t.lines {
		T, err := t.whole(i, "T")
		if err != nil {
			return err
		}
		if T < 1 || T > len(r.Accuracy) {
			return fmt.Errorf("line %d is of timestep %d, the run has %d", i+2, T, len(r.Accuracy))
		}
		p := &r.Accuracy[T-1]
		if err := t.numbers(i, map[string]*num{"low": &p.Low, "high": &p.High, "joules": &p.Joules}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) parseAnswers(b []byte) error {
	columns := []string{"index", "label", "ann", "snn"}
	t, err := readCSV(b, columns...)
	if err != nil {
		return err
	}
	for i := range t.lines {
		var a Answer
		for k, x := range []*int{&a.Index, &a.Label, &a.ANN, &a.SNN} {
			if x == &a.ANN && r.Result.Alone {
				a.ANN = -1
				continue
			}
			if *x, err = t.whole(i, columns[k]); err != nil {
				return err
			}
		}
		if max(a.Label, a.ANN, a.SNN) > maxClass {
			return fmt.Errorf("line %d: class %d", i+2, max(a.Label, a.ANN, a.SNN))
		}
		r.Answers = append(r.Answers, a)
	}
	return nil
}

// maxClass bounds the number of a class, so that a table of classes fits memory.
const maxClass = 1 << 20

// parseSpikes fills what the layers emit at every timestep.
func (r *Run) parseSpikes(b []byte) error {
	t, err := readCSV(b, "layer", "timestep", "spikes_per_image", "acs_per_image")
	if err != nil {
		return err
	}
	T := r.Result.Timesteps
	if len(t.lines) != T*len(r.Result.Layers) {
		return fmt.Errorf("%d lines are not %d layers of %d timesteps", len(t.lines), len(r.Result.Layers), T)
	}
	for i := range r.Result.Layers {
		l := &r.Result.Layers[i]
		for j := i * T; j < (i+1)*T; j++ {
			if name := t.lines[j][t.column["layer"]]; name != l.Name {
				return fmt.Errorf("line %d is of layer %q, not %q", j+2, name, l.Name)
			}
			var spikes, acs num
			if err := t.numbers(j, map[string]*num{"spikes_per_image": &spikes, "acs_per_image": &acs}); err != nil {
				return err
			}
			l.SpikesAt, l.ACsAt = append(l.SpikesAt, float64(spikes)), append(l.ACsAt, float64(acs))
		}
	}
	return nil
}
