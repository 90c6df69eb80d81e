package dataset

import (
	"image"
	"image/color"
	"testing"
)

// A sheet shows image 11 in the second row, enlarged, above its label.
func TestSheet(t *testing.T) {
	d, err := Open("mnist", Test)
	if err != nil {
		t.Skipf("no MNIST: %v", err)
	}
	m, err := d.Sheet()
	if err != nil {
		t.Fatal(err)
	}
	const side = 4 * 28
	if got, want := m.Bounds(), image.Rect(0, 0, 10*(side+4)+4, 6*(side+20)+4); got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
	pixels := make([]float32, 28*28)
	if err := d.Pixels(11, pixels); err != nil {
		t.Fatal(err)
	}
	x, y := 4+side+4, 4+side+20
	for r := range side {
		for c := range side {
			p := uint8(pixels[r/4*28+c/4])
			if got, want := color.NRGBAModel.Convert(m.At(x+c, y+r)), (color.NRGBA{p, p, p, 255}); got != want {
				t.Fatalf("row %d, column %d: got %v, want %v", r, c, got, want)
			}
		}
	}
	ink := 0
	for r := side; r < side+16; r++ {
		for c := range side {
			if color.GrayModel.Convert(m.At(x+c, y+r)).(color.Gray).Y < 128 {
				ink++
			}
		}
	}
	if ink == 0 || ink > 100 {
		t.Errorf("the label has %d dark pixels", ink)
	}
}
