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
	"sresnet/dataset"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/regular"
	"sresnet/internal/terminal"
	"sresnet/launch"
	"sresnet/shard"
)

// Exit codes.
const (
	exitError       = 1
	exitUsage       = 2
	exitCheckpoint  = launch.Checkpointed // The same command resumes.
	exitMoreToDo    = 76                  // Of merge: more shards are to do.
	exitInterrupted = 130                 // As a shell reports a program that Ctrl-C ended.
)

// usageError is an error of the command line rather than of what it names.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usageArgs makes errors of a check of arguments usage errors.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		line := strings.TrimSuffix(cmd.UseLine(), " [flags]")
		if wanted := strings.Fields(cmd.Use); len(args) == 0 && len(wanted) > 1 {
			return usage("%s is missing: %s", wanted[1], line)
		}
		return usage("too many arguments, %q: %s", args, line)
	}
}

// errMoreToDo says that the shards of a folder are done, but that others follow, which
// are planned now.
var errMoreToDo = errors.New("more shards are to do")

// errInterrupted says that the user ended the program early.
var errInterrupted = errors.New("interrupted")

// usage returns an error of the command line.
func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// missingData is the error of a command that wants test images.
func missingData() error {
	return usage("--data is missing: give %s", dataset.Specs)
}

// spell returns how a command line spells the option of that name.
func spell(name string) string {
	switch name {
	case "model":
		return "MODEL"
	case "trained":
		return "--ann"
	}
	return "--" + name
}

// spelled returns the text of err, in which an option is spelled as on a command line.
func spelled(err error) string {
	text := err.Error()
	var o *experiment.OptionError
	if errors.As(err, &o) {
		own := o.Error()
		text = strings.Replace(text, own, spell(o.Option)+strings.TrimPrefix(own, o.Option), 1)
	}
	return text
}

// fail prints err, the error of a command, with hints and returns the exit code.
func fail(w io.Writer, command string, err error) int {
	var (
		usage  *usageError
		option *experiment.OptionError
	)
	code, what := exitError, "error: "
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errCheckpoint):
		code, what = exitCheckpoint, ""
	case errors.Is(err, errMoreToDo):
		code, what = exitMoreToDo, ""
	case errors.Is(err, errInterrupted):
		code = exitInterrupted
	case errors.Is(err, context.Canceled):
		say(w, "sresnet: error: interrupted before any image was finished\n")
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &option):
		say(w, "sresnet: error: %s\n", readable(oneLine(spelled(err))))
		printHints(w, err)
		command, lists := strings.TrimSuffix(command, " help"), "options with examples"
		if command == "sresnet" {
			lists = "commands"
		}
		say(w, "sresnet: hint: '%s --help' lists the %s\n", command, lists)
		return exitUsage
	}
	say(w, "sresnet: %s%s\n", what, readable(spelled(err)))
	printHints(w, err)
	return code
}

func printHints(w io.Writer, err error) {
	for _, h := range hints(err) {
		say(w, "sresnet: hint: %s\n", readable(hint.Render(h, spell)))
	}
}

// say prints a line of an error: in a terminal broken into lines that fit, elsewhere in one,
// which can be searched for.
func say(w io.Writer, format string, args ...any) {
	if terminal.Of(w) != nil {
		terminal.Printf(w, format, args...)
		return
	}
	fmt.Fprintf(w, format, args...)
}

// hints tells a user what to do about err: what the error says of itself, or what this
// program knows.
func hints(err error) []string {
	var (
		format      *shard.FormatError
		unsupported *convert.UnsupportedError
		path        *fs.PathError
		list        []string
	)
	h := hint.Of(err)
	if errors.As(err, &unsupported) && h == unsupported.Hint() {
		list = append(list, "'sresnet inspect' lists the operators of a network and what each becomes")
	}
	switch {
	case errors.As(err, &format): // This is what to do, even if more is said about the folder.
		return []string{format.Hint()}
	case h != "":
		return append(list, h)
	case list != nil:
		return list
	case errors.Is(err, fs.ErrNotExist):
		return []string{"check the path; a relative one starts at the folder you are in"}
	case errors.Is(err, fs.ErrPermission):
		return []string{"check who may read and write that path"}
	case errors.Is(err, regular.ErrNot):
		return []string{"give the path of a file; folders, pipes and devices are not read"}
	case errors.Is(err, regular.ErrTooLarge):
		return []string{"check the path: a smaller file is expected there"}
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
		if r := []rune(terminal.Clean(l)); len(r) > shownChars {
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
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
