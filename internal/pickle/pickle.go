// Package pickle reads what Python's pickle module writes, as far as it is plain data
// [pickle]. A pickle is a program for a machine with a stack. Nothing of it is ever
// executed: calls are only written down, of no more functions than the caller names, and
// anything else that a file asks for is an error. Memory stays within a small multiple
// of the file, whatever it claims.
//
// References:
//
//	[pickle]  Python Software Foundation. pickletools. docs.python.org/3/library/pickletools.html
package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Instructions, named as in pickletools.
const (
	OpMark            = '('
	OpStop            = '.'
	OpPop             = '0'
	OpBinFloat        = 'G'
	OpBinInt          = 'J'
	OpBinInt1         = 'K'
	OpBinInt2         = 'M'
	OpNone            = 'N'
	OpReduce          = 'R'
	OpBinString       = 'T'
	OpShortBinString  = 'U'
	OpBinUnicode      = 'X'
	OpBinBytes        = 'B'
	OpBinPersID       = 'Q'
	OpShortBinBytes   = 'C'
	OpAppend          = 'a'
	OpBuild           = 'b'
	OpGlobal          = 'c'
	OpAppends         = 'e'
	OpBinGet          = 'h'
	OpLongBinGet      = 'j'
	OpEmptyList       = ']'
	OpBinPut          = 'q'
	OpLongBinPut      = 'r'
	OpSetItem         = 's'
	OpTuple           = 't'
	OpEmptyTuple      = ')'
	OpSetItems        = 'u'
	OpEmptyDict       = '}'
	OpProto           = 0x80
	OpTuple1          = 0x85
	OpTuple2          = 0x86
	OpTuple3          = 0x87
	OpNewTrue         = 0x88
	OpNewFalse        = 0x89
	OpLong1           = 0x8a
	OpShortBinUnicode = 0x8c
	OpBinBytes8       = 0x8e
	OpStackGlobal     = 0x93
	OpMemoize         = 0x94
	OpFrame           = 0x95
)

// Values are int64, float64, []byte (all strings), bool, nil and these.
type (
	List struct{ Items []any }
	Dict struct {
		Items map[string]any // Of those keys that are strings.

		ordered bool // It may be given attributes, which are left out.
	}
	Tuple  []any
	Global string // "module name", of a function or class.

	// Object is a call that was asked for, and the state that was to be set afterwards.
	Object struct {
		Callable Global
		Args     Tuple
		State    any
	}

	// Persistent is what the program that wrote the file keeps elsewhere, under that name.
	Persistent struct{ ID any }

	mark struct{}
)

// Encode is how Python 3 writes bytes in protocols that have none. Where it is among the
// globals of [Rules], its call becomes these bytes.
const Encode = Global("_codecs encode")

// OrderedDict is a dictionary that keeps its order. Where it is among the globals of
// [Rules], its call becomes a [*Dict].
const OrderedDict = Global("collections OrderedDict")

// Rules say what a kind of file needs.
type Rules struct {
	What    string           // The kind, for errors: "CIFAR file".
	Globals []Global         // What may be called.
	Most    int              // Instructions, which bound what a file holds.
	Found   func(Persistent) // Unless nil, told of each of these.
	Any     bool             // Keys of dictionaries may be other than strings; their items are left out.
}

// maxStack bounds what is on the stack at a time; Python puts lists together from a
// thousand items at a time.
const maxStack = 1 << 16

// Parse returns the value that a file holds. Strings in it share b's memory.
func Parse(b []byte, r Rules) (any, error) {
	v, _, err := ParseNext(b, r)
	return v, err
}

// ParseNext is [Parse] where something else follows in b, which it returns.
func ParseNext(b []byte, r Rules) (v any, rest []byte, err error) {
	p := &unpickler{Rules: r, b: b, unencoded: len(b), memo: make(map[uint32]any)}
	for range r.Most {
		op, err := p.next(1)
		if err != nil {
			return nil, nil, err
		}
		if op[0] == OpStop {
			v, err := p.pop()
			return v, p.b, err
		}
		if err := p.step(op[0]); err != nil {
			return nil, nil, err
		}
		if len(p.stack) > maxStack {
			return nil, nil, fmt.Errorf("the pickle has more on its stack than any %s needs", r.What)
		}
	}
	return nil, nil, fmt.Errorf("the pickle has more instructions than any %s needs", r.What)
}

type unpickler struct {
	Rules
	b         []byte
	unencoded int // Bytes of text that may still be encoded.
	stack     []any
	memo      map[uint32]any
}

func (p *unpickler) next(n uint64) ([]byte, error) {
	if n > uint64(len(p.b)) {
		return nil, errors.New("the pickle is truncated")
	}
	b := p.b[:n:n]
	p.b = p.b[n:]
	return b, nil
}

