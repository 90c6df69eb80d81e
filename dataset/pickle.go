package dataset

import (
	"errors"
	"strings"

	"sresnet/internal/pickle"
)

// The functions that a file of CIFAR may name, two of numpy and one that turns text into
// bytes. The second spelling is numpy 2's.
const (
	numpyArray  = pickle.Global("numpy.core.multiarray _reconstruct")
	numpyArray2 = pickle.Global("numpy._core.multiarray _reconstruct")
	numpyClass  = pickle.Global("numpy ndarray")
	numpyType   = pickle.Global("numpy dtype")
)

// maxPickle bounds the instructions of a file: the longest CIFAR file has 200,000.
const maxPickle = 1 << 19

// unpickle returns the value that a CIFAR file holds. Strings in it share b's memory.
func unpickle(b []byte) (any, error) {
	return pickle.Parse(b, pickle.Rules{
		What: "CIFAR file", Most: maxPickle,
		Globals: []pickle.Global{numpyArray, numpyArray2, numpyClass, numpyType, pickle.Encode},
	})
}

// bytesArray returns the shape and elements of a numpy array of uint8: the state
// (version, shape, dtype, Fortran order, elements) of a call of _reconstruct.
func bytesArray(v any) (shape []int64, data []byte, err error) {
	bad := errors.New("the pickle's data is not an array of uint8")
	o, ok := v.(*pickle.Object)
	if !ok || o.Callable != numpyArray && o.Callable != numpyArray2 {
		return nil, nil, bad
	}
	state, ok := o.State.(pickle.Tuple)
	if !ok || len(state) != 5 {
		return nil, nil, bad
	}
	dims, ok1 := state[1].(pickle.Tuple)
	dtype, ok2 := state[2].(*pickle.Object)
	data, ok3 := state[4].([]byte)
	if !ok1 || !ok2 || !ok3 || dtype.Callable != numpyType || len(dtype.Args) == 0 || state[3] != any(false) && state[3] != any(int64(0)) {
		return nil, nil, bad
	}
	if name, ok := dtype.Args[0].([]byte); !ok || strings.TrimLeft(string(name), "|") != "u1" {
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
