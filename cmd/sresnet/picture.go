package main

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // For image.Decode.
	_ "image/png"
	"math"
	"os"

	"sresnet/tensor"
)

// maxPicture bounds the pixels of a picture, before memory is taken for them.
const maxPicture = 1 << 26

// readPicture reads a PNG or JPEG file as an image for a network: the largest part
// in its middle that has the proportions of shape (C, H, W), made that large, grey
// for one channel and red, green, blue for three. Pixels are 0..255, CHW.
func readPicture(name string, shape tensor.Shape) ([]float32, error) {
	c, h, w := shape.CHW()
	if c != 1 && c != 3 {
		return nil, fmt.Errorf("%s: a picture has 1 or 3 channels, the network takes %d", name, c)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, hinted(fmt.Errorf("%s is no picture that can be read: %w", name, err), "give a PNG or JPEG file, or the number of a test image")
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPicture/config.Height {
		return nil, fmt.Errorf("%s has %d x %d pixels; pictures of up to %d are read", name, config.Width, config.Height, maxPicture)
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, hinted(fmt.Errorf("%s: %w", name, err), "the file seems damaged; save the picture again")
	}
	r := middle(m.Bounds(), h, w)
	pixels := make([]float32, 0, shape.Len())
	for _, plane := range planes(m, r, c) {
		pixels = append(pixels, resize(plane, r.Dy(), r.Dx(), h, w)...)
	}
	return pixels, nil
}

// middle returns the largest part in the middle of r that is h to w.
func middle(r image.Rectangle, h, w int) image.Rectangle {
	dy, dx := r.Dy(), r.Dx()
	if dx*h > dy*w {
		dx = max(dy*w/h, 1)
	} else {
		dy = max(dx*h/w, 1)
	}
	x, y := r.Min.X+(r.Dx()-dx)/2, r.Min.Y+(r.Dy()-dy)/2
	return image.Rect(x, y, x+dx, y+dy)
}

// planes returns the part r of m, a plane a channel. What is transparent is black.
func planes(m image.Image, r image.Rectangle, channels int) [][]float32 {
	list := make([][]float32, channels)
	for i := range list {
		list[i] = make([]float32, 0, r.Dx()*r.Dy())
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			red, green, blue, _ := m.At(x, y).RGBA() // Up to 65535.
			rgb := [3]float32{float32(red) / 257, float32(green) / 257, float32(blue) / 257}
			if channels == 1 { // Luma as of ITU-R BT.601.
				list[0] = append(list[0], float32(0.299*rgb[0])+float32(0.587*rgb[1])+float32(0.114*rgb[2]))
				continue
			}
			for i := range list {
				list[i] = append(list[i], rgb[i])
			}
		}
	}
	return list
}

// resize returns a plane of h rows and w columns in another size, each output the
// mean of what it covers under a triangle, which is bilinear interpolation where it
// grows and has no aliases where it shrinks.
func resize(x []float32, h, w, toH, toW int) []float32 {
	rows := make([]float32, 0, h*toW)
	across := triangles(w, toW)
	for y := range h {
		for _, t := range across {
			rows = append(rows, t.mean(x[y*w:], 1))
		}
	}
	out := make([]float32, 0, toH*toW)
	for _, t := range triangles(h, toH) {
		for column := range toW {
			out = append(out, t.mean(rows[column:], toW))
		}
	}
	return out
}

// triangle is the weights of one output: inputs from on.
type triangle struct {
	from    int
	weights []float32 // Their sum is 1.
}

func (t triangle) mean(x []float32, stride int) float32 {
	var sum float32
	for i, w := range t.weights {
		sum += float32(w * x[(t.from+i)*stride])
	}
	return sum
}

func triangles(n, to int) []triangle {
	list := make([]triangle, to)
	scale := float64(n) / float64(to)
	reach := max(scale, 1)
	for i := range list {
		centre := (float64(i) + 0.5) * scale
		from, end := max(int(centre-reach+0.5), 0), min(int(centre+reach+0.5), n)
		t, sum := triangle{from: from}, 0.0
		for j := from; j < end; j++ {
			w := max(1-math.Abs(float64(j)+0.5-centre)/reach, 0)
			t.weights = append(t.weights, float32(w))
			sum += w
		}
		for j := range t.weights {
			t.weights[j] /= float32(sum)
		}
		list[i] = t
	}
	return list
}
