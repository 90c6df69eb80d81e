package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sresnet/experiment"
	"sresnet/internal/atomic"
	"sresnet/internal/regular"
	"sresnet/internal/terminal"
	"sresnet/shard"
)

// Preparation is what is known of work that is kept in a folder before it is planned: images are
// read, and the network is calibrated. The process that is at it writes it down.
type Preparation struct {
	Step    string    `json:"step"` // Such as "calibrating"; "" before the first one.
	Done    int       `json:"done"` // Of the step,
	Total   int       `json:"total"`
	Left    float64   `json:"seconds_left"` // for which that many remain, 0 if that is not known.
	Started time.Time `json:"started"`
	Updated time.Time `json:"updated"` // Every few seconds, while a process is at it.
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
}

// preparationFile is where it is, until the plan is there.
const preparationFile = "preparing.json"

// How often a preparation is written, and how old one of a process that is at it can be, where
// machines share folders.
const (
	heartbeat = time.Second
	silence   = 30 * time.Second
)

// ReadPreparation returns what is prepared in a folder that has no plan yet, nil for nothing.
func ReadPreparation(dir string) *Preparation {
	b, err := regular.ReadFile(filepath.Join(dir, preparationFile), 1<<16)
	if err != nil {
		return nil
	}
	p := new(Preparation)
	if json.Unmarshal(b, p) != nil {
		return nil
	}
	return p
}

// Running reports whether a process was at it a short time before now.
func (p *Preparation) Running(now time.Time) bool { return now.Sub(p.Updated) < silence }

// Prepare makes the folder dir and notes in it how far the steps that o tells of its progress
// are, until the work is planned there, so that others can see that it has begun. The caller must
// call stop when the work ends, however it ends. Nothing is done for no folder, where one cannot
// be written, which whoever plans the work reports, and where work is planned already.
func Prepare(dir string, o *experiment.Options) (stop func()) {
	if dir == "" || planned(dir) {
		return func() {}
	}
	made := missingFolders(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return func() {}
	}
	host, _ := os.Hostname()
	n := &notes{dir: dir, p: Preparation{Started: time.Now().UTC(), Host: host, PID: os.Getpid()}}
	n.write()
	o.Progress = n.watch(o.Progress)
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		defer func() { _ = os.Remove(filepath.Join(dir, preparationFile)) }()
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for !planned(dir) {
			select {
			case <-ended:
				return
			case <-tick.C:
				n.write()
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(ended)
		<-gone
		for _, d := range made {
			_ = os.Remove(d) // Unless something is in it.
		}
	})
}

// planned reports whether a folder holds a run, or several.
func planned(dir string) bool {
	_, err := shard.OpenGroup(dir)
	return !errors.Is(err, fs.ErrNotExist)
}

// missingFolders returns dir and the folders above it that are not there, from below.
func missingFolders(dir string) (list []string) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			return list
		}
		list = append(list, d)
	}
}

// notes are what a process writes of its preparation.
type notes struct {
	mu     sync.Mutex
	dir    string
	p      Preparation
	before int       // Of the step, what was done when it began,
	began  time.Time // which was then.
}

// watch returns progress, which may be nil, with notes of what it is told.
func (n *notes) watch(progress func(string) (func(done, total int), func())) func(string) (func(done, total int), func()) {
	return func(step string) (func(done, total int), func()) {
		update, stop := func(int, int) {}, func() {}
		if progress != nil {
			update, stop = progress(step)
		}
		n.mu.Lock()
		n.p.Step, n.p.Done, n.p.Total, n.began = step, 0, 0, time.Time{}
		n.mu.Unlock()
		return func(done, total int) {
			n.mu.Lock()
			if n.began.IsZero() {
				n.before, n.began = done, time.Now()
			}
			n.p.Done, n.p.Total = done, total
			n.mu.Unlock()
			update(done, total)
		}, stop
	}
}

// write writes the file. An error is of no matter: the work goes on.
func (n *notes) write() {
	n.mu.Lock()
	p := n.p
	if did := p.Done - n.before; did > 0 {
		p.Left = time.Since(n.began).Seconds() * float64(p.Total-p.Done) / float64(did)
	}
	n.mu.Unlock()
	p.Updated = time.Now().UTC()
	_ = atomic.WriteFile(filepath.Join(n.dir, preparationFile), func(w io.Writer) error { return json.NewEncoder(w).Encode(&p) })
}

// Print shows p to people.
func (p *Preparation) Print(w io.Writer) {
	seconds := func(x float64) string { return terminal.Seconds(math.Round(x)) }
	left := ""
	if p.Left > 0 {
		left = fmt.Sprintf(", %s left", seconds(p.Left))
	}
	terminal.Printf(w, "preparing: %s%s\n", p, left)
	terminal.Printf(w, "begun:     %s ago by process %d on %s\n", seconds(time.Since(p.Started).Seconds()), p.PID, terminal.Clean(p.Host))
	if !p.Running(time.Now()) {
		terminal.Printf(w, "nothing is running: that process was last seen %s ago; the command that began it begins anew\n", seconds(time.Since(p.Updated).Seconds()))
	}
}

// String says what is done: "calibrating, 300 of 1000".
func (p *Preparation) String() string {
	switch {
	case p.Step == "":
		return "opening the model and the images"
	case p.Total == 0:
		return p.Step
	}
	return fmt.Sprintf("%s, %d of %d", p.Step, p.Done, p.Total)
}

// JSON returns p as JSON, in the form of a [shard.Status] whose shards are not known yet.
func (p *Preparation) JSON() ([]byte, error) {
	return json.Marshal(struct {
		shard.Status
		SecondsLeft float64      `json:"seconds_left"`
		Preparing   *Preparation `json:"preparing"`
	}{shard.Status{Running: []int{}, Waiting: []int{}}, p.Left, p})
}
