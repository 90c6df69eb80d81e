package exit

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawSamples draws answers with few different gaps, so that many are equal.
func drawSamples(t *rapid.T) []Sample {
	answers := rapid.IntRange(1, 6).Draw(t, "answers")
	levels := rapid.IntRange(1, 12).Draw(t, "levels")
	rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	list := make([]Sample, rapid.IntRange(MinImages, MinImages+40).Draw(t, "images"))
	for i := range list {
		s := Sample{Settled: rnd.IntN(answers + 1)}
		if rnd.IntN(3) > 0 { // Most settle early.
			s.Settled = rnd.IntN(s.Settled + 1)
		}
		for a := range answers {
			g := rnd.IntN(levels)
			if a >= s.Settled {
				g += rnd.IntN(levels)
			}
			s.Gaps = append(s.Gaps, float32(g)/4)
		}
		list[i] = s
	}
	return list
}

// smallest tries every gap that occurs, and 0, as the threshold of an answer.
func smallest(delta float64, samples []Sample, t int) float32 {
	tried := []float32{0}
	for _, s := range samples {
		tried = append(tried, s.Gaps[t])
	}
	slices.Sort(tried)
	for _, beta := range tried {
		k, m := 0, 0
		for _, s := range samples {
			if s.Gaps[t] > beta {
				m++
				if s.Settled > t {
					k++
				}
			}
		}
		if m > 0 && float64(k+1)/float64(m+1) <= delta {
			return beta
		}
	}
	return float32(math.Inf(1))
}

// wrong returns how many images of some stop too early by the thresholds that others give.
func wrong(delta float64, others, some []Sample) (beta []float32, n int) {
	last := len(some[0].Gaps) - 1
	for t := range last {
		beta = append(beta, smallest(delta, others, t))
	}
	for _, s := range some {
		for t := range last {
			if s.Gaps[t] > beta[t] {
				if t < s.Settled {
					n++
				}
				break
			}
		}
	}
	return append(beta, float32(math.Inf(1))), n
}

func TestLearn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := drawSamples(t)
		epsilon := rapid.SampledFrom([]float64{0, 0.01, 0.02, 0.05, 0.1, 0.3, 0.9}).Draw(t, "epsilon")
		r, err := Learn(epsilon, samples)
		if err != nil {
			t.Fatal(err)
		}

		// It is that of the largest share by which few stop too early.
		sorted := slices.Clone(samples)
		slices.SortStableFunc(sorted, func(a, b Sample) int {
			if a.Settled != b.Settled {
				return a.Settled - b.Settled
			}
			return slices.Compare(a.Gaps, b.Gaps)
		})
		var odd, even []Sample
		for i, s := range sorted {
			if i%2 == 0 {
				even = append(even, s)
			} else {
				odd = append(odd, s)
			}
		}
		var want []float32
		fewest := 0
		before := deltas(len(samples))[0]
		for _, delta := range deltas(len(samples)) {
			_, n := wrong(delta, odd, even)
			_, m := wrong(delta, even, odd)
			_, in := wrong(delta, samples, samples)
			k := max(n+m, in)
			if k > 0 && float64(k+1)/float64(len(samples)+1) > epsilon {
				if r.Delta >= delta {
					t.Fatalf("the share is %v, by which %d of %d stop too early", r.Delta, k, len(samples))
				}
				break
			}
			want, _ = wrong(before, samples, samples)
			before, fewest = delta, k
		}
		if !slices.Equal(r.Beta, want) || r.Early != fewest {
			t.Fatalf("got %v, %d early; want %v, %d", r.Beta, r.Early, want, fewest)
		}

		// What the rule says of itself is what it does, and few stop too early by it.
		n, early := make([]int, len(want)), 0
		for _, s := range samples {
			at := r.Stop(s.Gaps)
			n[at]++
			if s.Settled > at && at < len(want)-1 {
				early++
			}
		}
		if !slices.Equal(n, r.Stops) || early > r.Early {
			t.Fatalf("it stops %v, %d early, and says %v, %d", n, early, r.Stops, r.Early)
		}
		if float64(early) > epsilon*float64(len(samples)) {
			t.Fatalf("%d of %d images stop too early", early, len(samples))
		}

		// The order of the images is of no matter, and they are left as they are.
		mixed := slices.Clone(samples)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		again, err := Learn(epsilon, mixed)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("in another order: got %v, %v, want %v", again, err, r)
		}

		// The file says all of it.
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var read Rule
		if err := json.Unmarshal(b, &read); err != nil || !reflect.DeepEqual(&read, r) {
			t.Fatalf("read from %s: %v, %v", b, read, err)
		}
	})
}

// With epsilon 0 no calibration image that stops before the end changes its class later.
func TestNoneUnsettled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := drawSamples(t)
		r, err := Learn(0, samples)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			if at := r.Stop(s.Gaps); s.Settled > at && at < len(s.Gaps)-1 {
				t.Fatalf("an image that settles at %d stops at %d", s.Settled, at)
			}
		}
	})
}

