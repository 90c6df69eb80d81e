package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/eval"
	"sresnet/internal/hint"
)

func TestTimestepsToShow(t *testing.T) {
	for _, tt := range []struct {
		T    int
		want []int
	}{
		{1, []int{1}},
		{8, []int{8}},
		{9, []int{8, 9}},
		{350, []int{8, 16, 32, 64, 128, 256, 350}},
		{500, []int{8, 16, 32, 64, 128, 256, 350, 500}},
	} {
		if got := timestepsToShow(&eval.Result{Timesteps: tt.T}); !slices.Equal(got, tt.want) {
			t.Errorf("timestepsToShow(%d): got %v, want %v", tt.T, got, tt.want)
		}
	}
}

func TestImages(t *testing.T) {
	if got := images(0) + ", " + images(1) + ", " + images(2); got != "0 images, 1 image, 2 images" {
		t.Errorf("got %s", got)
	}
}

func TestReport(t *testing.T) {
	for _, tt := range []struct {
		err    error
		code   int
		stderr string
	}{
		{nil, 0, ""},
		{errors.New("it broke"), 1, "sresnet: error: it broke\n"},
		{fmt.Errorf("reading: %w", hint.Error(errors.New("torn"), "mend %s", "it")), 1, "sresnet: error: reading: torn\nsresnet: hint: mend it\n"},
		{
			&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, 1,
			"sresnet: error: open x: file does not exist\nsresnet: hint: check the path; a relative one starts at the folder you are in\n",
		},
		{
			usage("unknown\nflag"), 2,
			"sresnet: error: unknown flag\nsresnet: hint: 'sresnet eval --help' lists the options with examples\n",
		},
		{
			hint.Error(fmt.Errorf("%w after 3 of 9 images", errInterrupted), "go on"), 130,
			"sresnet: error: interrupted after 3 of 9 images\nsresnet: hint: go on\n",
		},
		{hint.Error(errCheckpoint, "go on"), 75, "sresnet: stopped by a signal\nsresnet: hint: go on\n"},
		{hint.Error(fmt.Errorf("%w: 2 of 4", errMoreToDo), "go on"), 76, "sresnet: more shards are to do: 2 of 4\nsresnet: hint: go on\n"},
	} {
		var b bytes.Buffer
		if code := fail(&b, "sresnet eval", tt.err); code != tt.code || b.String() != tt.stderr {
			t.Errorf("fail(%v): code %d,\n%swant %d,\n%s", tt.err, code, b.String(), tt.code, tt.stderr)
		}
	}
}

// full is a writer that takes so many bytes.
type full int

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > int(*f) {
		n := int(*f)
		*f = 0
		return n, errFull
	}
	*f -= full(len(p))
	return len(p), nil
}

// Output that cannot be written is an error, wherever it stops.
func TestOutputLost(t *testing.T) {
	digits := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, digits)
	small := []string{"--data", "mnist:" + digits, "--images", "1", "--timesteps", "2"}
	for _, args := range [][]string{
		{"inspect", model},
		{"inspect", model, "--json"},
		append([]string{"demo"}, small...),
		append([]string{"eval", model, "--calibrate", "mnist:" + digits + "?images=2"}, small...),
		append([]string{"eval", model, "--calibrate", "mnist:" + digits + "?images=2", "--json"}, small...),
		append([]string{"verify", model, "--calibrate", "mnist:" + digits + "?images=2"}, small...),
		{"completion", "bash"},
		{"completion", "fish"},
		{"--version"},
		{"eval", "--help"},
		{},
	} {
		room := full(10)
		var stderr bytes.Buffer
		code := execute(t.Context(), args, &room, &stderr)
		const want = "sresnet: error: cannot write the output: no space left on device\nsresnet: hint: make room where the output goes, or send it elsewhere\n"
		if code != exitError || stderr.String() != want {
			t.Errorf("%v: exit code %d: %s", args, code, stderr.String())
		}
	}
}

// What else went wrong is told, too.
func TestOutputJoin(t *testing.T) {
	o := &output{err: errFull}
	err := o.join(fmt.Errorf("%w after 3 of 9 images", errInterrupted))
	var b bytes.Buffer
	if code := fail(&b, "sresnet", err); code != exitInterrupted || !strings.Contains(b.String(), "after 3 of 9 images") || !strings.Contains(b.String(), "cannot write the output") {
		t.Errorf("exit code %d: %s", code, b.String())
	}
}
