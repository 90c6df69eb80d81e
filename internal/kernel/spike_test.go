package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomMask returns spikes of channels channels at a rate; a row of positions
// stays silent.
func randomMask(rnd *rand.Rand, positions, channels int, rate float64) []uint64 {
	words := (channels + 63) / 64
	mask := make([]uint64, positions*words)
	for p := range positions {
		if positions > 4 && p%7 == 3 {
			continue
		}
		for c := range channels {
			if rnd.Float64() < rate {
				mask[p*words+c/64] |= 1 << (c % 64)
			}
		}
	}
	return mask
}

// listed is Events of the generic code.
func listed(mask []uint64, words int) ([]uint32, []int32) {
	ev, start := make([]uint32, OnesCount(mask)), make([]int32, len(mask)/words+1)
	n := eventsGeneric(ev, start, mask, words)
	return ev[:n:n], start
}

var spikeChannels = []int{1, 3, 15, 16, 17, 32, 48, 63, 64, 65, 80, 128, 200}

func padded(channels int) int { return (channels + Lanes - 1) / Lanes * Lanes }

func TestEvents(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range spikeChannels {
			for _, positions := range []int{0, 1, 5, 49} {
				for _, rate := range []float64{0, 0.1, 1} {
					words := (channels + 63) / 64
					mask := randomMask(rnd, positions, channels, rate)
					want, wantStart := listed(mask, words)
					room := len(want) + Lanes
					got, start := make([]uint32, room+1), make([]int32, positions+2)
					got[len(got)-1], start[len(start)-1] = canary, canary&math.MaxInt32
					n := Events(got[:room], start[:positions+1], mask, words, padded(channels))
					what := fmt.Sprintf("Events(%d positions of %d channels at rate %v)", positions, channels, rate)
					if n != len(want) || !slices.Equal(got[:n], want) || !slices.Equal(start[:positions+1], wantStart) {
						t.Fatalf("%s: got %v starting at %v, want %v at %v", what, got[:n], start, want, wantStart)
					}
					if got[len(got)-1] != canary || start[len(start)-1] != canary&math.MaxInt32 {
						t.Fatalf("%s: wrote past the end", what)
					}
					for p := range positions {
						for _, e := range got[start[p]:start[p+1]] {
							if c := Channel(e); Position(e) != p || mask[p*words+c/64]>>(c%64)&1 == 0 {
								t.Fatalf("%s: event %#x at position %d", what, e, p)
							}
						}
					}
				}
			}
		}
	})
}

func TestScatter(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, s := range []ScatterShape{
			{Rows: 3, Cols: 3, N: 16},
			{Rows: 3, Cols: 3, N: 32},
			{Rows: 3, Cols: 3, N: 48},
			{Rows: 3, Cols: 3, N: 64},
			{Rows: 3, Cols: 3, N: 96},
			{Rows: 1, Cols: 3, N: 16},
			{Rows: 3, Cols: 6, N: 16},
			{Rows: 2, Cols: 5, N: 64},
			{Rows: 7, Cols: 7, N: 16},
		} {
			for _, channels := range []int{1, 16, 70} {
				const cols, first = 9, 4
				words := (channels + 63) / 64
				ev, start := listed(randomMask(rnd, cols, channels, 0.3), words)
				for i := range ev {
					ev[i] += first << eventShift
				}
				for i := range start {
					start[i] += 5 // Events of rows before.
				}
				s.Stride = (cols + s.Cols - 1) * s.N
				w := roughSlice(rnd, channels*s.Rows*s.Cols*s.N)
				before := roughSlice(rnd, s.Rows*s.Stride)
				want := slices.Clone(before)
				for _, e := range ev { // The loop in the comment of Scatter.
					p, c := Position(e), Channel(e)
					for j := range s.Rows {
						for i := range s.Cols {
							for o := range s.N {
								want[j*s.Stride+(p-first+i)*s.N+o] += w[((c*s.Rows+j)*s.Cols+i)*s.N+o]
							}
						}
					}
				}
				got, check := guarded(t, before)
				Scatter(got, w, ev, start, first, s)
				check()
				equalBits(t, fmt.Sprintf("Scatter(%+v, %d channels)", s, channels), got, want)
			}
		}
	})
}

func TestGather(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for n := Lanes; n <= 13*Lanes; n += Lanes {
			for _, channels := range []int{1, 16, 70} {
				for _, s := range []GatherShape{
					{Kernel: 3, First: -1, Stride: 1},
					{Kernel: 3, First: -1, Stride: 2},
					{Kernel: 1, First: 0, Stride: 2},
					{Kernel: 2, First: 1, Stride: 3},
					{Kernel: 9, First: -4, Stride: 1},
					{Kernel: 2, First: -5, Stride: 4},
				} {
					s.Channels, s.N = channels, n
					checkGather(t, rnd, s, 7, 5, 0.3)
				}
			}
		}
	})
}

