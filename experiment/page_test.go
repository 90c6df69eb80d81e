package experiment_test

import (
	"os"
	"strings"
	"testing"
)

// TestPage holds the program in docs/library.md against the Example that runs.
func TestPage(t *testing.T) {
	file, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(file), "func Example() {\n")
	body, _, ok2 := strings.Cut(body, "\t// Output:\n")
	if !ok || !ok2 {
		t.Fatal("example_test.go has no Example with an output")
	}
	page, err := os.ReadFile("../docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	body = strings.TrimPrefix(strings.ReplaceAll(body, "\n\t", "\n"), "\t")
	if want := "```go\n" + body + "```\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/library.md does not show this program, which is Example of this package:\n%s", want)
	}
}
