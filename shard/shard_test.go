package shard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// newRun makes a run of images in a new folder.
func newRun(t testing.TB, images, shards int) *Run {
	t.Helper()
	r, err := Create(t.TempDir(), Plan{Kind: "test", Images: images, Shards: shards, Config: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// block is the work on some images: their numbers.
func block(t testing.TB, images ...int) *Block {
	t.Helper()
	set, err := SetOf(images)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(images)
	if err != nil {
		t.Fatal(err)
	}
	return &Block{Images: set, Seconds: 0.5, Data: data}
}

func begin(t testing.TB, r *Run, k int) (*Attempt, []Block) {
	t.Helper()
	a, blocks, err := r.Attempt(k)
	if err != nil {
		t.Fatal(err)
	}
	return a, blocks
}

func files(t testing.TB, r *Run) []string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(r.dir, shards))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// Shards are contiguous, cover every image once, and differ by one image at most.
func TestRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Plan{Images: rapid.IntRange(1, 100000).Draw(t, "images")}
		p.Shards = rapid.IntRange(1, min(MaxShards, p.Images)).Draw(t, "shards")
		at := 0
		for k := range p.Shards {
			first, end := p.Range(k)
			if n := end - first; first != at || n < p.Images/p.Shards || n > p.Images/p.Shards+1 {
				t.Fatalf("shard %d: %d to %d, after %d", k, first, end, at)
			}
			if p.Shard(first) != k || p.Shard(end-1) != k {
				t.Fatalf("shard %d: its ends are said to be in %d and %d", k, p.Shard(first), p.Shard(end-1))
			}
			at = end
		}
		if at != p.Images {
			t.Fatalf("%d of %d images", at, p.Images)
		}
	})
}

func TestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		images := rapid.SliceOfNDistinct(rapid.IntRange(0, 30), 0, 20, rapid.ID[int]).Draw(t, "images")
		other := rapid.SliceOfNDistinct(rapid.IntRange(0, 30), 0, 20, rapid.ID[int]).Draw(t, "other")
		s, err := SetOf(images)
		u, err2 := SetOf(other)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if s.Len() != len(images) {
			t.Fatalf("%v has %d, not %d", s, s.Len(), len(images))
		}
		if len(s) > 0 && s.within(0, 31) != nil {
			t.Fatalf("%v is no set", s)
		}
		common := false
		for i := range 31 {
			if s.Has(i) != slices.Contains(images, i) {
				t.Fatalf("%v has %d: %v", s, i, s.Has(i))
			}
			common = common || s.Has(i) && u.Has(i)
		}
		if s.Disjoint(u) == common {
			t.Fatalf("%v and %v disjoint: %v", s, u, !common)
		}
		if !common {
			want, _ := SetOf(slices.Concat(images, other))
			if diff := cmp.Diff(want, s.Union(u)); diff != "" {
				t.Fatal(diff)
			}
		}
	})
	if _, err := SetOf([]int{3, 1, 3}); err == nil {
		t.Error("an image twice: no error")
	}
}

