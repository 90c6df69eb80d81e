package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Python's pickle is a program for a machine with a stack [pickle]. Files of CIFAR need
// few of its instructions, and of what these may call, two functions of numpy and one
// that turns text into bytes. Numpy's are only written down here: nothing of a file is
// ever executed, and anything else it asks for is an error.
//
// References:
//
//	[pickle]  Python Software Foundation. pickletools. docs.python.org/3/library/pickletools.html

// Instructions, named as in pickletools.
const (
	opMark            = '('
	opStop            = '.'
	opPop             = '0'
	opBinFloat        = 'G'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opNone            = 'N'
	opReduce          = 'R'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opBinUnicode      = 'X'
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opAppends         = 'e'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opEmptyList       = ']'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opEmptyTuple      = ')'
	opSetItems        = 'u'
	opEmptyDict       = '}'
	opProto           = 0x80
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opShortBinUnicode = 0x8c
	opBinBytes8       = 0x8e
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
)

// Values are int64, []byte (all strings), bool, nil and these.
type (
	pyMark   struct{}
	pyList   struct{ items []any }
	pyDict   struct{ items map[string]any } // With strings as keys.
	pyTuple  []any
	pyGlobal string // "module name"
	pyObject struct {
		callable pyGlobal
		args     pyTuple
		state    any
	}
)

// The functions that a file may name. The second spelling is numpy 2's.
const (
	numpyArray  = pyGlobal("numpy.core.multiarray _reconstruct")
	numpyArray2 = pyGlobal("numpy._core.multiarray _reconstruct")
	numpyClass  = pyGlobal("numpy ndarray")
	numpyType   = pyGlobal("numpy dtype")
	encode      = pyGlobal("_codecs encode") // How Python 3 writes bytes in protocols that have none.
)

// maxPickle bounds the instructions of a file, and so what it holds: the longest CIFAR
// file has 200,000. maxStack bounds what is on the stack at a time; Python puts lists
// together from a thousand items at a time.
const (
	maxPickle = 1 << 19
	maxStack  = 1 << 16
)

// unpickle returns the value that a file holds. Strings in it share b's memory.
func unpickle(b []byte) (any, error) {
	p := &unpickler{b: b, unencoded: len(b), memo: make(map[uint32]any)}
	for range maxPickle {
		op, err := p.next(1)
		if err != nil {
			return nil, err
		}
		if op[0] == opStop {
			return p.pop()
		}
		if err := p.step(op[0]); err != nil {
			return nil, err
		}
		if len(p.stack) > maxStack {
			return nil, errors.New("the pickle has more on its stack than any CIFAR file needs")
		}
	}
	return nil, errors.New("the pickle has more instructions than any CIFAR file needs")
}

type unpickler struct {
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

var errPickle = errors.New("the pickle is damaged")

func (p *unpickler) pop() (any, error) {
	if len(p.stack) == 0 {
		return nil, errPickle
	}
	v := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	return v, nil
}

// popTo returns what was pushed after the last mark, and removes both.
func (p *unpickler) popTo() ([]any, error) {
	for i := len(p.stack) - 1; i >= 0; i-- {
		if p.stack[i] == (pyMark{}) {
			items := append([]any(nil), p.stack[i+1:]...)
			p.stack = p.stack[:i]
			return items, nil
		}
	}
	return nil, errPickle
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
		return errPickle
	}
	t := append(pyTuple(nil), p.stack[len(p.stack)-n:]...)
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
		return errPickle
	}
	p.push(v)
	return nil
}

func (p *unpickler) put(i uint32) error {
	if len(p.stack) == 0 {
		return errPickle
	}
	p.memo[i] = p.stack[len(p.stack)-1]
	return nil
}

func (p *unpickler) step(op byte) (err error) {
	var n uint64
	switch op {
	case opProto:
		_, err = p.next(1)
	case opFrame:
		_, err = p.next(8)
	case opMark:
		p.push(pyMark{})
	case opPop:
		_, err = p.pop()
	case opNone:
		p.push(nil)
	case opNewTrue, opNewFalse:
		p.push(op == opNewTrue)
	case opBinInt:
		n, err = p.number(4)
		p.push(int64(int32(n)))
	case opBinInt1:
		n, err = p.number(1)
		p.push(int64(n))
	case opBinInt2:
		n, err = p.number(2)
		p.push(int64(n))
	case opLong1: // Of up to 255 bytes; these files have none above 8.
		if n, err = p.number(1); err == nil && n > 7 {
			err = errPickle
		} else if err == nil {
			width := n
			n, err = p.number(width)
			shift := 64 - 8*width
			p.push(int64(n<<shift) >> shift)
		}
	case opBinFloat:
		_, err = p.next(8)
		p.push(nil) // Nothing here needs it.
	case opShortBinString, opShortBinBytes, opShortBinUnicode:
		err = p.text(1)
	case opBinString, opBinUnicode, opBinBytes:
		err = p.text(4)
	case opBinBytes8:
		err = p.text(8)
	case opEmptyTuple:
		p.push(pyTuple(nil))
	case opTuple1, opTuple2, opTuple3:
		err = p.tuple(int(op-opTuple1) + 1)
	case opTuple:
		var items []any
		items, err = p.popTo()
		p.push(pyTuple(items))
	case opEmptyList:
		p.push(&pyList{})
	case opEmptyDict:
		p.push(&pyDict{make(map[string]any)})
	case opBinGet:
		err = p.get(1)
	case opLongBinGet:
		err = p.get(4)
	case opBinPut:
		if n, err = p.number(1); err == nil {
			err = p.put(uint32(n))
		}
	case opLongBinPut:
		if n, err = p.number(4); err == nil {
			err = p.put(uint32(n))
		}
	case opMemoize:
		err = p.put(uint32(len(p.memo)))
	case opAppend, opAppends, opSetItem, opSetItems:
		err = p.fill(op)
	case opGlobal, opStackGlobal:
		err = p.global(op)
	case opReduce, opBuild:
		err = p.object(op)
	default:
		err = fmt.Errorf("the pickle has an instruction %#02x that no CIFAR file needs", op)
	}
	return err
}

