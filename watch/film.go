package watch

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"sresnet/internal/film"
	"sresnet/internal/parallel"
	"sresnet/internal/terminal"
)

// Suffixes are those of the files that [Film.Write] writes: of films, and of stills.
var Suffixes = []string{".gif", ".apng", ".svg", ".png"}

// Film is thoughts drawn for a slide: one with all that is known of it, or several side by side,
// of one network.
type Film struct {
	Thoughts []*Thought
	Speed    float64 // Timesteps per second.
	Workers  int     // That draw.

	// Progress, if set, is told how many frames are drawn. Calls do not overlap.
	Progress func(done, total int)
}

// hold is how long the last frame of a film stays, in hundredths of a second.
const hold = 250

// Write writes the film as a file with that suffix: .gif or .apng, or its last frame as .svg or,
// twice as large, .png.
func (f *Film) Write(ctx context.Context, w io.Writer, suffix string) error {
	last := f.latency()
	switch suffix {
	case ".gif", ".apng":
		return f.write(ctx, w, suffix)
	case ".png":
		c := vgimg.NewWith(vgimg.UseWH(sheetWidth, sheetHeight), vgimg.UseDPI(2*72))
		slide(newSheet(c, 2), f.Thoughts, last)
		_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
		return err
	case ".svg":
		// With its fonts: words are placed by their widths, and others would overlap.
		c := vgsvg.NewWith(vgsvg.UseWH(sheetWidth, sheetHeight), vgsvg.EmbedFonts(true))
		slide(newSheet(c, 2), f.Thoughts, last)
		var b bytes.Buffer
		if _, err := c.WriteTo(&b); err != nil {
			return err
		}
		_, err := svgWords.WriteString(w, b.String())
		return err
	}
	return fmt.Errorf("watch: a film is one of %s, not %q", strings.Join(Suffixes, ", "), suffix)
}

// svgWords corrects what drawings say: that images are JPEG files, and of the letters only their
// name, for programs that ignore fonts in a file, where others of the same widths do.
var svgWords = strings.NewReplacer(
	"data:image/jpg;base64,iVBOR", "data:image/png;base64,iVBOR",
	"font-family:Liberation Sans;", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;",
)

// String says what the film shows, and how long a film of it is: "9 images, 120 timesteps in 60
// frames".
func (f *Film) String() string {
	at, _ := f.moments()
	return fmt.Sprintf("%s, %s in %s", terminal.Plural(len(f.Thoughts), "image", "images"), terminal.Plural(f.latency(), "timestep", "timesteps"), terminal.Plural(len(at), "frame", "frames"))
}

// latency returns the timesteps of the longest thought.
func (f *Film) latency() int {
	return slices.MaxFunc(f.Thoughts, func(a, b *Thought) int { return a.Latency - b.Latency }).Latency
}

// moments returns the timesteps that have a frame, and the hundredths of a second that each
// stays.
func (f *Film) moments() (at, delays []int) {
	perFrame := max(f.Speed/framesASecond, 1)
	last := f.latency()
	delay := max(int(math.Round(100*perFrame/f.Speed)), 2) // Some players are no faster.
	for t := 1.0; int(t) < last; t += perFrame {
		at, delays = append(at, int(t)), append(delays, delay)
	}
	return append(at, last), append(delays, hold)
}

// draw draws the frame after t timesteps, a pixel to a point.
func (f *Film) draw(t int) *image.RGBA {
	c := vgimg.NewWith(vgimg.UseWH(sheetWidth, sheetHeight), vgimg.UseDPI(72))
	slide(newSheet(c, 1), f.Thoughts, t)
	return c.Image().(*image.RGBA)
}

// write draws all frames, on several processors, and writes them.
func (f *Film) write(ctx context.Context, w io.Writer, suffix string) error {
	at, delays := f.moments()
	for _, th := range f.Thoughts {
		th.mostEvidence() // Which is kept: several draw.
	}
	var (
		add  func(film.Frame) error
		save func(io.Writer) error
	)
	if suffix == ".gif" {
		g := film.NewGIF(f.draw(at[0]), f.draw(at[len(at)/2]), f.draw(at[len(at)-1]))
		add, save = func(frame film.Frame) error { g.Add(frame); return nil }, g.Write
	} else {
		a := new(film.APNG)
		add, save = a.Add, a.Write
	}
	// In rounds, so that few pictures are in memory.
	round := max(f.Workers, 1)
	for from := 0; from < len(at); from += round {
		pictures := make([]*image.RGBA, min(round, len(at)-from))
		err := parallel.Do(ctx, round, len(pictures), func(int) func(context.Context, int) error {
			return func(_ context.Context, job int) error { pictures[job] = f.draw(at[from+job]); return nil }
		}, func() {})
		if err != nil {
			return err
		}
		for i, m := range pictures {
			if err := add(film.Frame{Picture: m, Delay: delays[from+i]}); err != nil {
				return err
			}
		}
		if f.Progress != nil {
			f.Progress(from+len(pictures), len(at))
		}
	}
	return save(w)
}
