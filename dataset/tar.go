package dataset

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sresnet/internal/parallel"
	"sresnet/internal/regular"
)

// Bounds of what is read of a data set in .tar files before any image.
const (
	maxShards   = 1 << 17 // Files.
	maxLabel    = 1 << 20 // Bytes of a member that holds a label.
	tarReaders  = 16      // Files that are indexed at a time: much of that is waiting, on a network file system.
	tarBlock    = 512
	tarSuffix   = ".tar"
	tarSpecHint = "give the folder of the .tar files, one of them, or a pattern such as val-{000000..000049}.tar"
)

// openTar reads .tar files in the layout of WebDataset [aizman2019], where they lie: an
// image is a member KEY.jpg, KEY.jpeg, KEY.png, KEY.bmp or KEY.webp, with its class number in KEY.cls or
// under "label" in KEY.json. KEY ends at the first dot of the name.
//
// References:
//
//	[aizman2019]  Alex Aizman, Gavin Maltby and Thomas Breuel. High Performance I/O For
//	              Large Scale Deep Learning. IEEE Big Data, 2019.
func openTar(arg string, split Split) (*Dataset, error) {
	if arg == "" {
		return nil, &SpecError{errors.New("a path is needed: " + tarSpecHint)}
	}
	root, names, single, err := shards(arg, split)
	if err != nil {
		return nil, err
	}
	classNames, err := readClassNames(root, arg)
	if err != nil {
		return nil, err
	}
	lists, archives := make([][]labelled, len(names)), make([]archive, len(names))
	err = parallel.Do(context.Background(), min(tarReaders, len(names)), len(names), func(int) func(context.Context, int) error {
		return func(_ context.Context, i int) (err error) {
			path := filepath.Join(root, filepath.FromSlash(names[i]))
			a := &archives[i]
			if a.identity, a.settled, err = identify(path); err != nil { // Before it is opened, as a pipe would wait.
				return err
			}
			if lists[i], err = indexTarFile(path, names[i], a.size); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			return nil
		}
	}, func() {})
	if err != nil {
		return nil, err
	}
	list := slices.Concat(lists...)
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no images: members KEY.jpg, KEY.jpeg or KEY.png with KEY.cls are read", arg)
	}
	classes := 0
	for _, l := range list {
		classes = max(classes, l.class+1)
	}
	if classNames != nil {
		if classes > len(classNames) {
			return nil, fmt.Errorf("%s: label %d, but the file of class names has only %d lines", arg, classes-1, len(classNames))
		}
		classes = len(classNames)
	}
	d := newFiles(root, list, classes)
	s := d.images.(*fileStore)
	s.archives = make(map[string]archive)
	for i, name := range names {
		s.archives[name] = archives[i]
	}
	d.names, d.atLeast, d.single = classNames, classNames == nil, single
	return d, nil
}

// shards returns the .tar files of a split, in order: their names below root, with
// slashes. single tells whether both splits have the same ones.
func shards(arg string, split Split) (root string, names []string, single bool, err error) {
	if pattern.MatchString(arg) {
		names, err := expand(filepath.ToSlash(arg))
		if err != nil {
			return "", nil, false, &SpecError{err}
		}
		// Up to the folder that the first brace is in, all have the same name.
		before, _, _ := strings.Cut(arg, "{")
		root := filepath.Dir(before + "x")
		var missing []string
		for i, name := range names {
			if !isRegular(filepath.FromSlash(name)) {
				missing = append(missing, name)
			}
			if names[i], err = filepath.Rel(root, filepath.FromSlash(name)); err != nil {
				return "", nil, false, err
			}
			names[i] = filepath.ToSlash(names[i])
		}
		if len(missing) > 0 {
			return "", nil, false, fmt.Errorf("%d of the %d files are not there: %s", len(missing), len(names), some(missing))
		}
		return root, names, true, nil
	}
	info, err := os.Stat(arg)
	if err != nil {
		return "", nil, false, err
	}
	if !info.IsDir() {
		return filepath.Dir(arg), []string{filepath.Base(arg)}, true, nil
	}
	if root, single, err = splitFolder(arg, split); err != nil {
		return "", nil, false, err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return "", nil, false, err
	}
	var compressed []string
	for _, e := range entries { // In order of their names.
		switch name := strings.ToLower(e.Name()); {
		case strings.HasPrefix(name, "."):
		case strings.HasSuffix(name, tarSuffix):
			names = append(names, e.Name())
		case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
			compressed = append(compressed, e.Name())
		}
	}
	switch {
	case len(names) == 0 && len(compressed) > 0:
		return "", nil, false, fmt.Errorf("folder %s: %s: %w", root, some(compressed), errCompressed)
	case len(names) == 0:
		return "", nil, false, fmt.Errorf("folder %s: there is no .tar file in it: %s", root, tarSpecHint)
	case single:
		names, single, err = ofSplit(names, split)
	}
	if err != nil {
		return "", nil, false, fmt.Errorf("folder %s: %w", root, err)
	}
	return root, names, single, nil
}