// Four hundred images settle at the second answer, but for one whose gap is larger than
// those of the fifty last.
func TestLearnByHand(t *testing.T) {
	var samples []Sample
	for i := range 400 {
		samples = append(samples, Sample{Gaps: []float32{0, float32(i), 9}, Settled: 1})
	}
	samples[50].Settled = 3
	for _, tt := range []struct {
		epsilon  float64
		low, top float32
		early    int
	}{
		{0, 50, 399, 0}, {0.004, 50, 399, 0}, // Nothing up to that gap.
		{0.005, 0, 50, 1}, // (1 + 1) / (400 + 1): all with a gap.
	} {
		r, err := Learn(tt.epsilon, samples)
		if err != nil {
			t.Fatal(err)
		}
		if !math.IsInf(float64(r.Beta[0]), 1) || r.Beta[1] < tt.low || r.Beta[1] > tt.top || r.Early != tt.early || r.Images != 400 {
			t.Errorf("epsilon %v: got thresholds %v from %d images, %d early", tt.epsilon, r.Beta, r.Images, r.Early)
		}
		if want := int(r.Beta[1]) + 1; r.Stops[2] != want || r.Stops[1] != 400-want {
			t.Errorf("epsilon %v: stops %v", tt.epsilon, r.Stops)
		}
	}
	if n := Needed(0.005); n != 399 {
		t.Errorf("epsilon 0.005 takes %d images, not 399", n)
	}
	if n := Needed(1e-300); n != math.MaxInt32-1 {
		t.Errorf("next to nothing takes %d images", n)
	}
	if n := Needed(0); n != 0 {
		t.Errorf("epsilon 0 takes %d images, not 0", n)
	}
}

// Where nothing is to be learned, no image stops early.
func TestLearnNothing(t *testing.T) {
	samples := slices.Repeat([]Sample{{Gaps: []float32{1, 2, 3}, Settled: 2}, {Gaps: []float32{1, 2, 3}, Settled: 0}}, MinImages)
	r, err := Learn(0.01, samples)
	if err != nil {
		t.Fatal(err)
	}
	if r.Delta != 0 || r.Stops[2] != 2*MinImages || r.Early != 0 {
		t.Errorf("got %+v", r)
	}
}

// Of images that are drawn like those that a rule was learned from, a share of about
// epsilon at most stops too early, although there are many answers at which it could.
func TestLearnHolds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	draw := func(n int) (list []Sample) {
		const answers = 60
		for range n {
			// The lead over the next class drifts, and wavers by more than that at first.
			s, lead, drift := Sample{}, 0., 0.05+0.5*rnd.Float64()
			for t := range answers {
				if lead += drift + rnd.NormFloat64(); lead < 0 {
					s.Settled = t + 1
				}
				s.Gaps = append(s.Gaps, float32(math.Abs(lead)))
			}
			list = append(list, s)
		}
		return list
	}
	for _, epsilon := range []float64{0.01, 0.03, 0.1} {
		wrong, mean := 0., 0.
		const trials, images = 30, 1000
		for range trials {
			r, err := Learn(epsilon, draw(400))
			if err != nil {
				t.Fatal(err)
			}
			others := draw(images)
			wrong += float64(tooEarly(r.Beta, others)) / images / trials
			for _, s := range others {
				mean += float64(r.Stop(s.Gaps)+1) / images / trials
			}
		}
		t.Logf("epsilon %v: %.2f %% stop too early, after %.1f answers", epsilon, 100*wrong, mean)
		if wrong > 1.1*epsilon || mean > 50 {
			t.Errorf("epsilon %v: a share of %v stops too early, after %v answers", epsilon, wrong, mean)
		}
	}
}

func TestLearnErrors(t *testing.T) {
	good := slices.Repeat([]Sample{{Gaps: []float32{1, 2}}}, MinImages)
	with := func(s Sample) []Sample { return append(slices.Clone(good), s) }
	nan := float32(math.NaN())
	for name, tt := range map[string]struct {
		epsilon float64
		samples []Sample
		want    string
	}{
		"negative":      {-0.1, good, "from 0 to below 1"},
		"all":           {1, good, "from 0 to below 1"},
		"not a number":  {math.NaN(), good, "from 0 to below 1"},
		"few":           {0.1, good[1:], "at least 100 are needed"},
		"none":          {0.1, nil, "at least 100 are needed"},
		"length":        {0.1, with(Sample{Gaps: []float32{1}}), "a sample of 1 answers"},
		"settled":       {0.1, with(Sample{Gaps: []float32{1, 2}, Settled: 3}), "settled from 3 on"},
		"settled early": {0.1, with(Sample{Gaps: []float32{1, 2}, Settled: -1}), "settled from -1 on"},
		"no answer":     {0.1, make([]Sample, MinImages), "0 answers"},
		"negative gap":  {0.1, with(Sample{Gaps: []float32{1, -1}}), "negative or not a number"},
		"nan gap":       {0.1, with(Sample{Gaps: []float32{1, nan}}), "negative or not a number"},
	} {
		if _, err := Learn(tt.epsilon, tt.samples); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", name, err, tt.want)
		}
	}
}

// Whatever a file holds, reading it ends in a rule or an error.
func FuzzRule(f *testing.F) {
	f.Add(`{"epsilon":0.01,"images":100,"beta":[null,1.5,null],"delta":0.002,"stops_at":[0,60,40],"early":0}`)
	f.Add(`{"epsilon":0.01,"images":100,"beta":[-1],"stops_at":[100],"early":2}`)
	f.Add(`{"epsilon":0.01,"images":100,"beta":[0],"stops_at":[99],"early":2}`)
	f.Add(`{"epsilon":1,"images":100,"beta":[0],"stops_at":[100],"early":2}`)
	f.Add(`{"images":100}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, s string) {
		var r Rule
		if json.Unmarshal([]byte(s), &r) != nil {
			return
		}
		if at := r.Stop(make([]float32, len(r.Beta))); at < 0 || at >= len(r.Beta) {
			t.Errorf("%q is a rule by which an image stops at %v", s, at)
		}
		b, err := json.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		var again Rule
		if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%q is read from what was written of %q: %v, %v", b, s, again, err)
		}
	})
}
