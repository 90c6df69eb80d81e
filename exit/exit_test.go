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

// bruteForce tries every gap that occurs, and 0, as the threshold of every answer.
func bruteForce(epsilon float64, samples []Sample) (beta []float32, stops []int, unsettled int) {
	answers := len(samples[0].Gaps)
	stopped := make([]bool, len(samples))
	all := 0
	for t := range answers {
		tried := []float32{0}
		for _, s := range samples {
			tried = append(tried, s.Gaps[t])
		}
		slices.Sort(tried)
		if t == answers-1 {
			tried = nil
		}
		best, m, k := float32(math.Inf(1)), 0, 0
		for _, b := range tried {
			n, bad := 0, 0
			for i, s := range samples {
				if !stopped[i] && s.Gaps[t] > b {
					n++
					if s.Settled > t {
						bad++
					}
				}
			}
			if n > 0 && (bad == 0 || float64(unsettled+bad+1)/float64(all+n+1) <= epsilon) {
				best, m, k = b, n, bad
				break
			}
		}
		for i, s := range samples {
			if !stopped[i] && s.Gaps[t] > best {
				stopped[i] = true
			}
		}
		if t == answers-1 {
			for i, s := range samples {
				if !stopped[i] {
					m++
					if s.Settled > t {
						k++
					}
				}
			}
		}
		beta, stops = append(beta, best), append(stops, m)
		all, unsettled = all+m, unsettled+k
	}
	return beta, stops, unsettled
}

func TestLearn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := drawSamples(t)
		epsilon := rapid.SampledFrom([]float64{0, 0.01, 0.02, 0.05, 0.1, 0.3, 0.9}).Draw(t, "epsilon")
		r, err := Learn(epsilon, samples)
		if err != nil {
			t.Fatal(err)
		}
		beta, stops, unsettled := bruteForce(epsilon, samples)
		if !slices.Equal(r.Beta, beta) || !slices.Equal(r.Stops, stops) || r.Unsettled != unsettled {
			t.Fatalf("got %v, stops %v, %d unsettled; want %v, %v, %d", r.Beta, r.Stops, r.Unsettled, beta, stops, unsettled)
		}

		// What the rule says of itself is what it does.
		n, wrong, early := make([]int, len(beta)), 0, 0
		for _, s := range samples {
			at := r.Stop(s.Gaps)
			n[at]++
			if s.Settled > at {
				wrong++
				if at < len(beta)-1 {
					early++
				}
			}
		}
		if !slices.Equal(n, r.Stops) || wrong != r.Unsettled {
			t.Fatalf("it stops %v, %d unsettled, and says %v, %d", n, wrong, r.Stops, r.Unsettled)
		}
		if float64(early) > epsilon*float64(len(samples)) {
			t.Fatalf("%d of %d images stop unsettled before the last answer", early, len(samples))
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

// Two hundred images settle at the second answer; the gap of one that does not is larger
// than those of a few others.
func TestLearnByHand(t *testing.T) {
	var samples []Sample
	for i := range 200 {
		samples = append(samples, Sample{Gaps: []float32{0, float32(i), 9}, Settled: 1})
	}
	samples[5].Settled = 3
	for _, tt := range []struct {
		epsilon float64
		beta    float32
	}{
		{0, 5}, {0.005, 5}, // Up to the gap of the unsettled one.
		{0.01, 0}, // (1 + 1) / (199 + 1), of all but the image without a gap.
	} {
		r, err := Learn(tt.epsilon, samples)
		if err != nil {
			t.Fatal(err)
		}
		if !math.IsInf(float64(r.Beta[0]), 1) || r.Beta[1] != tt.beta || r.Images != 200 {
			t.Errorf("epsilon %v: got thresholds %v from %d images, want %v", tt.epsilon, r.Beta, r.Images, tt.beta)
		}
		if want := int(tt.beta) + 1; r.Stops[2] != want || r.Stops[1] != 200-want {
			t.Errorf("epsilon %v: stops %v", tt.epsilon, r.Stops)
		}
	}
	if n := Needed(0.01); n != 199 {
		t.Errorf("epsilon 0.01 takes %d images, not 199", n)
	}
	if n := Needed(0); n != 0 {
		t.Errorf("epsilon 0 takes %d images, not 0", n)
	}
}

func TestMeanStop(t *testing.T) {
	r := Rule{Images: 4, Stops: []int{1, 0, 3}}
	if got := r.MeanStop(); got != 2.5 {
		t.Errorf("got %v, want 2.5", got)
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
	f.Add(`{"epsilon":0.01,"images":100,"beta":[null,1.5,null],"stops_at":[0,60,40],"unsettled":2}`)
	f.Add(`{"epsilon":0.01,"images":100,"beta":[-1],"stops_at":[100],"unsettled":2}`)
	f.Add(`{"epsilon":0.01,"images":100,"beta":[0],"stops_at":[99],"unsettled":2}`)
	f.Add(`{"epsilon":1,"images":100,"beta":[0],"stops_at":[100],"unsettled":2}`)
	f.Add(`{"images":100}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, s string) {
		var r Rule
		if json.Unmarshal([]byte(s), &r) != nil {
			return
		}
		if sum := r.MeanStop(); !(sum >= 1 && sum <= float64(len(r.Beta))) {
			t.Errorf("%q is a rule by which images stop at %v", s, sum)
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
