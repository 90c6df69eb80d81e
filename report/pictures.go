package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"

	"sresnet/eval"
)

// maxSide is how large a picture on a page is at most, in pixels.
const maxSide = 96

// picture returns an image CHW as a PNG in a URL. Large ones are made smaller, each
// pixel the mean of a block.
func picture(pixels []byte, shape []int) (template.URL, error) {
	c, h, w := shape[0], shape[1], shape[2]
	block := (max(h, w) + maxSide - 1) / maxSide
	out := image.NewRGBA(image.Rect(0, 0, max(w/block, 1), max(h/block, 1)))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			var rgb [3]uint8
			for k := range rgb {
				plane := pixels[min(k, c-1)*h*w:][:h*w] // A grey image has one.
				sum, n := 0, 0
				for i := y * block; i < min((y+1)*block, h); i++ {
					for j := x * block; j < min((x+1)*block, w); j++ {
						sum += int(plane[i*w+j])
						n++
					}
				}
				rgb[k] = uint8(sum / max(n, 1))
			}
			out.SetRGBA(x, y, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, out); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

// card is an image that changed class.
type card struct {
	Index               int
	Picture             template.URL
	Label, ANN, SNN     string
	Trained, Spiking    bool // Whether the network is right.
	Lines               []trace
	Unit                string
	Top, Bottom, T      string // Ends of the axes.
	Height, Width, Zero int
}

// trace is the evidence of one class as the points of an SVG polyline.
type trace struct {
	Class, Roles, Points string
	Style                int
}

// Size of a chart of evidence, in its own units.
const (
	evidenceWidth  = 200
	evidenceHeight = 80
)

// cards lays out the images that changed class.
func (run *Run) cards() ([]card, error) {
	if run.Changed == nil {
		return nil, nil
	}
	var list []card
	for i := range run.Changed.Images {
		im := &run.Changed.Images[i]
		url, err := picture(im.Pixels, run.Changed.Shape)
		if err != nil {
			return nil, err
		}
		c := card{
			Index: im.Index, Picture: url, Label: run.class(im.Label), ANN: run.class(im.ANN), SNN: run.class(im.SNN),
			Trained: im.ANN == im.Label, Spiking: im.SNN == im.Label,
			Unit: run.Changed.Unit, Height: evidenceHeight, Width: evidenceWidth,
		}
		if c.Unit == "" {
			c.Unit = "spikes"
		}
		run.trace(&c, im)
		list = append(list, c)
	}
	return list, nil
}

// trace draws the evidence of the classes that matter: what the image is, what each
// network says, and the next best class in the end.
func (run *Run) trace(c *card, im *eval.Changed) {
	at := run.Changed.Timesteps
	final := im.Evidence[len(at)-1]
	classes := []int{im.SNN}
	for _, k := range append([]int{im.ANN, im.Label}, nextBest(final)...) {
		if !slices.Contains(classes, k) && len(classes) < 4 {
			classes = append(classes, k)
		}
	}
	var lo, hi float32
	for _, e := range im.Evidence {
		for _, k := range classes {
			lo, hi = min(lo, e[k]), max(hi, e[k])
		}
	}
	if hi == lo {
		hi = lo + 1
	}
	c.Top, c.Bottom, c.T = digits(float64(hi), 3), digits(float64(lo), 3), fmt.Sprint(at[len(at)-1])
	c.Zero = int(evidenceHeight * hi / (hi - lo))
	for i, k := range classes {
		var b strings.Builder
		fmt.Fprintf(&b, "0,%d ", c.Zero) // Before the first timestep there is none.
		for j, e := range im.Evidence {
			fmt.Fprintf(&b, "%.1f,%.1f ", float64(evidenceWidth*at[j])/float64(at[len(at)-1]), evidenceHeight*(hi-e[k])/(hi-lo))
		}
		c.Lines = append(c.Lines, trace{run.class(k), roles(im, k), strings.TrimSpace(b.String()), i})
	}
}

// nextBest returns the two classes with the most evidence.
func nextBest(e []float32) []int {
	order := make([]int, len(e))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case e[a] > e[b]:
			return -1
		case e[a] < e[b]:
			return 1
		}
		return 0
	})
	return order[:min(2, len(order))]
}

// roles says what class k is to an image.
func roles(im *eval.Changed, k int) string {
	var words []string
	for _, r := range []struct {
		is   bool
		word string
	}{{k == im.Label, "label"}, {k == im.ANN, "trained"}, {k == im.SNN, "spiking"}} {
		if r.is {
			words = append(words, r.word)
		}
	}
	return strings.Join(words, ", ")
}
