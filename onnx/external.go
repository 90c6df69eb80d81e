package onnx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// folder is where external data may lie: beside the model and nowhere else.
type folder struct {
	dir  string
	seen map[string]bool // Files that the budget has grown by.
}

// location says where the elements of a tensor are.
type location struct {
	file           string
	offset, length int64
	hasLength      bool
}

// parse reads one StringStringEntryProto{key = 1, value = 2} of external_data.
func (l *location) parse(f field) error {
	p, err := f.message()
	if err != nil {
		return err
	}
	var key, val string
	err = fields(p, func(f field) (err error) {
		switch f.num {
		case 1:
			key, err = f.text()
		case 2:
			val, err = f.text()
		}
		return err
	})
	if err != nil {
		return err
	}
	switch key {
	case "location":
		l.file = val
	case "offset":
		l.offset, err = strconv.ParseInt(val, 10, 64)
	case "length":
		l.hasLength = true
		l.length, err = strconv.ParseInt(val, 10, 64)
	}
	if err != nil {
		return fmt.Errorf("external data: %s %q is not a number", key, val)
	}
	return nil
}

// read returns the n bytes at l. [os.Root] follows no symbolic link out of the
// folder.
func (d *folder) read(l location, n int, b *budget) ([]byte, error) {
	if d == nil {
		return nil, refused("read the model from its folder", "its data is in another file, %q", l.file)
	}
	name := filepath.FromSlash(strings.ReplaceAll(l.file, `\`, "/"))
	if l.file == "" || !filepath.IsLocal(name) {
		return nil, refused(keepTogether, "external data: %q is not a file beside the model", l.file)
	}
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return nil, fmt.Errorf("external data: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, refused(keepTogether, "external data: no file %q beside the model", l.file)
	} else if err != nil {
		return nil, fmt.Errorf("external data: %q: %w", l.file, err)
	}
	if !info.Mode().IsRegular() {
		return nil, refused(keepTogether, "external data: %q is not a file", l.file)
	}
	if l.hasLength && l.length != int64(n) {
		return nil, fmt.Errorf("external data: %q: length %d, but the shape needs %d bytes", l.file, l.length, n)
	}
	if l.offset < 0 || l.offset > info.Size() || int64(n) > info.Size()-l.offset {
		return nil, damaged("external data: %q has %d bytes, too few for %d from byte %d on", l.file, info.Size(), n, l.offset)
	}
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	if !d.seen[name] && len(d.seen) < maxInits {
		d.seen[name] = true
		b.grow(info.Size())
	}
	if err := b.charge(n, 1); err != nil {
		return nil, err
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("external data: %q: %w", l.file, err)
	}
	defer f.Close()
	raw := make([]byte, n)
	if _, err := f.ReadAt(raw, l.offset); err != nil && !(err == io.EOF && n == 0) {
		return nil, fmt.Errorf("external data: %q: %w", l.file, err)
	}
	return raw, nil
}
