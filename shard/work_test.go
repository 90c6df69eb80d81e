package shard

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// numbers is a sum of images: their numbers.
type numbers struct{ list []int }

func (n *numbers) Images() []int                { return n.list }
func (n *numbers) Merge(m *numbers)             { n.list = append(n.list, m.list...) }
func (n *numbers) MarshalJSON() ([]byte, error) { return json.Marshal(n.list) }

func counting(images int) Work[*numbers] {
	return Work[*numbers]{
		Images: images, New: func() *numbers { return new(numbers) },
		Read: func(b []byte) (*numbers, error) {
			n := new(numbers)
			return n, json.Unmarshal(b, &n.list)
		},
		Present: func(_ context.Context, _ int, next func() (int, bool, error), add func(*numbers) error) error {
			for {
				i, ok, err := next()
				if err != nil || !ok {
					return err
				}
				if err := add(&numbers{[]int{i}}); err != nil {
					return err
				}
			}
		},
	}
}

func TestWork(t *testing.T) {
	r, w := newRun(t, 10, 3), counting(10)
	if err := counting(9).Do(t.Context(), r, []int{0}, nil); err == nil || !strings.Contains(err.Error(), "10 images, there are 9") {
		t.Errorf("other images: error %v", err)
	}
	if err := w.Do(t.Context(), r, []int{0, 2}, nil); err != nil {
		t.Fatal(err)
	}
	// Whoever finished shard 2 was killed before it had removed its part.
	stale := strings.Replace(r.name(2), ".jsonl", ".elsewhere.1.0.part", 1)
	if err := os.WriteFile(stale, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	told := 0
	if err := w.Do(t.Context(), r, []int{0, 1, 2}, func(done, total int) { told = done*100 + total }); err != nil || told != 1010 {
		t.Fatalf("error %v, last told %d", err, told)
	}
	sum, _, err := w.Gather(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, sum.list); diff != "" {
		t.Errorf("sum (-want +got):\n%s", diff)
	}
	want := []string{"shard-00000-of-00003.jsonl", "shard-00001-of-00003.jsonl", "shard-00002-of-00003.jsonl"}
	if diff := cmp.Diff(want, files(t, r)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
