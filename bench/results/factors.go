package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// factors describes the compensation factors of a run: the one that all layers but
// pools share, or the range of those of the layers.
func (r *outcome) factors() string {
	var all []float64
	for _, line := range r.table("compensation.csv", 2) {
		if f, err := strconv.ParseFloat(line[1], 64); err == nil {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return "–"
	}
	lo, hi := slices.Min(all), slices.Max(all)
	if r.Manifest.Options["compensation"] == "global" {
		if lo == 1 { // Pools keep 1.
			return fmt.Sprintf("%.3f", hi)
		}
	}
	return fmt.Sprintf("%.3f to %.3f", lo, hi)
}

// searchLine is what one global factor did in a search, a pair of cells a run: the
// agreement with the trained network, and the mean error of the output rates.
type searchLine struct {
	Factor string
	Cells  []string
}

// searchLines puts the searches of some runs side by side, by factor; a run that is
// missing or did not try a factor has dashes.
func searchLines(list ...*outcome) []searchLine {
	tried := make(map[float64][]string)
	for i, r := range list {
		if r == nil {
			continue
		}
		for _, line := range r.table("compensation_search.csv", 3) {
			f, err1 := strconv.ParseFloat(line[0], 64)
			a, err2 := strconv.ParseFloat(line[1], 64)
			e, err3 := strconv.ParseFloat(line[2], 64)
			if err1 != nil || err2 != nil || err3 != nil {
				continue
			}
			if tried[f] == nil {
				tried[f] = slices.Repeat([]string{"–"}, 2*len(list))
			}
			tried[f][2*i], tried[f][2*i+1] = percent(a), fmt.Sprintf("%.4f", e)
		}
	}
	var keys []float64
	for f := range tried {
		keys = append(keys, f)
	}
	slices.Sort(keys)
	var lines []searchLine
	for _, f := range keys {
		lines = append(lines, searchLine{fmt.Sprintf("%.3f", f), tried[f]})
	}
	return lines
}

// table reads a file of the run without its header, none if it is missing or its
// lines have another length.
func (r *outcome) table(name string, fields int) [][]string {
	f, err := os.Open(filepath.Join(r.Dir, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	c := csv.NewReader(f)
	c.FieldsPerRecord = fields
	lines, err := c.ReadAll()
	if err != nil || len(lines) == 0 {
		return nil
	}
	return lines[1:]
}
