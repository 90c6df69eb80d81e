package dataset

import (
	"slices"
	"testing"
)

func TestClassNames(t *testing.T) {
	for _, tt := range []struct {
		name         string
		classes      int
		first, ninth string
	}{
		{"cifar10", 10, "airplane", "ship"},
		{"fashion-mnist", 10, "T-shirt/top", "bag"},
		{"mnist", 10, "0", "8"},
		{"cifar100", 100, "apple", "bicycle"},
	} {
		d := &Dataset{name: tt.name, classes: tt.classes}
		names := d.ClassNames()
		if len(names) != tt.classes || names[0] != tt.first || names[8] != tt.ninth {
			t.Errorf("%s: got %q", tt.name, names)
		}
		slices.Sort(names)
		if n := len(slices.Compact(names)); n != tt.classes {
			t.Errorf("%s: %d different names of %d", tt.name, n, tt.classes)
		}
	}
}