// number reads an unsigned number of n bytes, little-endian.
func (p *unpickler) number(n uint64) (uint64, error) {
	b, err := p.next(n)
	if err != nil {
		return 0, err
	}
	var word [8]byte
	copy(word[:], b)
	return binary.LittleEndian.Uint64(word[:]), nil
}

func (p *unpickler) line() (string, error) {
	line, _, ok := bytes.Cut(p.b, []byte("\n"))
	if !ok {
		return "", errors.New("the pickle is truncated")
	}
	p.b = p.b[len(line)+1:]
	return string(line), nil
}

func (p *unpickler) push(v any) { p.stack = append(p.stack, v) }

// ErrDamaged is the error of a pickle that no program has written.
var ErrDamaged = errors.New("the pickle is damaged")

func (p *unpickler) pop() (any, error) {
	if len(p.stack) == 0 {
		return nil, ErrDamaged
	}
	v := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	return v, nil
}

// popTo returns what was pushed after the last mark, and removes both.
func (p *unpickler) popTo() ([]any, error) {
	for i := len(p.stack) - 1; i >= 0; i-- {
		if p.stack[i] == (mark{}) {
			items := append([]any(nil), p.stack[i+1:]...)
			p.stack = p.stack[:i]
			return items, nil
		}
	}
	return nil, ErrDamaged
}

// text pushes a string whose length takes n bytes.
func (p *unpickler) text(n uint64) error {
	length, err := p.number(n)
	if err != nil {
		return err
	}
	b, err := p.next(length)
	if err == nil {
		p.push(b)
	}
	return err
}

func (p *unpickler) tuple(n int) error {
	if len(p.stack) < n {
		return ErrDamaged
	}
	t := append(Tuple(nil), p.stack[len(p.stack)-n:]...)
	p.stack = append(p.stack[:len(p.stack)-n], t)
	return nil
}

func (p *unpickler) get(n uint64) error {
	i, err := p.number(n)
	if err != nil {
		return err
	}
	v, ok := p.memo[uint32(i)]
	if !ok {
		return ErrDamaged
	}
	p.push(v)
	return nil
}

func (p *unpickler) put(i uint32) error {
	if len(p.stack) == 0 {
		return ErrDamaged
	}
	p.memo[i] = p.stack[len(p.stack)-1]
	return nil
}

