package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// fireWindowPlain and fireOncePlain are the loops in the comments of FireWindow and
// FireOnce for one neuron: they return the potential that is left and the steps of
// spikes.
func fireWindowPlain(u, th float32, steps int) (float32, []int) {
	var fired []int
	for t := range steps {
		if u >= th {
			u -= th
			fired = append(fired, t)
		}
	}
	return u, fired
}

func fireOncePlain(u, th float32, steps int) (float32, []int) {
	for t := range steps {
		if x := float32(float32(steps-t) * th); u >= x {
			return u - x, []int{t}
		}
	}
	return u, nil
}

// windowPotentials draws potentials for windows of some steps: multiples of a
// threshold and what is next to them, negative ones, and ones beyond the window.
func windowPotentials(rnd *rand.Rand, v, threshold []float32, pitch, first, steps int) {
	for i := range v {
		c := i%pitch - first
		if c < 0 || c >= len(threshold) || math.IsInf(float64(threshold[c]), 1) {
			v[i] = float32(rnd.NormFloat64())
			continue
		}
		th := threshold[c]
		switch rnd.IntN(6) {
		case 0:
			v[i] = -th * rnd.Float32()
		case 1:
			v[i] = th * rnd.Float32()
		case 2:
			v[i] = th * float32(steps) * 2 * rnd.Float32()
		case 3:
			v[i] = float32(rnd.IntN(steps+2)) * th
		case 4:
			v[i] = math.Nextafter32(float32(rnd.IntN(steps+2))*th, float32(math.Inf(2*rnd.IntN(2)-1)))
		case 5:
			v[i] = th * float32(steps) * rnd.Float32()
		}
	}
}

// checkWindows compares FireWindow and FireOnce with the plain loops on one random
// layer of which channels are real.
func checkWindows(t *testing.T, rnd *rand.Rand, par *FireParams, channels, positions, steps int, extremes bool) {
	t.Helper()
	var checkThresholds func()
	par.Threshold, checkThresholds = guarded(t, make([]float32, par.N))
	for c := range par.Threshold {
		par.Threshold[c] = float32(1+rnd.IntN(8)) / 8
		if rnd.IntN(2) == 0 {
			par.Threshold[c] = 0.1 + rnd.Float32()
		}
		if par.First+c >= channels {
			par.Threshold[c] = float32(math.Inf(1))
		}
	}
	v := make([]float32, par.Pitch*positions)
	windowPotentials(rnd, v, par.Threshold, par.Pitch, par.First, steps)
	if extremes {
		special(v)
	}
	for _, f := range []struct {
		name  string
		plain func(u, th float32, steps int) (float32, []int)
		fire  func([][]uint64, []uint32, []float32, *FireParams)
	}{{"FireWindow", fireWindowPlain, FireWindow}, {"FireOnce", fireOncePlain, FireOnce}} {
		what := fmt.Sprintf("%s(%d positions of %d channels, T = %d, %+v)", f.name, positions, channels, steps, *par)
		wantV, want, wantSpikes := slices.Clone(v), make([][]uint64, steps), make([]uint32, steps+1)
		masks, edges := make([][]uint64, steps), make([][]uint64, steps)
		for k := range masks {
			want[k] = randomMask(rnd, positions, par.Pitch, 0.5) // Of a run before; bits of other tiles stay.
			edges[k] = append(append([]uint64{canary}, want[k]...), canary)
			masks[k] = edges[k][1 : len(edges[k])-1 : len(edges[k])-1]
		}
		for k := range wantSpikes {
			wantSpikes[k] = uint32(rnd.IntN(100)) // It adds to what is there.
		}
		spikes := slices.Clone(wantSpikes)
		for p := range positions {
			for c := range par.N {
				word, bit := p*par.Words+(par.First+c)/64, uint64(1)<<((par.First+c)%64)
				for k := range want {
					want[k][word] &^= bit
				}
				u := &wantV[p*par.Pitch+par.First+c]
				var fired []int
				*u, fired = f.plain(*u, par.Threshold[c], steps)
				for _, k := range fired {
					want[k][word] |= bit
					wantSpikes[k]++
				}
			}
		}
		gotV, check := guarded(t, v)
		f.fire(masks, spikes[:steps], gotV, par)
		check()
		checkThresholds()
		equalBits(t, what+": v", gotV, wantV)
		for k := range masks {
			if !slices.Equal(masks[k], want[k]) || edges[k][0] != canary || edges[k][len(edges[k])-1] != canary {
				t.Fatalf("%s: mask of step %d is %x, want %x between canaries", what, k, edges[k], want[k])
			}
		}
		if !slices.Equal(spikes, wantSpikes) {
			t.Fatalf("%s: spikes %v, want %v", what, spikes, wantSpikes)
		}
	}
}