// A pattern of names has numbers in braces: {000000..000049}.
var pattern = regexp.MustCompile(`\{(\d{1,9})\.\.(\d{1,9})\}`)

// expand returns the names of a pattern, numbers with as many digits as the first has.
func expand(arg string) ([]string, error) {
	m := pattern.FindStringSubmatchIndex(arg)
	if m == nil {
		return []string{arg}, nil
	}
	first, _ := strconv.Atoi(arg[m[2]:m[3]]) // Of at most nine digits.
	last, _ := strconv.Atoi(arg[m[4]:m[5]])
	if first > last {
		return nil, fmt.Errorf("pattern %s: %d comes after %d", arg, first, last)
	}
	rest, err := expand(arg[m[1]:])
	if err != nil {
		return nil, err
	}
	if last-first >= maxShards/len(rest) {
		return nil, fmt.Errorf("pattern %s: more than %d files", arg, maxShards)
	}
	var names []string
	for n := first; n <= last; n++ {
		for _, r := range rest {
			names = append(names, fmt.Sprintf("%s%0*d%s", arg[:m[0]], m[3]-m[2], n, r))
		}
	}
	return names, nil
}

// ofSplit returns the files of a split where their names say it, such as
// imagenet-val-000000.tar, else all.
func ofSplit(names []string, split Split) (list []string, single bool, err error) {
	of := map[string]Split{"train": Train, "training": Train, "val": Test, "valid": Test, "validation": Test, "test": Test}
	letters := func(r rune) bool { return r < 'a' || r > 'z' }
	parts := map[Split][]string{}
	var neither []string
	for _, name := range names {
		words := strings.FieldsFunc(strings.ToLower(name), letters)
		if i := slices.IndexFunc(words, func(w string) bool { _, ok := of[w]; return ok }); i >= 0 {
			parts[of[words[i]]] = append(parts[of[words[i]]], name)
		} else {
			neither = append(neither, name)
		}
	}
	switch {
	case len(parts) == 0:
		return names, true, nil
	case len(neither) > 0:
		return nil, false, fmt.Errorf("some .tar files have a split in their names, but not %s: put those of a split into a folder of their own", some(neither))
	case len(parts[split]) == 0:
		return nil, false, fmt.Errorf("the names of the .tar files say that none is of the %s split", split)
	}
	return parts[split], false, nil
}

// classFiles may lie beside .tar files: a line is the name of a class.
var classFiles = []string{"classes.txt", "classnames.txt"}

// readClassNames returns the names of the classes, which may be in one of the folders;
// nil if they are in none.
func readClassNames(folders ...string) ([]string, error) {
	for _, dir := range folders {
		for _, name := range classFiles {
			name := filepath.Join(dir, name)
			if _, err := os.Stat(name); err != nil {
				continue // Most often there is none.
			}
			b, err := regular.ReadFile(name, maxTable)
			if err != nil {
				return nil, err
			}
			var names []string
			for line := range strings.Lines(string(b)) {
				if line = strings.TrimSpace(line); line == "" {
					return nil, fmt.Errorf("%s: line %d is empty: each line is the name of a class", name, len(names)+1)
				}
				names = append(names, line)
			}
			if len(names) == 0 || len(names) > maxClasses {
				return nil, fmt.Errorf("%s: %d lines; it needs one class name per line, from 1 to %d", name, len(names), maxClasses)
			}
			return names, nil
		}
	}
	return nil, nil
}

var errCompressed = errors.New("it is compressed, but images are read in place: unpack with gunzip, which leaves a .tar file")