func (p *unpickler) step(op byte) (err error) {
	var n uint64
	switch op {
	case OpProto:
		_, err = p.next(1)
	case OpFrame:
		_, err = p.next(8)
	case OpMark:
		p.push(mark{})
	case OpPop:
		_, err = p.pop()
	case OpNone:
		p.push(nil)
	case OpNewTrue, OpNewFalse:
		p.push(op == OpNewTrue)
	case OpBinInt:
		n, err = p.number(4)
		p.push(int64(int32(n)))
	case OpBinInt1:
		n, err = p.number(1)
		p.push(int64(n))
	case OpBinInt2:
		n, err = p.number(2)
		p.push(int64(n))
	case OpLong1: // Of up to 255 bytes; what is above 7 is no size of anything.
		if n, err = p.number(1); err == nil && n > 7 {
			_, err = p.next(n)
			p.push(nil)
		} else if err == nil {
			width := n
			n, err = p.number(width)
			shift := 64 - 8*width
			p.push(int64(n<<shift) >> shift)
		}
	case OpBinFloat:
		var b []byte
		if b, err = p.next(8); err == nil {
			p.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
	case OpShortBinString, OpShortBinBytes, OpShortBinUnicode:
		err = p.text(1)
	case OpBinString, OpBinUnicode, OpBinBytes:
		err = p.text(4)
	case OpBinBytes8:
		err = p.text(8)
	case OpEmptyTuple:
		p.push(Tuple(nil))
	case OpTuple1, OpTuple2, OpTuple3:
		err = p.tuple(int(op-OpTuple1) + 1)
	case OpTuple:
		var items []any
		items, err = p.popTo()
		p.push(Tuple(items))
	case OpEmptyList:
		p.push(&List{})
	case OpEmptyDict:
		p.push(&Dict{Items: make(map[string]any)})
	case OpBinGet:
		err = p.get(1)
	case OpLongBinGet:
		err = p.get(4)
	case OpBinPut:
		if n, err = p.number(1); err == nil {
			err = p.put(uint32(n))
		}
	case OpLongBinPut:
		if n, err = p.number(4); err == nil {
			err = p.put(uint32(n))
		}
	case OpMemoize:
		err = p.put(uint32(len(p.memo)))
	case OpAppend, OpAppends, OpSetItem, OpSetItems:
		err = p.fill(op)
	case OpGlobal, OpStackGlobal:
		err = p.global(op)
	case OpReduce, OpBuild:
		err = p.object(op)
	case OpBinPersID:
		var id any
		id, err = p.pop()
		p.push(Persistent{id})
		if err == nil && p.Found != nil {
			p.Found(Persistent{id})
		}
	default:
		err = fmt.Errorf("the pickle has an instruction %#02x that no %s needs", op, p.What)
	}
	return err
}

// fill appends to a list or sets items of a dictionary.
func (p *unpickler) fill(op byte) error {
	var items []any
	var err error
	switch op {
	case OpAppends, OpSetItems:
		items, err = p.popTo()
	default:
		n := 1
		if op == OpSetItem {
			n = 2
		}
		if len(p.stack) < n {
			return ErrDamaged
		}
		items = append(items, p.stack[len(p.stack)-n:]...)
		p.stack = p.stack[:len(p.stack)-n]
	}
	if err != nil {
		return err
	}
	if len(p.stack) == 0 {
		return ErrDamaged
	}
	switch top := p.stack[len(p.stack)-1].(type) {
	case *List:
		if op == OpAppend || op == OpAppends {
			top.Items = append(top.Items, items...)
			return nil
		}
	case *Dict:
		if (op == OpSetItem || op == OpSetItems) && len(items)%2 == 0 {
			for i := 0; i < len(items); i += 2 {
				key, ok := items[i].([]byte)
				switch {
				case ok:
					top.Items[string(key)] = items[i+1]
				case !p.Any:
					return ErrDamaged
				}
			}
			return nil
		}
	}
	return ErrDamaged
}

// global pushes the name of a function or class.
func (p *unpickler) global(op byte) error {
	var module, name string
	if op == OpGlobal {
		var err error
		if module, err = p.line(); err != nil {
			return err
		}
		if name, err = p.line(); err != nil {
			return err
		}
	} else {
		if len(p.stack) < 2 {
			return ErrDamaged
		}
		m, ok1 := p.stack[len(p.stack)-2].([]byte)
		n, ok2 := p.stack[len(p.stack)-1].([]byte)
		if !ok1 || !ok2 {
			return ErrDamaged
		}
		module, name = string(m), string(n)
		p.stack = p.stack[:len(p.stack)-2]
	}
	g := Global(module + " " + name)
	if !slices.Contains(p.Globals, g) {
		return fmt.Errorf("the pickle calls for %.200q, which no %s needs; it is not run", module+"."+name, p.What)
	}
	p.push(g)
	return nil
}

// object writes down a call, or the state of an object.
func (p *unpickler) object(op byte) error {
	if len(p.stack) < 2 {
		return ErrDamaged
	}
	arg := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	top := &p.stack[len(p.stack)-1]
	if op == OpReduce {
		g, ok1 := (*top).(Global)
		args, ok2 := arg.(Tuple)
		if !ok1 || !ok2 {
			return ErrDamaged
		}
		if g == Encode {
			b, err := p.latin1(args)
			*top = b
			return err
		}
		if g == OrderedDict {
			d := &Dict{Items: make(map[string]any), ordered: true}
			*top = d
			return d.pairs(args)
		}
		*top = &Object{Callable: g, Args: args}
		return nil
	}
	if d, ok := (*top).(*Dict); ok && d.ordered {
		return nil
	}
	o, ok := (*top).(*Object)
	if !ok {
		return ErrDamaged
	}
	o.State = arg
	return nil
}

// pairs sets the items that an ordered dictionary is made of, as Python 2 writes it.
func (d *Dict) pairs(args Tuple) error {
	if len(args) == 0 {
		return nil
	}
	list, ok := args[0].(*List)
	if len(args) > 1 || !ok {
		return ErrDamaged
	}
	for _, item := range list.Items {
		var pair []any
		switch item := item.(type) {
		case *List:
			pair = item.Items
		case Tuple:
			pair = item
		}
		if len(pair) != 2 {
			return ErrDamaged
		}
		if key, ok := pair[0].([]byte); ok {
			d.Items[string(key)] = pair[1]
		}
	}
	return nil
}

// latin1 returns what encode makes of its arguments: a byte for every character of a
// text. Python writes every text once, so that all together are no longer than the file.
func (p *unpickler) latin1(args Tuple) ([]byte, error) {
	if len(args) != 2 {
		return nil, ErrDamaged
	}
	text, ok1 := args[0].([]byte)
	name, ok2 := args[1].([]byte)
	if !ok1 || !ok2 || string(name) != "latin1" || len(text) > p.unencoded {
		return nil, ErrDamaged
	}
	p.unencoded -= len(text)
	b := make([]byte, 0, utf8.RuneCount(text))
	for _, r := range string(text) {
		if r > 0xff {
			return nil, ErrDamaged
		}
		b = append(b, byte(r))
	}
	return b, nil
}
