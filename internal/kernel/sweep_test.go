package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sweepPlain is the loop in the comment of Sweep.
func sweepPlain(out, src, shortcut []uint64, v []float32, l *SweepLayer) (spikes int) {
	bit := func(mask []uint64, words, p, c int) bool { return mask[p*words+c/64]>>(c%64)&1 != 0 }
	rows, cols := l.Out()
	for r := range rows {
		for c := range cols {
			p := r*cols + c
			for o := range l.N {
				var sum float32
				for ky := range 3 {
					for kx := range 3 {
						y, x := r*l.Stride+ky-1, c*l.Stride+kx-1
						if y < 0 || y >= l.Rows || x < 0 || x >= l.Cols {
							continue
						}
						for i := range len(l.Weight) / 9 / l.N {
							if bit(src, l.SourceWords, y*l.Cols+x, i) {
								sum += l.Weight[((i*3+2-ky)*3+2-kx)*l.N+o]
							}
						}
					}
				}
				if shortcut != nil && bit(shortcut, l.Words, p, l.First+o) {
					sum += l.Shortcut[o]
				}
				u := &v[p*l.Pitch+l.First+o]
				*u += sum + l.Constant[o]
				word, flag := &out[p*l.Words+(l.First+o)/64], uint64(1)<<((l.First+o)%64)
				*word &^= flag
				if *u >= l.Threshold[o] {
					*word |= flag
					*u -= l.Threshold[o]
					spikes++
				}
			}
		}
	}
	return spikes
}

// checkSweep compares Sweep with the plain loop on one random layer.
func checkSweep(t *testing.T, rnd *rand.Rand, rows, cols, stride, source, pitch, first, n int, rate float64, shortcut bool, draw func(*rand.Rand, int) []float32) {
	t.Helper()
	what := fmt.Sprintf("Sweep(%dx%d, stride %d, %d channels to %d..%d of %d, rate %v, shortcut %v)", rows, cols, stride, source, first, first+n, pitch, rate, shortcut)
	l := &SweepLayer{
		Rows: rows, Cols: cols, Stride: stride, SourceWords: (source + 63) / 64, Words: (pitch + 63) / 64,
		First: first, N: n, Pitch: pitch,
	}
	outRows, outCols := l.Out()
	positions := outRows * outCols
	var checks []func()
	guard := func(x []float32) []float32 {
		g, check := guarded(t, x)
		checks = append(checks, check)
		return g
	}
	l.Weight, l.Constant, l.Threshold = guard(draw(rnd, source*9*n)), guard(draw(rnd, n)), guard(draw(rnd, n))
	for i := range l.Threshold {
		l.Threshold[i] = max(l.Threshold[i], -l.Threshold[i], 0.125)
	}
	l.Threshold[n-1] = float32(math.Inf(1))
	src, sc := randomMask(rnd, rows*cols, source, rate), []uint64(nil)
	if shortcut {
		sc, l.Shortcut = randomMask(rnd, positions, pitch, 0.3), guard(draw(rnd, n))
	}
	v, part := guard(draw(rnd, positions*pitch)), guard(roughSlice(rnd, l.PartLen()))
	out := randomMask(rnd, positions, pitch, 0.5) // Bits of other tiles, which stay.
	edge := append(append([]uint64{canary}, out...), canary)
	out = edge[1 : len(edge)-1 : len(edge)-1]
	wantV, wantOut := slices.Clone(v), slices.Clone(out)
	for step := range 3 {
		want := sweepPlain(wantOut, src, sc, wantV, l)
		if got := Sweep(out, src, sc, v, part, l); got != want {
			t.Fatalf("%s, step %d: %d spikes, want %d", what, step, got, want)
		}
		if !slices.Equal(out, wantOut) {
			t.Fatalf("%s, step %d: spikes %x, want %x", what, step, out, wantOut)
		}
		equalBits(t, what, v, wantV)
		src = randomMask(rnd, rows*cols, source, rate)
	}
	if edge[0] != canary || edge[len(edge)-1] != canary {
		t.Fatalf("%s: wrote past the mask", what)
	}
	for _, check := range checks {
		check()
	}
}

