// Package fetch downloads data sets from their official addresses, whole or not at
// all: an interrupted download resumes where it stopped, and a file gets its name
// only when its checksum is correct. It knows nothing else about the files.
package fetch

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sresnet/internal/regular"
)

// set is a data set: files at any of several addresses.
type set struct {
	name  string
	bases []string // Tried in order; each ends with a slash.
	files []file
}

// file is known by the MD5 that its publisher gives.
type file struct{ name, md5 string }

// sets are the data sets that can be had without asking anybody.
var sets = []set{
	{
		"cifar10",
		[]string{"https://www.cs.toronto.edu/~kriz/"},
		[]file{{"cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"}},
	},
	{
		"cifar100",
		[]string{"https://www.cs.toronto.edu/~kriz/"},
		[]file{{"cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"}},
	},
	{
		"mnist", []string{"http://yann.lecun.com/exdb/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"}, // The second is PyTorch's copy.
		[]file{
			{"train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
			{"train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"},
			{"t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"},
			{"t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"},
		},
	},
	{
		"fashion-mnist",
		[]string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
		[]file{
			{"train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
			{"train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"},
			{"t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"},
			{"t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"},
		},
	},
}

// Names returns the data sets that [Get] knows.
func Names() []string {
	var names []string
	for _, s := range sets {
		names = append(names, s.name)
	}
	return names
}

// Options adjusts [Get].
type Options struct {
	// From is the address of the folder to get the files from, in place of the
	// official one: a mirror that holds them under their names.
	From string

	// Progress, if set, is told how many bytes of a file have arrived.
	Progress func(file string, done, total int64)

	// Stall is how long the server may be silent. Defaults to 30 seconds.
	Stall time.Duration
}

// Error is the error of a file that could not be downloaded.
type Error struct {
	URL string
	MD5 string // Of the file, in hexadecimal.
	Dir string // Where it was to go.
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("cannot download %s: %v", e.URL, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Unreachable reports whether the server did not answer, as on a machine that is
// offline.
func (e *Error) Unreachable() bool {
	var u *url.Error
	return errors.As(e.Err, &u)
}

// Get downloads the files of a data set that are not there yet into the folder dir,
// which it makes, and returns how many those were. If ctx ends, what has come is kept
// for the next call.
func Get(ctx context.Context, name, dir string, o Options) (int, error) {
	for _, s := range sets {
		if s.name == name {
			return s.get(ctx, dir, o)
		}
	}
	return 0, fmt.Errorf("fetch: unknown data set %q: there are %s", name, strings.Join(Names(), ", "))
}

func (s set) get(ctx context.Context, dir string, o Options) (got int, err error) {
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	if o.From != "" {
		s.bases = []string{strings.TrimSuffix(o.From, "/") + "/"}
	}
	made, err := makeFolder(dir)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil { // What is in them stays.
			for _, dir := range made {
				_ = os.Remove(dir)
			}
		}
	}()
	for _, f := range s.files {
		there, err := f.there(dir)
		if err != nil {
			return got, err
		}
		if there {
			continue
		}
		if err := f.fromAny(ctx, s.bases, dir, o); err != nil {
			return got, err
		}
		got++
	}
	return got, nil
}

// makeFolder makes a folder and returns those that were not there before, the innermost
// first.
func makeFolder(dir string) (made []string, err error) {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, at)
	}
	return made, os.MkdirAll(dir, 0o755)
}

// ErrOther is the error of a file that is in the place of one to download.
var ErrOther = errors.New("not the published file, or only half of it")

// there reports whether the file is in dir. It is an error if another one is.
func (f file) there(dir string) (bool, error) {
	path := filepath.Join(dir, f.name)
	sum, err := sumOf(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case sum != f.md5:
		return false, fmt.Errorf("%s is %w: its MD5 is %s and not %s", path, ErrOther, sum, f.md5)
	}
	return true, nil
}

func sumOf(path string) (string, error) {
	r, _, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := md5.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fromAny downloads the file from the first address that has it.
func (f file) fromAny(ctx context.Context, bases []string, dir string, o Options) error {
	var errs []error
	for _, base := range bases {
		err := f.from(ctx, base+f.name, dir, o)
		if err == nil || ctx.Err() != nil {
			return err
		}
		errs = append(errs, &Error{base + f.name, f.md5, dir, err})
	}
	return errors.Join(errs...)
}

// longest bounds a download, so that a server cannot fill the disk. The largest file
// has 170 MB.
var longest int64 = 1 << 30

// errSum says that a file came whole but is another one.
var errSum = errors.New("the file is not the published one")

// from downloads the file from one address. A part that an earlier call left is gone
// on with; should it have been of another file, the download begins again.
func (f file) from(ctx context.Context, address, dir string, o Options) error {
	part := filepath.Join(dir, f.name+".part")
	info, err := os.Lstat(part)
	if err == nil && !info.Mode().IsRegular() { // A link would lead what is written elsewhere.
		return &fs.PathError{Op: "open", Path: part, Err: regular.ErrNot}
	}
	begun := err == nil && info.Size() > 0
	if err := f.append(ctx, address, part, o); err != nil {
		return err
	}
	sum, err := sumOf(part)
	if err != nil {
		return err
	}
	if sum == f.md5 {
		return os.Rename(part, filepath.Join(dir, f.name))
	}
	if err := os.Remove(part); err != nil {
		return err
	}
	if begun {
		return f.from(ctx, address, dir, o)
	}
	return fmt.Errorf("%w: its MD5 is %s, not %s", errSum, sum, f.md5)
}

// append adds what is missing to the part of a file.
func (f file) append(ctx context.Context, address, part string, o Options) error {
	w, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	err = f.copy(ctx, address, w, o)
	if info, e := w.Stat(); err != nil && e == nil && info.Size() == 0 || errors.Is(err, errSum) {
		return errors.Join(err, w.Close(), os.Remove(part)) // Nothing came, or nothing of use.
	}
	return errors.Join(err, w.Close())
}

func (f file) copy(ctx context.Context, address string, w *os.File, o Options) error {
	done, err := w.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	stalled := fmt.Errorf("the server was silent for %v", o.Stall)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(o.Stall, func() { cancel(stalled) })
	defer timer.Stop()
	cause := func(err error) error {
		if errors.Is(context.Cause(ctx), stalled) {
			return stalled
		}
		return err
	}

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity") // Else a .gz could arrive unpacked.
	if done > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", done))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return cause(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && done > 0:
		return nil // There is no more; the checksum tells whether that is the file.
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", done)):
	case resp.StatusCode == http.StatusOK: // All of it: the server knows no parts, or none was asked for.
		if _, err := w.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := w.Truncate(0); err != nil {
			return err
		}
		done = 0
	default:
		return fmt.Errorf("the server answers %q", resp.Status)
	}
	total := done + resp.ContentLength // Less than done if it is not known.
	buf := make([]byte, 1<<16)
	for {
		n, err := resp.Body.Read(buf)
		timer.Reset(o.Stall)
		if done+int64(n) > longest {
			return fmt.Errorf("%w: it has more than %d bytes", errSum, longest)
		}
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			done += int64(n)
			if o.Progress != nil && resp.ContentLength >= 0 {
				o.Progress(f.name, done, total)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("interrupted after %d bytes, which are kept: %w", done, cause(err))
		}
	}
}
