package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sresnet/tensor"
)

// mnistClasses is the number of digits, and of the kinds of clothing in
// Fashion-MNIST.
const mnistClasses = 10

func openMNIST(dir string, split Split) (*Dataset, error) {
	if dir == "" {
		module, err := goMNIST()
		if err != nil {
			return firstMNIST(split, err)
		}
		dir = filepath.Join(module, "data")
	}
	return openIDX(dir, split)
}

func openFashionMNIST(dir string, split Split) (*Dataset, error) {
	if dir == "" {
		var err error
		if dir, err = findData("fashion-mnist", "install the system's package dataset-fashion-mnist (apt-get install dataset-fashion-mnist), or "); err != nil {
			return nil, err
		}
	}
	return openIDX(dir, split)
}

// openKMNIST opens Kuzushiji-MNIST, ten cursive Japanese characters in MNIST's form.
func openKMNIST(dir string, split Split) (*Dataset, error) {
	if dir == "" {
		var err error
		if dir, err = findData("kmnist", ""); err != nil {
			return nil, err
		}
	}
	return openIDX(dir, split)
}

// findData returns the folder of a data set of the system, looked for where the XDG
// base directory specification puts shared data. remedy is what else to do than to
// give a folder.
func findData(name, remedy string) (string, error) {
	list := os.Getenv("XDG_DATA_DIRS")
	if list == "" {
		list = "/usr/local/share" + string(filepath.ListSeparator) + "/usr/share"
	}
	for _, base := range filepath.SplitList(list) {
		if dir := filepath.Join(base, "datasets", name); isDir(dir) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("not found: %sgive the folder of the four idx files as %s:DIR", remedy, name)
}

// openIDX reads the two files of a split from a folder.
func openIDX(dir string, split Split) (*Dataset, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: not a folder: give the folder that holds the four idx files", dir)
	}
	prefix := "train"
	if split == Test {
		prefix = "t10k"
	}
	imageFile, err := findIDX(dir, prefix, "images", 3)
	if err != nil {
		return nil, err
	}
	labelFile, err := findIDX(dir, prefix, "labels", 1)
	if err != nil {
		return nil, err
	}
	// Labels first: a mistake in the small file is found before the large one is read.
	_, labels, err := readIDXFile(labelFile, idxLabels)
	if err != nil {
		return nil, err
	}
	for i, l := range labels {
		if l >= mnistClasses {
			return nil, fmt.Errorf("%s: image %d: label %d is out of range 0 to %d", labelFile, i, l, mnistClasses-1)
		}
	}
	dims, pixels, err := readIDXFile(imageFile, idxImages)
	if err != nil {
		return nil, err
	}
	if dims[0] != len(labels) {
		return nil, fmt.Errorf("%s holds %d images but %s holds %d labels", imageFile, dims[0], labelFile, len(labels))
	}
	shape := tensor.Shape{1, dims[1], dims[2]}
	return &Dataset{
		shape: shape, classes: mnistClasses, labels: appendLabels(nil, labels),
		images: &byteStore{pixels, shape.Len()},
	}, nil
}

// findIDX returns the path of an idx file: train-images-idx3-ubyte, or with a dot
// for the second hyphen as some copies have it, and .gz or not. One that is in no
// other place may be in a folder inside, as archives unpack, whose name may be that of
// the file.
func findIDX(dir, prefix, what string, axes int) (string, error) {
	usual := fmt.Sprintf("%s-%s-idx%d-ubyte", prefix, what, axes)
	dotted := fmt.Sprintf("%s-%s.idx%d-ubyte", prefix, what, axes)
	names := []string{usual, usual + ".gz", dotted, dotted + ".gz"}
	folder := "" // Of a file's name.
	in := func(dir string) (string, error) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			switch info, err := os.Stat(path); {
			case err == nil && info.IsDir():
				folder = path
			case err == nil:
				return path, nil
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return "", err
			}
		}
		return "", nil
	}
	if path, err := in(dir); path != "" || err != nil {
		return path, err
	}
	var found []string
	level := []string{dir}
	for range idxDepth {
		var below []string
		for _, dir := range level {
			entries, err := os.ReadDir(dir)
			if err != nil {
				return "", err
			}
			for _, e := range entries {
				if e.IsDir() && len(below) < maxIDXFolders {
					below = append(below, filepath.Join(dir, e.Name()))
				}
			}
		}
		for _, dir := range below {
			path, err := in(dir)
			if err != nil {
				return "", err
			}
			if path != "" {
				found = append(found, path)
			}
		}
		if len(found) > 0 {
			break
		}
		level = below
	}
	switch len(found) {
	case 0:
		if folder != "" {
			return "", fmt.Errorf("%s is a folder, and the file of that name is not in it: unpack the archive again", folder)
		}
		return "", fmt.Errorf("folder %s: neither %s nor %s.gz is there: give the folder that holds the four idx files", dir, usual, usual)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("folder %s: it is not clear which of these is meant: %s: give the folder of one of them", dir, some(found))
}

// How deep, and how broadly, idx files are looked for.
const (
	idxDepth      = 3 // As data/MNIST/raw of torchvision, and a folder of the file's name.
	maxIDXFolders = 1000
)
