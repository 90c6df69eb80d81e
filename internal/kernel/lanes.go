package kernel

import "unsafe"

// lanesOf returns the groups of Lanes numbers of x, so that one check of an index
// serves for all numbers of a group.
func lanesOf(x []float32) [][Lanes]float32 {
	return unsafe.Slice((*[Lanes]float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/Lanes)
}

// int32s returns scratch memory as integers.
func int32s(x []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// alignedInt32s is int32s for numbers of 16 bits, of which it may leave out the first.
func alignedInt32s(x []int16) []int32 {
	if uintptr(unsafe.Pointer(&x[0]))%4 != 0 {
		x = x[1:]
	}
	return unsafe.Slice((*int32)(unsafe.Pointer(&x[0])), len(x)/2)
}
