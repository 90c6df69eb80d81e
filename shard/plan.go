// Package shard keeps a run in a folder so that it can stop anywhere and resume
// anywhere, on any number of machines that share the folder, and nothing is lost or
// counted twice.
//
// A run is about images 0 to N-1, or what its kind numbers so, divided into shards of
// contiguous ranges. Each shard becomes one file, which only ever appears whole
// ([Attempt.Finish]); until then every attempt at the shard keeps its work in a part
// file of its own, from which a later attempt resumes ([Run.Attempt]). No locks are
// needed: two attempts at one shard, wherever they run, waste work and change nothing.
//
//	plan.json                               what the run is, written once
//	shards/shard-00007-of-00040.jsonl       a finished shard
//	shards/shard-00007-of-00040.HOST.PID.NUMBER.part
//	                                        an attempt at one
//
// Several runs that are made by one command are in folders below one, with the list
// of them in runs.json, and their shards are numbered through ([Group]).
//
// This package knows nothing of what the work is ([Work]): what it finds lies in
// blocks ([Block]) as JSON.
package shard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sresnet/internal/atomic"
	"sresnet/internal/regular"
)

// MaxShards bounds the shards of a plan: what a scheduler of a cluster takes as one
// array without being told.
const MaxShards = 1000

// Plan says what a run is. It never changes once a shard has been begun.
type Plan struct {
	Format int    `json:"format"` // [Format]
	Kind   string `json:"kind"`   // Of the work, such as "eval".
	Images int    `json:"images"` // N
	Shards int    `json:"shards"` // S

	// Config is all that the work depends on, in the form of its kind.
	Config json.RawMessage `json:"config"`

	// Files holds the SHA-256, in hexadecimal, of files in the folder that were made
	// with the plan, such as the network.
	Files map[string]string `json:"files"`
}

// Range returns the images of shard k: those from first to end-1.
func (p *Plan) Range(k int) (first, end int) {
	return p.Images * k / p.Shards, p.Images * (k + 1) / p.Shards
}

// Shard returns the shard that image i is in.
func (p *Plan) Shard(i int) int {
	k := i * p.Shards / p.Images
	for { // The division has rounded.
		switch first, end := p.Range(k); {
		case i < first:
			k--
		case i >= end:
			k++
		default:
			return k
		}
	}
}

func (p *Plan) check() error {
	switch {
	case p.Kind == "":
		return errors.New("it has no kind")
	case p.Images < 1 || p.Images > 1<<31:
		return fmt.Errorf("%d images", p.Images)
	case p.Shards < 1 || p.Shards > MaxShards || p.Shards > p.Images:
		return fmt.Errorf("%d shards of %d images; from 1 to %d are possible", p.Shards, p.Images, min(p.Images, MaxShards))
	}
	for name, sum := range p.Files {
		if !plain(name) {
			return fmt.Errorf("file name %q", name)
		}
		if b, err := hex.DecodeString(sum); err != nil || len(b) != sha256.Size {
			return fmt.Errorf("%q is not the SHA-256 of %s", sum, name)
		}
	}
	return nil
}

