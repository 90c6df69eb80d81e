package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/run"
)

// notListed are files in folders of runs that docs/runs.md only mentions.
var notListed = []string{".nir", ".jsonl", ".part"}

// listedKeys reads the keys of every file from docs/runs.md.
func listedKeys(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/runs.md")
	if err != nil {
		t.Fatal(err)
	}
	heading, row := regexp.MustCompile("^## `(.+)`$"), regexp.MustCompile("^\\| `([^`]+)` \\|")
	keys, file := make(map[string][]string), ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "## ") {
			file = ""
			if m := heading.FindStringSubmatch(line); m != nil {
				file = m[1]
			}
		}
		if m := row.FindStringSubmatch(line); m != nil && file != "" {
			if slices.Contains(keys[file], m[1]) {
				t.Errorf("%s lists %s twice", file, m[1])
			}
			keys[file] = append(keys[file], m[1])
		}
	}
	return keys
}

// pathsOf hands the path of every value in v, a JSON value, to see. Below what see says
// is not listed it does not go.
func pathsOf(path string, v any, see func(path string) (further bool)) {
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			p := strings.TrimPrefix(path+"."+key, ".")
			if _, ok := x.(map[string]any); ok && see(p+".*") {
				pathsOf(p, x, see)
			} else if !ok {
				pathsOf(p, x, see)
			}
		}
	case []any:
		for _, x := range v {
			pathsOf(path+"[]", x, see)
		}
		if len(v) == 0 {
			see(path + "[]")
		}
	default:
		see(path)
	}
}