// windowShape draws a tile of a layer.
func windowShape(rnd *rand.Rand, channels int) *FireParams {
	par := &FireParams{Pitch: padded(channels), Words: (channels + 63) / 64}
	par.First = Lanes * rnd.IntN(par.Pitch/Lanes)
	par.N = Lanes * (1 + rnd.IntN((par.Pitch-par.First)/Lanes))
	return par
}

func TestFireWindow(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range spikeChannels {
			for _, positions := range []int{0, 1, 3, 4, 9} {
				for _, steps := range []int{0, 1, 2, 8, 33} {
					all := &FireParams{N: padded(channels), Pitch: padded(channels), Words: (channels + 63) / 64}
					checkWindows(t, rnd, all, channels, positions, steps, false)
					checkWindows(t, rnd, windowShape(rnd, channels), channels, positions, steps, true)
				}
			}
		}
	})
}

// TestFireWindowIsFire compares a window with as many steps of Fire that have no
// current.
func TestFireWindowIsFire(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		const channels, positions, steps = 80, 9, 12
		par := windowShape(rnd, channels)
		par.Threshold = make([]float32, par.N)
		for c := range par.Threshold {
			par.Threshold[c] = 0.1 + rnd.Float32()
		}
		v := make([]float32, positions*par.Pitch)
		windowPotentials(rnd, v, par.Threshold, par.Pitch, par.First, steps)
		wantV, cur := slices.Clone(v), make([]float32, positions*par.N)
		masks, got := make([][]uint64, steps), make([]uint32, steps)
		for k := range masks {
			masks[k] = make([]uint64, positions*par.Words)
		}
		FireWindow(masks, got, v, par)
		for k := range masks {
			want := make([]uint64, positions*par.Words)
			n := Fire(want, nil, wantV, cur, make([]float32, par.N), par)
			if !slices.Equal(masks[k], want) || int(got[k]) != n {
				t.Fatalf("step %d: %d spikes %x, want %d, %x", k, got[k], masks[k], n, want)
			}
		}
		equalBits(t, "v", v, wantV)
	})
}

// TestFireOnceIsWorth checks that the one spike is worth what the neuron would have
// fired in a window, for thresholds whose multiples are exact.
func TestFireOnceIsWorth(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const positions, steps = 50, 16
	par := &FireParams{N: Lanes, Pitch: Lanes, Words: 1, Threshold: make([]float32, Lanes)}
	for c := range par.Threshold {
		par.Threshold[c] = float32(1+c) / 8
	}
	v := gridSlice(rnd, positions*Lanes)
	for i := range v {
		v[i] *= 16
	}
	worth := func(fire func([][]uint64, []uint32, []float32, *FireParams), value func(t int) int) []int {
		n, masks := make([]int, len(v)), make([][]uint64, steps)
		for k := range masks {
			masks[k] = make([]uint64, positions)
		}
		fire(masks, make([]uint32, steps), slices.Clone(v), par)
		for k, mask := range masks {
			for i := range v {
				if mask[i/Lanes]>>(i%Lanes)&1 != 0 {
					n[i] += value(k)
				}
			}
		}
		return n
	}
	got := worth(FireOnce, func(k int) int { return steps - k })
	want := worth(FireWindow, func(int) int { return 1 })
	if !slices.Equal(got, want) {
		t.Fatalf("one spike each is worth %v, want %v", got, want)
	}
	if slices.Max(want) != steps || slices.Min(want) != 0 {
		t.Fatalf("the window's spikes are from %d to %d, want 0 to %d", slices.Min(want), slices.Max(want), steps)
	}
}

