package fetch

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sresnet/internal/download"
)

var content = bytes.Repeat([]byte("0123456789abcdef"), 20000)

// testSet is a set of one file, data.gz, with that content.
func testSet(bases ...string) set {
	sum := md5.Sum(content)
	return set{"test", bases, []file{{"data.gz", hex.EncodeToString(sum[:])}}}
}

// server answers as handle does, and counts requests.
func server(t *testing.T, handle http.HandlerFunc) (base string, requests *int) {
	t.Helper()
	requests = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests++
		handle(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/", requests
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

func TestGet(t *testing.T) {
	base, requests := server(t, serve)
	dir := filepath.Join(t.TempDir(), "new", "folder")
	var last, calls int64
	o := Options{Options: download.Options{Progress: func(name string, done, total int64) {
		if name != "data.gz" || done <= last || total != int64(len(content)) {
			t.Errorf("progress: %s, %d of %d after %d", name, done, total, last)
		}
		last = done
		calls++
	}}}
	for want := 1; want >= 0; want-- { // The second time it is there.
		n, err := testSet(base).get(t.Context(), dir, o)
		if err != nil || n != want {
			t.Fatalf("got %d files, want %d, error %v", n, want, err)
		}
		check(t, dir)
	}
	if last != int64(len(content)) || calls == 0 || *requests != 1 {
		t.Errorf("progress ended at %d; %d requests", last, *requests)
	}
}

// A download that fails before anything came leaves no folder that was not there.
func TestGetLeavesNoFolder(t *testing.T) {
	base, _ := server(t, func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	outer := t.TempDir()
	for _, dir := range []string{outer, filepath.Join(outer, "new"), filepath.Join(outer, "new", "folder")} {
		if _, err := testSet(base).get(t.Context(), dir, Options{}); err == nil {
			t.Fatal("no error")
		}
		if left, err := os.ReadDir(outer); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, error %v", dir, left, err)
		}
	}
}

// The next address is tried; one that was asked for is the only one.
func TestAddresses(t *testing.T) {
	missing, _ := server(t, http.NotFound)
	base, _ := server(t, serve)
	dir := t.TempDir()
	if _, err := testSet(missing, base).get(t.Context(), dir, Options{From: missing}); err == nil {
		t.Error("another address than that of From was asked")
	}
	if _, err := testSet(missing, base).get(t.Context(), dir, Options{}); err != nil {
		t.Error(err)
	}
	check(t, dir)
	var e *download.Error
	other := filepath.Join(dir, "other")
	if _, err := testSet(missing).get(t.Context(), other, Options{}); !errors.As(err, &e) || e.URL != missing+"data.gz" || e.Path != filepath.Join(other, "data.gz") {
		t.Errorf("got error %v", err)
	}
	if _, err := Get(t.Context(), "imagenet", dir, Options{}); err == nil || !strings.Contains(err.Error(), "there are cifar10, cifar100, mnist, fashion-mnist") {
		t.Errorf("got error %v", err)
	}
}