// Every key and column that runs have is on the page of the docs, and no other.
func TestRunsPage(t *testing.T) {
	if testing.Short() {
		t.Skip("makes several runs")
	}
	dir := t.TempDir()
	digits := filepath.Join(dir, "digits")
	writeDigits(t, digits)
	pictures := filepath.Join(dir, "pictures")
	for name, split := range map[string]dataset.Split{"train": dataset.Train, "test": dataset.Test} {
		d, err := dataset.Open("mnist:"+digits, split)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(pictures, name)
		if err := errors.Join(writePictures(folder, d, 70), os.WriteFile(filepath.Join(folder, "0", "bad.png"), []byte("none"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	do := func(args ...string) {
		t.Helper()
		if code, _, stderr := sresnet(t, t.Context(), args...); code != 0 {
			t.Fatalf("sresnet %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
		}
	}
	in := func(name string) string { return filepath.Join(dir, "runs", name) }
	small := []string{"--data", "mnist:" + digits, "--calibrate", "mnist:" + digits + "?images=30", "-T", "8"}
	with := func(command string, more ...string) []string {
		return append(append([]string{command, model}, small...), more...)
	}
	do(with("eval", "--images", "10", "--device", "45nm", "--compensation", "global", "-o", in("pair"))...)
	do("eval", model, "--data", "mnist:"+digits, "--calibrate", "mnist:"+digits+"?images=100", "-T", "30", "--exit", "0.5", "--device", "45nm", "-o", in("exit"))
	do(with("diagnose", "--images", "4", "--compensation", "global", "-o", in("pair"))...)
	wrong := []string{"--images", "40", "-T", "12", "--lambda", "block1/relu1/Relu=x8", "--lambda", "block2/relu2/Relu=x8"} // So that there is something to advise.
	do(with("eval", append(wrong, "-o", in("wrong"))...)...)
	do(with("diagnose", append(wrong, "--remedy", "-o", in("wrong"))...)...)
	do(with("eval", "--images", "10", "--device", "loihi", "-o", in("loihi"))...)
	do(with("eval", "--images", "5", "--preset", "few-steps", "-o", in("few-steps"))...)
	do(with("diagnose", "--images", "4", "--preset", "few-steps", "-o", in("few-steps"))...)
	do("eval", model, "--data", "folder:"+pictures+"?resize=28&crop=28&skip-bad=1", "--calibrate", "folder:"+pictures+"?resize=28&crop=28&skip-bad=1", "--normalize", "mnist", "-T", "8", "--device", "lemaire-45nm", "-o", in("files"))
	do(with("eval", "--images", "5", "--preset", "one-spike", "--json", "-o", in("phased"))...)
	do(with("sweep", "--images", "5", "--selection-images", "5", "--percentile", "99", "--v-init", "0", "--compensation", "none,layer", "-o", in("sweep"))...)
	do(with("diagnose", "--images", "4", "--preset", "one-spike", "--bits", "4", "-o", in("phased"))...)
	framed := filepath.Join(dir, "frames")
	for name, split := range map[string]dataset.Split{"train": dataset.Train, "test": dataset.Test} {
		d, err := dataset.OpenImages("mnist:"+digits, split, "mnist", 0)
		if err := errors.Join(err, writeFrames(filepath.Join(framed, name), d, 70, 2)); err != nil {
			t.Fatal(err)
		}
	}
	do("eval", model, "--data", "folder:"+framed, "-T", "8", "-o", in("frames"))
	network := filepath.Join(dir, "net.nir")
	do("convert", model, "--calibrate", "mnist:"+digits+"?images=30", "-o", network)
	do("eval", network, "--data", "mnist:"+digits, "--images", "5", "-T", "8", "-o", in("alone"))
	do("diagnose", network, "--ann", model, "--data", "mnist:"+digits, "--calibrate", "mnist:"+digits+"?images=30", "-T", "8", "--images", "4", "-o", in("alone"))

	listed := listedKeys(t)
	seen := make(map[string]map[string]bool)
	err := filepath.WalkDir(in(""), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || slices.Contains(notListed, filepath.Ext(path)) {
			return err
		}
		file := e.Name()
		keys, ok := listed[file]
		if !ok {
			t.Errorf("docs/runs.md does not list %s", file)
			return nil
		}
		if seen[file] == nil {
			seen[file] = make(map[string]bool)
		}
		see := func(key string) bool {
			seen[file][key] = true
			return !slices.Contains(keys, key)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(file, ".csv") {
			lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
			if err != nil {
				return err
			}
			for _, column := range lines[0] {
				see(column)
			}
			return nil
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		pathsOf("", v, see)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for file, keys := range listed {
		for _, key := range keys {
			if !seen[file][key] {
				t.Errorf("docs/runs.md lists %s of %s, which no run has", key, file)
			}
		}
	}
	for file, keys := range seen {
		for key := range keys {
			// What is null in a run stands for a list or an object in another.
			under := func(k string) bool {
				return k == key || strings.HasPrefix(k, key+"[]") || strings.HasPrefix(k, key+".") || strings.HasPrefix(k, strings.TrimSuffix(key, ".*")+".")
			}
			if !slices.ContainsFunc(listed[file], under) {
				t.Errorf("docs/runs.md does not list %s of %s", key, file)
			}
		}
	}
	checkViews(t, in(""))
}

// checkViews makes the tables of all runs below dir again, from result.json alone.
func checkViews(t *testing.T, dir string) {
	t.Helper()
	results, err := filepath.Glob(filepath.Join(dir, "*", "result.json"))
	more, err2 := filepath.Glob(filepath.Join(dir, "*", "*", "result.json"))
	if err != nil || err2 != nil || len(results)+len(more) < 5 {
		t.Fatalf("results %v %v, errors %v %v", results, more, err, err2)
	}
	for _, name := range append(results, more...) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := eval.ReadResult(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range append(run.Views(r), run.File{Name: "result.json", Write: r.WriteJSON}) {
			var again bytes.Buffer
			if err := v.Write(&again); err != nil {
				t.Fatal(err)
			}
			kept, err := os.ReadFile(filepath.Join(filepath.Dir(name), v.Name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(kept, again.Bytes()) {
				t.Errorf("%s is not what %s says", filepath.Join(filepath.Dir(name), v.Name), name)
			}
		}
	}
}
