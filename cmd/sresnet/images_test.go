package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/dataset"
	"sresnet/experiment"
)

// The same images give the same result, whatever files they are in.
func TestSameImages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, dir)
	d, err := dataset.Open("mnist:"+dir, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	const n = 100
	folder := filepath.Join(dir, "folder")
	if err := writePictures(folder, d, n); err != nil {
		t.Fatal(err)
	}
	shard := filepath.Join(dir, "digits.tar")
	if err := packPictures(shard, folder); err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	for _, spec := range []string{"mnist:" + dir, "npz:" + writeArrays(t, dir, d, n), "folder:" + folder, "tar:" + shard} {
		code, stdout, stderr := sresnet(t, t.Context(), "eval", model, "--data", spec, "--calibrate", "mnist:"+dir+"?images=20",
			"--normalize", "mnist", "--images", fmt.Sprint(n), "--timesteps", "8", "--json")
		if code != 0 {
			t.Fatalf("%s: exit code %d: %s", spec, code, stderr)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "seconds")
		delete(got, "calibration_seconds")
		delete(got, "predictions") // In the order of the files, which differs.
		if want == nil {
			want = got
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", spec, d)
		}
	}
}

// A network that leaves its size open takes that of crop.
func TestOpenShapeCrop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, dir)
	d, err := dataset.Open("mnist:"+dir, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range []string{"train", "test"} {
		if err := writePictures(filepath.Join(dir, "own", split), d, 80+len(split)); err != nil {
			t.Fatal(err)
		}
	}
	file := tiny{open: true, weight: 0.1}.write(t)
	o := experiment.DefaultOptions()
	o.Model, o.Data, o.Normalize, o.CalibrationImages = file, "folder:"+filepath.Join(dir, "own")+"?crop=20", "mnist", 10
	e, err := experiment.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*dataset.Images{e.Test, e.Calibration} {
		if got := d.Shape().String(); got != "1x20x20" || e.Graph.Input.Shape.String() != got {
			t.Errorf("got images of %s, a network for %s, want 1x20x20", got, e.Graph.Input.Shape)
		}
	}
}

// writeArrays writes the first n images of d as numpy.savez does.
func writeArrays(t *testing.T, dir string, d *dataset.Dataset, n int) string {
	t.Helper()
	name := filepath.Join(dir, "digits.npz")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var images, labels []byte
	pixels := make([]float32, d.Shape().Len())
	for i := range n {
		if err := d.Pixels(i, pixels); err != nil {
			t.Fatal(err)
		}
		for _, p := range pixels {
			images = append(images, byte(p))
		}
		labels = append(labels, byte(d.Label(i)))
	}
	z := zip.NewWriter(f)
	for array, b := range map[string][]byte{"images": images, "labels": labels} {
		shape := fmt.Sprintf("(%d,)", n)
		if array == "images" {
			shape = fmt.Sprintf("(%d, 28, 28)", n)
		}
		header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': %s, }\n", shape)
		w, err := z.Create(array + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(w, "\x93NUMPY\x01\x00%c\x00%s%s", len(header), header, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}
