package dataset

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"sresnet/tensor"
)

// inUTF16 returns a text as Excel writes it.
func inUTF16(s string, order binary.ByteOrder) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		b = append(b, 0, 0)
		order.PutUint16(b[len(b)-2:], u)
	}
	return b
}

// Numbers stay numbers, however a program wrote them, and whatever the text is in.
func TestLabelsAsWritten(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a.png", "b.png", "c.png"} {
		write(t, dir, name, square(byte(i+1)))
	}
	plain := "a.png,10\nb.png,2\nc.png,0\n"
	tabs := strings.ReplaceAll(plain, ",", "\t")
	for name, content := range map[string][]byte{
		"plain":         []byte(plain),
		"floats":        []byte("a.png,10.0\nb.png,2.0\nc.png,0.0\n"),
		"quoted":        []byte("a.png,\"10 \"\nb.png,\" 2\"\nc.png, 0 \n"),
		"powers":        []byte("a.png,1e1\nb.png,2e0\nc.png,0\n"),
		"mixed":         []byte("a.png,10\nb.png,2.0\nc.png,0\n"),
		"mark":          []byte("\ufeff" + plain),
		"mark, header":  []byte("\ufeffimage,label\n" + plain),
		"UTF-16":        inUTF16(plain, binary.LittleEndian),
		"UTF-16, tabs":  inUTF16("image\tlabel\r\n"+tabs, binary.LittleEndian),
		"UTF-16BE":      inUTF16(plain, binary.BigEndian),
		"semicolons":    []byte(strings.ReplaceAll(plain, ",", ";")),
		"lines of DOS":  []byte(strings.ReplaceAll(plain, "\n", "\r\n")),
		"without a end": []byte(strings.TrimSpace(plain)),
	} {
		d := small(t, "files:"+dir+","+write(t, dir, "l.csv", content), Test)
		if !slices.Equal(labels(d), []int{10, 2, 0}) || !slices.Equal(firsts(t, d), []int{1, 2, 3}) || d.Classes() != 11 || !d.ClassesGuessed() {
			t.Errorf("%s: got labels %v of images %v in %d classes", name, labels(d), firsts(t, d), d.Classes())
		}
	}
	for content, want := range map[string]string{
		"a.png,10.0\nb.png,\n":              "line 2, image b.png: it has no label",
		"a.png,10.0\nb.png,NaN\n":           "line 2, image b.png: it has no label",
		"a.png,10.0\nb.png,2.5\n":           "line 2, image b.png: label 2.5 is not a class number",
		"a.png,1\nb.png,2\nc.png,cat\n":     `line 3, image c.png: label "cat", but the others are numbers, as in line 1`,
		"a.png,cat\nb.png,7\n":              `line 2, image b.png: label "7", but the others are words, as in line 1`,
		"a.png,1e400\n":                     "line 1, image a.png: label 1e400 is not a class number",
		"a.png,-1.0\n":                      "label -1 is out of range",
		"a.png,65536.0\n":                   "label 65536 is out of range",
		"a\x00.\x00p\x00":                   "zero bytes",
		"\xff\xfea\x00.":                    "odd number of bytes",
		",image,label\n0,a.png,1\n":         "to_csv(index=False)",
		"image,label\na.png,1\nb.png,x,y\n": "a line is NAME,LABEL",
	} {
		fails(t, "files:"+dir+","+write(t, dir, "bad.csv", []byte(content)), Test, want)
	}
	// Words that differ in spaces around them are the same.
	d := small(t, "files:"+dir+","+write(t, dir, "w.csv", []byte("a.png,dog\nb.png,\"dog \"\nc.png,1st\n")), Test)
	if !slices.Equal(labels(d), []int{1, 1, 0}) || d.Classes() != 2 {
		t.Errorf("words: got labels %v of %d", labels(d), d.Classes())
	}
}

