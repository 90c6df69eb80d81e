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
