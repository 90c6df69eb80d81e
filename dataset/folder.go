package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// isImage reports whether a file is named as images are that can be read.
func isImage(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".bmp", ".webp":
		return true
	}
	return false
}

// isForeign reports whether a file is named as images are that cannot be read.
func isForeign(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".jfif", ".jp2", ".heic", ".avif":
		return true
	}
	return false
}

// foreignNote says which files were left out because they are of another format.
func foreignNote(names []string, of int) string {
	return fmt.Sprintf("%d of %d image files are neither PNG, JPEG, BMP nor WebP and were left out: %s: convert them to PNG to have them", len(names), of, some(names))
}

// labelled is an image and its class.
type labelled struct {
	imageFile
	class int
}

// openFolder reads a folder with one folder per class, or with such a folder for
// each split: train, and val or test.
func openFolder(dir string, split Split) (*Dataset, error) {
	if dir == "" {
		return nil, &SpecError{errors.New("a path is needed: the folder that holds one folder per class")}
	}
	root, single, err := splitFolder(dir, split)
	if err != nil {
		return nil, err
	}
	names, err := classFolders(root)
	if d := flatFolder(root, err); d != nil {
		d.single = single
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	found := make([]folderFiles, len(names))
	pictures, arrays := 0, 0
	for k, name := range names {
		if found[k], err = filesBelow(filepath.Join(root, name)); err != nil {
			return nil, err
		}
		pictures, arrays = pictures+len(found[k].pictures), arrays+len(found[k].arrays)
	}
	classes := make([][]labelled, len(names))
	var empty, foreign []string
	total := 0
	for k, name := range names {
		files, others := found[k].pictures, append(found[k].foreign, found[k].arrays...)
		if pictures == 0 && arrays > 0 {
			files, others = found[k].arrays, found[k].foreign
		}
		if len(files) == 0 {
			empty = append(empty, name)
		}
		total += len(files)
		for _, f := range files {
			classes[k] = append(classes[k], labelled{imageFile{name: path.Join(name, f), size: -1}, k})
		}
		for _, f := range others {
			foreign = append(foreign, path.Join(name, f))
		}
	}
	if total == 0 {
		return nil, fmt.Errorf("folder %s: there is no PNG, JPEG, BMP or WebP file in any folder of a class: %s; nor frames, in .npy or .npz files", root, some(names))
	}
	d := newFiles(root, interleave(classes), len(names))
	if pictures == 0 {
		if d, err = d.sequences(); err != nil {
			return nil, err
		}
	}
	d.names, d.ordered, d.single = names, true, single
	if len(empty) > 0 {
		d.notes = append(d.notes, fmt.Sprintf("%d of %d classes have no images in %s: %s", len(empty), len(names), root, some(empty)))
	}
	if len(foreign) > 0 {
		d.notes = append(d.notes, foreignNote(foreign, total+len(foreign)))
	}
	if split == Train || single {
		return d, nil
	}
	trainRoot, _, err := splitFolder(dir, Train)
	if err != nil {
		return d, nil // There is none, so that these are all that is known.
	}
	trained, err := classFolders(trainRoot)
	if err != nil {
		return nil, err
	}
	if d, err = d.Numbered(trained); err != nil {
		return nil, fmt.Errorf("folder %s: %w", root, err)
	}
	return d, nil
}

// flatFolder returns the images of a folder without folders of classes, for which opening
// it as such was an error; nil if it has no images either.
func flatFolder(root string, err error) *Dataset {
	entries, readErr := os.ReadDir(root)
	if err == nil || readErr != nil {
		return nil
	}
	var list []labelled
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			return nil
		}
		if isImage(e.Name()) && isRegular(filepath.Join(root, e.Name())) {
			list = append(list, labelled{imageFile{name: e.Name(), size: -1}, 0})
		}
	}
	if len(list) == 0 {
		return nil
	}
	return newFiles(root, list, 1).withoutLabels(err)
}

// splitFolder returns the folder of a split, and whether there is only one.
func splitFolder(dir string, split Split) (root string, single bool, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", false, err
	}
	if !info.IsDir() {
		return "", false, fmt.Errorf("%s: not a folder: give the folder that holds one folder per class", dir)
	}
	names := map[Split][]string{Train: {"train", "training"}, Test: {"val", "test", "validation", "valid"}}
	there := map[Split]string{}
	for s, list := range names {
		for _, name := range list {
			if there[s] == "" && isDir(filepath.Join(dir, name)) {
				there[s] = filepath.Join(dir, name)
			}
		}
	}
	switch {
	case there[split] != "":
		return there[split], false, nil
	case len(there) > 0:
		return "", false, fmt.Errorf("folder %s: there is no folder %s, from which the %s split is read: add it, or give the folder of the classes", dir, names[split][0], split)
	}
	return dir, true, nil
}

func classFolders(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries { // In order of their names.
		if !strings.HasPrefix(e.Name(), ".") && isDir(filepath.Join(root, e.Name())) { // Or a link to one.
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("folder %s: there are no folders in it: it needs one per class; for a flat folder with a file of labels, give files:DIR", root)
	}
	if len(names) > maxClasses {
		return nil, fmt.Errorf("folder %s: %d folders, more than the limit of %d classes", root, len(names), maxClasses)
	}
	return names, nil
}

// folderFiles are the files of one class, their names below its folder, with slashes.
type folderFiles struct {
	pictures []string // That can be read.
	arrays   []string // Of numpy.
	foreign  []string // Pictures of formats that cannot be read.
}

// filesBelow returns the files of a folder and of the folders in it, in order.
func filesBelow(dir string) (f folderFiles, err error) {
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return f, err
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		var list *[]string
		switch {
		case isImage(path):
			list = &f.pictures
		case isArray(path):
			list = &f.arrays
		case isForeign(path):
			list = &f.foreign
		default:
			return nil
		}
		name, err := filepath.Rel(dir, path)
		*list = append(*list, filepath.ToSlash(name))
		return err
	})
	return f, err
}

// interleave returns the first image of every class, then the second of every class
// that has one, and so on, so that the first few images are of all classes.
func interleave(classes [][]labelled) []labelled {
	var list []labelled
	for i := 0; ; i++ {
		before := len(list)
		for _, c := range classes {
			if i < len(c) {
				list = append(list, c[i])
			}
		}
		if len(list) == before {
			return list
		}
	}
}

// some joins the first few of many names.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
