package hint

import (
	"errors"
	"fmt"
	"testing"
)

type silent struct{ error }

func (silent) Hint() string { return "" }

func TestOf(t *testing.T) {
	torn := errors.New("torn")
	inner := Error(torn, "glue %s", "it")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{torn, ""},
		{Error(nil, "glue it"), ""},
		{inner, "glue it"},
		{fmt.Errorf("reading: %w", inner), "glue it"},
		{Error(inner, "take another"), "take another"},
		{errors.Join(torn, inner), "glue it"},
		{silent{inner}, ""},
	} {
		if got := Of(tt.err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
	if !errors.Is(inner, torn) || inner.Error() != "torn" || Error(nil, "glue it") != nil {
		t.Errorf("got %v", inner)
	}
}
