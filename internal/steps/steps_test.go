package steps

import (
	"strings"
	"testing"

	"sresnet/internal/shell"
)

// What is linear is told from what is not.
func TestLinear(t *testing.T) {
	c := New(t, "sresnet/internal/shell")
	split := func(words int) {
		if _, err := shell.Split(strings.Repeat("word ", words)); err != nil {
			t.Error(err)
		}
	}
	t.Run("linear", func(t *testing.T) { c.Linear(t, 100, split) })
	t.Run("quadratic", func(t *testing.T) {
		if c.counted(t, func(n int) {
			for i := range n {
				split(i)
			}
		}) {
			return
		}
		few, many := c.count(t, 100), c.count(t, 1000)
		if many < 90*few || many > 110*few {
			t.Errorf("%d statements for 100, %d for 1000", few, many)
		}
		if again := c.count(t, 100); again != few {
			t.Errorf("%d statements, then %d", few, again)
		}
	})
}