func TestFireWindowChecks(t *testing.T) {
	good := func() (*FireParams, [][]uint64, []uint32, []float32) {
		par := &FireParams{N: 16, Pitch: 16, Words: 1, Threshold: make([]float32, 16)}
		return par, [][]uint64{make([]uint64, 2), make([]uint64, 2)}, make([]uint32, 2), make([]float32, 32)
	}
	for name, breakIt := range map[string]func(*FireParams, [][]uint64, []uint32) []uint32{
		"reset to zero":  func(p *FireParams, _ [][]uint64, s []uint32) []uint32 { p.ResetZero = true; return s },
		"short mask":     func(_ *FireParams, m [][]uint64, s []uint32) []uint32 { m[1] = m[1][:1]; return s },
		"short spikes":   func(_ *FireParams, _ [][]uint64, s []uint32) []uint32 { return s[:1] },
		"odd channels":   func(p *FireParams, _ [][]uint64, s []uint32) []uint32 { p.N = 15; return s },
		"outside":        func(p *FireParams, _ [][]uint64, s []uint32) []uint32 { p.First = 16; return s },
		"few thresholds": func(p *FireParams, _ [][]uint64, s []uint32) []uint32 { p.Threshold = p.Threshold[:8]; return s },
	} {
		t.Run(name, func(t *testing.T) {
			par, masks, spikes, v := good()
			FireWindow(masks, spikes, v, par)
			spikes = breakIt(par, masks, spikes)
			defer func() {
				if recover() == nil {
					t.Error("it did not panic")
				}
			}()
			FireWindow(masks, spikes, v, par)
		})
	}
}

func FuzzFireWindow(f *testing.F) {
	f.Add(uint64(1), uint8(16), uint8(3), uint8(16))
	f.Add(uint64(2), uint8(200), uint8(9), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, channels, positions, steps uint8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		n := 1 + int(channels)
		checkWindows(t, rnd, windowShape(rnd, n), n, int(positions%11), int(steps%70), seed%4 == 0)
	})
}

// BenchmarkFireWindow measures the window of the first layers of a ResNet-20, beside
// as many steps without a current. One neuron in two is silent, and the others have a
// quarter of the highest rate on average.
func BenchmarkFireWindow(b *testing.B) {
	const positions, n = 32 * 32, 16
	par := &FireParams{N: n, Pitch: n, Words: 1, Threshold: make([]float32, n)}
	for c := range n {
		par.Threshold[c] = 1
	}
	cur, zero := make([]float32, positions*n), make([]float32, n)
	for _, steps := range []int{16, 32} {
		rnd := rand.New(rand.NewPCG(1, 2))
		start, v := make([]float32, positions*n), make([]float32, positions*n)
		for i := range start {
			start[i] = float32(rnd.NormFloat64()) * float32(steps) / 4 * 1.25
		}
		masks, spikes := make([][]uint64, steps), make([]uint32, steps)
		for t := range masks {
			masks[t] = make([]uint64, positions)
		}
		for _, f := range []struct {
			name string
			fire func()
		}{
			{"copy", func() {}},
			{"fire", func() {
				for t := range masks {
					spikes[t] += uint32(Fire(masks[t], nil, v, cur, zero, par))
				}
			}},
			{"window", func() { FireWindow(masks, spikes, v, par) }},
			{"once", func() { FireOnce(masks, spikes, v, par) }},
		} {
			b.Run(fmt.Sprintf("16x32x32_T_%d_%s", steps, f.name), func(b *testing.B) {
				for b.Loop() {
					copy(v, start)
					f.fire()
				}
			})
		}
	}
}
