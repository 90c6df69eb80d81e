package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"weak"

	"sresnet/internal/pickle"
	"sresnet/internal/regular"
	"sresnet/tensor"
)

// cifar is one of the two data sets [krizhevsky2009], which come in two forms. A
// binary file is records and nothing else; a record is one byte for every label, then
// the image's 3072 bytes, CHW. A Python file has the same name without .bin and is a
// pickled dictionary of labels and of an array of images.
type cifar struct {
	labels   []int    // How many values each label byte may have; the last is the class.
	key      string   // Of the classes in a Python file.
	train    []string // Files of the training split; the first must be there.
	test     string
	folders  []string // The folders inside the official archives.
	archives []string // Their names.
}

var (
	cifar10 = cifar{
		labels: []int{10},
		key:    "labels",
		train: []string{
			"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
		},
		test:     "test_batch.bin",
		folders:  []string{"cifar-10-batches-bin", "cifar-10-batches-py"},
		archives: []string{"cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"},
	}
	cifar100 = cifar{
		labels:   []int{20, 100}, // Coarse, then fine.
		key:      "fine_labels",
		train:    []string{"train.bin"},
		test:     "test.bin",
		folders:  []string{"cifar-100-binary", "cifar-100-python"},
		archives: []string{"cifar-100-binary.tar.gz", "cifar-100-python.tar.gz"},
	}
)

var cifarShape = tensor.Shape{3, 32, 32}

// References:
//
//	[krizhevsky2009]  Alex Krizhevsky. Learning Multiple Layers of Features from
//	                  Tiny Images. Technical report, University of Toronto. 2009.

func (c cifar) open(path string, split Split) (*Dataset, error) {
	if path == "" {
		return nil, &SpecError{fmt.Errorf("a path is needed: the folder that holds %s and %s, one such file, or %s", c.test, c.train[0], c.archives[0])}
	}
	files, archive, err := c.find(path, split)
	if err != nil {
		return nil, err
	}
	d := &Dataset{shape: cifarShape, classes: c.labels[len(c.labels)-1], single: len(files) == 1 && files[0] == path}
	if archive == "" && !slices.ContainsFunc(files, isPickle) {
		records := &recordStore{skip: len(c.labels), size: cifarShape.Len()}
		for _, f := range files {
			labels, err := c.scan(f, records)
			if err != nil {
				return nil, err
			}
			d.labels = appendLabels(d.labels, labels)
		}
		records.to = len(d.labels)
		d.images = records
		return d, nil
	}
	var all []byte
	add := func(pixels, labels []byte) {
		d.labels = appendLabels(d.labels, labels)
		if all == nil {
			all = pixels // Most sets are one file; spare them the copy.
			return
		}
		all = append(all, pixels...)
	}
	if archive != "" {
		err = c.readArchive(archive, split, add)
	}
	for _, f := range files {
		pixels, labels, err := c.readFile(f)
		if err != nil {
			return nil, err
		}
		add(pixels, labels)
	}
	if err != nil {
		return nil, err
	}
	d.images = &byteStore{all, cifarShape.Len()}
	return d, nil
}

// find returns what the images of a split are read from, part by part: the path itself, the
// files of a folder, which may also hold an archive or the folder of one, or an archive.
func (c cifar) find(path string, split Split) (files []string, archive string, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, "", err
	case info.IsDir():
		if archive = c.archiveIn(path); archive == "" {
			files, err = c.files(path, split)
		}
		return files, archive, err
	case isGzip(path):
		return nil, path, nil
	}
	return []string{path}, "", nil
}

// archiveIn returns the archive in a folder that holds nothing else of the data set,
// or "".
func (c cifar) archiveIn(dir string) string {
	for _, name := range append(slices.Clone(c.folders), c.test, python(c.test), c.train[0], python(c.train[0])) {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return ""
		}
	}
	for _, name := range c.archives {
		if path := filepath.Join(dir, name); isRegular(path) {
			return path
		}
	}
	return ""
}

// python returns the name that a binary file's content has in Python form.
func python(name string) string { return strings.TrimSuffix(name, ".bin") }

