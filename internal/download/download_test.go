package download

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sresnet/internal/regular"
)

var content = bytes.Repeat([]byte("0123456789abcdef"), 20000)

// testFile is a file of that content, data.gz in a folder.
func testFile(dir string, bases ...string) File {
	sum := md5.Sum(content)
	f := File{Path: filepath.Join(dir, "data.gz"), Sum: MD5(hex.EncodeToString(sum[:]))}
	for _, base := range bases {
		f.URLs = append(f.URLs, base+"data.gz")
	}
	return f
}

// server answers with the content, and notes the ranges that it was asked for.
func server(t *testing.T, handle func(w http.ResponseWriter, r *http.Request)) (base string, ranges *[]string) {
	t.Helper()
	ranges = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*ranges = append(*ranges, r.Header.Get("Range"))
		handle(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/", ranges
}

func serve(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "data.gz", time.Time{}, bytes.NewReader(content))
}

func check(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "data.gz"))
	if err != nil || !bytes.Equal(b, content) {
		t.Errorf("got %d bytes, error %v", len(b), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data.gz.part")); err == nil {
		t.Error("the part is still there")
	}
}

// What came before a connection broke is kept, and only the rest is asked for.
func TestResume(t *testing.T) {
	var broken atomic.Bool
	base, ranges := server(t, func(w http.ResponseWriter, r *http.Request) {
		if broken.CompareAndSwap(false, true) {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			w.Write(content[:100000])
			return
		}
		serve(w, r)
	})
	dir := t.TempDir()
	_, err := testFile(dir, base).Get(t.Context(), Options{})
	if err == nil || !strings.Contains(err.Error(), "interrupted after 100000 bytes, which are kept") {
		t.Fatalf("got error %v", err)
	}
	if _, err := testFile(dir, base).Get(t.Context(), Options{}); err != nil {
		t.Fatal(err)
	}
	check(t, dir)
	if got := strings.Join(*ranges, "|"); got != "|bytes=100000-" {
		t.Errorf("asked for %q", got)
	}
}

// Parts that are of another file, too long or whole, and servers without ranges.
func TestParts(t *testing.T) {
	other := bytes.Repeat([]byte("x"), 1000)
	for _, tt := range []struct {
		name   string
		part   []byte
		handle http.HandlerFunc
		asked  string
	}{
		{"of another file", other, serve, "bytes=1000-|"},
		{"too long", append(bytes.Clone(content), other...), serve, "bytes=321000-|"},
		{"whole", content, serve, "bytes=320000-"},
		{"without ranges", content[:500], func(w http.ResponseWriter, _ *http.Request) { w.Write(content) }, "bytes=500-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base, ranges := server(t, tt.handle)
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "data.gz.part"), tt.part, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := testFile(dir, base).Get(t.Context(), Options{}); err != nil {
				t.Fatal(err)
			}
			check(t, dir)
			if got := strings.Join(*ranges, "|"); got != tt.asked {
				t.Errorf("asked for %q, want %q", got, tt.asked)
			}
		})
	}
}

// A server may say that a .gz is a way to transfer what is in it; it is kept as it is.
func TestContentEncoding(t *testing.T) {
	base, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("asked for encoding %q", got)
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(content)
	})
	dir := t.TempDir()
	if _, err := testFile(dir, base).Get(t.Context(), Options{}); err != nil {
		t.Fatal(err)
	}
	check(t, dir)
}