func TestSweep(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd, n := rand.New(rand.NewPCG(1, 2)), 0
		for _, source := range []int{1, 16, 63, 64, 65, 150} {
			for _, tile := range [][3]int{{16, 0, 16}, {32, 0, 32}, {64, 32, 32}, {48, 32, 16}, {112, 96, 16}, {144, 64, 32}, {64, 0, 64}, {192, 128, 64}} {
				for _, rate := range []float64{0, 0.1, 1} {
					for i, size := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {3, 3}, {2, 4}, {5, 5}, {4, 8}, {7, 6}} {
						// Seven has no factor in common with how many there are of anything, so that
						// a short test still sees every size with every tile.
						if n++; testing.Short() && n%7 > 0 {
							continue
						}
						draw := gridSlice
						if i%2 == 1 {
							draw = roughSlice
						}
						if tile[2] < 64 {
							checkSweep(t, rnd, size[0], size[1], 1, source, tile[0], tile[1], tile[2], rate, i%3 > 0, draw)
						}
						checkSweep(t, rnd, size[0], size[1], 2, source, tile[0], tile[1], tile[2], rate, i%3 > 0, draw)
					}
				}
			}
		}
	})
}

func FuzzSweep(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(3), uint8(16), uint8(2), uint8(1), uint8(20), true)
	f.Add(uint64(2), uint8(1), uint8(9), uint8(200), uint8(5), uint8(4), uint8(255), false)
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols, source, groups, tile, rate uint8, shortcut bool) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		pitch, n := 16*(1+int(groups%9)), 16
		if seed%2 == 0 && pitch >= 32 {
			n = 32
		}
		stride := 1 + int(tile>>7)
		if stride == 2 && seed%8 == 0 && pitch >= 64 {
			n = 64
		}
		first := int(tile) % (pitch / n) * n
		draw := gridSlice
		if seed%4 < 2 {
			draw = roughSlice
		}
		checkSweep(t, rnd, 1+int(rows%7), 1+int(cols%9), stride, 1+int(source), pitch, first, n, float64(rate)/255, shortcut, draw)
	})
}

// BenchmarkSweep measures one timestep of a layer of a ResNet-20 in each stage.
// Spikes differ from step to step, as a processor learns the branches of a few
// repeated ones by heart.
func BenchmarkSweep(b *testing.B) {
	for _, rate := range []float64{0.05, 0.1, 0.2} {
		for _, s := range []struct{ channels, size, tile int }{{16, 32, 16}, {32, 16, 16}, {32, 16, 32}, {64, 8, 16}, {64, 8, 32}} {
			b.Run(fmt.Sprintf("%d_at_%d_tile_%d_rate_%v", s.channels, s.size, s.tile, rate), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 2))
				positions := s.size * s.size
				var tiles []*SweepLayer
				for first := 0; first < s.channels; first += s.tile {
					l := &SweepLayer{Rows: s.size, Cols: s.size, Stride: 1, SourceWords: 1, Words: 1, First: first, N: s.tile, Pitch: s.channels}
					l.Weight, l.Constant, l.Threshold, l.Shortcut = make([]float32, s.channels*9*s.tile), make([]float32, s.tile), make([]float32, s.tile), make([]float32, s.tile)
					for i := range l.Threshold {
						l.Threshold[i] = 1
					}
					tiles = append(tiles, l)
				}
				var masks [256][]uint64
				spikes := 0
				for i := range masks {
					masks[i] = randomMask(rnd, positions, s.channels, rate)
					spikes += OnesCount(masks[i])
				}
				out, v, part := make([]uint64, positions), make([]float32, positions*s.channels), make([]float32, tiles[0].PartLen())
				step := 0
				for b.Loop() { // Sixteen timesteps.
					for _, l := range tiles {
						for t := range 16 {
							Sweep(out, masks[(step+t)%256], out, v, part, l)
						}
					}
					step += 16
				}
				ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / 16
				b.ReportMetric(ns/1000, "us/step")
				b.ReportMetric(float64(spikes)/256*9*float64(s.channels)/ns, "GSynAdd/s")
				b.ReportMetric(ns/float64(positions), "ns/position")
			})
		}
	}
}
