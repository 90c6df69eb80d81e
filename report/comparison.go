package report

import (
	"slices"
	"strconv"
	"strings"
)

// comparison is the table of all runs: a column for each where they are few, or else a line, in
// several tables that are no wider than paper.
type comparison struct {
	Caption Caption
	Columns bool
	Heads   []compareHead
	Rows    []compareRow
}

// Parts are the rows in groups that fit side by side: numbers, then settings.
func (c *comparison) Parts() [][]compareRow {
	var numbers, words []compareRow
	for _, row := range c.Rows {
		if row.Number {
			numbers = append(numbers, row)
		} else {
			words = append(words, row)
		}
	}
	return slices.AppendSeq([][]compareRow{numbers}, slices.Chunk(words, 4))
}

// mostColumns is up to how many runs have a column each.
const mostColumns = 6

// compareHead names a run.
type compareHead struct {
	ID, Name string
	Style    int // Of its line.
}

// compareRow is one thing that is compared, by run.
type compareRow struct {
	Name   string
	Number bool
	Values []string
}

// compare returns the table of the runs that the sections show.
func (r *Report) compare(sections []section) *comparison {
	c := &comparison{Caption: Caption{Title: "All runs", Says: r.basis()}, Columns: len(sections) <= mostColumns}
	add := func(name string, number bool, of func(*section) string) {
		row := compareRow{Name: name, Number: number}
		for i := range sections {
			row.Values = append(row.Values, of(&sections[i]))
		}
		c.Rows = append(c.Rows, row)
	}
	for i := range sections {
		s := &sections[i]
		c.Heads = append(c.Heads, compareHead{s.ID, s.Run.Name, s.Style})
	}
	add("model", false, func(s *section) string { return s.Run.Result.Model })
	for _, key := range r.differ() {
		add(strings.ReplaceAll(key, "_", " "), false, func(s *section) string { return setting(s.Run.Manifest.Options[key]) })
	}
	add("images", true, func(s *section) string { return strconv.Itoa(s.Run.Result.Images) })
	add("T", true, func(s *section) string { return strconv.Itoa(s.Run.Result.Timesteps) })
	add("latency", true, func(s *section) string { return strconv.Itoa(s.Run.Result.Latency) })
	add("trained %", true, func(s *section) string { return percent(s.Run.TrainedTop1()) })
	add("spiking %", true, func(s *section) string { return percent(s.Run.last().Top1) })
	add("95 % interval", true, func(s *section) string { return bounds(s.Run.last()) })
	add("difference", true, func(s *section) string { return points(s.Run.last().Top1 - s.Run.TrainedTop1()) })
	add("agreement %", true, func(s *section) string { return percent(s.Run.last().Agreement) })
	add("spikes / image", true, func(s *section) string { return count(s.Run.last().Spikes) })
	add("ACs / image", true, func(s *section) string { return count(s.Run.last().ACs) })
	return c
}
