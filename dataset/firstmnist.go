package dataset

import (
	"bytes"
	"compress/gzip"
	_ "embed" // For the file below.
	"fmt"
	"io"

	"sresnet/tensor"
)

// firstGzip is the first 1,000 images of both splits of MNIST: the pixels of the training
// images, their labels, and the same of the test images, compressed.
//
//go:generate go test -run TestFirstMNIST . -args -update
//go:embed firstmnist.gz
var firstGzip []byte

// firstImages is how many there are of each split.
const firstImages = 1000

// firstMNIST opens the images that are part of this program, for machines that have no
// other. why says so.
func firstMNIST(split Split, why error) (*Dataset, error) {
	const size = 28
	all, err := unpackFirst()
	if err != nil {
		return nil, err
	}
	shape := tensor.Shape{1, size, size}
	part := all[int(split)*len(all)/2:][:len(all)/2]
	pixels, labels := part[:firstImages*shape.Len()], part[firstImages*shape.Len():]
	return &Dataset{
		shape: shape, classes: mnistClasses, labels: appendLabels(nil, labels),
		images: &byteStore{pixels, shape.Len()},
		notes:  []string{fmt.Sprintf("only the first %d are here, which are part of this program; 'sresnet data get mnist' downloads all, to be given as mnist:mnist (%v)", firstImages, why)},
	}, nil
}

func unpackFirst() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(firstGzip))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