// fill appends to a list or sets items of a dictionary.
func (p *unpickler) fill(op byte) error {
	var items []any
	var err error
	switch op {
	case opAppends, opSetItems:
		items, err = p.popTo()
	default:
		n := 1
		if op == opSetItem {
			n = 2
		}
		if len(p.stack) < n {
			return errPickle
		}
		items = append(items, p.stack[len(p.stack)-n:]...)
		p.stack = p.stack[:len(p.stack)-n]
	}
	if err != nil {
		return err
	}
	if len(p.stack) == 0 {
		return errPickle
	}
	switch top := p.stack[len(p.stack)-1].(type) {
	case *pyList:
		if op == opAppend || op == opAppends {
			top.items = append(top.items, items...)
			return nil
		}
	case *pyDict:
		if (op == opSetItem || op == opSetItems) && len(items)%2 == 0 {
			for i := 0; i < len(items); i += 2 {
				key, ok := items[i].([]byte)
				if !ok {
					return errPickle
				}
				top.items[string(key)] = items[i+1]
			}
			return nil
		}
	}
	return errPickle
}

// global pushes the name of a function or class.
func (p *unpickler) global(op byte) error {
	var module, name string
	if op == opGlobal {
		var err error
		if module, err = p.line(); err != nil {
			return err
		}
		if name, err = p.line(); err != nil {
			return err
		}
	} else {
		if len(p.stack) < 2 {
			return errPickle
		}
		m, ok1 := p.stack[len(p.stack)-2].([]byte)
		n, ok2 := p.stack[len(p.stack)-1].([]byte)
		if !ok1 || !ok2 {
			return errPickle
		}
		module, name = string(m), string(n)
		p.stack = p.stack[:len(p.stack)-2]
	}
	switch g := pyGlobal(module + " " + name); g {
	case numpyArray, numpyArray2, numpyClass, numpyType, encode:
		p.push(g)
		return nil
	}
	return fmt.Errorf("the pickle calls for %q, which no CIFAR file needs; it is not run", module+"."+name)
}

// object writes down a call, or the state of an object.
func (p *unpickler) object(op byte) error {
	if len(p.stack) < 2 {
		return errPickle
	}
	arg := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	top := &p.stack[len(p.stack)-1]
	if op == opReduce {
		g, ok1 := (*top).(pyGlobal)
		args, ok2 := arg.(pyTuple)
		if !ok1 || !ok2 {
			return errPickle
		}
		if g == encode {
			b, err := p.latin1(args)
			*top = b
			return err
		}
		*top = &pyObject{callable: g, args: args}
		return nil
	}
	o, ok := (*top).(*pyObject)
	if !ok {
		return errPickle
	}
	o.state = arg
	return nil
}

// latin1 returns what encode makes of its arguments: a byte for every character of a
// text. Python writes every text once, so that all together are no longer than the file.
func (p *unpickler) latin1(args pyTuple) ([]byte, error) {
	if len(args) != 2 {
		return nil, errPickle
	}
	text, ok1 := args[0].([]byte)
	name, ok2 := args[1].([]byte)
	if !ok1 || !ok2 || string(name) != "latin1" || len(text) > p.unencoded {
		return nil, errPickle
	}
	p.unencoded -= len(text)
	b := make([]byte, 0, utf8.RuneCount(text))
	for _, r := range string(text) {
		if r > 0xff {
			return nil, errPickle
		}
		b = append(b, byte(r))
	}
	return b, nil
}

// bytesArray returns the shape and elements of a numpy array of uint8: the state
// (version, shape, dtype, Fortran order, elements) of a call of _reconstruct.
func bytesArray(v any) (shape []int64, data []byte, err error) {
	bad := errors.New("the pickle's data is not an array of uint8")
	o, ok := v.(*pyObject)
	if !ok || o.callable != numpyArray && o.callable != numpyArray2 {
		return nil, nil, bad
	}
	state, ok := o.state.(pyTuple)
	if !ok || len(state) != 5 {
		return nil, nil, bad
	}
	dims, ok1 := state[1].(pyTuple)
	dtype, ok2 := state[2].(*pyObject)
	data, ok3 := state[4].([]byte)
	if !ok1 || !ok2 || !ok3 || dtype.callable != numpyType || len(dtype.args) == 0 || state[3] != any(false) && state[3] != any(int64(0)) {
		return nil, nil, bad
	}
	if name, ok := dtype.args[0].([]byte); !ok || strings.TrimLeft(string(name), "|") != "u1" {
		return nil, nil, bad
	}
	for _, d := range dims {
		n, ok := d.(int64)
		if !ok {
			return nil, nil, bad
		}
		shape = append(shape, n)
	}
	return shape, data, nil
}
