package shard

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What another version has kept is told from what is damaged.
func TestFormat(t *testing.T) {
	for _, tt := range []struct{ file, content, want string }{
		{"plan.json", `{"format":1,"kind":"eval","images":4,"shards":2,"old":0}`, "was kept by an earlier version of sresnet (format 1); this one reads format 2"},
		{"plan.json", `{"kind":"eval"}`, "was kept by an earlier version of sresnet (format 1); this one reads format 2"},
		{"plan.json", `{"format":3}`, "was kept by a later version of sresnet (format 3); this one reads format 2"},
		{"plan.json", `{"format":"3"}`, ""},
		{"plan.json", `null`, ""},
		{"plan.json", `[1]`, ""},
		{"plan.json", ``, ""},
		{"runs.json", `{"format":1}`, "was kept by an earlier version of sresnet (format 1); this one reads format 2"},
		{"runs.json", `{"format":-1}`, "was kept by an earlier version of sresnet (format -1); this one reads format 2"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.content), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OpenGroup(dir)
		var format *FormatError
		switch {
		case err == nil:
			t.Errorf("%s %s: no error", tt.file, tt.content)
		case tt.want == "" && errors.As(err, &format):
			t.Errorf("%s %s: damaged, and taken for another version's: %v", tt.file, tt.content, err)
		case tt.want != "" && (!errors.As(err, &format) || err.Error() != dir+" "+tt.want):
			t.Errorf("%s %s: got error %q, want %q", tt.file, tt.content, err, tt.want)
		case tt.want != "" && !strings.Contains(format.Hint(), "version of sresnet"):
			t.Errorf("%s %s: hint %q", tt.file, tt.content, format.Hint())
		}
	}
}

// A group may name a run that is older than its list.
func TestFormatInGroup(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	list := `{"format":2,"study":{"kind":"sweep"},"more":false,"runs":["a"]}`
	err := errors.Join(os.WriteFile(filepath.Join(dir, "runs.json"), []byte(list), 0o644), os.WriteFile(filepath.Join(dir, "a", "plan.json"), []byte(`{"format":1}`), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	var format *FormatError
	if _, err := OpenGroup(dir); !errors.As(err, &format) || format.Name != filepath.Join(dir, "a") {
		t.Errorf("got error %v", err)
	}
}
