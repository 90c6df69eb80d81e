//go:build js && wasm

package main

import (
	"syscall/js"
	"unsafe"
)

// bytesOf returns the memory of a slice.
func bytesOf[T any](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// array returns a typed array with a copy of x; WebAssembly and these both have the least byte
// first.
func array[T any](kind string, x []T) js.Value {
	data := bytesOf(x)
	raw := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(raw, data)
	return js.Global().Get(kind).New(raw.Get("buffer"))
}

// floats returns a copy of a Float32Array.
func floats(v js.Value) []float32 {
	x := make([]float32, v.Length())
	js.CopyBytesToGo(bytesOf(x), js.Global().Get("Uint8Array").New(v.Get("buffer"), v.Get("byteOffset"), v.Get("byteLength")))
	return x
}

// bytes returns a copy of a Uint8Array.
func bytes(v js.Value) []byte {
	x := make([]byte, v.Length())
	js.CopyBytesToGo(x, v)
	return x
}
