//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// seat is a pseudo-terminal on which a process of this program runs.
type seat struct {
	t            *testing.T
	w, h         int
	ours, theirs *os.File
	before       *term.State
	cmd          *exec.Cmd
	text         chan string // What arrives.
	out          string      // What has arrived.
}

// sitDown starts the program on a terminal of w x h; typed says whether its input is that, too.
func sitDown(t *testing.T, w, h int, typed bool, args ...string) *seat {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(t.TempDir(), "sresnet") // Under this name the test binary is the program.
	if err := os.Symlink(self, exe); err != nil {
		t.Fatal(err)
	}
	s := &seat{t: t, w: w, h: h, text: make(chan string), cmd: exec.Command(exe, args...)}
	if s.ours, s.theirs, err = pty.Open(); err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	if err := pty.Setsize(s.theirs, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)}); err != nil {
		t.Fatal(err)
	}
	if s.before, err = term.GetState(int(s.theirs.Fd())); err != nil {
		t.Fatal(err)
	}
	s.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=", "NO_COLOR=")
	s.cmd.Stdout, s.cmd.Stderr = s.theirs, s.theirs
	if typed {
		s.cmd.Stdin = s.theirs
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); s.theirs.Close(); s.ours.Close() })
	go func() {
		for b := make([]byte, 1<<16); ; {
			n, err := s.ours.Read(b)
			if n > 0 {
				s.text <- string(b[:n])
			}
			if err != nil {
				close(s.text)
				return
			}
		}
	}()
	return s
}

// until waits for something to be shown, and returns all that has been.
func (s *seat) until(what string) string {
	s.t.Helper()
	for deadline := time.After(time.Minute); !strings.Contains(s.out, what); {
		select {
		case text := <-s.text:
			s.out += text
		case <-deadline:
			s.t.Fatalf("%q is not shown: %q", what, s.out)
		}
	}
	return s.out
}

// press types something and waits for what is shown after that.
func (s *seat) press(keys, what string) {
	s.t.Helper()
	s.out = ""
	if _, err := io.WriteString(s.ours, keys); err != nil {
		s.t.Fatal(err)
	}
	s.until(what)
}

// leave waits for the end of the program, and returns its exit code and whether the terminal is
// as it was before.
func (s *seat) leave() (code int, restored bool) {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	for {
		select {
		case text := <-s.text:
			s.out += text
		case err := <-done:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				s.t.Fatal(err)
			}
			after, err := term.GetState(int(s.theirs.Fd()))
			if err != nil {
				s.t.Fatal(err)
			}
			s.theirs.Close()
			for text := range s.text {
				s.out += text
			}
			return s.cmd.ProcessState.ExitCode(), reflect.DeepEqual(after, s.before)
		case <-time.After(time.Minute):
			s.t.Fatalf("the program does not end: %q", s.out)
		}
	}
}

var sequence = regexp.MustCompile(`^\x1b\[(\??)([0-9;]*)([A-Za-z])`)

// screenOf returns the lines of a terminal of that size after out, and fails the test where
// something is written beyond the right edge, or moves the cursor in ways that are not known.
func screenOf(t *testing.T, out string, w, h int) []string {
	t.Helper()
	lines, row, column := make([][]rune, h), 0, 0
	for rest := out; rest != ""; {
		if m := sequence.FindStringSubmatch(rest); m != nil {
			rest = rest[len(m[0]):]
			n, _ := strconv.Atoi(m[2])
			switch m[1] + m[3] {
			case "A":
				if row -= n; row < 0 {
					t.Errorf("the cursor leaves the screen by %d lines", -row)
					row = 0
				}
			case "K":
				lines[row] = lines[row][:min(column, len(lines[row]))]
			case "J", "m", "?l", "?h":
			default:
				t.Errorf("unknown sequence %q", m[0])
			}
			continue
		}
		c := []rune(rest[:min(len(rest), 4)])[0]
		rest = rest[len(string(c)):]
		switch c {
		case '\r':
			column = 0
		case '\n':
			if row++; row == h {
				lines, row = append(lines[1:], nil), h-1
			}
		default:
			for len(lines[row]) <= column {
				lines[row] = append(lines[row], ' ')
			}
			lines[row][column] = c
			if column++; column > w {
				t.Fatalf("%d columns of %d: %q", column, w, string(lines[row]))
			}
		}
	}
	text := make([]string, h)
	for i := range lines {
		text[i] = strings.TrimRight(string(lines[i]), " ")
	}
	return text
}

