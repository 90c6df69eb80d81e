package watch

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/gif"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"

	"sresnet/internal/palette"
	"sresnet/tensor"
)

// A film has a frame for every timestep, or as many as its speed allows, and the last one stays.
func TestMoments(t *testing.T) {
	for _, tt := range []struct {
		T     int
		speed float64
		at    []int
		delay int
	}{
		{3, 10, []int{1, 2, 3}, 10},
		{1, 10, []int{1}, hold},
		{7, 40, []int{1, 3, 5, 7}, 5},
		{4, 1, []int{1, 2, 3, 4}, 100},
		{100, 1e6, []int{1, 100}, 5},
	} {
		f := Film{Thoughts: []*Thought{newTestThought(tt.T, 2, 1, tensor.Shape{1, 2, 2})}, Speed: tt.speed}
		at, delays := f.moments()
		if !slices.Equal(at, tt.at) || delays[0] != tt.delay || delays[len(delays)-1] != hold {
			t.Errorf("T = %d, %v a second: frames at %v for %v", tt.T, tt.speed, at, delays)
		}
	}
}

// Films and stills can be read, whatever is drawn, and are the same however many draw.
func TestFilm(t *testing.T) {
	label := 1
	for _, tt := range []struct {
		name  string
		film  Film
		count int // Of frames.
	}{
		{"one", Film{Thoughts: []*Thought{newTestThought(5, 10, 3, tensor.Shape{3, 32, 32})}}, 5},
		{"many layers and classes", Film{Thoughts: []*Thought{newTestThought(2, 1000, 60, tensor.Shape{1, 300, 200})}}, 2},
		{"no image", Film{Thoughts: []*Thought{newTestThought(2, 2, 1, tensor.Shape{7})}}, 2},
		{"several", Film{Thoughts: slices.Repeat([]*Thought{newTestThought(3, 10, 3, tensor.Shape{1, 28, 28})}, 7)}, 3},
		{"many", Film{Thoughts: slices.Repeat([]*Thought{newTestThought(2, 3, 1, tensor.Shape{3, 8, 8})}, 64)}, 2},
	} {
		f := tt.film
		f.Speed = 10
		for _, th := range f.Thoughts {
			th.Label = &label
		}
		file := make(map[string][]byte)
		for _, format := range Suffixes {
			var one, three bytes.Buffer
			f.Workers = 1
			if err := f.Write(t.Context(), &one, format); err != nil {
				t.Fatalf("%s: %s: %v", tt.name, format, err)
			}
			f.Workers = 3
			if err := f.Write(t.Context(), &three, format); err != nil {
				t.Fatalf("%s: %s: %v", tt.name, format, err)
			}
			if !bytes.Equal(one.Bytes(), three.Bytes()) {
				t.Errorf("%s: %s depends on the workers", tt.name, format)
			}
			file[format] = one.Bytes()
		}
		moving, err := gif.DecodeAll(bytes.NewReader(file[".gif"]))
		if err != nil || len(moving.Image) != tt.count || moving.Config.Width != sheetWidth || moving.Config.Height != sheetHeight {
			t.Errorf("%s: gif: %v, %d frames, want %d", tt.name, err, len(moving.Image), tt.count)
		}
		for format, scale := range map[string]int{".apng": 1, ".png": 2} {
			m, err := png.Decode(bytes.NewReader(file[format]))
			if err != nil || m.Bounds() != image.Rect(0, 0, scale*sheetWidth, scale*sheetHeight) {
				t.Fatalf("%s: %s: %v, %v", tt.name, format, err, m)
			}
			if r, g, b, _ := m.At(scale*30, scale*53).RGBA(); format == ".png" && (r>>8 != uint32(palette.Text.R) || g>>8 != uint32(palette.Text.G) || b>>8 != uint32(palette.Text.B)) {
				t.Errorf("%s: the clock is not at its end", tt.name)
			}
		}
		if s := string(file[".svg"]); !strings.Contains(s, "Sans,Arial") || strings.Contains(s, "image/jpg") {
			t.Errorf("%s: svg: other letters do not take the place of those that are not there, or images are of the wrong kind", tt.name)
		}
		text, d := "", xml.NewDecoder(bytes.NewReader(file[".svg"]))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: svg: %v", tt.name, err)
			}
			if c, ok := token.(xml.CharData); ok {
				text += string(c)
			}
		}
		if !strings.Contains(text, "model") || !strings.Contains(text, "class 1") {
			t.Errorf("%s: svg: no name of model or class in %q", tt.name, text)
		}
	}
	if err := (&Film{Thoughts: []*Thought{newTestThought(2, 2, 1, tensor.Shape{7})}}).Write(t.Context(), io.Discard, ".bmp"); err == nil {
		t.Error("a bmp is written")
	}
}
