package shard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"sresnet/internal/atomic"
)

// Attempt is one try at a shard. It is for one goroutine at a time.
type Attempt struct {
	run   *Run
	shard int
	part  *os.File
	done  Set
}

// forgotten is how old a part is whose attempt is taken for dead, wherever it ran.
// A mistake costs that attempt's work after it, and no more.
const forgotten = 10 * time.Minute

// Attempt begins a try at shard k, from where earlier ones left off: their blocks,
// of which no image is in two, are kept in the part file of this one, too. If the
// shard is finished, the error is an fs.ErrExist.
func (r *Run) Attempt(k int) (*Attempt, []Block, error) {
	if err := r.check(k); err != nil {
		return nil, nil, err
	}
	if r.Done(k) {
		return nil, nil, fmt.Errorf("shard: shard %d: %w", k, fs.ErrExist)
	}
	if err := r.current(); err != nil {
		return nil, nil, err
	}
	entries, err := r.entries()
	if err != nil {
		return nil, nil, err
	}
	blocks, parts := r.adopt(k, entries)
	a := &Attempt{run: r, shard: k}
	// Whoever copies a run may leave out a folder that is empty.
	err = os.MkdirAll(filepath.Join(r.dir, shards), 0o755)
	if err == nil {
		a.part, err = r.newPart(k)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("shard: cannot keep shard %d: %w", k, err)
	}
	first, end := r.plan.Range(k)
	err = a.line(header{r.hash, k, first, end})
	for i := 0; i < len(blocks) && err == nil; i++ {
		a.done = a.done.Union(blocks[i].Images)
		err = a.line(&blocks[i])
	}
	if err == nil {
		err = a.part.Sync()
	}
	if err != nil {
		a.Abandon()
		return nil, nil, fmt.Errorf("shard: cannot keep shard %d: %w", k, err)
	}
	atomic.SyncDir(filepath.Join(r.dir, shards)) // Before anything that it takes over is removed.
	// What is copied is not needed any more, unless its attempt is still running.
	for _, e := range parts {
		if e.abandoned() {
			_ = os.Remove(e.path)
		}
	}
	return a, blocks, nil
}

// newPart makes the file of an attempt under a name that no other has.
func (r *Run) newPart(k int) (*os.File, error) {
	for n := 0; ; n++ {
		name := filepath.Join(r.dir, shards, fmt.Sprintf("shard-%05d-of-%05d.%s.%d.%d.part", k, r.plan.Shards, host(), os.Getpid(), n))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) || n == 1e6 {
			return f, err
		}
	}
}

// host returns the name of this machine, in characters that suit the name of a file.
func host() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "unknown"
	}
	return notPlain.ReplaceAllString(name, "_")
}

var notPlain = regexp.MustCompile(`[^A-Za-z0-9-]`)

// abandoned reports whether the attempt that wrote a part is over.
func (e *entry) abandoned() bool {
	if e.host == host() && gone(e.pid) {
		return true
	}
	info, err := os.Stat(e.path)
	return err == nil && time.Since(info.ModTime()) > forgotten
}

func (a *Attempt) line(v any) error {
	b, err := encodeLine(v)
	if err != nil {
		return err
	}
	_, err = a.part.Write(b)
	return err
}

// Done returns the images that are done, by this attempt or those before it.
func (a *Attempt) Done() Set { return a.done }

// Append keeps b, whose images must be new ones of the shard: after it has returned,
// a machine that loses power does not lose b.
func (a *Attempt) Append(b *Block) error {
	first, end := a.run.plan.Range(a.shard)
	if err := b.Images.within(first, end); err != nil {
		return fmt.Errorf("shard: shard %d: %w", a.shard, err)
	}
	if !b.Images.Disjoint(a.done) {
		return fmt.Errorf("shard: shard %d: images %v are done already", a.shard, b.Images)
	}
	err := a.line(b)
	if err == nil {
		err = a.part.Sync()
	}
	// An attempt on another machine that has finished the shard removes this part, and
	// on NFS nothing can be written to it any more.
	if err != nil && !a.run.Done(a.shard) {
		return fmt.Errorf("shard: cannot keep shard %d: %w", a.shard, err)
	}
	a.done = a.done.Union(b.Images)
	return nil
}

// Finish keeps b, the work on all images of the shard, as that of the finished
// shard and removes all parts. The attempt is over.
func (a *Attempt) Finish(b *Block) error {
	first, end := a.run.plan.Range(a.shard)
	if err := b.Images.within(first, end); err != nil {
		return fmt.Errorf("shard: shard %d: %w", a.shard, err)
	}
	if b.Images.Len() != end-first {
		return fmt.Errorf("shard: shard %d: %d of its %d images are done", a.shard, b.Images.Len(), end-first)
	}
	if err := a.run.finish(a.shard, b); err != nil {
		return err
	}
	_ = a.part.Close()
	a.run.Tidy()
	return nil
}

// Close ends an attempt that has not finished, and keeps what was appended.
func (a *Attempt) Close() error {
	if len(a.done) == 0 {
		a.Abandon()
		return nil
	}
	return a.part.Close()
}

// Abandon ends an attempt and forgets what it has done.
func (a *Attempt) Abandon() {
	_ = a.part.Close()
	_ = os.Remove(a.part.Name())
}

func writeLines(name string, lines ...[]byte) error {
	return atomic.WriteFile(name, func(w io.Writer) error {
		for _, l := range lines {
			if _, err := w.Write(l); err != nil {
				return err
			}
		}
		return nil
	})
}
