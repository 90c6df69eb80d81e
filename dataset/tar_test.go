package dataset

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// member is a member of a .tar file, a regular file unless kind says otherwise.
type member struct {
	name    string
	content []byte
	kind    byte
}

// sampleOf is an image of one grey with its label.
func sampleOf(key string, grey byte, class int) []member {
	return []member{{name: key + ".png", content: square(grey)}, {name: key + ".cls", content: []byte(strconv.Itoa(class))}}
}

func tarOf(members ...[]member) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range slices.Concat(members...) {
		h := &tar.Header{Name: m.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(m.content))}
		if m.kind != 0 {
			h.Typeflag, h.Linkname = m.kind, "/etc/passwd"
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := w.Write(m.content); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestTar(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "x-000009.tar", tarOf(sampleOf("a/9", 9, 1)))
	write(t, dir, "x-000010.tar", tarOf(sampleOf("./b.c/z", 10, 0), []member{{name: "d/", kind: tar.TypeDir}, {name: "._q.png"}, {name: "notes"}}, sampleOf("a", 11, 2)))
	write(t, dir, "x-000011.tar", tarOf([]member{ // Labels apart from images, and in other forms.
		{name: "m.PNG", content: square(12)},
		{name: "n.Jpeg", content: []byte("bad")},
		{name: "m.seg.png"},
		{name: "m.cls", content: []byte(" 3\n")},
		{name: "m.json", content: []byte(`{"label": 9}`)},
		{name: "n.json", content: []byte(`{"size": [1], "label": 4}`)},
	}))
	write(t, dir, ".x.tar", []byte("hidden"))
	d := small(t, "tar:"+dir, Test)
	if got := labels(d); !slices.Equal(got, []int{1, 0, 2, 3, 4}) || d.Classes() != 5 || !d.ClassesGuessed() || !d.Single() || !d.Resizable() {
		t.Errorf("got labels %v of %d, single %v", got, d.Classes(), d.Single())
	}
	first, err := d.First(4)
	if err != nil {
		t.Fatal(err)
	}
	if got := firsts(t, first); !slices.Equal(got, []int{9, 10, 11, 12}) {
		t.Errorf("got images %v", got)
	}
	if _, _, err := d.Checked(t.Context(), Check{}); err == nil || !strings.Contains(err.Error(), "1 of 5 images cannot be read: "+filepath.Join(dir, "x-000011.tar")+", member \"n.Jpeg\": not a PNG") {
		t.Errorf("got error %v", err)
	}
	good, skipped, err := d.Checked(t.Context(), Check{SkipBad: 1})
	if err != nil || len(skipped) != 1 || good.Len() != 4 || good.Hash() != first.Hash() {
		t.Errorf("got %d images, error %v", good.Len(), err)
	}

	for spec, want := range map[string][]int{
		"x-000010.tar":             {10, 11},
		"x-{000009..000010}.tar":   {9, 10, 11},
		"x-0000{09..10}.tar":       {9, 10, 11},
		"x-{00..00}{0009..10}.tar": {9, 10, 11},
	} {
		if got := firsts(t, small(t, "tar:"+filepath.Join(dir, spec), Train)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", spec, got, want)
		}
	}
	write(t, dir, "classes.txt", []byte("ant\nbee\ncat\ndog\nemu\nfly\n"))
	if d := open(t, "tar:"+dir, Test); d.Classes() != 6 || d.ClassesGuessed() || d.ClassName(3) != "dog" {
		t.Errorf("%d classes, the fourth %s", d.Classes(), d.ClassName(3))
	}
	write(t, dir, "classes.txt", []byte("ant\nbee\ncat\ndog\n"))
	fails(t, "tar:"+dir, Test, "label 4, but the file of class names has only 4 lines")
	write(t, dir, "classes.txt", []byte("ant\n\ncat\n"))
	fails(t, "tar:"+dir, Test, "classes.txt: line 2 is empty")
}

// The same images are the same data, in a folder or in a .tar file.
func TestTarHash(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "own/0/1.png", square(1))
	write(t, dir, "own/1/1.png", square(2))
	write(t, dir, "x.tar", tarOf(sampleOf("p", 1, 0), sampleOf("q", 2, 1)))
	folder, file := small(t, "folder:"+filepath.Join(dir, "own"), Test), small(t, "tar:"+filepath.Join(dir, "x.tar"), Test)
	if folder.Hash() != file.Hash() || !Same(folder, file) {
		t.Error("hashes differ")
	}
}