// checkGather compares Gather with the loop in its comment, for the second of three
// rows of the source.
func checkGather(t *testing.T, rnd *rand.Rand, s GatherShape, cols, outs int, rate float64) {
	t.Helper()
	position, words := cols, (s.Channels+63)/64
	ev, start := listed(randomMask(rnd, 3*cols, s.Channels, rate), words)
	w := roughSlice(rnd, s.Kernel*s.Channels*s.N)
	before := roughSlice(rnd, outs*s.N)
	want := slices.Clone(before)
	for r := range outs {
		x := s.First + r*s.Stride
		for _, e := range ev {
			i, c := Position(e)-position, Channel(e)
			if i < 0 || i >= cols || i < x || i >= x+s.Kernel {
				continue
			}
			for o := range s.N {
				want[r*s.N+o] += w[((i-x)*s.Channels+c)*s.N+o]
			}
		}
	}
	got, check := guarded(t, before)
	Gather(got, w, ev, start[position:position+cols+1], position, s)
	check()
	equalBits(t, fmt.Sprintf("Gather(%+v)", s), got, want)
}

func FuzzGather(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(1), uint8(16), uint8(2), uint8(1), uint8(40))
	f.Add(uint64(2), uint8(7), uint8(3), uint8(130), uint8(9), uint8(5), uint8(255))
	f.Fuzz(func(t *testing.T, seed uint64, kernel, stride, channels, lanes, cols, rate uint8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := GatherShape{Kernel: 1 + int(kernel%9), Stride: 1 + int(stride%4), Channels: 1 + int(channels), N: Lanes * (1 + int(lanes%9))}
		s.First = -rnd.IntN(s.Kernel + 2)
		checkGather(t, rnd, s, 1+int(cols%9), 1+rnd.IntN(6), float64(rate)/255)
	})
}

func FuzzFire(f *testing.F) {
	f.Add(uint64(1), uint8(16), uint8(3), uint8(0))
	f.Add(uint64(2), uint8(200), uint8(9), uint8(15))
	f.Fuzz(func(t *testing.T, seed uint64, channels, positions, flags uint8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		n := 1 + int(channels)
		pitch := padded(n)
		par := FireParams{Pitch: pitch, Words: (n + 63) / 64, ResetZero: flags&1 != 0}
		par.First = Lanes * rnd.IntN(pitch/Lanes)
		par.N = Lanes * (1 + rnd.IntN((pitch-par.First)/Lanes))
		checkFire(t, rnd, &par, n, 1+int(positions%9), flags&2 != 0, flags&4 != 0)
	})
}

func TestAddSpikes(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range spikeChannels {
			for _, positions := range []int{0, 1, 9} {
				n, words := padded(channels), (channels+63)/64
				mask := randomMask(rnd, positions, channels, 0.3)
				start, weight := special(roughSlice(rnd, positions*n)), roughSlice(rnd, n)
				want := slices.Clone(start)
				for i := range want { // The loop in the comment of AddSpikes.
					p, c := i/n, i%n
					if c < channels && mask[p*words+c/64]>>(c%64)&1 == 1 {
						want[i] += weight[c]
					}
				}
				got, check := guarded(t, start)
				AddSpikes(got, mask, words, weight)
				check()
				equalBits(t, fmt.Sprintf("AddSpikes(%d positions of %d channels)", positions, channels), got, want)
			}
		}
	})
}

func TestFire(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range spikeChannels {
			for _, positions := range []int{1, 2, 9} {
				for i := range 16 {
					pitch := padded(channels)
					par := FireParams{N: pitch, Pitch: pitch, Words: (channels + 63) / 64, ResetZero: i&1 != 0}
					if i&8 != 0 { // A tile.
						par.First = Lanes * rnd.IntN(pitch/Lanes)
						par.N = Lanes * (1 + rnd.IntN((pitch-par.First)/Lanes))
					}
					checkFire(t, rnd, &par, channels, positions, i&2 != 0, i&4 != 0)
				}
			}
		}
	})
}

