// Package launch has the shards of a run computed on many machines.
//
// It knows no network and no images, only that a run is a folder in which shards
// appear as they are finished, and that a worker, which is this program called as
// [Worker] says, computes one of them. Anything that starts workers will do:
//
//   - [Slurm] submits arrays of jobs, watches them, and submits again what failed.
//   - [Kubernetes] writes the manifest of an Indexed Job.
//   - [Parallel] and [MPI] return command lines of GNU parallel and of mpirun.
//
// Files alone tell what is done. A queue tells what may still come, and may be
// wrong: it can show tasks that ended, and be silent for minutes. To ask for a
// shard twice only wastes work, as the worker takes over what an earlier attempt
// has left and a finished shard appears once, so that to stop a launcher and to
// start it again is safe at any moment.
package launch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Run is a run whose work is planned.
type Run interface {
	// Dir returns the folder of the run, an absolute path under which every worker
	// sees it.
	Dir() string

	// Shards returns how many shards the run has.
	Shards() int

	// Missing returns the shards that are not finished, in ascending order.
	Missing() ([]int, error)
}

// Worker returns the command line that computes one shard of the run in the folder
// dir, except for the options that say which and with how many processors; options
// are further ones. It exits with 0 when the shard is finished, by this worker or
// another; with [Checkpointed] when a signal ended it and another attempt will
// resume from there; and with anything else when it failed.
func Worker(program, dir string, options ...string) []string {
	return append([]string{program, "run", dir}, options...)
}

// Checkpointed is the exit code of a worker that a signal ended, EX_TEMPFAIL of
// sysexits.h.
const Checkpointed = 75

// Error is an error about the place of the work rather than the work.
type Error struct {
	Err    error
	Remedy string // What to do about it.
}

// Error returns what went wrong, without the remedy.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error without the remedy.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about e.
func (e *Error) Hint() string { return e.Remedy }

// span is the shards first to last.
type span struct{ first, last int }

// spans joins ascending shards into as few spans as there can be.
func spans(shards []int) []span {
	var list []span
	for _, k := range shards {
		if n := len(list); n > 0 && list[n-1].last == k-1 {
			list[n-1].last = k
		} else {
			list = append(list, span{k, k})
		}
	}
	return list
}

// Ranges names ascending shards as Slurm does: 0-3,7.
func Ranges(shards []int) string {
	var list []string
	for _, s := range spans(shards) {
		if s.first == s.last {
			list = append(list, strconv.Itoa(s.first))
		} else {
			list = append(list, fmt.Sprintf("%d-%d", s.first, s.last))
		}
	}
	return strings.Join(list, ",")
}

// without returns the shards of list for which drop is false.
func without(list []int, drop func(shard int) bool) []int {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

// plural returns "1 shard" or "2 shards" for the thing "shard".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