// Class numbers are those of the training split, in folders and in tables.
func TestTrainingSplitNumbers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"train/ant/1.png", "train/bee/1.png", "train/cat/1.png", "val/bee/1.png", "val/cat/1.png"} {
		write(t, dir, name, square(1))
	}
	d := open(t, "folder:"+dir, Test)
	if !slices.Equal(labels(d), []int{1, 2}) || d.Classes() != 3 || d.ClassName(0) != "ant" {
		t.Errorf("folders: got labels %v of %v", labels(d), d.ClassNames())
	}
	if notes := d.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "1 of the 3 classes have no images here: ant") {
		t.Errorf("notes: %v", notes)
	}
	write(t, dir, "val/dog/1.png", square(1))
	fails(t, "folder:"+dir, Test, "class numbers are those of the training images, which have no dog")
	write(t, dir, "train/dog/notes.txt", nil) // A class without images.
	if d := open(t, "folder:"+dir, Test); !slices.Equal(labels(d), []int{1, 2, 3}) {
		t.Errorf("with dog: got labels %v", labels(d))
	}
	d = open(t, "folder:"+dir, Train)
	if notes := d.Notes(); d.Classes() != 4 || len(notes) != 1 || !strings.Contains(notes[0], "1 of 4 classes have no images in ") || !strings.HasSuffix(notes[0], ": dog") {
		t.Errorf("training images: %d classes, notes %v", d.Classes(), notes)
	}

	table := t.TempDir()
	write(t, table, "1.png", square(1))
	write(t, table, "2.gif", []byte("GIF89a"))
	write(t, table, "train.csv", []byte("1.png,bee\n2.gif,ant\n1.png,cat\n"))
	write(t, table, "test.csv", []byte("name,label\n1.png,cat\n1.png,bee\n"))
	if d := open(t, "files:"+table, Test); !slices.Equal(labels(d), []int{2, 1}) || d.Classes() != 3 {
		t.Errorf("table: got labels %v of %v", labels(d), d.ClassNames())
	}
	if d := open(t, "files:"+table, Train); !slices.Equal(labels(d), []int{1, 2}) || d.Classes() != 3 {
		t.Errorf("table of training images: got labels %v of %v", labels(d), d.ClassNames())
	}
	write(t, table, "test.csv", []byte("1.png,cat\n1.png,dog\n"))
	fails(t, "files:"+table, Test, "test.csv: class numbers are those of the training images, which have no dog")
	write(t, table, "test.csv", []byte("1.png,1\n"))
	fails(t, "files:"+table, Test, "labels are numbers in one of", "and words in the other")
}

// Images of other formats are counted and named; BMP is read.
func TestForeignFormats(t *testing.T) {
	dir := t.TempDir()
	// 4 by 4 pixels of 24 bits; not by a package that registers itself as a decoder.
	bmp := append([]byte("BM"), make([]byte, 52)...)
	bmp[10], bmp[14], bmp[18], bmp[22], bmp[26], bmp[28] = 54, 40, 4, 4, 1, 24
	bmp = append(bmp, bytes.Repeat([]byte{77}, 4*4*3)...)
	write(t, dir, "a/1.png", square(1))
	write(t, dir, "a/2.bmp", bmp)
	write(t, dir, "a/more/3.TIF", []byte("II*\x00"))
	write(t, dir, "b/4.gif", []byte("GIF89a"))
	write(t, dir, "b/5.png", square(5))
	d := small(t, "folder:"+dir, Test)
	if got := firsts(t, d); !slices.Equal(got, []int{1, 5, 77}) {
		t.Errorf("got images %v", got)
	}
	want := "2 of 5 image files are neither PNG, JPEG, BMP nor WebP and were left out: a/more/3.TIF, b/4.gif: convert them to PNG to have them"
	if !slices.Equal(d.Notes(), []string{want}) {
		t.Errorf("notes: %q", d.Notes())
	}
	write(t, dir, "l.csv", []byte("a/1.png,0\nb/4.gif,1\n"))
	d = small(t, "files:"+dir+","+filepath.Join(dir, "l.csv"), Test)
	if d.Len() != 1 || d.Classes() != 2 || len(d.Notes()) != 1 || !strings.Contains(d.Notes()[0], "1 of 2 image files") {
		t.Errorf("table: %d images in %d classes, notes %q", d.Len(), d.Classes(), d.Notes())
	}
	write(t, dir, "l.csv", []byte("b/4.gif,1\n"))
	fails(t, "files:"+dir+","+filepath.Join(dir, "l.csv"), Test, "no images: 1 of 1 image files")
}

// BMP files are what Pillow reads, in every depth that it writes.
func TestBMPAgainstPillow(t *testing.T) {
	dir := t.TempDir()
	runPython(t, "PIL", `import sys
from PIL import Image
m = Image.new("RGB", (13, 9))
m.putdata([(i * 2 % 256, i * 7 % 256, i * 11 % 256) for i in range(13 * 9)])
for mode in "1", "L", "P", "RGB", "RGBA":
    x = m.convert(mode)
    x.save(f"{sys.argv[1]}/{mode}.bmp")
    Image.open(f"{sys.argv[1]}/{mode}.bmp").convert("RGB").save(f"{sys.argv[1]}/{mode}.png")
`, dir)
	for _, mode := range []string{"1", "L", "P", "RGB", "RGBA"} {
		for _, shape := range []tensor.Shape{{3, 9, 9}, {1, 9, 9}} {
			got, err := ReadImageFile(filepath.Join(dir, mode+".bmp"), shape, 0)
			if err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
			want, err := ReadImageFile(filepath.Join(dir, mode+".png"), shape, 0)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s as %v: got %v, want %v", mode, shape, got[:9], want[:9])
			}
		}
	}
}
