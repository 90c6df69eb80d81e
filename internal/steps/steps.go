// Package steps counts what code does, for tests of how work grows with its input:
// statements that run, of which there are as many on every machine, however busy it
// is. A clock would also tell what runs beside them.
package steps

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Counter counts the statements of some packages.
type Counter struct {
	binary string // Of the tests of the package under test.
	dir    string
}

// size is set in the environment of a process that is counted: how much it is to do.
const size = "SRESNET_STEPS"

// New returns a counter of the statements of packages, which are given by their
// import paths. The test is skipped where there is no go command, which it needs.
func New(t *testing.T, packages ...string) *Counter {
	t.Helper()
	c := &Counter{}
	if os.Getenv(size) != "" {
		return c
	}
	c.dir = t.TempDir()
	c.binary = filepath.Join(c.dir, "counted.test")
	out, err := exec.Command("go", "test", "-c", "-covermode=atomic", "-coverpkg="+strings.Join(packages, ","), "-o", c.binary, ".").CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("the go command is needed")
	}
	if err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return c
}

// Linear fails the test unless ten times as much work takes about ten times as many
// statements. work(n) does n of it and what is made ready for it, which counts, too. It
// is called in processes of their own, which run nothing but the same test once more.
func (c *Counter) Linear(t *testing.T, n int, work func(n int)) {
	t.Helper()
	if c.counted(t, work) {
		return
	}
	few, many := c.count(t, n), c.count(t, 10*n)
	if few == 0 || many > 12*few {
		t.Errorf("%d statements for %d, %d for %d", few, n, many, 10*n)
	}
}

// counted does the work if this process is one that is counted.
func (c *Counter) counted(t *testing.T, work func(n int)) bool {
	t.Helper()
	if c.binary != "" {
		return false
	}
	n, err := strconv.Atoi(os.Getenv(size))
	if err != nil {
		t.Fatal(err)
	}
	work(n)
	return true
}

// count runs the test with that much work and returns the number of statements.
func (c *Counter) count(t *testing.T, n int) (statements uint64) {
	t.Helper()
	var names []string // Those of tests and subtests are matched one by one.
	for name := range strings.SplitSeq(t.Name(), "/") {
		names = append(names, "^"+regexp.QuoteMeta(name)+"$")
	}
	profile := filepath.Join(c.dir, "profile")
	cmd := exec.Command(c.binary, "-test.run", strings.Join(names, "/"), "-test.coverprofile", profile)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", size, n))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	f, err := os.Open(profile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan() // The mode.
	for lines.Scan() {
		var length, runs uint64 // Of a block, after its file and place.
		_, place, _ := strings.Cut(lines.Text(), " ")
		if _, err := fmt.Sscan(place, &length, &runs); err != nil {
			t.Fatalf("%s: %q: %v", profile, lines.Text(), err)
		}
		statements += length * runs
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return statements
}
