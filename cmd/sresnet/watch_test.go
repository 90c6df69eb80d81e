package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// writePNG writes a picture of that size: red on the left third, green in the
// middle one, blue on the right.
func writePNG(t *testing.T, w, h int) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{A: 255}
			*[3]*uint8{&c.R, &c.G, &c.B}[3*x/w] = 255
			m.Set(x, y, c)
		}
	}
	name := filepath.Join(t.TempDir(), "picture.png")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
	return name
}

// A picture is watched as a test image is, but has no label.
func TestWatchPicture(t *testing.T) {
	code, stdout, stderr := sresnet(t, t.Context(), "watch", "--image", writePNG(t, 40, 40), "--calibrate", "mnist?images=10", "--timesteps", "5", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if _, ok := r["label"]; ok || r["model"] != modelName || len(r["evidence"].([]any)) != 5 {
		t.Errorf("got %s", stdout)
	}
}
