package dataset

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/tensor"
)

// square is a PNG file of 4 by 4 pixels of one grey.
func square(grey byte) []byte {
	m := image.NewGray(image.Rect(0, 0, 4, 4))
	for i := range m.Pix {
		m.Pix[i] = grey
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// small opens image files as grey images of 2 by 2 pixels.
func small(t *testing.T, spec string, split Split) *Dataset {
	t.Helper()
	d, err := open(t, spec, split).Resized(tensor.Shape{1, 2, 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func firsts(t *testing.T, d *Dataset) []int {
	t.Helper()
	var list []int
	for i := range d.Len() {
		list = append(list, int(pixels(t, d, i)[0]))
	}
	return list
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, grey := range map[string]byte{"cat/1.png": 11, "cat/2.PNG": 12, "cat/more/3.png": 13, "ant/9.png": 21, "bee/5.png": 31, "bee/6.png": 32} {
		write(t, dir, name, square(grey))
	}
	write(t, dir, "cat/notes.txt", []byte("hello"))
	write(t, dir, ".git/x.png", []byte("hello"))
	write(t, dir, "readme.png", []byte("hello"))
	d := small(t, "folder:"+dir, Test)
	// Classes by name; the first of each, then the second.
	if got := firsts(t, d); !slices.Equal(got, []int{21, 31, 11, 32, 12, 13}) {
		t.Errorf("got images %v", got)
	}
	if got := labels(d); !slices.Equal(got, []int{0, 1, 2, 1, 2, 2}) || d.Classes() != 3 || d.ClassesGuessed() || d.ClassName(2) != "cat" || !d.Single() {
		t.Errorf("got labels %v of %d, class 2 is %s", got, d.Classes(), d.ClassName(2))
	}
	part, err := d.Slice(3, 5)
	if err != nil {
		t.Fatal(err)
	}
	if got := firsts(t, part); !slices.Equal(got, []int{32, 12}) {
		t.Errorf("slice: got %v", got)
	}

	both := t.TempDir()
	write(t, both, "train/a/1.png", square(1))
	write(t, both, "val/a/1.png", square(2))
	for split, want := range map[Split]int{Train: 1, Test: 2} {
		if d := small(t, "folder:"+both, split); !slices.Equal(firsts(t, d), []int{want}) || d.Single() {
			t.Errorf("%s: got %v, single %v", split, firsts(t, d), d.Single())
		}
	}
}

func TestFolderErrors(t *testing.T) {
	dir := t.TempDir()
	fails(t, "folder", Test, "a path is needed")
	fails(t, "folder:"+dir, Test, "no folders in it", "files:DIR")
	file := write(t, dir, "a/1.png", square(1))
	fails(t, "folder:"+file, Test, "not a folder")
	write(t, dir, "b/1.txt", []byte("x"))
	bare := t.TempDir()
	write(t, bare, "a/1.txt", []byte("x"))
	fails(t, "folder:"+bare, Test, "no PNG, JPEG, BMP or WebP file in any folder of a class: a")
	outer := t.TempDir()
	write(t, outer, "train/a/1.png", square(1))
	fails(t, "folder:"+outer, Test, "no folder val, from which the test split is read")
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"x.png", "y.png", "sub/z.png"} {
		write(t, dir, name, square(byte(i+1)))
	}
	fails(t, "files:"+dir, Test, "labels are missing: add labels.csv")
	write(t, dir, "labels.csv", []byte("name,label\ny.png,7\nx.png, 2\nsub/z.png,0\n"))
	d := small(t, "files:"+dir, Test)
	if got := firsts(t, d); !slices.Equal(got, []int{2, 1, 3}) || !slices.Equal(labels(d), []int{7, 2, 0}) || d.Classes() != 8 || !d.ClassesGuessed() || !d.Single() {
		t.Errorf("got %v, labels %v of %d", got, labels(d), d.Classes())
	}
	words := write(t, dir, "words.csv", []byte("y.png,dog\nx.png,cat\n"))
	d = small(t, "files:"+dir+","+words, Test)
	if !slices.Equal(labels(d), []int{1, 0}) || d.ClassName(1) != "dog" || d.ClassesGuessed() {
		t.Errorf("words: got labels %v", labels(d))
	}
	write(t, dir, "train.csv", []byte("x.png,1\n"))
	write(t, dir, "test.csv", []byte("y.png,1\n"))
	if d := small(t, "files:"+dir, Test); !slices.Equal(firsts(t, d), []int{2}) || d.Single() {
		t.Errorf("test.csv: got %v", firsts(t, d))
	}
	for content, want := range map[string]string{
		"x.png,1\nw.png,2\nv.png,1\n": "2 of the 3 images that",
		"x.png\n":                     "a line is NAME,LABEL",
		"":                            "no images",
		"x.png,-1\n":                  "image x.png: label -1 is out of range",
		"x.png,a\ny.png,\n":           "line 2, image y.png: it has no label",
		"x.png,1\n../x.png,1\n":       `"../x.png" is not the name of a file in`,
	} {
		fails(t, "files:"+dir+","+write(t, dir, "bad.csv", []byte(content)), Test, want)
	}
}

func TestResized(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/1.png", square(1))
	d := open(t, "folder:"+dir, Test)
	if d.Shape().String() != "3x224x224" {
		t.Errorf("got %s", d.Shape())
	}
	for _, tt := range []struct{ size, resize, want int }{{224, 0, 256}, {299, 0, 342}, {64, 0, 64}, {32, 0, 32}, {65, 0, 74}, {32, 40, 40}} {
		r, err := d.Resized(tensor.Shape{3, tt.size, tt.size}, tt.resize)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.images.(*fileStore).resize; got != tt.want {
			t.Errorf("%d: resized to %d, want %d", tt.size, got, tt.want)
		}
	}
	if _, err := d.Resized(tensor.Shape{3, 32, 33}, 32); err == nil || !strings.Contains(err.Error(), "33 x 32 pixels cannot be cut out of images whose shorter side is 32") {
		t.Errorf("got error %v", err)
	}
	if _, err := d.Resized(tensor.Shape{4, 32, 32}, 0); err == nil || !strings.Contains(err.Error(), "1 or 3 channels") {
		t.Errorf("got error %v", err)
	}
}

// A file by itself is the image that it is in a data set.
func TestReadImageFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/1.png", square(7))
	d := open(t, "folder:"+dir, Test)
	for _, shape := range []tensor.Shape{{3, 8, 8}, {1, 100, 100}} {
		r, err := d.Resized(shape, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, shape.Len())
		if err := r.Pixels(0, want); err != nil {
			t.Fatal(err)
		}
		got, err := ReadImageFile(filepath.Join(dir, "a", "1.png"), shape, 0)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: error %v, or other pixels", shape, err)
		}
	}
	write(t, dir, "text.png", []byte("hello"))
	for _, tt := range []struct {
		name  string
		shape tensor.Shape
		want  string
	}{
		{"text.png", tensor.Shape{1, 8, 8}, "not a PNG, JPEG, BMP or WebP image"},
		{"none.png", tensor.Shape{1, 8, 8}, "none.png"},
		{"a/1.png", tensor.Shape{2, 8, 8}, "1 or 3 channels"},
	} {
		if _, err := ReadImageFile(filepath.Join(dir, tt.name), tt.shape, 0); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestChecked(t *testing.T) {
	dir := t.TempDir()
	half := square(1)[:40]
	for i, b := range [][]byte{square(1), half, square(3), []byte("hello"), square(5)} {
		write(t, dir, "a/"+string(rune('1'+i))+".png", b)
	}
	d := small(t, "folder:"+dir, Test)
	for workers := range 4 {
		calls := 0
		c := Check{SkipBad: 1, Workers: workers, Progress: func(done, total int) {
			if calls++; done != calls || total != 5 {
				t.Errorf("progress %d of %d", done, total)
			}
		}}
		_, _, err := d.Checked(t.Context(), c)
		var bad *UnreadableError
		if !errors.As(err, &bad) || len(bad.Files) != 2 || bad.Of != 5 {
			t.Fatalf("got error %v", err)
		}
		for _, want := range []string{"2 of 5 images cannot be read", filepath.Join("a", "2.png: the image cannot be decoded"), filepath.Join("a", "4.png: not a PNG, JPEG, BMP or WebP")} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v\nwant in it: %s", err, want)
			}
		}
		c.SkipBad, calls = 2, 0
		good, skipped, err := d.Checked(t.Context(), c)
		if err != nil || len(skipped) != 2 || filepath.Base(skipped[1].Path) != "4.png" || good.Len() != 3 || good.Skipped() != 2 {
			t.Fatalf("skipped %v, error %v", skipped, err)
		}
		if got := firsts(t, good); !slices.Equal(got, []int{1, 3, 5}) {
			t.Errorf("left are %v", got)
		}
		first, err := good.First(1)
		if err != nil {
			t.Fatal(err)
		}
		unchecked, err := d.First(1)
		if err != nil {
			t.Fatal(err)
		}
		if first.Hash() != unchecked.Hash() || first.Hash() == good.Hash() {
			t.Error("hashes depend on whether files were checked, or not on which there are")
		}
	}
	none, err := d.Slice(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := none.Checked(t.Context(), Check{SkipBad: 9}); err == nil || !strings.Contains(err.Error(), "1 of 1 images") {
		t.Errorf("nothing left: got error %v", err)
	}
	if err := d.Pixels(1, make([]float32, 4)); err == nil || !strings.Contains(err.Error(), "image 1: ") || !strings.Contains(err.Error(), "2.png") {
		t.Errorf("got error %v", err)
	}
}

func TestSame(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "x/a/1.png", square(1))
	write(t, dir, "copy/b/2.png", square(1))
	write(t, dir, "other/a/1.png", square(2))
	x := small(t, "folder:"+filepath.Join(dir, "x"), Test)
	for name, want := range map[string]bool{"x": true, "copy": true, "other": false} {
		if got := Same(x, small(t, "folder:"+filepath.Join(dir, name), Test)); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	a, err := x.Resized(tensor.Shape{1, 2, 2}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if Same(x, a) {
		t.Error("the same when resized otherwise")
	}
}

// Channels of colour images, in order and in the middle.
func TestPictureChannels(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 5, 2))
	for x := range 5 {
		for y := range 2 {
			m.SetNRGBA(x, y, color.NRGBA{byte(10 + x), byte(20 + y), 30, byte(50 * x)})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 12)
	if err := (picture{tensor.Shape{3, 2, 2}, 2}).decode(b.Bytes(), got); err != nil {
		t.Fatal(err)
	}
	// (5-2)/2 = 1.5 is rounded to 2.
	if want := []float32{12, 13, 12, 13, 20, 20, 21, 21, 30, 30, 30, 30}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// BenchmarkDecode is a photograph of the size that most of ImageNet has.
func BenchmarkDecode(b *testing.B) {
	m := image.NewYCbCr(image.Rect(0, 0, 500, 375), image.YCbCrSubsampleRatio420)
	for y := range 375 {
		for x := range 500 {
			m.Y[m.YOffset(x, y)] = byte(x*y/64 + x*7%32)
			m.Cb[m.COffset(x, y)], m.Cr[m.COffset(x, y)] = byte(x/2), byte(y/2)
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	dst := make([]float32, 3*224*224)
	b.ReportAllocs()
	for b.Loop() {
		if err := (picture{tensor.Shape{3, 224, 224}, 256}).decode(file.Bytes(), dst); err != nil {
			b.Fatal(err)
		}
	}
}