func TestTarSplits(t *testing.T) {
	for _, names := range [][2]string{{"train/0.tar", "val/0.tar"}, {"in-train-0.tar", "in-val-0.tar"}, {"trainA-train_1.tar", "test.tar"}} {
		dir := t.TempDir()
		write(t, dir, names[0], tarOf(sampleOf("a", 1, 0)))
		write(t, dir, names[1], tarOf(sampleOf("a", 2, 0)))
		write(t, dir, "classnames.txt", []byte("ant\nbee\n"))
		for split, want := range map[Split]int{Train: 1, Test: 2} {
			if d := small(t, "tar:"+dir, split); !slices.Equal(firsts(t, d), []int{want}) || d.Single() || d.ClassName(1) != "bee" {
				t.Errorf("%v, %s: got %v, single %v", names, split, firsts(t, d), d.Single())
			}
		}
	}
	dir := t.TempDir()
	write(t, dir, "val.tar", tarOf(sampleOf("a", 1, 0)))
	fails(t, "tar:"+dir, Train, "none is of the train split")
	write(t, dir, "more.tar", tarOf(sampleOf("a", 1, 0)))
	fails(t, "tar:"+dir, Test, "but not more.tar")
}

func TestTarErrors(t *testing.T) {
	dir := t.TempDir()
	fails(t, "tar", Test, "a path is needed")
	fails(t, "tar:"+dir, Test, "no .tar file in it")
	write(t, dir, "x.tar.gz", []byte("x"))
	fails(t, "tar:"+dir, Test, "x.tar.gz: it is compressed", "gunzip")
	fails(t, "tar:"+filepath.Join(dir, "x-{5..3}.tar"), Test, "5 comes after 3")
	fails(t, "tar:"+filepath.Join(dir, "x-{0..99999}{0..99999}.tar"), Test, "more than")
	fails(t, "tar:"+filepath.Join(dir, "x-{0..8}.tar"), Test, "9 of the 9 files are not there", "x-0.tar", "and 4 more")
	a, b := sampleOf("a", 1, 0), sampleOf("b", 2, 1)
	whole := tarOf(a, b)
	for name, tt := range map[string]struct {
		b    []byte
		want string
	}{
		"gzip":              {[]byte("\x1f\x8b123"), "gunzip"},
		"text":              {bytes.Repeat([]byte("hello "), 100), "not a .tar file, or damaged near byte 512"},
		"zeros":             {make([]byte, 2048), "no images"},
		"empty":             {nil, "it breaks off after 0 images, without the end"},
		"half a member":     {whole[:540], `member "a.png": its `},
		"half a header":     {whole[:1200], "it breaks off near byte 1200, after 1 images"},
		"whole members":     {whole[:len(whole)-1024], "it breaks off after 2 images, without the end"},
		"link":              {tarOf(a, []member{{name: "b.png", kind: tar.TypeSymlink}}), `member "b.png": a link, device or the like`},
		"hard link":         {tarOf(a, []member{{name: "b.png", kind: tar.TypeLink}}), `member "b.png": a link, device or the like`},
		"device":            {tarOf(a, []member{{name: "b", kind: tar.TypeChar}}), `member "b": a link, device or the like`},
		"outside":           {tarOf(sampleOf("../a", 1, 0)), `member "../a.png": its name leads out`},
		"absolute":          {tarOf(sampleOf("/a", 1, 0)), `member "/a.png": its name leads out`},
		"twice":             {tarOf(a, a), `member "a.png": key "a" has an image already, member "a.png"`},
		"two images":        {tarOf(a, []member{{name: "./a.jpg"}}), `member "./a.jpg": key "a" has an image already, member "a.png"`},
		"two labels":        {tarOf(a, a[1:]), `member "a.cls": key "a" has a label already`},
		"no label":          {tarOf(a, b[:1]), `1 of 2 images have no label, a member KEY.cls with a class number: "b.png"`},
		"label in words":    {tarOf(a, []member{{name: "b.png"}, {name: "b.json", content: []byte(`{"label": "bee"}`)}}), "1 of 2 images have no label"},
		"no image":          {tarOf(a, b[1:], []member{{name: "b.tiff"}}), `1 labels have no image, a member KEY.jpg, KEY.jpeg or KEY.png: "b.cls"`},
		"no number":         {tarOf([]member{{name: "b.cls", content: []byte("bee")}}), `member "b.cls": "bee" is not a class number`},
		"large number":      {tarOf([]member{{name: "b.cls", content: []byte("65536")}}), `member "b.cls": label 65536 is out of range`},
		"negative":          {tarOf([]member{{name: "b.json", content: []byte(`{"label": -1}`)}}), `member "b.json": label -1 is out of range`},
		"large label":       {tarOf([]member{{name: "b.cls", content: make([]byte, maxLabel+1)}}), `member "b.cls": 1048577 bytes are not a class number`},
		"sparse by PAX":     {sparse(), `a sparse file, whose content has gaps`},
		"size of exabytes":  {giant(1 << 60), `member "a.png": its 1152921504606846976 bytes go beyond the end`},
		"as large as a tar": {giant(int64(len(whole))), `go beyond the end`},
	} {
		path := write(t, dir, "bad.tar", tt.b)
		t.Run(name, func(t *testing.T) { fails(t, "tar:"+path, Test, path+": ", tt.want) })
	}
	if err := os.Remove(filepath.Join(dir, "bad.tar")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bad.tar"), 0o755); err != nil {
		t.Fatal(err)
	}
	fails(t, "tar:"+dir, Test, "bad.tar: not a regular file")
}

