package main

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/eval"
)

var long = flag.Bool("long", false, "draw 500 times, and compare docs/choosing-t.md with the table")

func kept(t *testing.T) []*answers {
	t.Helper()
	files, err := filepath.Glob("testdata/*.gz")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	var list []*answers
	for _, file := range files {
		a, err := readAnswers(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

// What is promised of T holds: of all draws from images whose loss is known, at most 5 % promise
// too much, but for what chance adds to so many draws once in a hundred times.
func TestAdvice(t *testing.T) {
	draws, sizes := 100, []int{200, 1000}
	if *long {
		draws, sizes = 500, []int{200, 500, 1000, 5000}
	}
	most := 0.05 + 2.33*math.Sqrt(0.05*0.95/float64(draws))
	promised := 0
	for _, a := range kept(t) {
		for _, n := range sizes {
			y := a.tryPopulation(n, draws)
			promised += y.promised + y.itself
			if x := y.tooMuch(); x > most {
				t.Errorf("%s, %d images: %.1f %% promise too much", a.model, n, 100*x)
			}
			if x := y.sureTooMuch(); x > most {
				t.Errorf("%s, %d images: %.1f %% are too sure of 2, 1 or 0.5 points", a.model, n, 100*x)
			}
			if n <= 1000 { // More leave too few others to tell.
				if x := a.tryRest(n, draws).tooMuch(); x > most {
					t.Errorf("%s, %d images: of the others, %.1f %% promise too much", a.model, n, 100*x)
				}
			}
		}
	}
	if promised < draws {
		t.Errorf("%d promises in all: nothing is tested", promised)
	}
}

// A T that is within half a point on the drawn images themselves, with no bound, is no such
// promise: the test can fail.
func TestAdviceFails(t *testing.T) {
	for _, a := range kept(t) {
		if a.model != "resnet20_cifar10_akamaster" {
			continue
		}
		var wrong, said int
		a.judge(200, 100, func(images []int, others *eval.Result) {
			c := a.of(images).Choose()
			if T := c.Within[2].T; T > 0 {
				said++
				if 100*others.Paired(T).Loss() > 0.5 {
					wrong++
				}
			}
		})
		if wrong < said/2 || said < 50 {
			t.Errorf("%d of %d T within half a point of the drawn images are not of all", wrong, said)
		}
	}
}

// The table in the docs is that of the command.
func TestTable(t *testing.T) {
	if !*long {
		t.Skip("with -args -long")
	}
	page, err := os.ReadFile("../../docs/choosing-t.md")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("testdata/*.gz")
	var b bytes.Buffer
	if err := command(files, &b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), b.String()) {
		t.Errorf("docs/choosing-t.md does not have\n%s", b.String())
	}
}

// Answers are kept as they are.
func TestKeep(t *testing.T) {
	r := &eval.Result{Model: "net", Timesteps: 9, TunedFor: 9, Predictions: eval.Predictions{
		Label: []int{1, 2, 3}, Trained: []int{1, 0, 3}, Turns: [][]int{{1, 5, 9}, {}, {3}},
	}}
	name := filepath.Join(t.TempDir(), "a.gz")
	if err := keepAnswers(name, r); err != nil {
		t.Fatal(err)
	}
	a, err := readAnswers(name)
	if err != nil {
		t.Fatal(err)
	}
	want := &answers{model: "net", timesteps: 9, tunedFor: 9, trained: []bool{true, false, true}, turns: r.Predictions.Turns}
	if diff := cmp.Diff(want, a, cmp.AllowUnexported(answers{})); diff != "" {
		t.Error(diff)
	}
	some := a.of([]int{0, 1, 0})
	if diff := cmp.Diff([]int{0, 0, 0, 0, 2, 2, 2, 2, 0}, some.Lost); diff != "" || some.SpikingTop1[0] != 2./3 || some.Images != 3 {
		t.Errorf("%s, %+v", diff, some)
	}
	if err := os.WriteFile(name, []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readAnswers(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("damaged: error %v", err)
	}
	if err := keepAnswers(name, &eval.Result{}); err == nil {
		t.Error("a result without answers was kept")
	}
	if err := command([]string{"-images", "x"}, &bytes.Buffer{}); err == nil {
		t.Error("no number of images was taken")
	}
}