// indexTarFile is indexTar of a file.
func indexTarFile(path, name string, size int64) ([]labelled, error) {
	if isGzip(path) {
		return nil, errCompressed
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return indexTar(f, size, name)
}

// A sample is what a .tar file holds under one key.
type sample struct {
	image labelled
	has   bool // There is an image.
	class int  // Of .cls, or of .json where there is none; -1 without either.
	cls   bool
}

// indexTar notes where the images of a .tar file of the given size and name are, in
// order, without reading them.
func indexTar(r io.ReadSeeker, size int64, name string) ([]labelled, error) {
	samples := make(map[string]*sample)
	var keys []string
	end := int64(0) // Of the last member.
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		at, seekErr := r.Seek(0, io.SeekCurrent)
		switch {
		case seekErr != nil:
			return nil, seekErr
		case errors.Is(err, io.EOF):
			if at < end+tarBlock {
				return nil, fmt.Errorf("it breaks off after %d images, without the end of a .tar file: copy or download it again", len(keys))
			}
			return labelledSamples(samples, keys)
		case errors.Is(err, tar.ErrHeader):
			return nil, fmt.Errorf("not a .tar file, or damaged near byte %d: copy or download it again", at)
		case err != nil:
			return nil, fmt.Errorf("it breaks off near byte %d, after %d images: copy or download it again: %v", at, len(keys), err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := checkMember(h, at, size); err != nil {
			return nil, fmt.Errorf("member %q: %w", h.Name, err)
		}
		if h.Typeflag == tar.TypeDir {
			end = at
			continue
		}
		end = at + (h.Size+tarBlock-1)/tarBlock*tarBlock
		clean := path.Clean(h.Name)
		dir, base := path.Split(clean)
		stem, ext, _ := strings.Cut(base, ".")
		if stem == "" { // As macOS adds them: ._KEY.jpg.
			continue
		}
		key := dir + stem
		s := samples[key]
		if s == nil {
			s = &sample{class: -1}
			samples[key] = s
		}
		switch strings.ToLower(ext) {
		case "jpg", "jpeg", "png", "bmp", "webp":
			if s.has {
				return nil, fmt.Errorf("member %q: key %q has an image already, member %q", h.Name, key, s.image.member)
			}
			s.has, s.image = true, labelled{imageFile: imageFile{name: name, member: clean, offset: at, size: h.Size}}
			keys = append(keys, key)
		case "cls":
			if s.cls {
				return nil, fmt.Errorf("member %q: key %q has a label already", h.Name, key)
			}
			s.cls = true
			if s.class, err = readClass(t, h.Size); err != nil {
				return nil, fmt.Errorf("member %q: %w", h.Name, err)
			}
		case "json":
			class, err := readClassJSON(t, h.Size)
			if err != nil {
				return nil, fmt.Errorf("member %q: %w", h.Name, err)
			}
			if !s.cls && class >= 0 {
				s.class = class
			}
		}
	}
}

// checkMember returns an error for a member that data sets do not have. at is where its
// content begins, size that of the file.
func checkMember(h *tar.Header, at, size int64) error {
	for record := range h.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			h.Typeflag = tar.TypeGNUSparse
		}
	}
	switch {
	case !filepath.IsLocal(filepath.FromSlash(h.Name)):
		return errors.New("its name leads out of the .tar file")
	case h.Typeflag == tar.TypeGNUSparse:
		return errors.New("a sparse file, whose content has gaps: pack without the option sparse of tar")
	case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir:
		return errors.New("a link, device or the like: pack the files themselves, with the options dereference and hard-dereference of tar")
	case h.Size < 0 || h.Size > size-at:
		return fmt.Errorf("its %d bytes go beyond the end of the file: copy or download it again", h.Size)
	case isImage(h.Name) && h.Size > maxImageFile:
		return fmt.Errorf("%d bytes; images of up to %d are read", h.Size, maxImageFile)
	}
	return nil
}

// labelledSamples returns the images with their classes.
func labelledSamples(samples map[string]*sample, keys []string) ([]labelled, error) {
	list := make([]labelled, len(keys))
	var without []string
	for i, key := range keys {
		s := samples[key]
		if s.class < 0 {
			without = append(without, strconv.Quote(s.image.member))
		}
		list[i] = s.image
		list[i].class = s.class
	}
	if len(without) > 0 {
		return nil, fmt.Errorf("%d of %d images have no label, a member KEY.cls with a class number: %s", len(without), len(keys), some(without))
	}
	for key, s := range samples {
		if s.cls && !s.has {
			without = append(without, strconv.Quote(key+".cls"))
		}
	}
	if len(without) > 0 {
		slices.Sort(without)
		return nil, fmt.Errorf("%d labels have no image, a member KEY.jpg, KEY.jpeg or KEY.png: %s", len(without), some(without))
	}
	return list, nil
}

// readClass reads a member that is a class number.
func readClass(r io.Reader, size int64) (int, error) {
	if size > maxLabel {
		return 0, fmt.Errorf("%d bytes are not a class number", size)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return 0, fmt.Errorf("it breaks off: %v", err)
	}
	class, err := strconv.Atoi(string(bytes.TrimSpace(b)))
	if err != nil {
		return 0, fmt.Errorf("%.20q is not a class number", b)
	}
	return class, checkClass(class)
}

// readClassJSON reads a member that is an object, which may have a class number under
// "label"; else the class is -1.
func readClassJSON(r io.Reader, size int64) (int, error) {
	if size > maxLabel {
		return -1, nil // It is not a label.
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return 0, fmt.Errorf("it breaks off: %v", err)
	}
	var object struct {
		Label json.RawMessage `json:"label"`
	}
	var class int
	if json.Unmarshal(b, &object) != nil || object.Label == nil || json.Unmarshal(object.Label, &class) != nil {
		return -1, nil
	}
	return class, checkClass(class)
}

func checkClass(class int) error {
	if class < 0 || class >= maxClasses {
		return fmt.Errorf("label %d is out of range 0 to %d", class, maxClasses-1)
	}
	return nil
}
