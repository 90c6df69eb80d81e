package dataset

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"

	"sresnet/internal/regular"
	"sresnet/tensor"
)

// fileStore is images in files, which are decoded when they are needed, by whoever
// needs them, so that no more than one image a goroutine is in memory.
type fileStore struct {
	root     string // The folder that names begin at.
	files    []imageFile
	picture           // How they become images,
	sequence sequence // or frames, where that has some; picture.shape is then that of a frame.
	ahead    *readAhead

	archives map[string]archive // The .tar files among them, by name, if they were opened.
	cache    string             // The file that remembers what was checked; empty for none.
}

// archive is a .tar file as it was when it was opened.
type archive struct {
	identity
	settled bool
}

// with returns a store of other files.
func (s *fileStore) with(files []imageFile) *fileStore {
	t := *s
	t.files = files
	t.ahead = &readAhead{
		n:    len(files),
		size: func(i int) int64 { return t.files[i].size },
		read: func(i int) ([]byte, error) { return t.content(&t.files[i]) },
	}
	return &t
}

// imageFile is where the content of an image is.
type imageFile struct {
	name    string            // Of the file, below the root and with slashes: of the image or of the .tar that it is in.
	member  string            // Its name in the .tar; empty for a file of its own.
	offset  int64             // Of the content in the .tar.
	size    int64             // Of the content; -1 before it is known.
	checked bool              // The content is known and can be decoded.
	sum     [sha256.Size]byte // Of the content, once checked.
}

// newFiles returns a data set of image files, of the size that networks for ImageNet
// take until [Dataset.Resized] gives another.
func newFiles(root string, list []labelled, classes int) *Dataset {
	s := &fileStore{root: root, picture: picture{tensor.Shape{3, 224, 224}, 256}}
	d := &Dataset{shape: s.shape, classes: classes}
	files := make([]imageFile, len(list))
	for i, l := range list {
		files[i] = l.imageFile
		d.labels = append(d.labels, uint16(l.class))
	}
	d.images = s.with(files)
	return d
}

// path returns the path of a file, or of the .tar that it is in.
func (s *fileStore) path(f *imageFile) string {
	return filepath.Join(s.root, filepath.FromSlash(f.name))
}

// where names a file in errors.
func (s *fileStore) where(f *imageFile) string {
	if f.member != "" {
		return fmt.Sprintf("%s, member %q", s.path(f), f.member)
	}
	return s.path(f)
}

func (s *fileStore) pixels(i int, dst []float32) error {
	f := &s.files[i]
	b, err := s.ahead.get(i)
	if err != nil {
		return err
	}
	if f.checked && sha256.Sum256(b) != f.sum {
		return s.changed(f)
	}
	if err := s.decode(b, dst); err != nil {
		return fmt.Errorf("%s: %w", s.where(f), err)
	}
	return nil
}

// changed is the error of a file whose content is not the one that was checked. What was
// remembered of it is forgotten, as its time and size do not tell that it was changed.
func (s *fileStore) changed(f *imageFile) error {
	if s.cache != "" {
		_ = os.Remove(s.cache)
	}
	return fmt.Errorf("%s: its content has changed since it was checked: restore it, or start again and leave the images alone meanwhile", s.where(f))
}

// decode stores the image, or the frames, of a file's content in dst.
func (s *fileStore) decode(b []byte, dst []float32) error {
	if s.sequence.frames > 0 {
		return s.sequence.decode(b, dst)
	}
	return s.picture.decode(b, dst)
}

// dimensions returns the columns and rows of a picture, or of frames how many numbers one
// has and how many there are.
func (s *fileStore) dimensions(b []byte) (width, height int, err error) {
	if s.sequence.frames > 0 {
		return s.shape.Len(), s.sequence.frames, nil
	}
	return dimensions(b)
}

// check returns an error for a file of those dimensions that is not what the store takes.
func (s *fileStore) check(width, height int) error {
	if s.sequence.frames == 0 {
		return s.picture.check(width, height)
	}
	if width != s.shape.Len() || height != s.sequence.frames {
		return fmt.Errorf("%d frames of %d numbers", height, width)
	}
	return nil
}

