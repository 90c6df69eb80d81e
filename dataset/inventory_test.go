package dataset

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// passed is what another process has of an inventory.
func passed(t *testing.T, d *Dataset) *Inventory {
	t.Helper()
	v, err := d.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	other := new(Inventory)
	if err := json.Unmarshal(b, other); err != nil {
		t.Fatal(err)
	}
	return other
}

func TestInventory(t *testing.T) {
	dir := t.TempDir()
	var samples []member
	for i := range 6 {
		write(t, dir, fmt.Sprintf("own/%d/%d.png", i%2, i), square(byte(i)))
		samples = append(samples, sampleOf(fmt.Sprint(i), byte(i), i%2)...)
	}
	write(t, dir, "own/1/7.png", []byte("bad"))
	write(t, dir, "own.tar", tarOf(samples, []member{{name: "7.png"}, {name: "7.cls", content: []byte("1")}}))
	for _, spec := range []string{"folder:" + filepath.Join(dir, "own"), "tar:" + filepath.Join(dir, "own.tar")} {
		d := small(t, spec, Test)
		if _, err := d.Inventory(); err == nil || !strings.Contains(err.Error(), "image 0 has not been checked") {
			t.Errorf("got error %v", err)
		}
		d = check(t, d, "")
		v := passed(t, d)
		moved := filepath.Join(t.TempDir(), "moved")
		if err := os.CopyFS(moved, os.DirFS(v.Files.Root)); err != nil {
			t.Fatal(err)
		}
		v.Files.Root = moved
		got, err := v.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got.Hash() != d.Hash() || got.Name() != d.Name() || got.Spec() != spec || !got.Shape().Equal(d.Shape()) || !slices.Equal(labels(got), labels(d)) ||
			got.Skipped() != 1 || !slices.Equal(got.ClassNames(), d.ClassNames()) || got.ClassesGuessed() != d.ClassesGuessed() || !Same(got, d) {
			t.Errorf("%s: got another data set", spec)
		}
		// Who reads a part needs no more than that; what is not as listed is seen.
		if d.Name() == "folder" {
			replace(t, filepath.Join(moved, "1", "5.png"), square(5), square(4))
			if err := os.Remove(filepath.Join(moved, "0", "0.png")); err != nil {
				t.Fatal(err)
			}
		} else {
			replace(t, filepath.Join(moved, "own.tar"), square(5), square(4))
		}
		part, err := got.Slice(1, 5)
		if err != nil {
			t.Fatal(err)
		}
		part = check(t, part, "")
		if list := firsts(t, part); !slices.Equal(list, []int{1, 2, 3, 4}) || part.Skipped() != 1 {
			t.Errorf("%s: got %v, %d skipped", spec, list, part.Skipped())
		}
		if err := got.Pixels(5, make([]float32, 4)); err == nil || !strings.Contains(err.Error(), "its content has changed since it was checked") {
			t.Errorf("%s: got error %v", spec, err)
		}
	}
}

// Images that are not files are compared as a whole.
func TestInventoryOfArrays(t *testing.T) {
	dir := t.TempDir()
	images := write(t, dir, "images.npy", npy("|u1", "(4, 1, 2)", 1, 2, 3, 4, 5, 6, 7, 8))
	write(t, dir, "labels.npy", npy("|u1", "(4,)", 0, 1, 0, 1))
	d := open(t, "npy:"+images, Test)
	d, err := d.Slice(1, 4)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = d.First(2); err != nil {
		t.Fatal(err)
	}
	v := passed(t, d)
	got, err := v.Open()
	if err != nil || got.Hash() != d.Hash() || !slices.Equal(labels(got), []int{1, 0}) {
		t.Errorf("got labels %v, error %v", labels(got), err)
	}
	v.Images = 4
	if _, err := v.Open(); err == nil || !strings.Contains(err.Error(), "images 1 to 4 were listed, but there are 4") {
		t.Errorf("got error %v", err)
	}
	v.Images = 2
	write(t, dir, "images.npy", npy("|u1", "(4, 1, 2)", 1, 2, 3, 4, 5, 7, 7, 8))
	if _, err := v.Open(); err == nil || !strings.Contains(err.Error(), "the images are not those that were listed") {
		t.Errorf("got error %v", err)
	}
}

func TestInventoryErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/1.png", square(1))
	d := check(t, small(t, "folder:"+dir, Test), "")
	for want, spoil := range map[string]func(v *Inventory){
		`unknown split "all"`:                             func(v *Inventory) { v.Split = "all" },
		"2 images, but the list has 1":                    func(v *Inventory) { v.Images = 2 },
		"the list has no images":                          func(v *Inventory) { v.Files.List = nil },
		"not those that were listed":                      func(v *Inventory) { v.SHA256 = "" },
		"hash is":                                         func(v *Inventory) { v.Files.Resize = 3 },
		"cannot be resized to 0":                          func(v *Inventory) { v.Files.Resize = 0 },
		"1 or 3 channels":                                 func(v *Inventory) { v.Files.Shape = nil },
		"2 classes with 1 names":                          func(v *Inventory) { v.Files.Classes = 2 },
		`"zz" is not a SHA-256`:                           func(v *Inventory) { v.Files.List[0].SHA256 = "zz" },
		`"../1.png" is not the name`:                      func(v *Inventory) { v.Files.List[0].Name = "../1.png" },
		"no 268435457 bytes at 0":                         func(v *Inventory) { v.Files.List[0].Size = maxImageFile + 1 },
		"label 1 is out of range":                         func(v *Inventory) { v.Files.List[0].Label = 1 },
		"inventory of npz:nowhere: dataset npz:nowhere: ": func(v *Inventory) { v.Files = nil; v.Spec = "npz:nowhere" },
	} {
		v := passed(t, d)
		spoil(v)
		if _, err := v.Open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want in it: %s", err, want)
		}
	}
}

// Whatever an inventory says, what opens it has its hash.
func FuzzInventory(f *testing.F) {
	sum := strings.Repeat("00", 32)
	f.Add([]byte(`{"spec":"tar:x","split":"test","images":1,"sha256":"` + sum + `","files":{"root":"x","shape":[1,2,2],"resize":2,"classes":2,"list":[{"name":"x.tar","member":"1.png","offset":512,"size":3,"sha256":"` + sum + `","label":1}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := new(Inventory)
		if json.Unmarshal(b, v) != nil || v.Files == nil { // Else anything on this machine might be opened.
			return
		}
		d, err := v.open()
		if err != nil {
			return
		}
		v.SHA256 = d.Hash()
		if d, err = v.Open(); err != nil || d.Len() != len(v.Files.List) {
			t.Fatalf("error %v", err)
		}
		if again, err := d.Inventory(); err != nil || again.SHA256 != v.SHA256 || again.Images != v.Images {
			t.Errorf("got %+v of %+v, error %v", again, v, err)
		}
	})
}