// plain reports whether name is that of a file in a folder, not a way out of it.
func plain(name string) bool {
	return name != "" && name == filepath.Base(name) && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, `/\`)
}

// File is one that is made with a plan.
type File struct {
	Name  string // Base name.
	Write func(io.Writer) error
}

// Run is a run in its folder.
type Run struct {
	dir  string
	plan Plan
	hash string // SHA-256 of plan.json: what every file of the run refers to.
}

const planFile = "plan.json"

// Vacant returns an fs.ErrExist if the folder dir holds a run: the files there are that
// run's then, and not to be touched.
func Vacant(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, planFile)); err == nil {
		return fmt.Errorf("shard: %s holds a run: %w", dir, fs.ErrExist)
	}
	return nil
}

// Create makes the run that p describes, with its files, in the folder dir, which
// must exist; if it holds a run already, the error is an fs.ErrExist, and that run is as
// it was. Of several processes that do it at once, one makes its run: files wait beside
// their names, with their hashes in those, until there is a plan that names them.
func Create(dir string, p Plan, files ...File) (*Run, error) {
	if err := Vacant(dir); err != nil {
		return nil, err
	}
	p.Format, p.Files = Format, make(map[string]string)
	for _, f := range files {
		if err := stage(dir, f, p.Files); err != nil {
			return nil, fmt.Errorf("shard: cannot keep the run: %w", err)
		}
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, shards), 0o755); err != nil {
		return nil, fmt.Errorf("shard: cannot keep the run: %w", err)
	}
	b, err := p.encode()
	if err != nil {
		return nil, err
	}
	err = atomic.CreateFile(filepath.Join(dir, planFile), func(w io.Writer) error { _, err := w.Write(b); return err })
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("shard: cannot keep the run: %w", err)
	}
	r, openErr := Open(dir) // Whoever made it: its files are at their places now.
	if openErr == nil {
		for _, f := range files { // What is left waited for nothing.
			left, _ := filepath.Glob(staged(dir, f.Name, "*"))
			for _, name := range left {
				_ = os.Remove(name)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("shard: cannot keep the run: %w", err)
	}
	atomic.SyncDir(dir)
	return r, openErr
}

// stage writes f to where it waits for the plan, and adds its hash to hashes.
func stage(dir string, f File, hashes map[string]string) error {
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		return err
	}
	sum := sha256.Sum256(b.Bytes())
	hashes[f.Name] = hex.EncodeToString(sum[:])
	return atomic.WriteFile(staged(dir, f.Name, hashes[f.Name]), func(w io.Writer) error { _, err := w.Write(b.Bytes()); return err })
}

// staged is where the file of a plan waits for it.
func staged(dir, name, sum string) string {
	return filepath.Join(dir, "."+name+"."+sum+".planned")
}

// maxPlan bounds what is read of a plan.
const maxPlan = 1 << 24

// Open opens the run in the folder dir. If there is none, the error is an
// fs.ErrNotExist; if another version of the program keeps runs in another form, a
// [*FormatError].
func Open(dir string) (*Run, error) {
	name := filepath.Join(dir, planFile)
	b, err := regular.ReadFile(name, maxPlan)
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	if err := CheckFormat(dir, b); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	r := &Run{dir: dir}
	if err := d.Decode(&r.plan); err != nil {
		return nil, fmt.Errorf("shard: %s is not the plan of a run: %w", name, err)
	}
	if err := r.plan.check(); err != nil {
		return nil, fmt.Errorf("shard: %s is not the plan of a run: %w", name, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, shards)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, fmt.Errorf("shard: %s is a link: shards are written into the folder of the run and nowhere else", filepath.Join(dir, shards))
	}
	for name, sum := range r.plan.Files { // Unless the process that made the plan has done so.
		_ = os.Rename(staged(dir, name, sum), filepath.Join(dir, name))
	}
	sum := sha256.Sum256(b)
	r.hash = hex.EncodeToString(sum[:])
	return r, nil
}

// Dir returns the folder of the run.
func (r *Run) Dir() string { return r.dir }

// Plan returns the plan, which must not be changed.
func (r *Run) Plan() *Plan { return &r.plan }

// Shards returns how many shards the run has.
func (r *Run) Shards() int { return r.plan.Shards }

// ReadFile returns a file that was made with the plan, and an error if it is not
// the one that was made.
func (r *Run) ReadFile(name string) ([]byte, error) {
	want, ok := r.plan.Files[name]
	if !ok {
		return nil, fmt.Errorf("shard: the plan in %s names no file %s", r.dir, name)
	}
	path := filepath.Join(r.dir, name)
	b, err := regular.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
		return nil, fmt.Errorf("shard: %s: %w: it is not the file that the plan was made with", path, ErrDamaged)
	}
	return b, nil
}

// Divisible returns an error if the run cannot have that number of shards, for one
// because it has another and work on one of these has begun, finished or not.
func (r *Run) Divisible(shards int) error {
	if shards == r.plan.Shards {
		return nil
	}
	entries, err := r.entries()
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("shard: %s is divided into %d shards and has been started; it cannot have %d any more", r.dir, r.plan.Shards, shards)
	}
	p := r.plan
	p.Shards = shards
	if err := p.check(); err != nil {
		return fmt.Errorf("shard: %w", err)
	}
	return nil
}

// Divide gives the run another number of shards, if it is [Run.Divisible].
func (r *Run) Divide(shards int) (*Run, error) {
	if err := r.Divisible(shards); err != nil || shards == r.plan.Shards {
		return r, err
	}
	p := r.plan
	p.Shards = shards
	b, err := p.encode()
	if err != nil {
		return nil, err
	}
	err = atomic.WriteFile(filepath.Join(r.dir, planFile), func(w io.Writer) error { _, err := w.Write(b); return err })
	if err != nil {
		return nil, fmt.Errorf("shard: cannot keep the run: %w", err)
	}
	atomic.SyncDir(r.dir)
	return Open(r.dir)
}

// encode returns the content of plan.json.
func (p *Plan) encode() ([]byte, error) {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	return append(b, '\n'), nil
}
