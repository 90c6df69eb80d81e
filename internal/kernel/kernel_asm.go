//go:build (amd64 || arm64) && !purego

package kernel

import "unsafe"

// This file is what the dispatch to assembly has in common on all processors.

type windowFunc func(masks [][]uint64, spikes *uint32, v, threshold *float32, last float32, first, n, positions, maskStep, vStep int)

// window calls a function of assembly that lets neurons fire for a window.
func window(f windowFunc, masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	f(masks, &spikes[0], &v[par.First], &par.Threshold[0], float32(len(masks)),
		par.First/8, 4*par.N, len(v)/par.Pitch, 8*par.Words, 4*par.Pitch)
}

type sweepFunc func(out, shortcut *byte, src []uint64, v, part, w, constant, threshold, weight *float32, rows, cols, words, outBytes, shortcutBytes, vBytes int) int

// byteOf returns the byte of a mask that begins with a bit, a multiple of 8.
func byteOf(mask []uint64, bit int) *byte {
	return (*byte)(unsafe.Add(unsafe.Pointer(&mask[bit/64]), bit%64/8)) // Little-endian.
}

// shortcutArgs is a shortcut as the assembly takes it: where the first channel's
// bits are, the step from one position to the next in bytes, and the weights.
type shortcutArgs struct {
	mask   *byte
	step   int
	weight []float32
}

// shortcutOf returns the shortcut of the channels from first on. One that is not
// there needs no case of its own: it has no spikes at any position, and other, which
// must be as long, takes the place of the weights that nobody adds.
func shortcutOf(mask []uint64, weight, other []float32, first, words int) shortcutArgs {
	if mask == nil {
		return shortcutArgs{mask: byteOf(noSpikes[:], 0), weight: other}
	}
	return shortcutArgs{mask: byteOf(mask, first), step: 8 * words, weight: weight}
}

// noSpikes is a position without spikes.
var noSpikes [MaxChannels / 64]uint64

// bytesOf returns where counts lie.
func bytesOf[N SpikeCount](n []N) *byte { return (*byte)(unsafe.Pointer(unsafe.SliceData(n))) }
