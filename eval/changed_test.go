package eval

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/snn"
	"sresnet/tensor"
)

func TestEvidenceAt(t *testing.T) {
	for _, tt := range []struct{ T, n, first, last int }{{1, 1, 1, 1}, {64, 64, 1, 64}, {65, 64, 1, 65}, {350, 64, 5, 350}} {
		at := (&Result{Timesteps: tt.T}).EvidenceAt()
		if len(at) != tt.n || at[0] != tt.first || at[len(at)-1] != tt.last || !slices.IsSorted(at) {
			t.Errorf("T = %d: got %v", tt.T, at)
		}
	}
}

// Both networks disagree on an image if the trained one says 0: the spiking one
// says 1 in the end.
func TestChanged(t *testing.T) {
	a := newTally(CountPotential, snn.Synchronous, 3, 2)
	a.add(3, 0, 0, threeSteps())
	a.add(1, 1, 0, threeSteps())
	a.add(2, 1, 1, threeSteps()) // They agree.
	want := []Changed{
		{Index: 1, Label: 1, ANN: 0, SNN: 1, Evidence: [][]float32{{0, 0}, {0, 1}, {1, 2}}},
		{Index: 3, Label: 0, ANN: 0, SNN: 1, Evidence: [][]float32{{0, 0}, {0, 1}, {1, 2}}},
	}
	if diff := cmp.Diff(want, a.changed.list); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}

	a = newTally(Potential, snn.Synchronous, 3, 2) // It reads currents, which say 0.
	a.add(0, 0, 1, threeSteps())
	want = []Changed{{Index: 0, Label: 0, ANN: 1, SNN: 0, Evidence: [][]float32{{1, 0}, {2, 1}, {3, 2}}}}
	if diff := cmp.Diff(want, a.changed.list); diff != "" {
		t.Errorf("changed, read-out potential (-want +got):\n%s", diff)
	}
}

// Of many images that changed, the first by index are kept, whoever saw them.
func TestChangedKeepsTheFirst(t *testing.T) {
	const images = 3*maxChanged + 5
	workers := []*Tally{newTally(Count, snn.Synchronous, 3, 2), newTally(Count, snn.Synchronous, 3, 2), newTally(Count, snn.Synchronous, 3, 2)}
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(images) {
		workers[i%3].add(i, 0, 0, threeSteps())
	}
	workers[0].Merge(workers[1])
	workers[0].Merge(workers[2])
	list := workers[0].changed.list
	if len(list) != maxChanged {
		t.Fatalf("%d images are kept", len(list))
	}
	for i, c := range list {
		if c.Index != i {
			t.Errorf("image %d of the list is %d", i, c.Index)
		}
	}
}

// Pictures that are not as large as the file says would be read past their end.
func TestReadChanged(t *testing.T) {
	good := func() *ChangedFile {
		return &ChangedFile{
			Shape: tensor.Shape{1, 2, 2}, Timesteps: []int{1, 3},
			Images: []Changed{{Label: 1, Pixels: make([]byte, 4), Evidence: [][]float32{{0, 1}, {1, 1}}}},
		}
	}
	if err := good().check(); err != nil {
		t.Error(err)
	}
	for i, spoil := range []func(*ChangedFile){
		func(c *ChangedFile) { c.Shape = nil },
		func(c *ChangedFile) { c.Shape = tensor.Shape{1, 2, 3} },
		func(c *ChangedFile) { c.Shape, c.Images[0].Pixels = tensor.Shape{0, 2, 2}, nil },
		func(c *ChangedFile) { c.Shape, c.Images[0].Pixels = tensor.Shape{1, 1 << 32, 1 << 32}, nil },
		func(c *ChangedFile) { c.Timesteps = nil; c.Images[0].Evidence = nil },
		func(c *ChangedFile) { c.Timesteps = []int{0, 1} },
		func(c *ChangedFile) { c.Images[0].Evidence = c.Images[0].Evidence[1:] },
		func(c *ChangedFile) { c.Images[0].Evidence[1] = nil },
		func(c *ChangedFile) { c.Images[0].Evidence = [][]float32{{}, {}} },
		func(c *ChangedFile) { c.Images[0].SNN = 2 },
		func(c *ChangedFile) { c.Images[0].ANN = -1 },
	} {
		c := good()
		spoil(c)
		if c.check() == nil {
			t.Errorf("case %d: no error", i)
		}
	}
}
