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