// checkFire compares Fire with the loop in its comment.
func checkFire(t *testing.T, rnd *rand.Rand, par *FireParams, channels, positions int, perNeuron, withShortcut bool) {
	t.Helper()
	n := par.N
	par.Threshold = make([]float32, n)
	for c := range par.Threshold {
		par.Threshold[c] = float32(1+rnd.IntN(8)) / 8
		if par.First+c >= channels {
			par.Threshold[c] = float32(math.Inf(1))
		}
	}
	k := gridSlice(rnd, n)
	if perNeuron {
		k = gridSlice(rnd, n*positions)
	}
	v, cur := special(gridSlice(rnd, par.Pitch*positions)), special(gridSlice(rnd, n*positions))
	mask := randomMask(rnd, positions, par.Pitch, 0.5) // Of the step before; bits of other tiles stay.
	var shortcut []uint64
	if withShortcut {
		shortcut = randomMask(rnd, positions, channels, 0.3)
		var checkWeights func()
		par.Shortcut, checkWeights = guarded(t, gridSlice(rnd, n))
		defer checkWeights()
	}
	wantV, want, wantSpikes := slices.Clone(v), slices.Clone(mask), 0
	for i, x := range cur { // The loop in the comment of Fire.
		p, c := i/n, i%n
		word, bit := p*par.Words+(par.First+c)/64, uint64(1)<<((par.First+c)%64)
		if shortcut != nil && shortcut[word]&bit != 0 {
			x += par.Shortcut[c]
		}
		u := &wantV[p*par.Pitch+par.First+c]
		*u += x + k[i%len(k)]
		want[word] &^= bit
		if *u >= par.Threshold[c] {
			want[word] |= bit
			wantSpikes++
			if *u -= par.Threshold[c]; par.ResetZero {
				*u = 0
			}
		}
	}
	got := append(append([]uint64{canary}, mask...), canary)
	gotV, checkV := guarded(t, v)
	gotCur, checkCur := guarded(t, cur)
	what := fmt.Sprintf("Fire(%d positions of %d channels, %+v, per neuron %v, shortcut %v)", positions, channels, *par, perNeuron, withShortcut)
	spikes := Fire(got[1:len(got)-1], shortcut, gotV, gotCur, k, par)
	checkV()
	checkCur()
	equalBits(t, what+": v", gotV, wantV)
	equalBits(t, what+": cur", gotCur, make([]float32, len(cur)))
	if !slices.Equal(got[1:len(got)-1], want) || got[0] != canary || got[len(got)-1] != canary {
		t.Fatalf("%s: mask %x, want %x between canaries", what, got, want)
	}
	if spikes != wantSpikes {
		t.Fatalf("%s: %d spikes, want %d", what, spikes, wantSpikes)
	}
}

// BenchmarkFire measures one timestep of the neurons of a layer that have no current.
func BenchmarkFire(b *testing.B) {
	for _, shortcut := range []bool{false, true} {
		b.Run(fmt.Sprintf("16x32x32_shortcut_%v", shortcut), func(b *testing.B) {
			const positions, n = 32 * 32, 16
			rnd := rand.New(rand.NewPCG(1, 2))
			par := FireParams{N: n, Pitch: n, Words: 1, Threshold: make([]float32, n), Shortcut: make([]float32, n)}
			for c := range n {
				par.Threshold[c], par.Shortcut[c] = 1, 1
			}
			mask, v, cur := make([]uint64, positions), make([]float32, positions*n), make([]float32, positions*n)
			var from []uint64
			if shortcut {
				from = randomMask(rnd, positions, n, 0.1)
			}
			for b.Loop() {
				Fire(mask, from, v, cur, par.Threshold, &par)
			}
		})
	}
}

func BenchmarkScatter(b *testing.B) {
	for _, n := range []int{16, 32, 64} {
		b.Run(fmt.Sprintf("3x3x%d", n), func(b *testing.B) {
			const cols = 32
			rnd := rand.New(rand.NewPCG(1, 2))
			ev, start := listed(randomMask(rnd, cols, n, 0.1), (n+63)/64)
			s := ScatterShape{Rows: 3, Cols: 3, N: n, Stride: (cols + 2) * n}
			cur, w := make([]float32, 3*s.Stride), roughSlice(rnd, n*9*n)
			for b.Loop() {
				Scatter(cur, w, ev, start, 0, s)
			}
			additions(b, len(ev)*9*n)
		})
	}
}

func BenchmarkGather(b *testing.B) {
	for _, n := range []int{16, 32, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const cols = 16
			rnd := rand.New(rand.NewPCG(1, 2))
			ev, start := listed(randomMask(rnd, cols, n, 0.1), (n+63)/64)
			acc, w := make([]float32, cols*n), roughSlice(rnd, 3*n*n)
			s := GatherShape{Channels: n, Kernel: 3, First: -1, Stride: 1, N: n}
			for b.Loop() {
				Gather(acc, w, ev, start, 0, s)
			}
			additions(b, (3*len(ev)-int(start[1])-len(ev)+int(start[cols-1]))*n)
		})
	}
}

// additions reports the synaptic additions per second.
func additions(b *testing.B, n int) {
	b.ReportMetric(float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GSynAdd/s")
}