func TestAttempts(t *testing.T) {
	r := newRun(t, 10, 2)
	a, blocks := begin(t, r, 1) // Images 5 to 9.
	if len(blocks) != 0 {
		t.Fatalf("the first attempt finds %v", blocks)
	}
	for _, b := range []*Block{block(t, 7), block(t, 5, 6)} {
		if err := a.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Append(block(t, 6)); err == nil {
		t.Error("an image twice: no error")
	}
	if err := a.Append(block(t, 10)); err == nil {
		t.Error("an image of no shard: no error")
	}

	// A second one goes on from there, while the first is still at it.
	b, blocks := begin(t, r, 1)
	if diff := cmp.Diff([]Block{*block(t, 7), *block(t, 5, 6)}, blocks); diff != "" {
		t.Fatalf("adopted (-want +got):\n%s", diff)
	}
	if err := b.Append(block(t, 8)); err != nil {
		t.Fatal(err)
	}
	// A third one has the work of both.
	c, blocks := begin(t, r, 1)
	if n := c.Done().Len(); n != 4 || len(blocks) != 3 {
		t.Fatalf("adopted %d images in %d blocks", n, len(blocks))
	}
	if err := c.Finish(block(t, 5, 6, 7)); err == nil {
		t.Error("finished with images missing")
	}
	if missing, err := r.Missing(); err != nil || !slices.Equal(missing, []int{0, 1}) {
		t.Errorf("missing %v, error %v", missing, err)
	}
	if err := c.Finish(block(t, 5, 6, 7, 8, 9)); err != nil {
		t.Fatal(err)
	}
	if missing, err := r.Missing(); err != nil || !slices.Equal(missing, []int{0}) {
		t.Errorf("missing %v, error %v", missing, err)
	}
	want, err := os.ReadFile(r.name(1))
	if err != nil {
		t.Fatal(err)
	}
	// The others notice and change nothing.
	if err := a.Append(block(t, 9)); err != nil {
		t.Error(err)
	}
	if err := a.Finish(block(t, 9, 8, 7, 6, 5)); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(r.name(1)); err != nil || string(got) != string(want) {
		t.Errorf("the finished file has changed (%v)", err)
	}
	if diff := cmp.Diff([]string{"shard-00001-of-00002.jsonl"}, files(t, r)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, _, err := r.Attempt(1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an attempt at a finished shard: got error %v", err)
	}
	got, err := r.Read(1)
	if err != nil || got.Images.Len() != 5 {
		t.Errorf("read %v, error %v", got, err)
	}
	if _, err := r.Read(0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unfinished shard: got error %v", err)
	}
	for _, k := range []int{-1, 2} {
		if _, _, err := r.Attempt(k); err == nil || !strings.Contains(err.Error(), "there is no shard") {
			t.Errorf("shard %d: got error %v", k, err)
		}
	}
}

// An attempt that did nothing leaves nothing.
func TestNothingDone(t *testing.T) {
	r := newRun(t, 4, 1)
	a, _ := begin(t, r, 0)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := files(t, r); len(got) != 0 {
		t.Errorf("left %v", got)
	}
}

// An attempt whose part cannot be written any more, as after its removal by another
// machine that shares the folder by NFS, has failed only if nobody has finished the shard.
func TestPartLost(t *testing.T) {
	r := newRun(t, 4, 1)
	lost, _ := begin(t, r, 0)
	if err := lost.part.Close(); err != nil {
		t.Fatal(err)
	}
	if err := lost.Append(block(t, 0)); err == nil {
		t.Error("before the shard was finished: no error")
	}
	other, _ := begin(t, r, 0)
	if err := other.Finish(block(t, 0, 1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	for _, image := range []int{0, 1, 2} {
		if err := lost.Append(block(t, image)); err != nil {
			t.Error(err)
		}
	}
	if err := lost.Finish(block(t, 0, 1, 2, 3)); err != nil {
		t.Error(err)
	}
	if b, err := r.Read(0); err != nil || b.Images.Len() != 4 {
		t.Errorf("read %v, error %v", b, err)
	}
}

// A folder is removed and given to another run while an attempt goes on. What that
// still finds does not get into the other run.
func TestReplaced(t *testing.T) {
	old := newRun(t, 4, 2)
	a, _ := begin(t, old, 0)
	if err := os.RemoveAll(old.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(old.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := Create(old.dir, Plan{Kind: "test", Images: 4, Shards: 2, Config: json.RawMessage(`{"other":true}`)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Append(block(t, 0)); err != nil {
		t.Error(err)
	}
	if err := a.Finish(block(t, 0, 1)); err == nil || !strings.Contains(err.Error(), "plan has been replaced") {
		t.Errorf("finished: got error %v", err)
	}
	if _, _, err := old.Attempt(1); err == nil {
		t.Error("another attempt at the old run: no error")
	}
	if missing, err := r.Missing(); len(missing) != 2 || err != nil {
		t.Errorf("missing %v, error %v", missing, err)
	}
}

// A copy of a run may lack the folder of its shards if that is empty.
func TestNoFolder(t *testing.T) {
	r := newRun(t, 4, 2)
	if err := os.Remove(filepath.Join(r.dir, shards)); err != nil {
		t.Fatal(err)
	}
	if missing, err := r.Missing(); len(missing) != 2 || err != nil {
		t.Errorf("missing %v, error %v", missing, err)
	}
	a, _ := begin(t, r, 1)
	if err := a.Finish(block(t, 2, 3)); err != nil {
		t.Error(err)
	}
}

// An attempt that was killed between the end of the shard and the removal of its part
// leaves one that is in nobody's way.
func TestTidy(t *testing.T) {
	r := newRun(t, 4, 2)
	a, _ := begin(t, r, 0)
	left := a.part.Name()
	if err := a.Append(block(t, 0)); err != nil {
		t.Fatal(err)
	}
	part, err := os.ReadFile(left)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Finish(block(t, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, part, 0o644); err != nil {
		t.Fatal(err)
	}
	b, _ := begin(t, r, 1)
	defer b.Abandon()
	r.Tidy()
	if diff := cmp.Diff([]string{"shard-00000-of-00002.jsonl", filepath.Base(b.part.Name())}, files(t, r)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// Parts of dead attempts are removed once their work is copied, others stay.
func TestDeadAttempts(t *testing.T) {
	r := newRun(t, 6, 1)
	a, _ := begin(t, r, 0)
	if err := a.Append(block(t, 2)); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	mine := a.part.Name()
	far := strings.Replace(mine, host()+".", "far-away.", 1)
	if err := os.Rename(mine, far); err != nil {
		t.Fatal(err)
	}
	b, _ := begin(t, r, 0)
	_ = b.Close()
	if _, err := os.Stat(far); err != nil {
		t.Errorf("a part of a far machine is gone at once: %v", err)
	}
	old := time.Now().Add(-2 * forgotten)
	if err := os.Chtimes(far, old, old); err != nil {
		t.Fatal(err)
	}
	c, blocks := begin(t, r, 0)
	defer c.Abandon()
	if _, err := os.Stat(far); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part that is long forgotten: %v", err)
	}
	if len(blocks) != 1 {
		t.Errorf("adopted %v", blocks)
	}
}

// However a part is damaged, what is adopted of it was written so.
func TestDamagedParts(t *testing.T) {
	r := newRun(t, 20, 1)
	a, _ := begin(t, r, 0)
	var written []string
	for i := range 6 {
		b := block(t, 3*i, 3*i+1)
		written = append(written, string(b.Data))
		if err := a.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(a.part.Name())
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	shorter := 0
	for range 500 {
		torn := slices.Clone(whole)
		switch rnd.IntN(3) {
		case 0:
			torn = torn[:rnd.IntN(len(torn))]
		case 1:
			torn[rnd.IntN(len(torn))] ^= 1 << rnd.IntN(8)
		case 2:
			torn = append(torn, torn[len(torn)-rnd.IntN(80)-1:]...)
		}
		blocks, err := r.blocks(torn, 0)
		if err == nil && len(blocks) != 6 {
			t.Fatalf("%d blocks and no error", len(blocks))
		}
		for i, b := range blocks {
			if string(b.Data) != written[i] {
				t.Fatalf("block %d: %s", i, b.Data)
			}
		}
		if len(blocks) < 6 {
			shorter++
		}
	}
	if shorter < 200 {
		t.Errorf("only %d of 500 damages were noticed", shorter)
	}
}

// Every damage to a finished file is an error that names it.
func TestDamagedShard(t *testing.T) {
	r := newRun(t, 4, 1)
	a, _ := begin(t, r, 0)
	if err := a.Finish(block(t, 0, 1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(r.name(0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for _, torn := range [][]byte{whole[:i], append(append(slices.Clone(whole[:i]), whole[i]^0x10), whole[i+1:]...)} {
			if err := os.WriteFile(r.name(0), torn, 0o644); err != nil {
				t.Fatal(err)
			}
			var damaged *FileError
			if _, err := r.Read(0); !errors.As(err, &damaged) || damaged.Name != r.name(0) {
				t.Fatalf("byte %d, %d bytes: got error %v", i, len(torn), err)
			}
		}
	}
}

func TestPlan(t *testing.T) {
	dir := t.TempDir()
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	r, err := Create(dir, Plan{Kind: "eval", Images: 10, Shards: 3, Config: json.RawMessage(`{"seed":18446744073709551615}`)}, File{"network.nir", text("net")})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again.hash != r.hash || !strings.Contains(string(again.Plan().Config), "18446744073709551615") {
		t.Errorf("read back: %+v", again.plan)
	}
	if b, err := again.ReadFile("network.nir"); err != nil || string(b) != "net" {
		t.Errorf("read %q, error %v", b, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "network.nir"), []byte("bet"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := again.ReadFile("network.nir"); !errors.Is(err, ErrDamaged) {
		t.Errorf("a changed file: got error %v", err)
	}
	if _, err := again.ReadFile("other"); err == nil {
		t.Error("a file that the plan does not name: no error")
	}
	if err := os.Remove(filepath.Join(dir, "network.nir")); err != nil {
		t.Fatal(err)
	}
	second := File{"network.nir", func(io.Writer) error { return nil }}
	if _, err := Create(dir, Plan{Kind: "eval", Images: 1, Shards: 1}, second); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second plan: got error %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "network.nir")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of the second plan: got error %v", err)
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no plan: got error %v", err)
	}
}

// Several processes plan different runs in one folder at the same time. One of them has
// its run, with its own files, and nothing is left of the others.
func TestPlannedTogether(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				network := File{"network.nir", func(w io.Writer) error { _, err := fmt.Fprint(w, i); return err }}
				_, errs[i] = Create(dir, Plan{Kind: "test", Images: 4, Shards: 2, Config: json.RawMessage(fmt.Sprint(i))}, network)
			})
		}
		wg.Wait()
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			if won := string(r.Plan().Config) == fmt.Sprint(i); won != (err == nil) || err != nil && !errors.Is(err, fs.ErrExist) {
				t.Errorf("process %d: error %v, the plan is of %s", i, err, r.Plan().Config)
			}
		}
		if b, err := r.ReadFile("network.nir"); err != nil || string(b) != string(r.Plan().Config) {
			t.Errorf("plan of %s: read %q, error %v", r.Plan().Config, b, err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 3 {
			t.Errorf("left %v, error %v", left, err)
		}
	}
}

// A process that is killed between the plan and its files leaves a run that is whole.
func TestPlannedAndKilled(t *testing.T) {
	dir := t.TempDir()
	r, err := Create(dir, Plan{Kind: "test", Images: 4, Shards: 2, Config: json.RawMessage(`{}`)}, File{"network.nir", func(w io.Writer) error { _, err := io.WriteString(w, "net"); return err }})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "network.nir"), staged(dir, "network.nir", r.Plan().Files["network.nir"])); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if b, err := r.ReadFile("network.nir"); err != nil || string(b) != "net" {
		t.Errorf("read %q, error %v", b, err)
	}
}

// Shards may be cut anew until one is begun.
func TestDivide(t *testing.T) {
	r := newRun(t, 10, 3)
	d, err := r.Divide(5)
	if err != nil || d.Shards() != 5 || d.hash == r.hash {
		t.Fatalf("divided: %v", err)
	}
	if again, err := Open(d.dir); err != nil || again.hash != d.hash {
		t.Errorf("read back: %v", err)
	}
	for _, n := range []int{0, 11} {
		if _, err := d.Divide(n); err == nil {
			t.Errorf("%d shards of 10 images: no error", n)
		}
	}
	a, _ := begin(t, d, 4)
	defer a.Abandon()
	if _, err := d.Divide(2); err == nil || !strings.Contains(err.Error(), "has been started") {
		t.Errorf("dividing a run that has been begun: got error %v", err)
	}
	if same, err := d.Divide(5); err != nil || same != d {
		t.Errorf("dividing it as it is: %v", err)
	}
}

func TestBadPlans(t *testing.T) {
	for name, plan := range map[string]string{
		"empty":         ``,
		"no JSON":       `shards: 3`,
		"kind":          `{"format":2,"images":4,"shards":2}`,
		"unknown key":   `{"format":2,"kind":"eval","images":4,"shards":2,"shard":1}`,
		"no images":     `{"format":2,"kind":"eval","images":0,"shards":1}`,
		"negative":      `{"format":2,"kind":"eval","images":-4,"shards":2}`,
		"huge":          `{"format":2,"kind":"eval","images":9223372036854775807,"shards":2}`,
		"no shards":     `{"format":2,"kind":"eval","images":4,"shards":0}`,
		"more shards":   `{"format":2,"kind":"eval","images":4,"shards":5}`,
		"too many":      `{"format":2,"kind":"eval","images":4000,"shards":1001}`,
		"way out":       `{"format":2,"kind":"eval","images":4,"shards":2,"files":{"../x":"00"}}`,
		"way out again": `{"format":2,"kind":"eval","images":4,"shards":2,"files":{"a/b":"00"}}`,
		"no hash":       `{"format":2,"kind":"eval","images":4,"shards":2,"files":{"x":"../00"}}`,
		"hidden":        `{"format":2,"kind":"eval","images":4,"shards":2,"files":{".x":"00"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, planFile), []byte(plan), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), planFile) {
				t.Errorf("got error %v", err)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	r := newRun(t, 100, 10)
	for k := range 3 {
		a, _ := begin(t, r, k)
		first, end := r.plan.Range(k)
		var all []int
		for i := first; i < end; i++ {
			all = append(all, i)
		}
		b := block(t, all...)
		b.Seconds = 5 // Two images per second.
		if err := a.Finish(b); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := begin(t, r, 5)
	defer a.Abandon()
	b := block(t, 50, 51, 52, 53)
	b.Seconds = 2
	if err := a.Append(b); err != nil {
		t.Fatal(err)
	}
	got, err := r.Status()
	if err != nil {
		t.Fatal(err)
	}
	want := &Status{Shards: 10, Finished: 3, Running: []int{5}, Waiting: []int{3, 4, 6, 7, 8, 9}, Images: 100, Done: 34, Rate: 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if left := got.Left(); left != 33*time.Second {
		t.Errorf("%v left", left)
	}
	if b, err := got.JSON(); err != nil || !strings.Contains(string(b), `"seconds_left":33`) {
		t.Errorf("%s, %v", b, err)
	}
}

// Whatever a file of a shard holds, it is read without a panic, and what is taken
// from it are images of that shard.
func FuzzBlocks(f *testing.F) {
	r := newRun(f, 8, 2)
	a, _ := begin(f, r, 1)
	_ = a.Append(block(f, 5, 6))
	_ = a.Append(block(f, 4))
	whole, err := os.ReadFile(a.part.Name())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	for _, images := range []string{`[[4,8]]`, `[[5,4]]`, `[[-1,3]]`, `[[4,5],[5,6]]`, `null`} {
		head, _ := encodeLine(header{r.hash, 1, 4, 8})
		body, _ := encodeLine(json.RawMessage(fmt.Sprintf(`{"images":%s,"seconds":1,"data":7}`, images)))
		f.Add(slices.Concat(head, body))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		blocks, _ := r.blocks(file, 1)
		var done Set
		for _, b := range blocks {
			if err := b.Images.within(4, 8); err != nil {
				t.Fatal(err)
			}
			if !b.Images.Disjoint(done) {
				t.Fatal("an image twice")
			}
			done = done.Union(b.Images)
		}
	})
}
