package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sresnet/eval"
	"sresnet/sim"
	"sresnet/tensor"
)

func TestThought(t *testing.T) {
	// Class 1, 0, 2, 2, 2: it settles at the third timestep.
	rec := &sim.Record{
		Timesteps: 5, Classes: 3,
		Counts:    []uint32{0, 1, 0, 2, 1, 0, 2, 1, 3, 2, 1, 4, 2, 1, 5},
		Potential: make([]float32, 15),
		Current:   []float32{-1, -2, -3, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0},
		ACs:       [][]uint64{{1, 2}, {3, 4}},
	}
	th := newThought(rec, eval.CountPotential)
	if th.Settled != 3 || th.Class != 2 || th.additions != 10 || !reflect.DeepEqual(th.Classes, []int{1, 0, 2, 2, 2}) {
		t.Errorf("settled at %d on %d of %v, %d additions", th.Settled, th.Class, th.Classes, th.additions)
	}
	if want := []float64{2, 1, 3}; !reflect.DeepEqual(th.Evidence[2], want) {
		t.Errorf("evidence: got %v, want %v", th.Evidence[2], want)
	}
	th = newThought(rec, eval.Potential)
	if th.Settled != 2 || th.Class != 1 {
		t.Errorf("by current: settled at %d on %d", th.Settled, th.Class)
	}
	if got, want := th.above(1), []float64{2, 1, 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("above the least: got %v, want %v", got, want)
	}
}

// newTestThought is one of any size.
func newTestThought(T, classes, layers int, shape tensor.Shape) *thought {
	th := &thought{
		Model: "model", Image: "image", Timesteps: T, Settled: 1, ANN: new(int), shape: shape, pixels: make([]float32, shape.Len()),
		className: func(k int) string { return fmt.Sprint("class ", k) },
	}
	for t := range T {
		e := make([]float64, classes)
		e[t%classes] = float64(t)
		th.Evidence, th.Classes = append(th.Evidence, e), append(th.Classes, t%classes)
	}
	for i := range layers {
		l := thoughtLayer{Name: fmt.Sprintf("/block%d/block%d.1/Relu", i, i), Neurons: 7, Spikes: make([]uint32, T)}
		for t := range T {
			l.Spikes[t] = uint32((t + i) % 7)
		}
		th.Layers = append(th.Layers, l)
	}
	shortNames(th.Layers)
	return th
}

// A frame fits the terminal, however small, and uses one that is large enough for
// every class and layer.
func TestFrameFits(t *testing.T) {
	label := 1
	for _, T := range []int{1, 2, 350} {
		for _, classes := range []int{2, 10, 1000} {
			for _, layers := range []int{1, 9, 45} {
				th := newTestThought(T, classes, layers, tensor.Shape{3, 32, 32})
				th.Label = &label
				for _, size := range [][2]int{{1, 1}, {20, 5}, {40, 12}, {80, 23}, {120, 39}, {300, 100}} {
					for _, step := range []int{1, (T + 1) / 2, T} {
						w, h := size[0], size[1]
						frame := th.frame(step, w, h, trueColours)
						if len(frame) > h || len(frame) == 0 {
							t.Errorf("T %d, %d classes, %d layers: %d lines on %d x %d", T, classes, layers, len(frame), w, h)
						}
						for i, l := range frame {
							if w >= 80 && l.width() > w {
								t.Errorf("T %d, %d classes, %d layers: line %d has %d columns of %d", T, classes, layers, i, l.width(), w)
							}
							if n := len([]rune(l.render(w, noColours))); n > w {
								t.Errorf("line %d is drawn in %d columns of %d", i, n, w)
							}
						}
						if text := frameText(frame, w); w >= 300 && (!strings.Contains(text, "block0.1") || !strings.Contains(text, fmt.Sprintf("block%d.1", layers-1))) {
							t.Errorf("layers are missing:\n%s", text)
						}
					}
				}
			}
		}
	}
}

func frameText(frame []line, w int) string {
	var b strings.Builder
	for _, l := range frame {
		b.WriteString(l.render(w, noColours) + "\n")
	}
	return b.String()
}

