package dataset

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sresnet/internal/atomic"
	"sresnet/internal/regular"
)

// A cache remembers what [Dataset.Checked] found of image files, so that it need not read
// those that are as they were. It is a file for every root, with a line for every image;
// what is wrong with it costs time, never an error. That a file is as it was, its size,
// its time and its inode say; that its content is, every later reading of it.
type cache struct {
	file   string // Its path; empty for none.
	images map[place]finding
	news   map[place]finding // To be added.
}

// A place is where an image is below the root: its file and the offset there.
type place struct {
	name   string
	offset int64
}

// A finding is what is known of an image that can be decoded.
type finding struct {
	identity
	length        int64 // Of the content.
	sum           [sha256.Size]byte
	width, height int // Of a picture; for frames see fileStore.dimensions.
}

// identity tells whether a file is still the one that it was.
type identity struct {
	size    int64
	modTime int64 // In nanoseconds since 1970.
	inode   uint64
}

// racy is how long after a change another one may leave a file's time as it is, with
// allowance for clocks of file servers.
const racy = 2 * time.Second

// identify returns the identity of a regular file, and whether any later change of it
// will change that.
func identify(path string) (id identity, settled bool, err error) {
	now := time.Now()
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, false, err
	}
	if !info.Mode().IsRegular() {
		return identity{}, false, fmt.Errorf("%s: not a regular file", path)
	}
	return identity{info.Size(), info.ModTime().UnixNano(), inode(info)}, info.ModTime().Before(now.Add(-racy)), nil
}

// maxCache bounds the size of a cache, which has about 120 bytes per image.
const maxCache = 1 << 30

// openCache reads the cache of a root from a folder of caches; of the folder "" it
// remembers nothing.
func openCache(folder, root string) *cache {
	c := &cache{images: make(map[place]finding), news: make(map[place]finding)}
	abs, err := filepath.Abs(root)
	if folder == "" || err != nil {
		return c
	}
	name := sha256.Sum256([]byte(abs))
	c.file = filepath.Join(folder, "images", hex.EncodeToString(name[:16])+".csv")
	c.read()
	return c
}

// read adds what the file holds.
func (c *cache) read() {
	b, err := regular.ReadFile(c.file, maxCache)
	if err != nil {
		return
	}
	if images, err := parseCache(b); err == nil {
		maps.Copy(c.images, images)
	}
}

// find returns what is known of an image in a file of that identity.
func (c *cache) find(p place, id identity) (finding, bool) {
	f, ok := c.images[p]
	return f, ok && f.identity == id
}

// write adds the news to the file, to what others have written to it meanwhile.
func (c *cache) write() error {
	if c.file == "" || len(c.news) == 0 {
		return nil
	}
	c.read()
	now := make(map[string]identity) // Of files; what is known of others of that name is stale.
	for p, f := range c.news {
		now[p.name] = f.identity
	}
	maps.DeleteFunc(c.images, func(p place, f finding) bool {
		id, ok := now[p.name]
		return ok && id != f.identity
	})
	maps.Copy(c.images, c.news)
	clear(c.news)
	if err := os.MkdirAll(filepath.Dir(c.file), 0o755); err != nil {
		return err
	}
	return atomic.WriteFile(c.file, func(w io.Writer) error {
		_, err := w.Write(formatCache(c.images))
		return err
	})
}

// cacheHeader begins a cache, before the SHA-256 of the rest. A new version of Go may
// decode otherwise; count up where images are refused that were not before.
var cacheHeader = "sresnet images 1 " + runtime.Version() + " "

func formatCache(images map[place]finding) []byte {
	places := slices.SortedFunc(maps.Keys(images), func(p, q place) int {
		return cmp.Or(cmp.Compare(p.name, q.name), cmp.Compare(p.offset, q.offset))
	})
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	for _, p := range places {
		f := images[p]
		_ = w.Write([]string{ // A buffer takes everything.
			p.name, number(f.size), number(f.modTime), strconv.FormatUint(f.inode, 10),
			number(p.offset), number(f.length), hex.EncodeToString(f.sum[:]), number(int64(f.width)), number(int64(f.height)),
		})
	}
	w.Flush()
	return append(fmt.Appendf(nil, "%s%x\n", cacheHeader, sha256.Sum256(b.Bytes())), b.Bytes()...)
}

func parseCache(b []byte) (map[place]finding, error) {
	head, rest, _ := bytes.Cut(b, []byte("\n"))
	if string(head) != fmt.Sprintf("%s%x", cacheHeader, sha256.Sum256(rest)) {
		return nil, errors.New("damaged, or of another version")
	}
	r := csv.NewReader(bytes.NewReader(rest))
	r.FieldsPerRecord, r.ReuseRecord = 9, true
	images := make(map[place]finding)
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return images, nil
		}
		if err != nil {
			return nil, err
		}
		number := func(field int) int64 {
			n, e := strconv.ParseInt(row[field], 10, 64)
			err = cmp.Or(err, e)
			return n
		}
		p := place{strings.Clone(row[0]), number(4)} // The whole line would stay in memory.
		f := finding{identity: identity{size: number(1), modTime: number(2)}, length: number(5), width: int(number(7)), height: int(number(8))}
		inode, e := strconv.ParseUint(row[3], 10, 64)
		sum, e2 := hex.DecodeString(row[6])
		if err = cmp.Or(err, e, e2); err != nil {
			return nil, err
		}
		f.inode = inode
		if copy(f.sum[:], sum) != len(f.sum) || len(sum) != len(f.sum) || f.width < 1 || f.height < 1 || f.length < 0 {
			return nil, errors.New("a line makes no sense")
		}
		images[p] = f
	}
}
