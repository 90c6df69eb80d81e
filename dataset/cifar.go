package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sresnet/tensor"
)

// cifar is one of the two binary forms [krizhevsky2009]. A file is records and
// nothing else; a record is one byte for every label, then the image's 3072
// bytes, CHW.
type cifar struct {
	labels  []int    // How many values each label byte may have; the last is the class.
	train   []string // Files of the training split; the first must be there.
	test    string
	archive string // The folder inside the official archive.
}

var (
	cifar10 = cifar{
		labels: []int{10},
		train: []string{
			"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
		},
		test:    "test_batch.bin",
		archive: "cifar-10-batches-bin",
	}
	cifar100 = cifar{
		labels:  []int{20, 100}, // Coarse, then fine.
		train:   []string{"train.bin"},
		test:    "test.bin",
		archive: "cifar-100-binary",
	}
)

var cifarShape = tensor.Shape{3, 32, 32}

// References:
//
//	[krizhevsky2009]  Alex Krizhevsky. Learning Multiple Layers of Features from
//	                  Tiny Images. Technical report, University of Toronto. 2009.

func (c cifar) open(path string, split Split) (*Dataset, error) {
	if path == "" {
		return nil, &SpecError{fmt.Errorf("a path is needed: the folder that holds %s and %s, or one such file", c.test, c.train[0])}
	}
	files, err := c.files(path, split)
	if err != nil {
		return nil, err
	}
	d := &Dataset{shape: cifarShape, classes: c.labels[len(c.labels)-1], single: !isDir(path)}
	var all []byte
	for _, f := range files {
		pixels, labels, err := c.readFile(f)
		if err != nil {
			return nil, err
		}
		d.labels = appendLabels(d.labels, labels)
		if all == nil {
			all = pixels // Most sets are one file; spare them the copy.
			continue
		}
		all = append(all, pixels...)
	}
	d.images = &byteStore{all, cifarShape.Len()}
	return d, nil
}

// files returns the files of a split. Of the five training batches, those from
// the first up to a missing one are taken: a few are enough to calibrate with.
// A batch behind a gap is an error, since the images would not be the first ones.
func (c cifar) files(path string, split Split) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	if inner := filepath.Join(path, c.archive); isDir(inner) {
		path = inner
	}
	want := c.train
	if split == Test {
		want = []string{c.test}
	}
	var files, missing []string
	for _, name := range want {
		file := filepath.Join(path, name)
		switch _, err := os.Stat(file); {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		case len(missing) > 0:
			return nil, fmt.Errorf("folder %s: %s is there but %s is missing: add it, or give one file's path", path, name, missing[0])
		default:
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("folder %s: no %s, which the %s split is read from: add it, or give a file's path", path, missing[0], split)
	}
	return files, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (c cifar) record() int { return len(c.labels) + cifarShape.Len() }

func (c cifar) readFile(name string) (pixels, labels []byte, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: not a regular file", name)
	}
	// Look at the length before the content, so that a wrong file of many
	// gigabytes is refused unread.
	if info.Size()%int64(c.record()) != 0 && !isGzip(name) {
		return nil, nil, fmt.Errorf("%s: %w", name, c.lengthError(info.Size()))
	}
	b, err := os.ReadFile(name)
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
	return fmt.Errorf("%d bytes are no whole number of records of %d bytes (%d label, %d pixels): the file is truncated or of another kind",
		size, c.record(), len(c.labels), cifarShape.Len())
}

var gzipMagic = []byte{0x1f, 0x8b}

// isGzip reports whether a file begins as gzip files do. No CIFAR file does,
// since that byte is no label.
func isGzip(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var b [2]byte
	n, _ := f.Read(b[:])
	return bytes.Equal(b[:n], gzipMagic)
}

// parse splits a file's content into pixels and classes. It overwrites b, which
// the pixels share.
func (c cifar) parse(b []byte) (pixels, labels []byte, err error) {
	if bytes.HasPrefix(b, gzipMagic) {
		return nil, nil, errors.New("the file is compressed: unpack it first")
	}
	if len(b) == 0 {
		return nil, nil, errors.New("no images: the file is empty")
	}
	size, n := c.record(), cifarShape.Len()
	if len(b)%size != 0 {
		return nil, nil, c.lengthError(int64(len(b)))
	}
	count := len(b) / size
	labels = make([]byte, count)
	for i := range count {
		rec := b[i*size : (i+1)*size]
		for j, values := range c.labels {
			if int(rec[j]) >= values {
				return nil, nil, fmt.Errorf("image %d: label %d is out of range 0 to %d: the file is damaged or of another kind", i, rec[j], values-1)
			}
		}
		labels[i] = rec[len(c.labels)-1]
		copy(b[i*n:], rec[len(c.labels):])
	}
	return slices.Clip(b[:count*n]), labels, nil
}
