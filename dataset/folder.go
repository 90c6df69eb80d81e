package dataset

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sresnet/internal/regular"
)

// isImage reports whether a file is named as images are.
func isImage(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg":
		return true
	}
	return false
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
	if err != nil {
		return nil, err
	}
	classes := make([][]labelled, len(names))
	var empty []string
	for k, name := range names {
		files, err := imagesBelow(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			empty = append(empty, name)
		}
		for _, f := range files {
			classes[k] = append(classes[k], labelled{imageFile{name: path.Join(name, f), size: -1}, k})
		}
	}
	if len(empty) > 0 {
		return nil, fmt.Errorf("folder %s: there is no PNG or JPEG file in %s: every folder is a class: fill it, or remove it, which renumbers the classes after it", root, some(empty))
	}
	d := newFiles(root, interleave(classes), len(names))
	d.names, d.single = names, single
	return d, nil
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

// imagesBelow returns the image files of a folder and the folders in it, in order:
// their names below it, with slashes.
func imagesBelow(dir string) ([]string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !isImage(path) {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(name))
		return err
	})
	return files, err
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

// openFiles reads a folder of images that a file of comma-separated values labels:
// DIR or DIR,CSV.
func openFiles(arg string, split Split) (*Dataset, error) {
	if arg == "" {
		return nil, &SpecError{errors.New("a path is needed: the folder of the images, with labels.csv in it")}
	}
	dir, table, ok := strings.Cut(arg, ",")
	single := true
	if !ok {
		var err error
		if table, single, err = labelsFile(dir, split); err != nil {
			return nil, err
		}
	}
	rows, err := readLabels(table)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", table, err)
	}
	// A first line that names no image is a header.
	if len(rows) > 1 && filepath.IsLocal(rows[0][0]) {
		if _, err := os.Stat(filepath.Join(dir, rows[0][0])); err != nil && !isImage(rows[0][0]) {
			rows = rows[1:]
		}
	}
	list := make([]labelled, len(rows))
	var missing []string
	for i, row := range rows {
		name := filepath.FromSlash(row[0])
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%s: %q is not the name of a file in %s", table, row[0], dir)
		}
		list[i].imageFile = imageFile{name: path.Clean(row[0]), size: -1}
		if !isRegular(filepath.Join(dir, name)) {
			missing = append(missing, row[0])
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("folder %s: %d of the %d images that %s names are not there: %s", dir, len(missing), len(rows), table, some(missing))
	}
	names, classes, err := classesOf(rows, list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", table, err)
	}
	d := newFiles(dir, list, classes)
	d.names, d.atLeast, d.single = names, names == nil, single
	return d, nil
}

// labelsFile returns the labels file of a split, and whether it is that of both.
func labelsFile(dir string, split Split) (table string, single bool, err error) {
	if info, err := os.Stat(dir); err != nil {
		return "", false, err
	} else if !info.IsDir() {
		return "", false, fmt.Errorf("%s: not a folder: give the folder of the images", dir)
	}
	names := []string{"train.csv"}
	if split == Test {
		names = []string{"test.csv", "val.csv"}
	}
	for _, name := range append(names, "labels.csv") {
		if table := filepath.Join(dir, name); isRegular(table) {
			return table, name == "labels.csv", nil
		}
	}
	return "", false, fmt.Errorf("folder %s: labels are missing: add labels.csv with a line NAME,LABEL for every image (or train.csv and test.csv), or give files:DIR,CSV", dir)
}

// maxTable bounds the size of a labels file.
const maxTable = 1 << 28

// readLabels returns the names and labels of a labels file.
func readLabels(name string) ([][]string, error) {
	f, size, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxTable {
		return nil, fmt.Errorf("a file of %d bytes, more than the limit of %d for a table of labels", size, maxTable)
	}
	r := csv.NewReader(f)
	r.FieldsPerRecord = 2
	r.TrimLeadingSpace = true
	rows, err := r.ReadAll()
	if errors.Is(err, csv.ErrFieldCount) {
		return nil, fmt.Errorf("%w: a line is NAME,LABEL", err)
	}
	if err == nil && len(rows) == 0 {
		return nil, errors.New("no images: the file is empty")
	}
	return rows, err
}

// classesOf fills in classes: the labels, if all are numbers, else their place in the
// order of all words.
func classesOf(rows [][]string, list []labelled) (names []string, classes int, err error) {
	numbers := true
	for i, row := range rows {
		n, err := strconv.Atoi(row[1])
		if err != nil {
			numbers = false
			break
		}
		if n < 0 || n >= maxClasses {
			return nil, 0, fmt.Errorf("image %s: label %d is out of range 0 to %d", row[0], n, maxClasses-1)
		}
		list[i].class = n
		classes = max(classes, n+1)
	}
	if numbers {
		return nil, classes, nil
	}
	for i, row := range rows {
		if row[1] == "" {
			return nil, 0, fmt.Errorf("image %d, %s, has no label", i, row[0])
		}
		names = append(names, row[1])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxClasses {
		return nil, 0, fmt.Errorf("%d different labels, more than the limit of %d", len(names), maxClasses)
	}
	for i, row := range rows {
		list[i].class, _ = slices.BinarySearchFunc(names, row[1], cmp.Compare[string])
	}
	return names, len(names), nil
}

// some joins the first few of many names.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
