// Package download fetches files over HTTP, whole or not at all: an interrupted download
// resumes where it stopped, and a file gets its name only when its checksum is correct. It
// knows nothing else about the files.
package download

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sresnet/internal/hint"
	"sresnet/internal/regular"

	// In a container of the program alone there are no certificates of authorities. These are for
	// systems without any.
	_ "golang.org/x/crypto/x509roots/fallback"
)

// File is a file to download.
type File struct {
	Path string   // Where it goes, in a folder that is there.
	URLs []string // Tried in order.
	Sum  Sum

	// Else, if set, is what helps where these addresses do not, for hints.
	Else string
}

// Sum is what a publisher says of a file's content: a checksum, or its first digits.
type Sum struct {
	Name   string // MD5 or SHA-256.
	Digits string // Hexadecimal.
}

// MD5 returns that checksum.
func MD5(digits string) Sum { return Sum{"MD5", digits} }

// SHA256 returns that checksum, or the part of it that is known.
func SHA256(digits string) Sum { return Sum{"SHA-256", digits} }

func (s Sum) hash() hash.Hash {
	if s.Name == "MD5" {
		return md5.New()
	}
	return sha256.New()
}

// Whole reports whether all digits are known.
func (s Sum) Whole() bool { return len(s.Digits) == 2*s.hash().Size() }

// String returns the checksum with its name; dots stand for digits that are not known.
func (s Sum) String() string { return s.Name + " " + s.digits() }

func (s Sum) digits() string {
	if s.Whole() {
		return s.Digits
	}
	return s.Digits + "..."
}

// Of returns the checksum of a file, all digits of it.
func (s Sum) Of(path string) (string, error) {
	r, _, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := s.hash()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (s Sum) fits(sum string) bool { return strings.HasPrefix(sum, s.Digits) }

// Options adjusts [File.Get].
type Options struct {
	// Progress, if set, is told how many bytes of a file have arrived.
	Progress func(file string, done, total int64)

	// Stall is how long the server may be silent. Defaults to 30 seconds.
	Stall time.Duration
}

// Error is the error of a file that could not be downloaded.
type Error struct {
	URL  string
	Sum  Sum
	Path string // Where it was to go.
	Err  error

	other string
}

func (e *Error) Error() string { return fmt.Sprintf("cannot download %s: %v", e.URL, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about e.
func (e *Error) Hint() string {
	var list []string
	if e.Unreachable() {
		list = append(list, fmt.Sprintf("is this machine online, and does it need a proxy (HTTPS_PROXY)? Otherwise download %s (%s) elsewhere and save it as %s", e.URL, e.Sum, e.Path))
	} else {
		list = append(list, "try again later, which resumes where it stopped")
	}
	if e.other != "" {
		list = append(list, e.other)
	}
	return strings.Join(list, "; ")
}

// Unreachable reports whether the server did not answer, as on a machine that is
// offline.
func (e *Error) Unreachable() bool {
	var u *url.Error
	return errors.As(e.Err, &u)
}

// ErrOther is the error of a file that is in the place of one to download.
var ErrOther = errors.New("not the published file, or only half of it")

// errSum says that a file came whole but is another one.
var errSum = errors.New("the file is not the published one")

// errPage says that what came is for people to read.
var errPage = errors.New("a web page came in place of the file, such as those of a login, a proxy or an error")

// Get downloads the file unless it is there, which it reports. It is an error if another
// file is in its place. If ctx ends, what has come is kept for the next call.
func (f File) Get(ctx context.Context, o Options) (there bool, err error) {
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	sum, err := f.Sum.Of(f.Path)
	switch {
	case err == nil && !f.Sum.fits(sum):
		err := fmt.Errorf("%s is %w: its %s is %s and not %s", f.Path, ErrOther, f.Sum.Name, sum, f.Sum.digits())
		return false, hint.Error(err, "remove it, or choose another place")
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return err == nil, err
	}
	var errs []error
	for _, address := range f.URLs {
		err := f.from(ctx, address, o)
		var disk *fs.PathError
		switch {
		case err == nil || ctx.Err() != nil:
			return false, err
		case errors.As(err, &disk): // Which another server would not help.
			return false, hint.Error(fmt.Errorf("cannot download: %w", err), "check the path, and that there is room; the same command resumes where it stopped")
		}
		errs = append(errs, &Error{address, f.Sum, f.Path, err, f.Else})
	}
	return false, errors.Join(errs...)
}

// longest bounds a download, so that a server cannot fill the disk. The largest file
// has 170 MB.
var longest int64 = 1 << 30

// from downloads the file from one address. A part that an earlier call left is gone
// on with; should it have been of another file, the download begins again.
func (f File) from(ctx context.Context, address string, o Options) error {
	part := f.Path + ".part"
	info, err := os.Lstat(part)
	if err == nil && !info.Mode().IsRegular() { // A link would lead what is written elsewhere.
		return &fs.PathError{Op: "open", Path: part, Err: regular.ErrNot}
	}
	begun := err == nil && info.Size() > 0
	if err := f.append(ctx, address, part, o); err != nil {
		return err
	}
	sum, err := f.Sum.Of(part)
	if err != nil {
		return err
	}
	if f.Sum.fits(sum) {
		return os.Rename(part, f.Path)
	}
	page := isPage(part)
	if err := os.Remove(part); err != nil {
		return err
	}
	switch {
	case begun:
		return f.from(ctx, address, o)
	case page:
		return errPage
	}
	return fmt.Errorf("%w: its %s is %s, not %s", errSum, f.Sum.Name, sum, f.Sum.digits())
}

// isPage reports whether a file is HTML. It is a guess, for an error.
func isPage(path string) bool {
	r, _, err := regular.Open(path)
	if err != nil {
		return false
	}
	defer r.Close()
	head := make([]byte, 512)
	n, _ := io.ReadFull(r, head) // Fewer will do.
	return strings.HasPrefix(http.DetectContentType(head[:n]), "text/html")
}

// append adds what is missing to the part of a file.
func (f File) append(ctx context.Context, address, part string, o Options) error {
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

func (f File) copy(ctx context.Context, address string, w *os.File, o Options) error {
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
				o.Progress(filepath.Base(f.Path), done, total)
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
