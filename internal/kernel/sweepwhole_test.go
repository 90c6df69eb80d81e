package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sweepWholePlain is the loop in the comment of SweepWhole.
func sweepWholePlain(out, src, shortcut []uint64, v []int32, l *SweepWholeLayer) (spikes int) {
	bit := func(mask []uint64, words, p, c int) bool { return mask[p*words+c/64]>>(c%64)&1 != 0 }
	rows, cols := l.Out()
	for p := range rows * cols {
		r, c := p/cols, p%cols
		for o := range l.N {
			var sum int16
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
			*u += int32(sum) + l.Constant[o]
			word, flag := &out[p*l.Words+(l.First+o)/64], uint64(1)<<((l.First+o)%64)
			*word &^= flag
			if *u >= l.Threshold[o] {
				*word |= flag
				*u -= l.Threshold[o]
				spikes++
			}
		}
	}
	return spikes
}

// wholeSlice draws whole numbers from -limit to limit, with a guard zone on both
// sides; the function fails the test if the zones were written to.
func wholeSlice[T int16 | int32](t *testing.T, rnd *rand.Rand, n int, limit T) ([]T, func()) {
	t.Helper()
	const zone, guard = 64, 12345
	s := make([]T, zone+n+zone)
	for i := range s {
		s[i] = guard
		if i >= zone && i < zone+n {
			s[i] = T(rnd.IntN(2*int(limit)+1)) - limit
		}
	}
	return s[zone : zone+n : zone+n], func() {
		t.Helper()
		for i, x := range s {
			if (i < zone || i >= zone+n) && x != guard {
				t.Errorf("element %d of a slice of %d was written to", i-zone, n)
			}
		}
	}
}

// checkSweepWhole compares SweepWhole with the plain loop on one random layer, whose
// weights are small, or so large that sums just fit.
func checkSweepWhole(t *testing.T, rnd *rand.Rand, rows, cols, stride, source, pitch, first, n int, rate float64, shortcut, prepared, large bool) {
	t.Helper()
	limit := int16(20)
	if large {
		limit = int16(math.MaxInt16 / (9*source + 1))
	}
	what := fmt.Sprintf("SweepWhole(%dx%d, stride %d, %d channels to %d..%d of %d, rate %v, shortcut %v, prepared %v, limit %d)",
		rows, cols, stride, source, first, first+n, pitch, rate, shortcut, prepared, limit)
	l := &SweepWholeLayer{
		Rows: rows, Cols: cols, Stride: stride, SourceWords: (source + 63) / 64, Words: (pitch + 63) / 64,
		First: first, N: n, Pitch: pitch,
	}
	outRows, outCols := l.Out()
	positions := outRows * outCols
	var checks []func()
	whole := func(n int, limit int16) []int16 {
		s, check := wholeSlice(t, rnd, n, limit)
		checks = append(checks, check)
		return s
	}
	wide := func(n int) []int32 {
		s, check := wholeSlice(t, rnd, n, 4*int32(limit))
		checks = append(checks, check)
		return s
	}
	l.Weight, l.Constant, l.Threshold = whole(source*9*n, limit), wide(n), wide(n)
	for i := range l.Threshold {
		l.Threshold[i] = max(l.Threshold[i], -l.Threshold[i], 1)
	}
	l.Threshold[n-1] = math.MaxInt32
	src, sc := randomMask(rnd, rows*cols, source, rate), []uint64(nil)
	if shortcut {
		sc, l.Shortcut = randomMask(rnd, positions, pitch, 0.3), whole(n, limit)
	}
	if prepared {
		l.Prepare()
	}
	v, part := wide(positions*pitch), whole(l.PartLen(), limit)
	out := randomMask(rnd, positions, pitch, 0.5) // Bits of other tiles, which stay.
	edge := append(append([]uint64{canary}, out...), canary)
	out = edge[1 : len(edge)-1 : len(edge)-1]
	wantV, wantOut := slices.Clone(v), slices.Clone(out)
	for step := range 3 {
		want := sweepWholePlain(wantOut, src, sc, wantV, l)
		if got := SweepWhole(out, src, sc, v, part, l); got != want {
			t.Fatalf("%s, step %d: %d spikes, want %d", what, step, got, want)
		}
		if !slices.Equal(out, wantOut) {
			t.Fatalf("%s, step %d: spikes %x, want %x", what, step, out, wantOut)
		}
		if !slices.Equal(v, wantV) {
			t.Fatalf("%s, step %d: potentials %v, want %v", what, step, v, wantV)
		}
		src = randomMask(rnd, rows*cols, source, rate)
	}
	if edge[0] != canary || edge[len(edge)-1] != canary {
		t.Fatalf("%s: wrote past the mask", what)
	}
	for _, check := range checks {
		check()
	}
}

