package dataset

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/tensor"
)

// Inventory says which images a data set has, so that other processes, on other machines,
// can each read a part of them and be sure that they are the same. It is plain data that
// becomes JSON. [Dataset.Inventory] makes one, [Inventory.Open] opens what it lists.
type Inventory struct {
	Spec   string `json:"spec"` // As it opened the data set; set it if the data are elsewhere now.
	Split  string `json:"split"`
	First  int    `json:"first,omitempty"` // Of images that are not files: the place of the first in the split.
	Images int    `json:"images"`          // How many there are.
	SHA256 string `json:"sha256"`          // Of all of them: [Dataset.Hash].

	// Of image files; else empty.
	Files *FileInventory `json:"files,omitempty"`
}

// FileInventory lists image files.
type FileInventory struct {
	Root           string        `json:"root"`             // The folder of the names below; set it if the files are elsewhere now.
	Shape          tensor.Shape  `json:"shape"`            // Of an image, (C, H, W).
	Resize         int           `json:"resize"`           // Length of the shorter side before the middle is cut out, in pixels; 0 for frames.
	Frames         int           `json:"frames,omitempty"` // Of every image; 0 if the files are pictures.
	Classes        int           `json:"classes"`
	ClassNames     []string      `json:"class_names,omitempty"`
	ClassesGuessed bool          `json:"classes_guessed,omitempty"`
	Unlabelled     bool          `json:"unlabelled,omitempty"`
	Skipped        int           `json:"skipped,omitempty"` // How many were left out, as they cannot be read.
	List           []ListedImage `json:"list"`
}

// ListedImage is an image in a file of its own or in a .tar file.
type ListedImage struct {
	Name   string `json:"name"`             // Of the file, with slashes.
	Member string `json:"member,omitempty"` // Of the .tar file.
	Offset int64  `json:"offset,omitempty"` // Of the content in the .tar file, in bytes.
	Size   int64  `json:"size"`             // Of the content, in bytes.
	SHA256 string `json:"sha256"`           // Of the content.
	Label  int    `json:"label"`
}

// Inventory lists the images of d. Those of files must have been [Dataset.Checked].
func (d *Dataset) Inventory() (*Inventory, error) {
	v := &Inventory{Spec: d.spec, Split: d.split.String(), Images: d.Len()}
	s, ok := d.images.(*fileStore)
	if !ok {
		v.First, v.SHA256 = d.first, d.Hash()
		return v, nil
	}
	v.Files = &FileInventory{
		Root: s.root, Shape: d.Shape(), Resize: s.resize, Frames: d.frames,
		Classes: d.classes, ClassNames: d.names, ClassesGuessed: d.atLeast, Unlabelled: d.unlabelled, Skipped: d.skipped,
	}
	for i, f := range s.files {
		if !f.checked {
			return nil, fmt.Errorf("dataset %s: image %d has not been checked, so that it cannot be listed", d.spec, i)
		}
		v.Files.List = append(v.Files.List, ListedImage{
			Name: f.name, Member: f.member, Offset: f.offset, Size: f.size,
			SHA256: hex.EncodeToString(f.sum[:]), Label: d.Label(i),
		})
	}
	v.SHA256 = d.Hash()
	return v, nil
}

// Open opens the images that v lists. Image files are not touched: they count as
// checked, and one with other content than listed is an error when its pixels are asked
// for, so that a process that takes a [Dataset.Slice] reads no more than that. Other
// data sets are read, and compared as a whole. The data set has the hash v.SHA256; v
// need not be trusted in anything else.
func (v *Inventory) Open() (*Dataset, error) {
	d, err := v.open()
	if err != nil {
		return nil, fmt.Errorf("inventory of %s: %w", v.Spec, err)
	}
	if got := d.Hash(); got != v.SHA256 {
		return nil, fmt.Errorf("inventory of %s: the images are not those that were listed: their hash is %s, not %s", v.Spec, got, v.SHA256)
	}
	return d, nil
}

func (v *Inventory) open() (*Dataset, error) {
	split := slices.Index([]string{Train.String(), Test.String()}, v.Split)
	if split < 0 {
		return nil, fmt.Errorf("unknown split %q", v.Split)
	}
	name, _, _ := strings.Cut(v.Spec, ":")
	if v.Files == nil {
		d, err := Open(v.Spec, Split(split))
		if err != nil {
			return nil, err
		}
		if v.First < 0 || v.Images < 1 || v.First > d.Len()-v.Images {
			return nil, fmt.Errorf("images %d to %d were listed, but there are %d", v.First, v.First+v.Images-1, d.Len())
		}
		return d.Slice(v.First, v.First+v.Images)
	}
	d, err := v.Files.open()
	if err != nil {
		return nil, err
	}
	if d.Len() != v.Images {
		return nil, fmt.Errorf("%d images, but the list has %d", v.Images, d.Len())
	}
	d.name, d.spec, d.split = name, v.Spec, Split(split)
	return d, nil
}

func (v *FileInventory) open() (*Dataset, error) {
	if v.Classes < 1 || v.Classes > maxClasses || v.ClassNames != nil && len(v.ClassNames) != v.Classes {
		return nil, fmt.Errorf("%d classes with %d names", v.Classes, len(v.ClassNames))
	}
	if len(v.List) == 0 {
		return nil, errors.New("the list has no images")
	}
	list := make([]labelled, len(v.List))
	for i, l := range v.List {
		f := imageFile{name: l.Name, member: l.Member, offset: l.Offset, size: l.Size, checked: true}
		sum, err := hex.DecodeString(l.SHA256)
		switch {
		case err != nil || len(sum) != len(f.sum):
			return nil, fmt.Errorf("image %d: %q is not a SHA-256", i, l.SHA256)
		case !filepath.IsLocal(filepath.FromSlash(l.Name)):
			return nil, fmt.Errorf("image %d: %q is not the name of a file below the root", i, l.Name)
		case l.Size < 0 || l.Size > maxImageFile || l.Offset < 0 || l.Offset+l.Size < 0 || l.Member == "" && l.Offset > 0:
			return nil, fmt.Errorf("image %d: there are no %d bytes at %d", i, l.Size, l.Offset)
		case l.Label < 0 || l.Label >= v.Classes:
			return nil, fmt.Errorf("image %d: label %d is out of range 0 to %d", i, l.Label, v.Classes-1)
		}
		copy(f.sum[:], sum)
		list[i] = labelled{f, l.Label}
	}
	d := newFiles(v.Root, list, v.Classes)
	d.names, d.atLeast, d.unlabelled, d.skipped = v.ClassNames, v.ClassesGuessed, v.Unlabelled, max(v.Skipped, 0)
	if v.Frames > 0 {
		if shape := append(tensor.Shape{v.Frames}, v.Shape...); len(shape) != 4 || shape.Check() != nil {
			return nil, fmt.Errorf("there are no images of %d frames of %s", v.Frames, v.Shape)
		}
		return d.sequencesOf(v.Shape, v.Frames), nil
	}
	if v.Resize < 1 {
		return nil, fmt.Errorf("images cannot be resized to %d", v.Resize)
	}
	return d.Resized(v.Shape, v.Resize)
}
