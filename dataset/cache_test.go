package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sresnet/tensor"
)

// rest makes all files below a folder as old as the cache wants them.
func rest(t *testing.T, dir string) {
	t.Helper()
	past := time.Now().Add(-time.Hour)
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, past, past))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// replace writes other content of the same size into a file, and leaves its time as it was.
func replace(t *testing.T, path string, old, new []byte) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(b), string(old), string(new))
	if changed == string(b) || len(changed) != len(b) {
		t.Fatalf("%s: nothing to replace", path)
	}
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, d *Dataset, cache string) *Dataset {
	t.Helper()
	good, _, err := d.Checked(t.Context(), Check{Workers: 2, SkipBad: 1, Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	return good
}

// caches returns the files of a folder of caches.
func caches(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "images", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCache(t *testing.T) {
	one, two := square(4), square(5) // Of one length.
	for kind, file := range map[string]string{"folder:": "own/a/1.png", "tar:": "own/x.tar"} {
		t.Run(kind, func(t *testing.T) {
			dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "made", "when needed")
			content := one
			if kind == "tar:" {
				content = tarOf(sampleOf("1", 4, 0), []member{{name: "1.txt"}}, sampleOf("2", 3, 0))
			}
			path := write(t, dir, file, content)
			spec := kind + filepath.Join(dir, "own")
			open := func() *Dataset { return small(t, spec, Test) }

			want := check(t, open(), cache)
			if list := caches(t, cache); len(list) != 0 {
				t.Fatalf("files that were just written are remembered: %v", list)
			}
			rest(t, dir)
			if got := check(t, open(), cache); got.Hash() != want.Hash() || len(caches(t, cache)) != 1 {
				t.Fatalf("caches: %v", caches(t, cache))
			}

			// Now it is not read, so that a change which leaves no trace is not seen...
			replace(t, path, one, two)
			d := check(t, open(), cache)
			if d.Hash() != want.Hash() {
				t.Error("a file was read again")
			}
			part, err := d.First(1)
			if err != nil {
				t.Fatal(err)
			}
			// ...until it is read in earnest.
			if err := part.Pixels(0, make([]float32, 4)); err == nil || !strings.Contains(err.Error(), "image 0: "+path) || !strings.Contains(err.Error(), "its content has changed since it was checked") {
				t.Errorf("got error %v", err)
			}
			if list := caches(t, cache); len(list) != 0 {
				t.Errorf("a cache that misled is left: %v", list)
			}
			if d := check(t, open(), cache); d.Hash() == want.Hash() || firsts(t, d)[0] != 5 {
				t.Errorf("got the old hash, or images %v", firsts(t, d))
			}

			// A file of another time is read.
			replace(t, path, two, one)
			if err := os.Chtimes(path, time.Now(), time.Now().Add(-time.Minute)); err != nil {
				t.Fatal(err)
			}
			if d := check(t, open(), cache); d.Hash() != want.Hash() {
				t.Error("a change of the file's time is not seen")
			}
			// So is one that was put in its place.
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if runtime.GOOS != "windows" {
				if err := os.Rename(path, path+".old"); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(content), string(one), string(two))), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
					t.Fatal(err)
				}
				if d := check(t, open(), cache); d.Hash() == want.Hash() {
					t.Error("another file in the place of the old one is not seen")
				}
			}
			// A damaged cache is written anew.
			want = check(t, open(), cache)
			name := caches(t, cache)[0]
			whole, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range [][]byte{nil, []byte("hello"), whole[:len(whole)-1], slices.Concat(whole, []byte("x")), []byte(strings.Replace(string(whole), "images 1", "images 0", 1))} {
				if err := os.WriteFile(name, b, 0o644); err != nil {
					t.Fatal(err)
				}
				if d := check(t, open(), cache); d.Hash() != want.Hash() {
					t.Errorf("cache %.40q: got another hash", b)
				}
				if b, err := os.ReadFile(name); err != nil || string(b) != string(whole) {
					t.Errorf("cache %.40q: got %q, error %v", b, b, err)
				}
			}
			if list := caches(t, cache); len(list) != 1 {
				t.Errorf("left are %v", list)
			}
		})
	}
}

