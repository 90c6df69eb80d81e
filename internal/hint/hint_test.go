package hint_test

import (
	"errors"
	"fmt"
	"testing"

	"sresnet/internal/hint"
)

func TestOf(t *testing.T) {
	plain := errors.New("no images")
	inner := hint.Error(plain, "give %d images", 3)
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{plain, ""},
		{hint.Error(nil, "nothing is wrong"), ""},
		{inner, "give 3 images"},
		{fmt.Errorf("data: %w", inner), "give 3 images"},
		{hint.Error(inner, "name a folder"), "name a folder"},
	} {
		if got := hint.Of(tt.err); got != tt.want {
			t.Errorf("Of(%v): got %q, want %q", tt.err, got, tt.want)
		}
	}
	if !errors.Is(inner, plain) || inner.Error() != "no images" {
		t.Errorf("Error changes the error: %v", inner)
	}
}

func TestRender(t *testing.T) {
	flag := func(name string) string { return "--" + name }
	for s, want := range map[string]string{
		"give {data} or {v-init}":      "give --data or --v-init",
		"tar:val-{000000..000049}.tar": "tar:val-{000000..000049}.tar",
		"{}, {a-}, {A}, {a b}":         "{}, {a-}, {A}, {a b}",
	} {
		if got := hint.Render(s, flag); got != want {
			t.Errorf("Render(%q): got %q, want %q", s, got, want)
		}
	}
}