// ReadImageFile returns one PNG, JPEG, BMP or WebP file as an image of that shape (C, H, W), its
// pixels 0..255, as a data set of such files has it: see [Dataset.Resized].
func ReadImageFile(name string, shape tensor.Shape, resize int) ([]float32, error) {
	p, err := newPicture(shape, resize)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	alone := &fileStore{root: filepath.Dir(name)}
	b, err := alone.content(&imageFile{name: filepath.Base(name)})
	if err != nil {
		return nil, err
	}
	dst := make([]float32, shape.Len())
	if err := p.decode(b, dst); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return dst, nil
}

func (s *fileStore) slice(from, to int) store {
	return s.with(s.files[from:to])
}

func (s *fileStore) clone() store {
	return s.with(slices.Clone(s.files))
}

func (s *fileStore) what() string {
	if s.sequence.frames > 0 {
		return fmt.Sprintf("files of %d frames", s.sequence.frames)
	}
	return fmt.Sprintf("image files, resized to %d,", s.resize)
}

// writeTo adds the SHA-256 of every file; that of none for one that cannot be read.
func (s *fileStore) writeTo(h hash.Hash) {
	for i := range s.files {
		f := &s.files[i]
		sum := f.sum
		if !f.checked {
			if b, err := s.content(f); err == nil {
				sum = sha256.Sum256(b)
			}
		}
		h.Write(sum[:])
	}
}

// maxImageFile bounds the bytes of an image file.
const maxImageFile = 1 << 28

// content reads a file.
func (s *fileStore) content(f *imageFile) ([]byte, error) {
	path := s.path(f)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case f.member == "" && f.checked && info.Size() != f.size, f.member != "" && (!info.Mode().IsRegular() || info.Size() < f.offset+f.size):
		return nil, s.changed(f)
	case f.member == "":
		return regular.ReadFile(path, maxImageFile)
	}
	archive, _, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	b := make([]byte, f.size)
	if _, err := archive.ReadAt(b, f.offset); err != nil {
		return nil, fmt.Errorf("%s: %w", s.where(f), err)
	}
	return b, nil
}

// Resizable reports whether the images have no size of their own, so that
// [Dataset.Resized] gives them one: those of image files.
func (d *Dataset) Resizable() bool {
	s, ok := d.images.(*fileStore)
	return ok && s.sequence.frames == 0
}

// InFiles reports whether the images are in files, which are read when they are needed, so
// that [Dataset.Checked] reads them first.
func (d *Dataset) InFiles() bool {
	_, ok := d.images.(*fileStore)
	return ok
}

// Resized returns a resizable data set whose images have the given shape (C, H, W), C
// being 1 for grey or 3 for red, green and blue. The shorter side of an image becomes
// resize pixels long, with bilinear interpolation as Pillow has it, and the middle is
// cut out. A resize of 0 is 8/7 of the larger of H and W, as is usual for ImageNet
// (256 for 224), or of up to 64 pixels just that.
func (d *Dataset) Resized(shape tensor.Shape, resize int) (*Dataset, error) {
	s, ok := d.images.(*fileStore)
	if !ok || s.sequence.frames > 0 {
		return nil, fmt.Errorf("dataset %s: the images have a size of their own, %s", d.spec, d.shape)
	}
	p, err := newPicture(shape, resize)
	if err != nil {
		return nil, fmt.Errorf("dataset %s: %w", d.spec, err)
	}
	resized := *d
	files := s.with(s.files)
	files.picture = p
	resized.shape, resized.images = files.shape, files
	return &resized, nil
}

// Same reports whether two data sets are the same images with the same labels. Of
// image files it reads no more than it must.
func Same(a, b *Dataset) bool {
	if a.Len() != b.Len() || !a.shape.Equal(b.shape) || !slices.Equal(a.labels, b.labels) {
		return false
	}
	s, ok1 := a.images.(*fileStore)
	t, ok2 := b.images.(*fileStore)
	if ok1 != ok2 {
		return false
	}
	if ok1 && s.resize == t.resize {
		same := func(f, g imageFile) bool { return f.name == g.name && f.member == g.member }
		if s.root == t.root && slices.EqualFunc(s.files, t.files, same) {
			return true
		}
		for i := range s.files {
			x, err1 := s.size(&s.files[i])
			y, err2 := t.size(&t.files[i])
			if err1 != nil || err2 != nil || x != y {
				return false
			}
		}
	}
	return a.Hash() == b.Hash()
}

// size returns how many bytes a file has.
func (s *fileStore) size(f *imageFile) (int64, error) {
	if f.size >= 0 {
		return f.size, nil
	}
	info, err := os.Stat(s.path(f))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
