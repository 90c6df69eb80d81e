package dataset

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"sresnet/internal/regular"
)

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
	rows, err := readLabels(table, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", table, err)
	}
	all := make([]labelled, len(rows))
	names, classes, err := classesOf(rows, all)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", table, err)
	}
	var list []labelled
	var missing, foreign []string
	arrays := 0
	for i, row := range rows {
		name := filepath.FromSlash(row.image)
		switch {
		case !filepath.IsLocal(name):
			return nil, fmt.Errorf("%s: %q is not the name of a file in %s", table, row.image, dir)
		case !isRegular(filepath.Join(dir, name)):
			missing = append(missing, row.image)
		case isForeign(name):
			foreign = append(foreign, row.image)
		default:
			if isArray(name) {
				arrays++
			}
			all[i].imageFile = imageFile{name: path.Clean(row.image), size: -1}
			list = append(list, all[i])
		}
	}
	switch {
	case len(missing) > 0:
		return nil, fmt.Errorf("folder %s: %d of the %d images that %s names are not there: %s", dir, len(missing), len(rows), table, some(missing))
	case len(list) == 0:
		return nil, fmt.Errorf("folder %s: no images: %s", dir, foreignNote(foreign, len(foreign)))
	case arrays > 0 && arrays < len(list):
		return nil, fmt.Errorf("%s: %d of the %d files that it names are arrays of numpy, the others are not: give a file of labels for either", table, arrays, len(list))
	}
	d := newFiles(dir, list, classes)
	if arrays > 0 {
		if d, err = d.sequences(); err != nil {
			return nil, err
		}
	}
	d.names, d.ordered, d.atLeast, d.single = names, names != nil, names == nil, single
	if len(foreign) > 0 {
		d.notes = append(d.notes, foreignNote(foreign, len(list)+len(foreign)))
	}
	if ok || single || split == Train {
		return d, nil
	}
	trainTable, _, err := labelsFile(dir, Train)
	if err != nil {
		return d, nil // There is none, so that these are all that is known.
	}
	return d.numberedBy(table, trainTable, dir)
}

// numberedBy numbers the classes of d, which a table has, as that of the training split
// has them.
func (d *Dataset) numberedBy(table, trainTable, dir string) (*Dataset, error) {
	rows, err := readLabels(trainTable, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", trainTable, err)
	}
	names, _, err := classesOf(rows, make([]labelled, len(rows)))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", trainTable, err)
	case (names == nil) != (d.names == nil):
		return nil, fmt.Errorf("labels are numbers in one of %s and %s, and words in the other: give both the same", trainTable, table)
	case names == nil:
		return d, nil
	}
	if d, err = d.Numbered(names); err != nil {
		return nil, fmt.Errorf("%s: %w", table, err)
	}
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

// tableRow is a line of a labels file.
type tableRow struct {
	image, label string
	line         int // From 1 on.
}

// readLabels returns the names and labels of a labels file, without a header: a first
// line that names no image in dir.
func readLabels(name, dir string) ([]tableRow, error) {
	b, err := regular.ReadFile(name, maxTable)
	if err != nil {
		return nil, err
	}
	if b, err = decodeText(b); err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma = delimiter(b)
	r.FieldsPerRecord = 2
	r.TrimLeadingSpace = r.Comma != '\t'
	var rows []tableRow
	for {
		fields, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return withoutHeader(rows, dir)
		case errors.Is(err, csv.ErrFieldCount) && len(fields) == 3 && len(rows) == 0 && strings.TrimSpace(fields[0]) == "":
			return nil, fmt.Errorf("%w: a line is NAME,LABEL: of pandas, write it with to_csv(index=False)", err)
		case errors.Is(err, csv.ErrFieldCount):
			return nil, fmt.Errorf("%w: a line is NAME,LABEL", err)
		case err != nil:
			return nil, err
		}
		line, _ := r.FieldPos(0)
		rows = append(rows, tableRow{fields[0], strings.TrimSpace(fields[1]), line})
	}
}

