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
