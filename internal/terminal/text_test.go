package terminal

import "testing"

func TestShorten(t *testing.T) {
	const s = "layer1.0"
	for _, tt := range []struct {
		name      string
		got, want string
	}{
		{"a short end", End(s, 8), s},
		{"an end", End(s, 4), "…1.0"},
		{"no end", End(s, 0), ""},
		{"a beginning", Beginning(s, 4), "lay…"},
		{"no beginning", Beginning(s, 0), ""},
		{"a middle", Middle(s, 6), "lay….0"},
		{"a short middle", Middle(s, 8), s},
		{"nothing but the middle", Middle(s, 1), "…"},
		{"wide characters", Middle("神経回路網", 6), "神…網"},
		{"clean", Clean("a\x1b[2J\nb"), "a?[2J?b"},
		{"one", Plural(1, "class", "classes"), "1 class"},
		{"many", Plural(2, "class", "classes"), "2 classes"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct{ s, want string }{
		{"short\n", "short\n"},
		{"one two three four five", "one two\nthree four\nfive"},
		{"a longerthantencolumns b", "a\nlongerthantencolumns\nb"},
		{"n:  one two three", "n:  one\n    two\n    three"},
		{" 1. one two", " 1. one\n    two"},
		{"n: one two three", "n: one two\n   three"},
		{"n-m: one two three", "n-m: one\n     two\n     three"},
		{"- one two three", "- one two\n  three"},
		{"  one two three", "  one two\n  three"},
		{"first line is long\nsecond", "first line\nis long\nsecond"},
		{"do 'run this one' or 'that'", "do\n'run this one'\nor 'that'"},
		{"one's own isn't", "one's own\nisn't"},
		{"ein längeres Wort", "ein\nlängeres\nWort"},
	} {
		if got := Wrap(tt.s, 10); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.s, got, tt.want)
		}
	}
}
