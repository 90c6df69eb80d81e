package shard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ErrDamaged says that a file of a run is not as it was written.
var ErrDamaged = errors.New("damaged")

// Block is the work on some images.
type Block struct {
	Images  Set             `json:"images"`
	Seconds float64         `json:"seconds"` // Wall time that the work took.
	Data    json.RawMessage `json:"data"`    // The work, in the form of its kind.
}

// Set is a set of images as ranges, ascending and apart from each other: each
// holds the images from its first number to one before its second.
type Set [][2]int

// SetOf returns the set of the given images, in any order. It is an error if one is
// named twice.
func SetOf(images []int) (Set, error) {
	sorted := slices.Sorted(slices.Values(images))
	var s Set
	for i, image := range sorted {
		switch {
		case i > 0 && image == sorted[i-1]:
			return nil, fmt.Errorf("shard: image %d is there twice", image)
		case i > 0 && image == sorted[i-1]+1:
			s[len(s)-1][1]++
		default:
			s = append(s, [2]int{image, image + 1})
		}
	}
	return s, nil
}

// Len returns how many images s holds.
func (s Set) Len() (n int) {
	for _, r := range s {
		n += r[1] - r[0]
	}
	return n
}

// Has reports whether s holds image i.
func (s Set) Has(i int) bool {
	at, found := slices.BinarySearchFunc(s, i, func(r [2]int, i int) int { return r[0] - i })
	return found || at > 0 && i < s[at-1][1]
}

// Disjoint reports whether s and t have no image in common.
func (s Set) Disjoint(t Set) bool {
	for len(s) > 0 && len(t) > 0 {
		switch {
		case s[0][1] <= t[0][0]:
			s = s[1:]
		case t[0][1] <= s[0][0]:
			t = t[1:]
		default:
			return false
		}
	}
	return true
}

// Union returns the set of the images of s and t, which must be disjoint.
func (s Set) Union(t Set) Set {
	all := slices.Concat(s, t)
	slices.SortFunc(all, func(a, b [2]int) int { return a[0] - b[0] })
	var u Set
	for _, r := range all {
		if n := len(u); n > 0 && u[n-1][1] == r[0] {
			u[n-1][1] = r[1]
		} else {
			u = append(u, r)
		}
	}
	return u
}

// within checks that s is a set as its comment says, of images from first to end-1.
func (s Set) within(first, end int) error {
	last := first
	for _, r := range s {
		if r[0] < last || r[1] <= r[0] || r[1] > end {
			return fmt.Errorf("images %v are none of those from %d to %d in order", r, first, end-1)
		}
		last = r[1] + 1 // Apart, or they would be one range.
	}
	if len(s) == 0 {
		return errors.New("no images")
	}
	return nil
}

// header is the first line of a shard's file: what the lines after it belong to.
type header struct {
	Run   string `json:"run"` // SHA-256 of the plan.
	Shard int    `json:"shard"`
	First int    `json:"first"`
	End   int    `json:"end"`
}

// line is how the lines of files of shards look: something with its hash, so that a
// line that is torn or damaged is none.
type line struct {
	SHA256 string          `json:"sha256"`
	Of     json.RawMessage `json:"of"`
}

func encodeLine(v any) ([]byte, error) {
	of, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	sum := sha256.Sum256(of)
	b, err := json.Marshal(line{hex.EncodeToString(sum[:]), of})
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	return append(b, '\n'), nil
}

func decodeLine(b []byte, v any) error {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return fmt.Errorf("%w: a line is no JSON object", ErrDamaged)
	}
	if sum := sha256.Sum256(l.Of); hex.EncodeToString(sum[:]) != l.SHA256 {
		return fmt.Errorf("%w: a line has not the hash that it was written with", ErrDamaged)
	}
	if err := json.Unmarshal(l.Of, v); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// blocks returns the blocks of a file of shard k: those before the first line that
// is not whole, which is the error then. An error without blocks may also say that
// the file is of another run.
func (r *Run) blocks(file []byte, k int) ([]Block, error) {
	first, end := r.plan.Range(k)
	next := func() ([]byte, error) {
		b, rest, ok := bytes.Cut(file, []byte{'\n'})
		if !ok {
			return nil, fmt.Errorf("%w: its last line is torn", ErrDamaged)
		}
		file = rest
		return b, nil
	}
	b, err := next()
	if err != nil {
		return nil, err
	}
	var h header
	if err := decodeLine(b, &h); err != nil {
		return nil, err
	}
	if h != (header{r.hash, k, first, end}) {
		return nil, errors.New("it belongs to another run or shard")
	}
	var (
		list []Block
		done Set
	)
	for len(file) > 0 {
		if b, err = next(); err != nil {
			return list, err
		}
		var block Block
		if err := decodeLine(b, &block); err != nil {
			return list, err
		}
		if err := block.Images.within(first, end); err != nil {
			return list, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if !block.Images.Disjoint(done) {
			return list, fmt.Errorf("%w: an image is there twice", ErrDamaged)
		}
		done = done.Union(block.Images)
		list = append(list, block)
	}
	return list, nil
}
