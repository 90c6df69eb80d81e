package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// series is what one line of a chart shows: a run, or several phased ones that differ in T
// alone. A phased run has its answer after one T, so that these together are what a
// synchronous one shows by itself.
type series struct {
	runs  []*Run // The shortest first.
	style int
	label string
}

// series groups the runs, in the order in which the first of each group comes.
func (r *Report) series() []series {
	var list []series
	at := make(map[string]int)
	for _, run := range r.Runs {
		key, ok := run.settingsButT()
		if i, seen := at[key]; ok && seen {
			list[i].runs = append(list[i].runs, run)
			continue
		}
		if ok {
			at[key] = len(list)
		}
		list = append(list, series{runs: []*Run{run}})
	}
	for i := range list {
		s := &list[i]
		s.style = slices.Index(r.Runs, s.runs[0])
		slices.SortStableFunc(s.runs, func(a, b *Run) int { return a.Result.Timesteps - b.Result.Timesteps })
		s.label = labelOf(s.runs)
	}
	return list
}

// settingsButT is all that a phased run was made from but T, as text; false for others.
func (run *Run) settingsButT() (key string, ok bool) {
	if !run.Result.Phased() {
		return "", false
	}
	m := run.Manifest
	options := maps.Clone(m.Options)
	for _, name := range []string{"timesteps", "workers"} {
		delete(options, name)
	}
	b, err := json.Marshal([]any{m.Model.SHA256, m.Data.SHA256, m.Calibration.SHA256, m.Version, run.Result.Images, options})
	return string(b), err == nil
}

// labelOf names a group of runs by what their names begin with, and their T.
func labelOf(runs []*Run) string {
	name := runs[0].Name
	if len(runs) == 1 {
		return name
	}
	var Ts []string
	for _, run := range runs {
		for !strings.HasPrefix(run.Name, name) {
			name = name[:len(name)-1]
		}
		Ts = append(Ts, fmt.Sprint(run.Result.Timesteps))
	}
	if name = strings.TrimRight(name, "-_.T0123456789"); name == "" {
		name = runs[0].Name + " and others"
	}
	return fmt.Sprintf("%s, T = %s", strings.ToValidUTF8(name, ""), strings.Join(Ts, ", "))
}

// points returns the states of all runs, with when they are.
func (s *series) points(put func(run *Run, p *Point)) {
	for _, run := range s.runs {
		for i := range run.Accuracy {
			put(run, &run.Accuracy[i])
		}
	}
}

// overTime returns a value of s at each of some times, NaN where it has no answer.
func (s *series) overTime(at []num, of func(*Point) num) []num {
	return s.over(at, (*Run).when, of)
}

// over returns a value of s at each of some places of an axis, NaN where it has none.
func (s *series) over(at []num, place func(*Run, *Point) num, of func(*Point) num) []num {
	y := slices.Repeat([]num{nan}, len(at))
	s.points(func(run *Run, p *Point) {
		if k, ok := slices.BinarySearch(at, place(run, p)); ok {
			y[k] = of(p)
		}
	})
	return y
}