func TestFrame(t *testing.T) {
	th := newTestThought(4, 2, 1, tensor.Shape{1, 2, 2})
	th.Settled = 4
	got := frameText(th.frame(2, 50, 20, noColours), 50)
	// Evidence 1 of at most 3; spikes 0, 1, 2, 3 of seven neurons.
	want := `model  image                            t = 2 of 4

class 0                                      0 ◆
class 1 ██████████                           1

answer  01··
        1 class 1 since t = 2    ◆ trained network

1.0 spikes; at the right, a neuron's in 100 timest
block0.1  ▃··                                  7.1
`
	th.Image = strings.Repeat("long ", 20)
	if title := th.frame(2, 50, 20, noColours)[0]; title.width() != 50 || !strings.HasSuffix(title.render(50, noColours), "…  t = 2 of 4") {
		t.Errorf("a long name: got title %q", title.render(50, noColours))
	}
	lines := strings.Split(got, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if got = strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestBar(t *testing.T) {
	for _, tt := range []struct {
		share float64
		want  string
	}{{0, ""}, {0.0625, "▏"}, {0.5, "█"}, {0.9375, "█▉"}, {1, "██"}, {2, "██"}, {-1, ""}} {
		if got := bar(tt.share, 2); got != tt.want {
			t.Errorf("bar(%v, 2): got %q, want %q", tt.share, got, tt.want)
		}
	}
}

func TestShortNames(t *testing.T) {
	var layers []thoughtLayer
	for _, name := range []string{"relu/Relu", "/layer1/layer1.0/Relu", "/layer1/layer1.0/Relu_1", "fc", "/pool/GlobalAveragePool", "a\x1b[2Jb"} {
		layers = append(layers, thoughtLayer{Name: name})
	}
	shortNames(layers)
	var got []string
	for _, l := range layers {
		got = append(got, l.short)
	}
	if want := []string{"relu", "layer1.0 1", "layer1.0 2", "fc", "pool", "a?[2Jb"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := shorten("layer1.0", 4); got != "…1.0" {
		t.Errorf("shorten: got %q", got)
	}
}

func TestColours(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want depth
	}{
		{map[string]string{}, noColours},
		{map[string]string{"TERM": "xterm-256color"}, colours256},
		{map[string]string{"TERM": "foot-256color"}, colours256},
		{map[string]string{"TERM": "linux"}, noColours},
		{map[string]string{"TERM": "xterm", "COLORTERM": "truecolor"}, trueColours},
		{map[string]string{"TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"}, noColours},
	} {
		if got := colours(func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("%v: got %v, want %v", tt.env, got, tt.want)
		}
	}
	for _, tt := range []struct {
		c    [3]uint8
		want int
	}{{[3]uint8{0, 0, 0}, 16}, {[3]uint8{255, 255, 255}, 231}, {[3]uint8{128, 128, 128}, 244}, {[3]uint8{255, 0, 0}, 196}, {[3]uint8{0, 95, 135}, 24}} {
		if got := nearest256(tt.c); got != tt.want {
			t.Errorf("nearest256(%v): got %d, want %d", tt.c, got, tt.want)
		}
	}
}

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
	code, stdout, stderr := sresnet(t, t.Context(), "watch", "--image", writePNG(t, 40, 40), "--calibration-images", "10", "--timesteps", "5", "--json")
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

// The picture moves to the last timestep, in place, and the cursor comes back, after
// Ctrl-C, too.
func TestPlay(t *testing.T) {
	th := newTestThought(30, 3, 2, tensor.Shape{1, 8, 8})
	play := func(ctx context.Context, speed float64) (string, error) {
		f, err := os.Create(filepath.Join(t.TempDir(), "screen"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		playErr := th.play(ctx, f, speed)
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b), playErr
	}
	out, err := play(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	frames := strings.Count(out, "model")
	if frames < 2 || frames > 8 || strings.Count(out, "A") < frames-1 || !strings.Contains(out, "t = 30 of 30") || !strings.HasSuffix(out, "\x1b[?25h") {
		t.Errorf("%d frames: %q", frames, out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	out, err = play(ctx, 1)
	if !errors.Is(err, errInterrupted) || !strings.Contains(err.Error(), "at timestep 1 of 30") || !strings.HasSuffix(out, "\x1b[?25h") {
		t.Errorf("after Ctrl-C: error %v, %q", err, out)
	}
}
