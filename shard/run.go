package shard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"sresnet/internal/atomic"
	"sresnet/internal/regular"
)

// shards is the folder of finished shards and parts.
const shards = "shards"

// maxFile bounds what is read of a shard's file.
const maxFile = 1 << 31

// name returns the path of shard k, once finished.
func (r *Run) name(k int) string {
	return filepath.Join(r.dir, shards, fmt.Sprintf("shard-%05d-of-%05d.jsonl", k, r.plan.Shards))
}

// check returns an error unless the run has a shard k.
func (r *Run) check(k int) error {
	if k < 0 || k >= r.plan.Shards {
		return fmt.Errorf("shard: there is no shard %d: %s has those from 0 to %d", k, r.dir, r.plan.Shards-1)
	}
	return nil
}

// Done reports whether shard k is finished.
func (r *Run) Done(k int) bool {
	_, err := os.Stat(r.name(k))
	return err == nil
}

// entry is a file among the shards.
type entry struct {
	shard    int
	finished bool
	path     string
	host     string // Of a part.
	pid      int
}

var entryName = regexp.MustCompile(`^shard-(\d{5})-of-(\d{5})\.(?:jsonl|(.+)\.(\d+)\.\d+\.part)$`)

// entries lists the files of this division into shards, in the order of their names.
func (r *Run) entries() ([]entry, error) {
	dir := filepath.Join(r.dir, shards)
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	var entries []entry
	for _, e := range list {
		m := entryName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		k, _ := strconv.Atoi(m[1])
		if of, _ := strconv.Atoi(m[2]); of != r.plan.Shards || k >= of {
			continue
		}
		pid, _ := strconv.Atoi(m[4])
		entries = append(entries, entry{k, m[3] == "", filepath.Join(dir, e.Name()), m[3], pid})
	}
	return entries, nil
}

// Missing returns the shards that are not finished, in order.
func (r *Run) Missing() ([]int, error) {
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	done := make([]bool, r.plan.Shards)
	for _, e := range entries {
		done[e.shard] = done[e.shard] || e.finished
	}
	var missing []int
	for k, d := range done {
		if !d {
			missing = append(missing, k)
		}
	}
	return missing, nil
}

// Read returns the work of shard k, which must be finished. It proves that the
// file is as it was written and holds every image of the shard once.
func (r *Run) Read(k int) (*Block, error) {
	if err := r.check(k); err != nil {
		return nil, err
	}
	name := r.name(k)
	b, err := regular.ReadFile(name, maxFile)
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	list, err := r.blocks(b, k)
	if err != nil {
		return nil, &FileError{name, err}
	}
	first, end := r.plan.Range(k)
	if len(list) != 1 || list[0].Images.Len() != end-first {
		return nil, &FileError{name, fmt.Errorf("%w: it does not hold every image of the shard", ErrDamaged)}
	}
	return &list[0], nil
}

// FileError is a file of a shard that cannot be used.
type FileError struct {
	Name string
	Err  error
}

// Error names the file before the error.
func (e *FileError) Error() string { return fmt.Sprintf("shard: %s: %v", e.Name, e.Err) }

// Unwrap returns the error without the file.
func (e *FileError) Unwrap() error { return e.Err }

// Partial returns the work of shard k that is kept so far, finished or not. No
// image is in it twice.
func (r *Run) Partial(k int) ([]Block, error) {
	b, err := r.Read(k)
	if err == nil {
		return []Block{*b}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries, err := r.entries()
	if err != nil {
		return nil, err
	}
	list, _ := r.adopt(k, entries)
	return list, nil
}

// adopt gathers what the parts of shard k have done, and returns the blocks and the
// parts that they are from. Of a damaged part, what is whole counts.
func (r *Run) adopt(k int, entries []entry) (list []Block, parts []entry) {
	var done Set
	for _, e := range entries {
		if e.shard != k || e.finished {
			continue
		}
		b, err := regular.ReadFile(e.path, maxFile)
		if err != nil {
			continue // Another attempt has just removed it.
		}
		blocks, _ := r.blocks(b, k)
		for _, block := range blocks {
			if block.Images.Disjoint(done) {
				done = done.Union(block.Images)
				list = append(list, block)
			}
		}
		parts = append(parts, e)
	}
	return list, parts
}

// Tidy removes the parts of finished shards, which an attempt that was killed right
// after it had finished leaves.
func (r *Run) Tidy() {
	entries, err := r.entries()
	if err != nil {
		return // They are in nobody's way.
	}
	for _, e := range entries {
		if !e.finished && r.Done(e.shard) {
			_ = os.Remove(e.path)
		}
	}
}

// current returns an error if the folder has been given to another run since r was
// opened: what this one still finds has no place there.
func (r *Run) current() error {
	now, err := Open(r.dir)
	if err == nil && now.hash != r.hash {
		err = fmt.Errorf("shard: the run in %s is not the one that was begun here, whose plan has been replaced", r.dir)
	}
	return err
}

// finish writes the file of shard k with its one block.
func (r *Run) finish(k int, b *Block) error {
	first, end := r.plan.Range(k)
	head, err := encodeLine(header{r.hash, k, first, end})
	if err != nil {
		return err
	}
	body, err := encodeLine(b)
	if err != nil {
		return err
	}
	if r.Done(k) { // By another attempt, with the same numbers.
		return nil
	}
	if err := r.current(); err != nil {
		return err
	}
	if err := writeLines(r.name(k), head, body); err != nil {
		if r.Done(k) {
			return nil
		}
		return fmt.Errorf("shard: cannot keep shard %d: %w", k, err)
	}
	atomic.SyncDir(filepath.Join(r.dir, shards))
	return nil
}