// watchDigit are the arguments that watch test image 7, with speed timesteps per second.
func watchDigit(t *testing.T, speed string) []string {
	t.Helper()
	digits := t.TempDir()
	writeDigits(t, digits)
	network, err := filepath.Abs(model)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"watch", network, "--image", "7", "--speed", speed, "--data", "mnist:" + digits, "--calibrate", "mnist:" + digits + "?images=20", "-T", "20"}
}

// On a terminal, watch moves in colour and within its size; on q it leaves the last frame and
// the terminal as it was.
func TestWatchMoves(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 15}} {
		s := sitDown(t, size[0], size[1], true, watchDigit(t, "100")...)
		out := s.until("end\x1b[0m")
		for _, moves := range []string{"\x1b[?25l", "A\x1b[1m", "\x1b[K", "t = 1 of 20", "t = 20 of 20"} {
			if !strings.Contains(out, moves) {
				t.Errorf("%v: no %q: %q", size, moves, out)
			}
		}
		if coloured := strings.Contains(out, "\x1b[38;5;"); coloured != (size[0] > 40) { // No room for the image.
			t.Errorf("%v: coloured image: %v", size, coloured)
		}
		_, err := io.WriteString(s.ours, "q")
		if err != nil {
			t.Fatal(err)
		}
		if code, restored := s.leave(); code != 0 || !restored {
			t.Errorf("%v: exit code %d, terminal restored: %v", size, code, restored)
		}
		screen := screenOf(t, s.out, size[0], size[1])
		if !strings.HasSuffix(screen[0], "t = 20 of 20") || strings.Contains(strings.Join(screen, "\n"), "space") || screen[size[1]-1] != "" {
			t.Errorf("%v: what stays is\n%s", size, strings.Join(screen, "\n"))
		}
	}
}

// Keys pause, step, and go to another image; Ctrl-C and signals end it with the terminal as it
// was.
func TestWatchKeys(t *testing.T) {
	s := sitDown(t, 80, 24, true, watchDigit(t, "0.01")...)
	s.until("0.01/s")
	s.press(" ", "paused")
	s.press("\x1b[C\x1b[C\x1b[D", "t = 2 of 20")
	s.press("\x1b[B", "image 8 of mnist")
	s.press("+", "0.02/s")
	if _, err := io.WriteString(s.ours, "\x03"); err != nil {
		t.Fatal(err)
	}
	if code, restored := s.leave(); code != exitInterrupted || !restored || !strings.Contains(s.out, "interrupted at timestep 1 of 20") {
		t.Errorf("Ctrl-C: exit code %d, terminal restored: %v: %q", code, restored, s.out)
	}
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		s = sitDown(t, 80, 24, true, watchDigit(t, "0.01")...)
		s.until("0.01/s")
		if err := s.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if code, restored := s.leave(); code != exitInterrupted || !restored {
			t.Errorf("%v: exit code %d, terminal restored: %v", sig, code, restored)
		}
	}
}

// Where the input is no terminal, nobody can type, and it ends by itself.
func TestWatchAlone(t *testing.T) {
	s := sitDown(t, 80, 24, false, watchDigit(t, "100")...)
	if code, restored := s.leave(); code != 0 || !restored || strings.Contains(s.out, "space") {
		t.Errorf("exit code %d, terminal restored: %v: %q", code, restored, s.out)
	}
	if screen := screenOf(t, s.out, 80, 24); !strings.HasSuffix(screen[0], "t = 20 of 20") {
		t.Errorf("what stays is\n%s", strings.Join(screen, "\n"))
	}
}
