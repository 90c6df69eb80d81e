package launch

import (
	"fmt"
	"strings"

	"sresnet/internal/shell"
)

// Parallel returns the command line by which GNU parallel computes the missing
// shards of run, running of them at a time on each machine. Without missing shards it is
// empty.
func Parallel(run Run, worker []string, running int) (string, error) {
	missing, err := run.Missing()
	if err != nil || len(missing) == 0 {
		return "", err
	}
	var seq []string
	for _, s := range spans(missing) {
		seq = append(seq, fmt.Sprintf("seq %d %d", s.first, s.last))
	}
	from := strings.Join(seq, "; ")
	if len(seq) > 1 {
		from = "(" + from + ")"
	}
	// -q, since parallel hands the line to a shell once more.
	return fmt.Sprintf("%s | parallel -q --jobs %d --retries 3 %s --shard {}", from, max(running, 1), shell.Join(worker)), nil
}

// MPI returns the command line by which Open MPI's mpirun computes the missing
// shards of run, each by a process of its own, all at the same time. Without
// missing shards it is empty.
func MPI(run Run, worker []string) (string, error) {
	missing, err := run.Missing()
	if err != nil || len(missing) == 0 {
		return "", err
	}
	// Ranks go on from one part of the line to the next, and shards need not, so
	// that each part says what its ranks lack. A shell reads the rank, which only the
	// process itself knows.
	var parts []string
	rank := 0
	for _, s := range spans(missing) {
		n := s.last - s.first + 1
		shard := "$OMPI_COMM_WORLD_RANK"
		if lack := s.first - rank; lack != 0 {
			shard = fmt.Sprintf("$((OMPI_COMM_WORLD_RANK + %d))", lack)
		}
		parts = append(parts, fmt.Sprintf("-n %d sh -c %s", n, shell.Quote("exec "+shell.Join(worker)+" --shard "+shard)))
		rank += n
	}
	return "mpirun " + strings.Join(parts, " : "), nil
}
