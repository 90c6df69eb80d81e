package dataset

import (
	"path/filepath"
	"slices"
	"testing"

	"sresnet/tensor"
)

// WebP files are what Pillow reads, lossy and lossless, of odd and even sizes.
func TestWebPAgainstPillow(t *testing.T) {
	dir := t.TempDir()
	runPython(t, "PIL._webp", `import sys
from PIL import Image
for w, h in (13, 9), (16, 12), (9, 14), (1, 1), (2, 2), (1, 6), (7, 1):
    m = Image.new("RGB", (w, h))
    m.putdata([(i * 37 % 256, i * i * 7 % 256, i * 101 % 256) for i in range(w * h)])
    alpha = m.copy()
    alpha.putalpha(Image.new("L", (w, h), 100))
    alpha.save(f"{sys.argv[1]}/{w}x{h}-alpha.webp", quality=80)
    Image.open(f"{sys.argv[1]}/{w}x{h}-alpha.webp").convert("RGB").save(f"{sys.argv[1]}/{w}x{h}-alpha.png")
    for name, options in ("lossy", {"quality": 60}), ("best", {"quality": 100}), ("lossless", {"lossless": True}):
        file = f"{sys.argv[1]}/{w}x{h}-{name}"
        m.save(file + ".webp", **options)
        Image.open(file + ".webp").convert("RGB").save(file + ".png")
`, dir)
	files, err := filepath.Glob(filepath.Join(dir, "*.webp"))
	if err != nil || len(files) != 28 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, name := range files {
		var got [2][]float32
		for i, ext := range []string{".webp", ".png"} {
			if got[i], err = ReadImageFile(name[:len(name)-len(".webp")]+ext, tensor.Shape{3, 14, 14}, 14); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%s: got %v, want %v", filepath.Base(name), got[0][:14], got[1][:14])
		}
	}
}
