package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/nir"
	"sresnet/target"
)

// TestNIRNames shows a file whose names would disturb a terminal.
func TestNIRNames(t *testing.T) {
	n := &nir.Node{Name: "a\x1b[31m", Type: "\x1b]0;x\a"}
	n.Data.Set("x\x1b", nir.Text("\x1b[2J"))
	g := &nir.Graph{Nodes: []*nir.Node{n}, Edges: []nir.Edge{{From: n.Name, To: n.Name}}, Metadata: &nir.Tree{}}
	g.Metadata.Set("warnings", nir.Array{Shape: []int{1}, Data: []string{"\x1b[1m"}})
	var b strings.Builder
	newNIRFile("f", g).print(&b)
	if strings.ContainsAny(b.String(), "\x1b\a") {
		t.Errorf("control characters in %q", b.String())
	}
	if !strings.Contains(b.String(), "a?[31m") {
		t.Errorf("no node in %q", b.String())
	}
}

// TestTargets writes a network for every target and wants the same accuracy and
// spikes from every file, and a file that the table of readers has the target read.
// A network of others has the name of its file, in a folder of a run, too.
func TestNamelessNetwork(t *testing.T) {
	ones := make([]float32, 10)
	for i := range ones {
		ones[i] = 1
	}
	node := func(name, typ string, fields map[string]nir.Array) *nir.Node {
		n := &nir.Node{Name: name, Type: typ}
		for k, v := range fields {
			n.Data.Set(k, v)
		}
		return n
	}
	g := &nir.Graph{
		Nodes: []*nir.Node{
			node("in", "Input", map[string]nir.Array{"shape": nir.Ints(1, 28, 28)}),
			node("flat", "Flatten", map[string]nir.Array{"start_dim": nir.Int(0), "end_dim": nir.Int(-1), "input_type": nir.Ints(1, 28, 28)}),
			node("fc", "Linear", map[string]nir.Array{"weight": nir.Floats(make([]float32, 10*28*28), 10, 28*28)}),
			node("neurons", "IF", map[string]nir.Array{"r": nir.Floats(ones, 10), "v_threshold": nir.Floats(ones, 10)}),
			node("out", "Output", map[string]nir.Array{"shape": nir.Ints(10)}),
		},
		Edges: []nir.Edge{{From: "in", To: "flat"}, {From: "flat", To: "fc"}, {From: "fc", To: "neurons"}, {From: "neurons", To: "out"}},
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "theirs.nir")
	if err := nir.WriteFile(file, g); err != nil {
		t.Fatal(err)
	}
	// Its neurons go by NIR's rule, which is said, unless another is asked for.
	for model, more := range map[string][]string{file: {"--reset", "subtract"}, file + "?reset=subtract&fires=at": nil, file + "?fires=at": {"--reset", "zero"}} {
		code, _, stderr := sresnet(t, t.Context(), append([]string{"eval", model, "--data", "mnist", "--images", "3", "--timesteps", "2"}, more...)...)
		if code != 0 || strings.Contains(stderr, "NIR's is taken") {
			t.Errorf("%s %v: exit code %d: %s", model, more, code, stderr)
		}
	}
	if _, _, stderr := sresnet(t, t.Context(), "eval", file, "--data", "mnist", "--images", "3", "--timesteps", "2"); !strings.Contains(stderr, "NIR's is taken, reset zero, fire above the threshold") {
		t.Errorf("the rule is not said: %s", stderr)
	}
	for _, out := range [][]string{nil, {"--out", filepath.Join(dir, "run")}} {
		code, stdout, stderr := sresnet(t, t.Context(), append([]string{"eval", file, "--data", "mnist", "--images", "3", "--timesteps", "2"}, out...)...)
		if code != 0 || !strings.HasPrefix(stdout, "theirs on 3 images of mnist") {
			t.Errorf("%v: exit code %d: %s%s", out, code, stdout, stderr)
		}
	}
}

func TestTargets(t *testing.T) {
	dir := t.TempDir()
	type measured struct {
		SNN    json.RawMessage
		Layers json.RawMessage
	}
	run := func(args ...string) []byte {
		t.Helper()
		code, stdout, stderr := sresnet(t, t.Context(), args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		return []byte(stdout)
	}
	first := make(map[string]measured) // By reset.
	for _, reset := range []string{"subtract", "zero"} {
		file := filepath.Join(dir, reset+".nir")
		run("convert", model, "--calibrate", "mnist?images=30", "--target", "generic", "--v-init", "0", "--reset", reset, "-o", file)
		var m measured
		if err := json.Unmarshal(run("eval", file, "--data", "mnist", "--images", "10", "--timesteps", "24", "--json"), &m); err != nil {
			t.Fatal(err)
		}
		first[reset] = m
	}
	for _, target := range nir.Profiles() {
		file, reset := filepath.Join(dir, target+".nir"), "subtract"
		if target == "norse" {
			reset = "zero"
		}
		args := []string{"convert", model, "--calibrate", "mnist?images=30", "--target", target, "--reset", reset, "-o", file}
		if target == "common" || target == "generic" {
			args = append(args, "--v-init", "0")
		}
		run(args...)
		var m measured
		if err := json.Unmarshal(run("eval", file, "--data", "mnist", "--images", "10", "--timesteps", "24", "--json"), &m); err != nil {
			t.Fatal(err)
		}
		p, err := nir.ProfileNamed(target)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(first[reset], m); d != "" {
			t.Errorf("%s is another network than generic (-generic +%s):\n%s", target, target, d)
		}
		var f nirFile
		if err := json.Unmarshal(run("nir", file, "--json"), &f); err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Readers {
			if p.Reader != "" && r.Reader == p.Reader && (r.Reads == nil || !*r.Reads) {
				t.Errorf("%s does not read its file: %s", r.Reader, r.Why)
			}
		}
	}
}

// A chip as the target adds what fits it, whether or not its reader takes the network.
func TestChips(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.nir")
	args := []string{"convert", model, "--calibrate", "mnist?images=5", "--preset", "few-steps", "-T", "4", "-o", file}
	run := func(more ...string) string {
		t.Helper()
		code, stdout, stderr := sresnet(t, t.Context(), slices.Concat(args, more)...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", more, code, stderr)
		}
		return stdout
	}
	for name, profile := range map[string]string{"loihi2": "", "speck": "", "generic": ""} {
		var c target.Written
		if err := json.Unmarshal([]byte(run("--bits", "8", "--target", name, "--json")), &c); err != nil {
			t.Fatal(err)
		}
		if c.Reader != profile || (c.Chip != nil) != (name != "generic") || c.Chip != nil && (c.Chip.Chip != name || c.Chip.Bits != 8 || c.Chip.Timesteps != 4 || len(c.Chip.Populations) != c.Layers) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if s := run("--target", "loihi2"); !strings.Contains(s, "\nweights are real numbers, and Loihi 2 has whole ones: give --bits 8, or less, so\n") {
		t.Errorf("nothing of whole numbers in\n%s", s)
	}
	if s := run("--preset", "calibrated", "--target", "speck"); !strings.Contains(s, "What Sinabs, Speck will do") || !strings.Contains(s, "The network does not fit Speck 2") {
		t.Errorf("no file for Sinabs:\n%s", s)
	}
	if code, _, stderr := sresnet(t, t.Context(), slices.Concat(args, []string{"--target", "spinnaker2"})...); code == 0 || !strings.Contains(stderr, "firing windows need") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
