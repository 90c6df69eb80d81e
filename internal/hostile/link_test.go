//go:build linux

package hostile

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLinks lets commands write where there are links to a file elsewhere, as somebody
// may have left them in a folder that is shared. A link is replaced or refused; what it
// leads to stays as it was.
func TestLinks(t *testing.T) {
	const data = " --data mnist:BASE/digits --calibrate mnist:BASE/digits?images=10"
	for _, c := range []struct {
		name  string
		args  string
		make  func(f *files) // Good files.
		links []string       // Names that are links.
		all   bool           // As are all that the command writes.
		fails string         // What the error says of a link that is refused.
	}{
		{name: "eval", args: "eval BASE/model.onnx --out out --images 2 --timesteps 4" + data, links: []string{"out/.probe"}, all: true},
		{name: "shards in a link", args: "eval BASE/model.onnx --out out --images 2 --timesteps 4" + data, links: []string{"out/shards"}, make: func(f *files) { f.folder("out") }, fails: "shards is a link"},
		{name: "diagnose", args: "diagnose BASE/model.onnx --out out --images 2 --timesteps 4" + data, links: []string{"out/diagnosis.json"}, make: func(f *files) { f.copy("run", "out") }},
		{name: "sweep", args: "sweep BASE/model.onnx --out out --images 2 --selection-images 10 --timesteps 4 --percentile 99 --v-init 0 --compensation none" + data, links: []string{"out/sweep.csv"}},
		{name: "sweep into a link", args: "sweep BASE/model.onnx --out out --images 2 --selection-images 10 --timesteps 4 --percentile 99 --v-init 0 --compensation none" + data, links: []string{"out/p99-v0-none"}, fails: "p99-v0-none"},
		{name: "sweep that confirms into a link", args: "sweep BASE/model.onnx --out out --images 2 --selection-images 10 --timesteps 4 --percentile 99 --v-init 0 --compensation none" + data, links: []string{"out/confirmed"}, fails: "confirmed"},
		{name: "page", args: "report BASE/run -o page.html", links: []string{"page.html"}},
		{name: "table", args: "report BASE/run -o table.csv --format csv", links: []string{"table.csv"}},
		{name: "figures", args: "report BASE/run -o out --format svg", all: true},
		{name: "NIR file", args: "convert BASE/model.onnx -o net.nir --calibrate mnist:BASE/digits?images=10", links: []string{"net.nir"}},
		{name: "sheet", args: "data info mnist:BASE/digits -o sheet.png", links: []string{"sheet.png"}},
		{name: "download", args: "data get cifar10 d --from http://127.0.0.1:1/", links: []string{"d/cifar-10-binary.tar.gz.part"}, fails: "cifar-10-binary.tar.gz.part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			outer := t.TempDir()
			f := &files{t, filepath.Join(outer, "here"), good}
			f.folder(".")
			var args []string
			for word := range strings.FieldsSeq(c.args) {
				args = append(args, strings.ReplaceAll(word, "BASE/", good+"/"))
			}
			links := c.links
			if c.all {
				trial := t.TempDir() // Run it once to see what it writes.
				if o := start(t, trial, args); o.Code != 0 {
					t.Fatal(o.stderr)
				}
				links = append(slices.Clone(links), regularFiles(t, trial)...)
				links = slices.DeleteFunc(links, func(name string) bool { // What a run goes on from is read first.
					return filepath.Base(name) == "plan.json" || filepath.Base(filepath.Dir(name)) == "shards"
				})
				if len(links) < 5 {
					t.Fatalf("only %q were written", links)
				}
			}
			victim := filepath.Join(outer, "victim")
			if err := os.WriteFile(victim, []byte("untouched"), 0o644); err != nil {
				t.Fatal(err)
			}
			if c.make != nil {
				c.make(f)
			}
			elsewhere := filepath.Join(outer, "elsewhere")
			f.check(os.Mkdir(elsewhere, 0o755))
			for _, name := range links {
				_ = os.Remove(f.path(name))
				if filepath.Ext(name) == "" { // A folder.
					f.link(elsewhere, name)
				} else {
					f.link(victim, name)
				}
			}
			o := start(t, f.dir, args)
			if b, err := os.ReadFile(victim); err != nil || !bytes.Equal(b, []byte("untouched")) {
				t.Errorf("the file that links lead to is %q, %v", b, err)
			}
			if left := regularFiles(t, elsewhere); left != nil {
				t.Errorf("the folder that a link leads to has %q", left)
			}
			if c.fails != "" {
				if o.Code != 1 || !strings.Contains(o.stderr, c.fails) || !strings.Contains(o.stderr, "\nsresnet: hint: ") {
					t.Errorf("exit code %d, stderr %s", o.Code, o.stderr)
				}
				return
			}
			if o.Code != 0 {
				t.Fatalf("exit code %d: %s", o.Code, o.stderr)
			}
			for _, name := range links {
				if strings.HasSuffix(name, ".probe") {
					continue // It is gone.
				}
				if info, err := os.Lstat(f.path(name)); err != nil || !info.Mode().IsRegular() {
					t.Errorf("%s is %v, %v", name, info, err)
				}
			}
		})
	}
}

// regularFiles returns the names of the files below dir.
func regularFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			path, err = filepath.Rel(dir, path)
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
