package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/convert"
	"sresnet/internal/regular"
	"sresnet/launch"
	"sresnet/shard"
)

// Exit codes.
const (
	exitError       = 1
	exitUsage       = 2
	exitCheckpoint  = launch.Checkpointed // The same command goes on.
	exitMoreToDo    = 76                  // Of merge: more shards are to do.
	exitInterrupted = 130                 // As a shell reports a program that Ctrl-C ended.
)

// usageError is an error of the command line rather than of what it names.
type usageError struct {
	command string // With its parents: "sresnet eval".
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usageArgs makes errors of a check of arguments usage errors.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{cmd.CommandPath(), err}
		}
		return nil
	}
}

// hintedError is an error that comes with what to do about it.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

// hinted returns err with a hint; nil for nil.
func hinted(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hintedError{err, fmt.Sprintf(format, args...)}
}

// errInterrupted says that the user ended the program early.
var errInterrupted = errors.New("interrupted")

// fail prints err with hints and returns the exit code.
func fail(w io.Writer, err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errCheckpoint):
		fmt.Fprintf(w, "sresnet: %s\n", readable(err.Error()))
		printHints(w, err)
		return exitCheckpoint
	case errors.Is(err, errMoreToDo):
		fmt.Fprintf(w, "sresnet: %s\n", readable(err.Error()))
		printHints(w, err)
		return exitMoreToDo
	case errors.Is(err, errInterrupted):
		fmt.Fprintf(w, "sresnet: error: %s\n", readable(err.Error()))
		printHints(w, err)
		return exitInterrupted
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(w, "sresnet: error: interrupted before any image was finished")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(w, "sresnet: error: %s\n", readable(oneLine(err)))
		printHints(w, err)
		fmt.Fprintf(w, "sresnet: hint: '%s --help' lists the options with examples\n", usage.command)
		return exitUsage
	}
	fmt.Fprintf(w, "sresnet: error: %s\n", readable(err.Error()))
	printHints(w, err)
	return exitError
}

func printHints(w io.Writer, err error) {
	for _, h := range hints(err) {
		fmt.Fprintf(w, "sresnet: hint: %s\n", readable(h))
	}
}

// hints tells a user what to do about err, where this program knows.
func hints(err error) []string {
	var (
		h           *hintedError
		format      *shard.FormatError
		unsupported *convert.UnsupportedError
		place       *launch.Error
		path        *fs.PathError
		other       interface{ Hint() string }
	)
	switch {
	case errors.As(err, &format): // Whatever else is said of the folder, this is what to do.
		return []string{format.Hint()}
	case errors.As(err, &h):
		return []string{h.hint}
	case errors.As(err, &other):
		return []string{other.Hint()}
	case errors.As(err, &place):
		return []string{place.Hint}
	case errors.As(err, &unsupported):
		list := []string{"'sresnet inspect' lists the operators of a network and what each becomes"}
		if unsupported.Hint != "" {
			list = append(list, unsupported.Hint)
		}
		return list
	case errors.Is(err, fs.ErrNotExist):
		return []string{"check the path; a relative one starts at the folder you are in"}
	case errors.Is(err, fs.ErrPermission):
		return []string{"check who may read and write that path"}
	case errors.Is(err, regular.ErrNot):
		return []string{"give the path of a file; folders, pipes and devices are not read"}
	case errors.Is(err, regular.ErrTooLarge):
		return []string{"check the path: what is wanted there is a smaller file"}
	case errors.As(err, &path):
		return []string{"check what is at that path, and the folders and links on the way to it"}
	}
	return nil
}

// An error shows so many lines, and so many characters of each.
const (
	shownLines = 50
	shownChars = 1000
)

// readable returns what people may be shown of s, which may hold names from files:
// no character that does anything to a terminal, and no more than they will read.
func readable(s string) string {
	lines := strings.Split(s, "\n")
	more := len(lines) - shownLines
	lines = lines[:min(len(lines), shownLines)]
	for i, l := range lines {
		if r := []rune(clean(l)); len(r) > shownChars {
			half := shownChars / 2
			lines[i] = string(r[:half]) + " ... " + string(r[len(r)-half:])
		} else {
			lines[i] = string(r)
		}
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// oneLine joins the lines of an error, such as those that cobra adds below
// "unknown command" to suggest others.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
