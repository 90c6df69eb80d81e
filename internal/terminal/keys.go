package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Key is what is typed: a character, or one of the keys below.
type Key rune

// Keys without a character of their own.
const (
	Up Key = -1 - iota
	Down
	Right
	Left
)

// Interrupt is Ctrl-C, which is a key like others while [Keys] are read.
const Interrupt Key = 3

// Keys returns the keys that are typed on the terminal in, each at once and without showing it,
// and a function that gives the terminal back as it was. Nobody can type where in is not a
// terminal, or a job in the background: the channel is nil then. After the end of input it is
// closed.
func Keys(in io.Reader) (keys <-chan Key, restore func()) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || !foreground(f) {
		return nil, func() {}
	}
	before, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return nil, func() {}
	}
	typed := make(chan Key, 64)
	go read(f, typed) // Ends with the program: a read of a terminal cannot be given up.
	return typed, func() { _ = term.Restore(int(f.Fd()), before) }
}

// read sends the keys that arrive at in. Sequences of several bytes may come in parts.
func read(in io.Reader, keys chan<- Key) {
	defer close(keys)
	var d decoder
	for b := make([]byte, 64); ; {
		n, err := in.Read(b)
		for _, c := range b[:n] {
			if k := d.next(c); k != 0 {
				keys <- k
			}
		}
		if err != nil {
			return
		}
	}
}

// decoder is where in a sequence of bytes a key is.
type decoder int

const (
	between  decoder = iota
	escape           // After ESC.
	sequence         // After ESC and [ or O.
)

// next returns the key that c completes, 0 for none.
func (d *decoder) next(c byte) Key {
	const esc = 0x1b
	switch {
	case c == esc:
		*d = escape
		return 0
	case *d == escape && (c == '[' || c == 'O'):
		*d = sequence
		return 0
	case *d == sequence:
		if c < '@' { // A parameter; the end follows.
			return 0
		}
		*d = between
		return map[byte]Key{'A': Up, 'B': Down, 'C': Right, 'D': Left}[c]
	}
	*d = between
	return Key(c)
}
