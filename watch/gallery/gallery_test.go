package gallery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sresnet/experiment"
)

func TestNumbered(t *testing.T) {
	for text, want := range map[string][]int{"0-2": {0, 1, 2}, "3,7,12": {3, 7, 12}, "5-5,1": {5, 1}, "0-1,9-10": {0, 1, 9, 10}} {
		if got, err := numbered(text); err != nil || !slices.Equal(got, want) || !lists.MatchString(text) {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"2-1", "0-64", "0-40,0-40", "99999999999999999999", "0-99999999999999999999"} {
		if got, err := numbered(text); err == nil {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for _, text := range []string{"cat.jpg", "1-", "-1-2", "1,,2", "./7", "7.png"} {
		if lists.MatchString(text) {
			t.Errorf("%s is taken for numbers", text)
		}
	}
}

// Images of a gallery follow each other in a circle; one by itself is followed by all test
// images.
func TestMover(t *testing.T) {
	o := experiment.DefaultOptions()
	o.Model, o.Data, o.Calibrate, o.Timesteps, o.Glance = experiment.Builtin, "mnist", "mnist?images=10", 3, true
	e, err := experiment.Open(t.Context(), o)
	if err != nil {
		t.Skipf("no MNIST: %v", err)
	}
	last := e.Test.Len() - 1
	for _, tt := range []struct {
		images string
		steps  []int
		want   []int
	}{
		{"3,7,12", []int{1, 1, 1, -1, -1}, []int{7, 12, 3, 12, 7}},
		{"1", []int{-1, -1, 1, 1}, []int{0, last, 0, 1}},
	} {
		g, err := Open(e, tt.images)
		if err != nil {
			t.Fatal(err)
		}
		move := g.Mover()
		for k, step := range tt.steps {
			th, err := move(t.Context(), step)
			if want := fmt.Sprintf("image %d of mnist", tt.want[k]); err != nil || th.Image != want {
				t.Fatalf("%s, step %d: got %v, %v, want %s", tt.images, k, th, err, want)
			}
		}
	}
	g, err := Open(e, "0-3")
	if err != nil {
		t.Fatal(err)
	}
	f, err := g.Film(t.Context(), 40)
	if err != nil || g.Len() != 4 || len(f.Thoughts) != 4 || f.Thoughts[3].Image != "image 3 of mnist" || !strings.HasPrefix(f.String(), "4 images, 3 timesteps in ") {
		t.Errorf("a film of four: %v, %v", f, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Film(ctx, 40); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: got %v", err)
	}
	var wrong *experiment.OptionError
	if _, err := Open(e, fmt.Sprint(last+1)); !errors.As(err, &wrong) || wrong.Option != "image" {
		t.Errorf("an image that is not there: got %v", err)
	}
	if g, err = Open(e, "digit.png?invert"); err != nil || g.Mover() != nil || !g.invert {
		t.Errorf("a picture: %v, %v", g, err)
	}
	e.Test = nil
	if _, err := Open(e, "7"); !errors.Is(err, ErrNoData) {
		t.Errorf("without test images: got %v", err)
	}
}
