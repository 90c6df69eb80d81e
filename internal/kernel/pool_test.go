package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// guardedCounts returns a copy of n between guards, and a function that checks them.
func guardedCounts(t *testing.T, n []uint16) ([]uint16, func()) {
	t.Helper()
	const zone, mark = 64, 0xbeef
	buf := make([]uint16, zone+len(n)+zone)
	for i := range buf {
		buf[i] = mark
	}
	copy(buf[zone:], n)
	return buf[zone : zone+len(n) : zone+len(n)], func() {
		t.Helper()
		for i, v := range buf {
			if (i < zone || i >= zone+len(n)) && v != mark {
				t.Errorf("element %d of %d counts was written to", i-zone, len(n))
			}
		}
	}
}

// randomCounts draws from few numbers, so that counts often tie.
func randomCounts(rnd *rand.Rand, n int) []uint16 {
	s := make([]uint16, n)
	for i := range s {
		s[i] = uint16(rnd.IntN(3))
		if rnd.IntN(10) == 0 {
			s[i] = 0xfffe // Beyond what a signed number holds.
		}
	}
	return s
}

func TestCount(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range spikeChannels {
			for _, positions := range []int{0, 1, 9} {
				n, words := padded(channels), (channels+63)/64
				mask := randomMask(rnd, positions, channels, 0.3)
				before := randomCounts(rnd, positions*n)
				want := slices.Clone(before)
				for i := range want {
					p, c := i/n, i%n
					if c < channels && mask[p*words+c/64]>>(c%64)&1 == 1 {
						want[i]++
					}
				}
				got, check := guardedCounts(t, before)
				Count(got, mask, words, n)
				check()
				if !slices.Equal(got, want) {
					t.Fatalf("Count(%d positions of %d channels): got %v, want %v", positions, channels, got, want)
				}
			}
		}
	})
}

func TestGate(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range spikeChannels {
			for _, s := range []GateShape{
				{Rows: 1, Kernel: 1, First: 0, Stride: 1},
				{Rows: 2, Kernel: 2, First: 0, Stride: 2},
				{Rows: 3, Kernel: 3, First: -1, Stride: 2},
				{Rows: 3, Kernel: 3, First: -1, Stride: 1},
				{Rows: 1, Kernel: 4, First: -6, Stride: 3},
				{Rows: 0, Kernel: 2, First: 0, Stride: 2},
			} {
				s.Cols, s.Words, s.Channels = 8, (channels+63)/64, padded(channels)
				checkGate(t, rnd, s, channels, 5)
			}
		}
	})
}

// checkGate compares Gate with the loop in its comment.
func checkGate(t *testing.T, rnd *rand.Rand, s GateShape, channels, outs int) {
	t.Helper()
	src, n := randomMask(rnd, s.Rows*s.Cols, channels, 0.2), randomCounts(rnd, s.Rows*s.Cols*s.Channels)
	m := randomCounts(rnd, outs*s.Channels)
	want, wantM := make([]uint64, outs*s.Words), slices.Clone(m)
	for i := range m {
		r, c := i/s.Channels, i%s.Channels
		busy, most := false, uint16(0)
		for y := range s.Rows {
			for x := max(s.First+r*s.Stride, 0); x < min(s.First+r*s.Stride+s.Kernel, s.Cols); x++ {
				p := y*s.Cols + x
				busy = busy || c < channels && src[p*s.Words+c/64]>>(c%64)&1 == 1
				most = max(most, n[p*s.Channels+c])
			}
		}
		if busy && most > wantM[i] {
			wantM[i]++
			want[r*s.Words+c/64] |= 1 << (c % 64)
		}
	}
	gotM, check := guardedCounts(t, m)
	out := append(make([]uint64, outs*s.Words), canary)
	Gate(out[:outs*s.Words], gotM, src, n, s)
	check()
	what := fmt.Sprintf("Gate(%+v, %d channels)", s, channels)
	if !slices.Equal(out[:outs*s.Words], want) || out[outs*s.Words] != canary {
		t.Fatalf("%s: passed %x, want %x", what, out, want)
	}
	if !slices.Equal(gotM, wantM) {
		t.Fatalf("%s: counts %v, want %v", what, gotM, wantM)
	}
}

func FuzzGate(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(2), uint8(64), uint8(3))
	f.Add(uint64(2), uint8(8), uint8(1), uint8(200), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, kernel, stride, channels, rows uint8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		n := 1 + int(channels)
		s := GateShape{Rows: int(rows % 5), Cols: 1 + rnd.IntN(9), Kernel: 1 + int(kernel%9), Stride: 1 + int(stride%4), Words: (n + 63) / 64, Channels: padded(n)}
		s.First = -rnd.IntN(s.Kernel + 2)
		checkGate(t, rnd, s, n, 1+rnd.IntN(6))
	})
}