// What Python writes, in every form and with names that take headers of their own.
func TestTarPython(t *testing.T) {
	for _, form := range []string{"USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT"} {
		dir := t.TempDir()
		key := strings.Repeat("long/", 20) + "ärger"
		if form != "USTAR_FORMAT" {
			key = strings.Repeat("x", 120) + "/ärger"
		}
		for i, grey := range []byte{30, 40} {
			write(t, dir, fmt.Sprintf("%d.png", i), square(grey))
		}
		path := filepath.Join(dir, "x.tar")
		runPython(t, "tarfile", `import io, os, sys, tarfile
path, dir, key = sys.argv[1:4]
with tarfile.open(path, "w", format=getattr(tarfile, sys.argv[4])) as t:
    for i in range(2):
        t.add(os.path.join(dir, f"{i}.png"), f"{key}{i}.png")
        m = tarfile.TarInfo(f"{key}{i}.cls")
        m.size = 1
        t.addfile(m, io.BytesIO(b"52"[i:i+1]))`, path, dir, key, form)
		d := small(t, "tar:"+path, Test)
		if got := firsts(t, d); !slices.Equal(got, []int{30, 40}) || !slices.Equal(labels(d), []int{5, 2}) {
			t.Errorf("%s: got images %v, labels %v", form, got, labels(d))
		}
		if f := d.images.(*fileStore).files[1]; f.member != key+"1.png" {
			t.Errorf("%s: got member %q", form, f.member)
		}
	}
}

// giant is a .tar file whose header claims that many bytes.
func giant(size int64) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "a.png", Typeflag: tar.TypeReg, Size: size}); err != nil {
		panic(err)
	}
	return append(b.Bytes(), make([]byte, 1024)...)
}

// sparse is a .tar file with the header of a sparse file, form 0.1: 4 bytes at 0 of 4.
func sparse() []byte {
	records := "22 GNU.sparse.major=0\n" + "22 GNU.sparse.minor=1\n" + "26 GNU.sparse.numblocks=1\n" + "22 GNU.sparse.map=0,4\n" + "21 GNU.sparse.size=4\n"
	b := tarOf([]member{{name: "PaxHeaders/a", content: []byte(records)}, {name: "a.png", content: []byte("1234")}})
	b[156] = tar.TypeXHeader
	var sum int64 // Of the header, with blanks for itself.
	copy(b[148:156], "        ")
	for _, x := range b[:512] {
		sum += int64(x)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// Whatever a .tar file is, what the index says lies within it.
func FuzzTar(f *testing.F) {
	whole := tarOf(sampleOf("a", 1, 0), []member{{name: "b.jpg"}, {name: "b.json", content: []byte(`{"label": 7}`)}})
	f.Add(whole)
	f.Add(whole[:1536])
	f.Add(sparse())
	f.Add(giant(1 << 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := indexTar(bytes.NewReader(b), int64(len(b)), "x.tar")
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, l := range list {
			if l.offset < 512 || l.size < 0 || l.offset+l.size > int64(len(b)) || l.class < 0 || l.class >= maxClasses || l.member == "" || seen[l.member] {
				t.Fatalf("got %+v of %d bytes", l, len(b))
			}
			seen[l.member] = true
		}
		// Read from the beginning, the same members have the same content.
		r := tar.NewReader(bytes.NewReader(b))
		for range list {
			for {
				h, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				i := slices.IndexFunc(list, func(l labelled) bool {
					return l.member == strings.TrimPrefix(filepath.ToSlash(filepath.Clean(h.Name)), "./")
				})
				if i < 0 || h.Typeflag != tar.TypeReg {
					continue
				}
				content, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(content, b[list[i].offset:][:list[i].size]) {
					t.Fatalf("member %s: error %v, or other content", h.Name, err)
				}
				break
			}
		}
	})
}
