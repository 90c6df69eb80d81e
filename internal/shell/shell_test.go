package shell

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	words := []string{"plain", "a b'c", "", "0.5:0.25", "$HOME", "*", "#", "~", "a\nb", `\`, "é"}
	line := Join(words)
	if want := `plain 'a b'\''c' '' 0.5:0.25 '$HOME' `; !strings.HasPrefix(line, want) {
		t.Errorf("got %s, want it to begin with %s", line, want)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	out, err := exec.Command(sh, "-c", `for w in `+line+`; do printf '%s\001' "$w"; done`).Output()
	if got := strings.Split(strings.TrimSuffix(string(out), "\001"), "\001"); err != nil || !slices.Equal(got, words) {
		t.Errorf("a shell reads %q, error %v", got, err)
	}
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{" \t", nil},
		{"-p cpu  -t 4:00:00", []string{"-p", "cpu", "-t", "4:00:00"}},
		{`--comment='a b' "" -C intel&gpu|$x`, []string{"--comment=a b", "", "-C", "intel&gpu|$x"}},
		{`a\ b "c\"d\e" '\'`, []string{"a b", `c"d\e`, `\`}},
	} {
		if got, err := Split(tt.line); !slices.Equal(got, tt.want) || err != nil {
			t.Errorf("%s: got %q, error %v, want %q", tt.line, got, err, tt.want)
		}
	}
	for _, bad := range []string{`'`, `a "b`, `a\`} {
		if got, err := Split(bad); err == nil {
			t.Errorf("%s: got %q", bad, got)
		}
	}
}

// What Split finds, Join writes.
func FuzzSplit(f *testing.F) {
	f.Add(`-p cpu --comment='a b' "c\"d" \e`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := Split(line)
		if err != nil {
			return
		}
		if again, err := Split(Join(words)); !slices.Equal(again, words) || err != nil {
			t.Errorf("%q: got %q, error %v, want %q", Join(words), again, err, words)
		}
	})
}

// A shell reads folded lines as the words that they were, and they are no wider than they may be.
func TestFold(t *testing.T) {
	words := []string{"printf", `%s\n`, "a word", "b", "cc", "ddd", "e e e", "ffff", "it's", "a-word-that-is-wider-than-the-lines", "g", "h"}
	line := Fold(words, 24)
	for _, l := range strings.Split(line, "\n") {
		if len(l) > 24 && !strings.Contains(l, "wider") {
			t.Errorf("%q is wider than 24 columns", l)
		}
	}
	out, err := exec.Command("sh", "-c", line).Output()
	if err != nil {
		t.Skip("no shell: ", err)
	}
	if got, want := string(out), strings.Join(words[2:], "\n")+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Fold(words[:3], 80); got != Join(words[:3]) {
		t.Errorf("on one line: %s", got)
	}
}
