package terminal

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// Keys are read whole, however their bytes arrive; what is no key of this program is none.
func TestKeys(t *testing.T) {
	const typed = " q\x1b[A\x1bOB\x1b[1;5C\x1b[D\x1b[3~+\x1b\x1b[Dx\x1bq\x03"
	want := []Key{' ', 'q', Up, Down, Right, Left, '+', Left, 'x', 'q', Interrupt}
	for name, r := range map[string]io.Reader{"at once": strings.NewReader(typed), "in parts": iotest.OneByteReader(strings.NewReader(typed))} {
		keys := make(chan Key)
		go read(r, keys)
		var got []Key
		for k := range keys {
			got = append(got, k)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if keys, restore := Keys(strings.NewReader(typed)); keys != nil {
		restore()
		t.Error("keys are read from what is not a terminal")
	}
}
