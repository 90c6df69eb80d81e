package zoo

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/convert"
	"sresnet/onnx"
)

var update = flag.Bool("update", false, "write the tables of docs/frameworks.md")

// page is where the tables are, between two comments each.
var page = filepath.Join("..", "..", "docs", "frameworks.md")

// TestFrameworks checks that the tables of docs/frameworks.md are what families and
// operators give today:
//
//	go test ./internal/zoo -run TestFrameworks -args -update
//
// writes them.
func TestFrameworks(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, table := range map[string]string{"families": familyTable(t), "operators": operatorTable(t)} {
		begin, end := "<!-- table: "+name+" -->\n", "<!-- end -->\n"
		before, rest, ok := strings.Cut(text, begin)
		was, after, closed := strings.Cut(rest, end)
		switch {
		case !ok || !closed:
			t.Fatalf("%s has no table %q", page, name)
		case was != table && !*update:
			t.Errorf("the table %q is not what the tests give; write it with: go test ./internal/zoo -run TestFrameworks -args -update\n%s", name, differing(was, table))
		}
		text = before + begin + table + end + after
	}
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// differing returns the lines that only one of the texts has.
func differing(was, is string) string {
	var b strings.Builder
	a, c := strings.Split(was, "\n"), strings.Split(is, "\n")
	for _, l := range a {
		if !slices.Contains(c, l) {
			fmt.Fprintln(&b, "-", l)
		}
	}
	for _, l := range c {
		if !slices.Contains(a, l) {
			fmt.Fprintln(&b, "+", l)
		}
	}
	return b.String()
}

// imports returns what a file is imported as, whether it computes what the maker does,
// and else why not.
func imports(m *maker) (cell string, ok bool) {
	g, err := onnx.Parse(m.encode())
	var u *onnx.UnsupportedError
	switch {
	case errors.As(err, &u):
		return "no: " + u.Nodes[0].Op + ": " + u.Nodes[0].Reason, false
	case err != nil:
		return "no: " + err.Error(), false
	}
	if err := new(tally).same(m, g); err != nil {
		return "WRONG: " + err.Error(), false
	}
	return "yes", true
}

// familyTable is the table of families.
func familyTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n| framework | network | imports | converts | `verify` |\n|---|---|---|---|---|\n")
	for i, f := range families {
		m := newMaker(uint64(i))
		m.opset = f.opset
		m.logits = f.build(m)
		if m.head == "" {
			m.head = m.logits
		}
		m.outputs = ins(m.head)
		imported, ok := imports(m)
		converts, verifies := "", ""
		if ok {
			converts, verifies = "yes", "ok"
			g, err := onnx.Parse(m.encode())
			if err != nil {
				t.Fatal(err)
			}
			simple, err := convert.Simplify(g)
			if err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
			bad, err := convert.Unsupported(g)
			if err != nil {
				t.Fatalf("%s: %v", f.name, err)
			}
			if len(bad) > 0 {
				converts, verifies = "no: "+bad[0].Op+": "+bad[0].Reason, ""
			} else if err := verified(t.Context(), m, g, simple); err != nil {
				verifies = "FAILED"
				t.Errorf("%s, %s: %v", f.framework, f.name, err)
			}
		}
		if strings.HasPrefix(imported, "WRONG") {
			t.Errorf("%s, %s: %s", f.framework, f.name, imported)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", f.framework, f.name, imported, converts, verifies)
	}
	b.WriteString("\n")
	return b.String()
}