// A cache that cannot be written, or is no file, only costs time.
func TestCacheUnusable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "own/a/1.png", square(1))
	rest(t, dir)
	d := small(t, "folder:"+filepath.Join(dir, "own"), Test)
	file := write(t, dir, "file", []byte("x"))
	want := check(t, d, "").Hash()
	if got := check(t, d, filepath.Join(file, "cache")).Hash(); got != want {
		t.Error("got another hash")
	}
	cache := filepath.Join(dir, "cache")
	check(t, d, cache)
	name := caches(t, cache)[0]
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	write(t, name, "full", nil) // A folder, that is.
	for range 2 {
		if got := check(t, d, cache).Hash(); got != want {
			t.Error("got another hash")
		}
	}
	if list, err := os.ReadDir(filepath.Dir(name)); err != nil || len(list) != 1 {
		t.Errorf("left are %v, error %v", list, err)
	}
}

// What was read before Ctrl-C is remembered; images that are bad are not; those of two
// parts of a data set are together.
func TestCacheParts(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	for i := range 8 {
		write(t, dir, fmt.Sprintf("own/a/%d.png", i), square(byte(i)))
	}
	bad := write(t, dir, "own/a/8.png", square(8)[:50])
	rest(t, dir)
	d := small(t, "folder:"+filepath.Join(dir, "own"), Test)
	known := func() int { return len(openCache(cache, filepath.Join(dir, "own")).images) }
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := d.Checked(ctx, Check{Cache: cache, Progress: func(done, _ int) {
		if done == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || known() != 3 {
		t.Errorf("%d images are known, error %v", known(), err)
	}
	last, err := d.Slice(6, 9)
	if err != nil {
		t.Fatal(err)
	}
	check(t, last, cache)
	if known() != 5 {
		t.Errorf("%d images are known", known())
	}
	var calls [][2]int
	_, skipped, err := d.Checked(t.Context(), Check{Cache: cache, SkipBad: 1, Progress: func(done, total int) { calls = append(calls, [2]int{done, total}) }})
	if err != nil || len(skipped) != 1 || skipped[0].Path != bad || known() != 8 {
		t.Errorf("%d images are known, skipped %v, error %v", known(), skipped, err)
	}
	if want := [][2]int{{5, 9}, {6, 9}, {7, 9}, {8, 9}, {9, 9}}; !slices.Equal(calls, want) {
		t.Errorf("progress was %v, want %v", calls, want)
	}
	// Whether it can be resized is asked of a known one, too.
	if d, err = d.Resized(tensor.Shape{1, 2, 2}, 1<<24); err != nil {
		t.Fatal(err)
	}
	var unreadable *UnreadableError
	if _, _, err := d.Checked(t.Context(), Check{Cache: cache}); !errors.As(err, &unreadable) || len(unreadable.Files) != 9 {
		t.Errorf("got error %v", err)
	}
}

// An archive that grows while it is read is not what was opened.
func TestCheckedChanging(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "x.tar", tarOf(sampleOf("a", 1, 0)))
	rest(t, dir)
	d := small(t, "tar:"+path, Test)
	write(t, dir, "x.tar", tarOf(sampleOf("a", 1, 0), sampleOf("b", 1, 0)))
	if _, _, err := d.Checked(t.Context(), Check{}); err == nil || !strings.Contains(err.Error(), "x.tar changed while it was read") {
		t.Errorf("got error %v", err)
	}
}

// A cache is read as it was written, and anything else is refused.
func FuzzCache(f *testing.F) {
	f.Add([]byte("a/1.png,88,-5,3,0,88," + strings.Repeat("0f", 32) + ",4,4\n\"x,\"\"y.tar\",1,2,3,512,0," + strings.Repeat("00", 32) + ",1,1\n"))
	f.Add([]byte("a,1,1,1,1,1,zz,1,1\n"))
	f.Fuzz(func(t *testing.T, rows []byte) {
		b := append(fmt.Appendf(nil, "%s%x\n", cacheHeader, sha256.Sum256(rows)), rows...)
		images, err := parseCache(b)
		if err != nil {
			return
		}
		again, err := parseCache(formatCache(images))
		if err != nil || !maps.Equal(images, again) {
			t.Errorf("error %v: %v became %v", err, images, again)
		}
		if _, err := parseCache(append(b, 'x')); err == nil {
			t.Error("a damaged cache is read")
		}
	})
}
