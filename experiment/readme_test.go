package experiment_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadme holds the program in README.md against the Example that runs.
func TestReadme(t *testing.T) {
	file, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(file), "func Example() {\n")
	body, _, ok2 := strings.Cut(body, "\t// Output:\n")
	if !ok || !ok2 {
		t.Fatal("example_test.go has no Example with an output")
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	body = strings.TrimPrefix(strings.ReplaceAll(body, "\n\t", "\n"), "\t")
	if want := "```go\n" + body + "```\n"; !strings.Contains(string(readme), want) {
		t.Errorf("README.md does not show this program, which is Example of this package:\n%s", want)
	}
}
