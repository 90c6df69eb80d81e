// Package fetch downloads data sets from their official addresses, with the checksums of
// their publishers.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sresnet/internal/download"
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
	download.Options

	// From is the address of the folder to get the files from, in place of the
	// official one: a mirror that holds them under their names.
	From string
}

// Get downloads the files of a data set that are not there yet into the folder dir,
// which it makes, and returns how many those were. If ctx ends, what has come is kept
// for the next call. A file that could not be had is a [*download.Error].
func Get(ctx context.Context, name, dir string, o Options) (int, error) {
	for _, s := range sets {
		if s.name == name {
			return s.get(ctx, dir, o)
		}
	}
	return 0, fmt.Errorf("fetch: unknown data set %q: there are %s", name, strings.Join(Names(), ", "))
}

func (s set) get(ctx context.Context, dir string, o Options) (got int, err error) {
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
		d := download.File{Path: filepath.Join(dir, f.name), Sum: download.MD5(f.md5), Else: "{from} gives another address"}
		for _, base := range s.bases {
			d.URLs = append(d.URLs, base+f.name)
		}
		there, err := d.Get(ctx, o.Options)
		if err != nil {
			return got, err
		}
		if !there {
			got++
		}
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
