package nearest

import "testing"

func TestTo(t *testing.T) {
	list := []string{"normalize", "percentile", "images", "v-init", "none", "layer", "global", "colors"}
	for s, want := range map[string]string{
		"normalise": "normalize", "Normalize": "normalize", "normalisation": "", "percentil": "percentile", "precentile": "percentile",
		"image": "images", "v_init": "v-init", "vinit": "v-init", "layers": "layer", "non": "none", "glob": "global", "colours": "colors",
		"norm": "normalize", "x": "", "": "", "tulips": "", "perc": "percentile",
	} {
		if got := To(s, list); got != want {
			t.Errorf("To(%q): got %q, want %q", s, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"kitten", "sitting", 3}, {"ä", "a", 1}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q): got %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q): got %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
