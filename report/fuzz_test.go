package report

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzRun looks for a file of a run that makes reading or showing it panic.
func FuzzRun(f *testing.F) {
	dir := small().write(f, f.TempDir())
	files := make(map[string][]byte)
	names := append([]string{"manifest.json"}, required...)
	for _, o := range optional {
		names = append(names, o.file)
	}
	for i, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		files[name] = b
		f.Add(uint8(i), b)
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		changed := maps.Clone(files)
		changed[names[int(which)%len(names)]] = b
		r := &Run{Name: "run", Dir: dir}
		if json.Unmarshal(changed["manifest.json"], &r.Manifest) != nil || r.parse(changed) != nil || r.consistent() != nil {
			return
		}
		r.note()
		report, err := New(r)
		if err != nil {
			return
		}
		for _, write := range []func(io.Writer) error{report.WriteHTML, report.WriteJSON, report.WriteCSV, report.WriteMarkdown} {
			_ = write(io.Discard)
		}
	})
}

// FuzzCSV looks for tables that make reading one panic.
func FuzzCSV(f *testing.F) {
	f.Add([]byte("index,label,ann,snn\n0,1,2,3\n"))
	f.Add([]byte("a,\"b\nc\"\n1,2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := readCSV(b, "label")
		if err != nil {
			return
		}
		for i := range table.lines {
			if n, err := table.whole(i, "label"); err == nil && n < 0 {
				t.Errorf("a whole number is %d", n)
			}
			if slices.Contains(slices.Collect(maps.Keys(table.column)), "ann") {
				_, _ = table.number(i, "ann")
			}
		}
	})
}