func TestSweepWhole(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for i, source := range []int{1, 7, 16, 63, 64, 65, 150} {
			for j, tile := range [][3]int{{16, 0, 16}, {32, 0, 32}, {64, 32, 32}, {48, 32, 16}, {144, 64, 32}, {64, 0, 64}, {192, 128, 64}} {
				for k, size := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {3, 3}, {2, 4}, {5, 5}, {7, 6}} {
					rate := [3]float64{0, 0.1, 1}[(i+j+k)%3]
					for stride := 1; stride <= 2; stride++ {
						checkSweepWhole(t, rnd, size[0], size[1], stride, source, tile[0], tile[1], tile[2], rate, k%3 > 0, (i+j+k)%2 > 0, k%2 > 0)
					}
				}
			}
		}
	})
}

func FuzzSweepWhole(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(3), uint8(16), uint8(2), uint8(1), uint8(20), true)
	f.Add(uint64(2), uint8(1), uint8(9), uint8(200), uint8(5), uint8(4), uint8(255), false)
	f.Fuzz(func(t *testing.T, seed uint64, rows, cols, source, groups, tile, rate uint8, shortcut bool) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		pitch, n := 16*(1+int(groups%9)), 16<<(seed%3)
		for n > pitch {
			n /= 2
		}
		first := int(tile) % (pitch / n) * n
		checkSweepWhole(t, rnd, 1+int(rows%7), 1+int(cols%9), 1+int(tile>>7), 1+int(source), pitch, first, n, float64(rate)/255, shortcut, seed%4 < 2, seed%2 > 0)
	})
}

// BenchmarkSweepWhole measures one timestep of a layer of a ResNet-20 in each stage,
// beside BenchmarkSweep.
func BenchmarkSweepWhole(b *testing.B) {
	for _, rate := range []float64{0.05, 0.1, 0.2} {
		for _, s := range []struct{ channels, size, tile int }{{16, 32, 16}, {32, 16, 32}, {64, 8, 32}, {64, 8, 64}} {
			b.Run(fmt.Sprintf("%d_at_%d_tile_%d_rate_%v", s.channels, s.size, s.tile, rate), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 2))
				positions := s.size * s.size
				var tiles []*SweepWholeLayer
				for first := 0; first < s.channels; first += s.tile {
					tiles = append(tiles, &SweepWholeLayer{
						Rows: s.size, Cols: s.size, Stride: 1, SourceWords: 1, Words: 1, First: first, N: s.tile, Pitch: s.channels,
						Weight: make([]int16, s.channels*9*s.tile), Constant: make([]int32, s.tile), Shortcut: make([]int16, s.tile),
						Threshold: slices.Repeat([]int32{math.MaxInt32}, s.tile),
					})
					tiles[len(tiles)-1].Prepare()
				}
				var masks [256][]uint64
				for i := range masks {
					masks[i] = randomMask(rnd, positions, s.channels, rate)
				}
				out, v, part := make([]uint64, positions), make([]int32, positions*s.channels), make([]int16, tiles[0].PartLen())
				step := 0
				for b.Loop() { // Sixteen timesteps.
					for _, l := range tiles {
						for t := range 16 {
							SweepWhole(out, masks[(step+t)%256], out, v, part, l)
						}
					}
					step += 16
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16000, "us/step")
			})
		}
	}
}