func withoutHeader(rows []tableRow, dir string) ([]tableRow, error) {
	if len(rows) == 0 {
		return nil, errors.New("no images: the file is empty")
	}
	if first := rows[0].image; len(rows) > 1 && filepath.IsLocal(first) && !isImage(first) && !isArray(first) {
		if _, err := os.Stat(filepath.Join(dir, first)); err != nil {
			return rows[1:], nil
		}
	}
	return rows, nil
}

// decodeText returns a text as UTF-8 without a byte order mark, which tells UTF-16, as
// Excel writes it, from UTF-8.
func decodeText(b []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		return b[3:], nil
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	case bytes.IndexByte(b, 0) >= 0:
		return nil, errors.New("there are zero bytes in it, which text has none of: save it as CSV in UTF-8")
	default:
		return b, nil
	}
	if len(b)%2 != 0 {
		return nil, errors.New("half a character at its end: it begins as UTF-16, and has an odd number of bytes")
	}
	units := make([]uint16, len(b)/2-1)
	for i := range units {
		units[i] = order.Uint16(b[2+2*i:])
	}
	return []byte(string(utf16.Decode(units))), nil
}

// delimiter returns what stands between the fields of a table: a comma, or what Excel
// writes in its place, a semicolon or a tabulator, if that is all that the first line has.
func delimiter(b []byte) rune {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	for _, r := range ",;\t" {
		if bytes.ContainsRune(line, r) {
			return r
		}
	}
	return ','
}

// classNumber returns the class that a label says if it is a number, also where pandas
// wrote it as a float: "7", "7.0", "7e0". number tells whether it is one, class or not.
func classNumber(label string) (class int, number bool, err error) {
	if n, err := strconv.Atoi(label); err == nil {
		return n, true, checkClass(n)
	}
	if strings.Trim(label, "+-.0123456789eE") != "" || !strings.ContainsAny(label, "0123456789") {
		return 0, false, nil
	}
	x, err := strconv.ParseFloat(label, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false, nil
	}
	if math.IsInf(x, 0) || x != math.Trunc(x) || math.Abs(x) > 1<<53 {
		return 0, true, fmt.Errorf("label %s is not a class number", label)
	}
	return int(x), true, checkClass(int(x))
}

// classesOf fills in classes: the labels, if they are numbers, else their place in the
// order of all words. Labels are one or the other: if some were numbers and others words,
// taking all for words would number the classes in another way.
func classesOf(rows []tableRow, list []labelled) (names []string, classes int, err error) {
	word, number := -1, -1 // The first of each.
	for i, row := range rows {
		where := fmt.Sprintf("line %d, image %s", row.line, row.image)
		n, ok, err := classNumber(row.label)
		switch {
		case row.label == "" || strings.EqualFold(row.label, "nan"):
			return nil, 0, fmt.Errorf("%s: it has no label", where)
		case err != nil:
			return nil, 0, fmt.Errorf("%s: %w", where, err)
		case ok && number < 0:
			number = i
		case !ok && word < 0:
			word = i
		}
		if number >= 0 && word >= 0 {
			odd, usual := rows[word], "numbers, as in line %d"
			other := rows[number]
			if number > word {
				odd, other, usual = other, odd, "words, as in line %d"
			}
			return nil, 0, fmt.Errorf("line %d, image %s: label %q, but the others are "+usual+": all labels are class numbers, or all are words", odd.line, odd.image, odd.label, other.line)
		}
		list[i].class = n
		classes = max(classes, n+1)
	}
	if word < 0 {
		return nil, classes, nil
	}
	for _, row := range rows {
		names = append(names, row.label)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxClasses {
		return nil, 0, fmt.Errorf("%d different labels, more than the limit of %d", len(names), maxClasses)
	}
	for i, row := range rows {
		list[i].class, _ = slices.BinarySearch(names, row.label)
	}
	return names, len(names), nil
}
