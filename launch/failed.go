package launch

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// FailedError says which shards were tried as often as allowed and have no result.
type FailedError struct {
	Shards []int // In ascending order.
	Rounds int   // How often they were submitted.

	dir string // Of the run.
}

// shownLogs and shownLines bound what of the logs an error shows.
const shownLogs, shownLines = 3, 5

// Error names the shards, and shows how the logs of the first ones end.
func (e *FailedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s without a result after %s: %s", plural(len(e.Shards), "shard"), plural(e.Rounds, "round"), Ranges(e.Shards))
	for i, k := range e.Shards {
		if i == shownLogs {
			fmt.Fprintf(&b, "\nand %d more, whose logs are in the same folder", len(e.Shards)-i)
			break
		}
		fmt.Fprintf(&b, "\n%s", endOfLog(logFile(e.dir, k), shownLines))
	}
	return b.String()
}

// logFile is where all attempts of a shard write what they have to say.
func logFile(dir string, shard int) string {
	return filepath.Join(dir, "log", fmt.Sprintf("shard-%d.txt", shard))
}

// endOfLog returns the name of a file and its last lines, indented.
func endOfLog(name string, lines int) string {
	text, err := tail(name, lines)
	switch {
	case err != nil:
		return fmt.Sprintf("%s cannot be read: %v", name, err)
	case text == "":
		return name + " is empty"
	}
	return name + " ends:\n    " + strings.ReplaceAll(text, "\n", "\n    ")
}

// tail returns the last lines of a file, of 2,000 bytes at most, without control
// characters.
func tail(name string, lines int) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	const most = 2000
	b, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-most), most))
	if err != nil {
		return "", err
	}
	list := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	list = list[max(0, len(list)-lines):]
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, string(bytes.Join(list, []byte("\n")))), nil
}