func (c cifar) wanted(split Split) []string {
	if split == Test {
		return []string{c.test}
	}
	return c.train
}

// files returns the files of a split. Of the five training batches, those from the
// first up to a missing one are taken: a few are enough to calibrate with. A batch
// after a gap is an error, since the images would not be the first ones.
func (c cifar) files(dir string, split Split) ([]string, error) {
	for _, name := range c.folders {
		if inner := filepath.Join(dir, name); isDir(inner) {
			dir = inner
			break
		}
	}
	want := c.wanted(split)
	form := func(name string) string { return name }
	if _, err := os.Stat(filepath.Join(dir, want[0])); err != nil && isRegular(filepath.Join(dir, python(want[0]))) {
		form = python
	}
	var files, missing []string
	for _, name := range want {
		name = form(name)
		file := filepath.Join(dir, name)
		switch _, err := os.Stat(file); {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		case len(missing) > 0:
			return nil, fmt.Errorf("folder %s: %s is there but %s is missing: add it, or give the path of one file", dir, name, missing[0])
		default:
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("folder %s: there is no %s, from which the %s split is read: add it, or give the path of a file", dir, missing[0], split)
	}
	return files, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// readArchive reads the files of a split from a .tar.gz as it was downloaded, in
// either form.
func (c cifar) readArchive(path string, split Split, add func(pixels, labels []byte)) error {
	contents, err := c.unpack(path, split)
	if err != nil {
		return err
	}
	for _, name := range c.wanted(split) {
		want := name
		b, ok := contents[name]
		if !ok {
			name = python(name)
			b, ok = contents[name]
		}
		if !ok {
			return fmt.Errorf("%s: it has no %s, from which the %s split is read: is it %s or %s?", path, want, split, c.archives[0], c.archives[1])
		}
		pixels, labels, err := c.parse(b)
		if err != nil {
			return fmt.Errorf("%s, file %s: %w", path, name, err)
		}
		add(pixels, labels)
	}
	return nil
}

// unpacked is what the archive that was read last holds of the other split, which is
// opened next most often. It goes when the memory is wanted for something else.
var unpacked struct {
	sync.Mutex
	path     string
	identity identity
	key      string // Of the data set it was read as.
	split    Split
	contents weak.Pointer[map[string][]byte]
}

// unpack returns the files of a split by name, if they are in an archive.
func (c cifar) unpack(path string, split Split) (map[string][]byte, error) {
	id, _, err := identify(path)
	if err != nil {
		return nil, err
	}
	unpacked.Lock()
	defer unpacked.Unlock()
	if unpacked.path == path && unpacked.identity == id && unpacked.key == c.key && unpacked.split == split {
		if contents := unpacked.contents.Value(); contents != nil {
			unpacked.path = "" // Who has it may overwrite it.
			return *contents, nil
		}
	}
	of := func(split Split, name string) bool {
		return slices.ContainsFunc(c.wanted(split), func(want string) bool { return name == want || name == python(want) })
	}
	contents, err := readArchive(path, func(name string) bool { return of(Train, name) || of(Test, name) })
	if err != nil {
		return nil, err
	}
	others := make(map[string][]byte)
	for name, b := range contents {
		if !of(split, name) {
			others[name] = b
			delete(contents, name)
		}
	}
	unpacked.path, unpacked.identity, unpacked.key, unpacked.contents = path, id, c.key, weak.Make(&others)
	unpacked.split = Test
	if split == Test {
		unpacked.split = Train
	}
	return contents, nil
}

func (c cifar) record() int { return len(c.labels) + cifarShape.Len() }

// scan reads the labels of a binary file and adds it to the records.
func (c cifar) scan(name string, to *recordStore) (labels []byte, err error) {
	f, size, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	// Look at the length before the content, so that a wrong file of many
	// gigabytes is refused unread.
	switch {
	case size == 0:
		err = errEmpty
	case size%int64(c.record()) != 0 || size > maxArchived:
		err = c.lengthError(size)
	}
	r, record := bufio.NewReaderSize(f, 1<<16), make([]byte, c.record())
	for i := 0; err == nil && i < int(size)/len(record); i++ {
		if _, err = io.ReadFull(r, record); err == nil {
			err = c.checkLabels(i, record)
			labels = append(labels, record[len(c.labels)-1])
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	to.files = append(to.files, recordFile{f, len(labels)}) // Closed once it is not needed.
	return labels, nil
}

// checkLabels returns an error unless labels of a record, that of image i, are in range.
func (c cifar) checkLabels(i int, record []byte) error {
	for j, values := range c.labels {
		if int(record[j]) >= values {
			return fmt.Errorf("image %d: label %d is out of range 0 to %d: the file is damaged or of another kind", i, record[j], values-1)
		}
	}
	return nil
}

var errEmpty = errors.New("no images: the file is empty")

func (c cifar) readFile(name string) (pixels, labels []byte, err error) {
	b, err := regular.ReadFile(name, maxArchived)
	if err != nil {
		return nil, nil, err
	}
	pixels, labels, err = c.parse(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return pixels, labels, nil
}

func (c cifar) lengthError(size int64) error {
	return fmt.Errorf("%d bytes are not a whole number of records of %d bytes (%d label, %d pixels): the file is truncated or of another kind",
		size, c.record(), len(c.labels), cifarShape.Len())
}

var gzipMagic = []byte{0x1f, 0x8b}

// isGzip and isPickle report whether a file begins as such files do. No binary file
// does, since those bytes are not labels.
func isGzip(name string) bool   { return hasMagic(name, gzipMagic) }
func isPickle(name string) bool { return hasMagic(name, []byte{pickle.OpProto}) }

func hasMagic(name string, magic []byte) bool {
	f, _, err := regular.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, len(magic))
	n, _ := f.Read(b)
	return bytes.Equal(b[:n], magic)
}

// parse splits a file's content into pixels and classes. It overwrites b, which
// the pixels share.
func (c cifar) parse(b []byte) (pixels, labels []byte, err error) {
	if len(b) > 0 && b[0] == pickle.OpProto {
		return c.parsePython(b)
	}
	if len(b) == 0 {
		return nil, nil, errEmpty
	}
	size, n := c.record(), cifarShape.Len()
	if len(b)%size != 0 {
		return nil, nil, c.lengthError(int64(len(b)))
	}
	count := len(b) / size
	labels = make([]byte, count)
	for i := range count {
		rec := b[i*size : (i+1)*size]
		if err := c.checkLabels(i, rec); err != nil {
			return nil, nil, err
		}
		labels[i] = rec[len(c.labels)-1]
		copy(b[i*n:], rec[len(c.labels):])
	}
	return slices.Clip(b[:count*n]), labels, nil
}

// parsePython is parse for a pickled dictionary.
func (c cifar) parsePython(b []byte) (pixels, labels []byte, err error) {
	v, err := unpickle(b)
	if err != nil {
		return nil, nil, err
	}
	dict, ok := v.(*pickle.Dict)
	if !ok {
		return nil, nil, errors.New("the pickle is not a dictionary, which a CIFAR file is")
	}
	list, ok := dict.Items[c.key].(*pickle.List)
	if !ok {
		return nil, nil, fmt.Errorf("the pickle has no list %q: the file is of another data set", c.key)
	}
	shape, pixels, err := bytesArray(dict.Items["data"])
	if err != nil {
		return nil, nil, err
	}
	n := int64(cifarShape.Len())
	if len(list.Items) == 0 || !slices.Equal(shape, []int64{int64(len(list.Items)), n}) || int64(len(pixels)) != shape[0]*n {
		return nil, nil, fmt.Errorf("%d labels for an array of %v with %d bytes: the file is damaged or of another kind", len(list.Items), shape, len(pixels))
	}
	classes := c.labels[len(c.labels)-1]
	labels = make([]byte, len(list.Items))
	for i, item := range list.Items {
		l, ok := item.(int64)
		if !ok || l < 0 || l >= int64(classes) {
			return nil, nil, fmt.Errorf("image %d: label %v is out of range 0 to %d: the file is damaged or of another kind", i, item, classes-1)
		}
		labels[i] = byte(l)
	}
	return pixels, labels, nil
}