func TestErrors(t *testing.T) {
	wrong, ranges := server(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("other")) })
	dir := t.TempDir()
	_, err := testFile(dir, wrong).Get(t.Context(), Options{})
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, errSum) || e.URL != wrong+"data.gz" || e.Path != filepath.Join(dir, "data.gz") || e.Unreachable() || len(*ranges) != 1 {
		t.Errorf("another file: got error %v after %d requests", err, len(*ranges))
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("left are %v, error %v", list, err)
	}

	missing, _ := server(t, http.NotFound)
	if _, err := testFile(dir, missing).Get(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), `the server answers "404 Not Found"`) {
		t.Errorf("got error %v", err)
	}

	// Nobody listens there any more.
	s := httptest.NewServer(nil)
	s.Close()
	if _, err := testFile(dir, s.URL+"/").Get(t.Context(), Options{}); !errors.As(err, &e) || !e.Unreachable() {
		t.Errorf("got error %v", err)
	}

	// The next address is tried.
	base, _ := server(t, serve)
	if _, err := testFile(dir, missing, base).Get(t.Context(), Options{}); err != nil {
		t.Error(err)
	}
	check(t, dir)

	if err := os.WriteFile(filepath.Join(dir, "data.gz"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := testFile(dir, base).Get(t.Context(), Options{}); !errors.Is(err, ErrOther) {
		t.Errorf("got error %v", err)
	}
}

// A server that falls silent, and a user who has enough.
func TestStop(t *testing.T) {
	silent, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	dir := t.TempDir()
	if _, err := testFile(dir, silent).Get(t.Context(), Options{Stall: 50 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "the server was silent for 50ms") {
		t.Errorf("got error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := testFile(t.TempDir(), silent).Get(ctx, Options{Progress: func(string, int64, int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
}

// What is written while it downloads is not written through a link.
func TestLinkedPart(t *testing.T) {
	base, _ := server(t, serve)
	dir := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(dir, "data.gz.part")
	if err := os.Symlink(victim, part); err != nil {
		t.Skip(err)
	}
	if _, err := testFile(dir, base).Get(t.Context(), Options{}); !errors.Is(err, regular.ErrNot) || !strings.Contains(err.Error(), part) {
		t.Errorf("got error %v", err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "untouched" {
		t.Errorf("the file that the link leads to is %q, %v", b, err)
	}
	if err := os.Remove(part); err != nil {
		t.Fatal(err)
	}
	if _, err := testFile(dir, base).Get(t.Context(), Options{}); err != nil {
		t.Fatal(err)
	}
	check(t, dir)
}

// A server that sends without end does not fill the disk.
func TestEndless(t *testing.T) {
	longest = 1 << 20
	defer func() { longest = 1 << 30 }()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for b := make([]byte, 1<<16); ; {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	dir := t.TempDir()
	if _, err := testFile(dir, s.URL+"/").Get(t.Context(), Options{}); !errors.Is(err, errSum) || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("got error %v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("the folder has %v, %v", list, err)
	}
}

// Of a SHA-256 the first digits may be all that is known.
func TestSHA256(t *testing.T) {
	base, _ := server(t, serve)
	sum := sha256.Sum256(content)
	all := hex.EncodeToString(sum[:])
	for _, tt := range []struct {
		digits string
		right  bool
		says   string
	}{
		{all, true, ""},
		{all[:8], true, ""},
		{"0" + all[1:8], false, "its SHA-256 is " + all + ", not 0" + all[1:8] + "..."},
		{all[:63] + "x", false, "its SHA-256 is " + all + ", not " + all[:63] + "x"},
	} {
		dir := t.TempDir()
		f := testFile(dir, base)
		f.Sum = SHA256(tt.digits)
		for _, there := range []bool{false, true} { // The second time it is there.
			got, err := f.Get(t.Context(), Options{})
			if tt.right && (err != nil || got != there) {
				t.Errorf("%s: got %v, error %v", tt.digits, got, err)
			}
			if !tt.right && (err == nil || !strings.HasSuffix(err.Error(), tt.says)) {
				t.Errorf("%s: got error %v", tt.digits, err)
			}
		}
		if tt.right {
			check(t, dir)
		}
	}
}

// Pages that say an error, with status 200, are told from files that changed.
func TestPage(t *testing.T) {
	base, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("\n<!DOCTYPE html>\n<title>Log in</title>"))
	})
	dir := t.TempDir()
	_, err := testFile(dir, base).Get(t.Context(), Options{})
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, errPage) || e.Unreachable() {
		t.Errorf("got error %v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("the folder has %v, %v", list, err)
	}
}

// A server may send elsewhere, as those of releases do, also for the rest of a file.
func TestRedirect(t *testing.T) {
	base, ranges := server(t, serve)
	from, _ := server(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, base+"there", http.StatusFound) })
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "data.gz.part"), content[:1000], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := testFile(dir, from).Get(t.Context(), Options{}); err != nil {
		t.Fatal(err)
	}
	check(t, dir)
	if got := strings.Join(*ranges, "|"); got != "bytes=1000-" {
		t.Errorf("asked for %q", got)
	}
}

// An error of the disk is one of a path, and no other address is tried.
func TestNoFolder(t *testing.T) {
	base, ranges := server(t, serve)
	dir := filepath.Join(t.TempDir(), "nowhere")
	var path *fs.PathError
	if _, err := testFile(dir, base, base).Get(t.Context(), Options{}); !errors.As(err, &path) || errors.As(err, new(*Error)) || len(*ranges) > 0 {
		t.Errorf("got error %v after %d requests", err, len(*ranges))
	}
}
