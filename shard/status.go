package shard

import (
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"time"
)

// Status is the progress of a run.
type Status struct {
	Shards   int   `json:"shards"`
	Finished int   `json:"finished"` // Shards.
	Running  []int `json:"running"`  // Shards that an attempt is working on, as seen from here.
	Waiting  []int `json:"waiting"`  // Shards that are neither.

	Images int `json:"images"`
	Done   int `json:"done"` // Images, those of shards in flight included.

	// Rate is images per second, of all running attempts together if they continue as
	// before; 0 if none runs or it is not known.
	Rate float64 `json:"images_per_second"`
}

// Left returns how long the rest of the run takes at its rate, 0 if that is unknown.
func (s *Status) Left() time.Duration {
	if s.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(s.Images-s.Done) / s.Rate * float64(time.Second))
}

// recent is how many finished shards, the last ones, say how fast the run is.
const recent = 8

// Status looks at the files of the run.
func (r *Run) Status() (*Status, error) {
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	s := &Status{Shards: r.plan.Shards, Images: r.plan.Images, Running: []int{}, Waiting: []int{}}
	finished, attempts := make([]bool, r.plan.Shards), make([]int, r.plan.Shards)
	var last []entry
	for _, e := range entries {
		if e.finished {
			finished[e.shard] = true
			last = append(last, e)
		} else if !e.abandoned() {
			attempts[e.shard]++
		}
	}
	images, seconds := 0, 0.0
	for k := range finished {
		first, end := r.plan.Range(k)
		if finished[k] {
			s.Finished++
			s.Done += end - first
			continue
		}
		blocks, parts := r.adopt(k, entries)
		for i := range blocks {
			n := blocks[i].Images.Len()
			s.Done += n
			if attempts[k] > 0 {
				images += n
				seconds += blocks[i].Seconds
			}
		}
		if attempts[k] > 0 && len(parts) > 0 {
			s.Running = append(s.Running, k)
		} else {
			s.Waiting = append(s.Waiting, k)
		}
	}
	n, sec := r.speed(last)
	images, seconds = images+n, seconds+sec
	if seconds > 0 {
		s.Rate = float64(images) / seconds * float64(r.processes(entries, finished))
	}
	return s, nil
}

// processes returns how many work on shards that are not finished: one process may
// be at several.
func (r *Run) processes(entries []entry, finished []bool) int {
	type process struct {
		host string
		pid  int
	}
	list := make(map[process]bool)
	for i := range entries {
		if e := &entries[i]; !e.finished && !finished[e.shard] && !e.abandoned() {
			list[process{e.host, e.pid}] = true
		}
	}
	return len(list)
}

// speed returns the images and the seconds of the shards that were finished last.
func (r *Run) speed(finished []entry) (images int, seconds float64) {
	times := make(map[string]time.Time, len(finished))
	for _, e := range finished {
		if info, err := os.Stat(e.path); err == nil {
			times[e.path] = info.ModTime()
		}
	}
	slices.SortFunc(finished, func(a, b entry) int {
		return cmp.Or(times[b.path].Compare(times[a.path]), cmp.Compare(a.shard, b.shard))
	})
	for _, e := range finished[:min(recent, len(finished))] {
		if b, err := r.Read(e.shard); err == nil {
			images += b.Images.Len()
			seconds += b.Seconds
		}
	}
	return images, seconds
}

// JSON returns s as JSON with the seconds that are left.
func (s *Status) JSON() ([]byte, error) {
	return json.Marshal(struct {
		*Status
		SecondsLeft float64 `json:"seconds_left"`
	}{s, s.Left().Seconds()})
}
