// Package layers holds no code, only the test of who may import whom. The
// reasons are in docs/architecture.md.
package layers

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// module is the path that our packages' import paths begin with.
const module = "sresnet/"

// all stands for any of our packages.
const all = "*"

// may lists, for each package, those of ours that it may import. A package that
// is not here fails the test: decide first what it may know.
var may = map[string][]string{
	"tensor":                 {},
	"ann":                    {"tensor"},
	"snn":                    {"tensor", "internal/hint"},
	"internal/kernel":        {},
	"internal/hdf5":          {"internal/regular"},
	"internal/hostile":       {},
	"internal/hint":          {},
	"internal/host":          {},
	"internal/layers":        {},
	"internal/terminal":      {},
	"internal/download":      {"internal/hint", "internal/regular"},
	"internal/film":          {},
	"internal/onnxfile":      {},
	"internal/palette":       {},
	"internal/parallel":      {},
	"internal/shell":         {},
	"internal/steps":         {},
	"internal/pickle":        {},
	"internal/regular":       {},
	"internal/atomic":        {"internal/hint"},
	"internal/zoo":           {},
	"internal/spiking":       {"snn", "tensor"},
	"shard":                  {"internal/atomic", "internal/regular"},
	"models":                 {},
	"models/public":          {"internal/download", "internal/terminal"},
	"dataset":                {"tensor", "internal/atomic", "internal/nearest", "internal/parallel", "internal/pickle", "internal/regular"},
	"dataset/fetch":          {"internal/download"},
	"onnx":                   {"ann", "tensor", "internal/hint"},
	"safetensors":            {"tensor", "internal/regular"},
	"statedict":              {"tensor", "internal/pickle", "internal/regular"},
	"resnet":                 {"ann", "tensor", "safetensors", "statedict"},
	"torch":                  {"snn", "tensor", "safetensors", "internal/atomic", "internal/hint"},
	"nir":                    {"snn", "tensor", "internal/hdf5", "internal/hint"},
	"ann/infer":              {"ann", "tensor", "internal/kernel"},
	"sim":                    {"snn", "tensor", "internal/kernel", "sim/internal/reference"},
	"sim/internal/reference": {"snn", "tensor"},
	"calibrate":              {"ann", "ann/infer", "snn", "sim", "tensor", "internal/parallel"},
	"convert":                {"ann", "snn", "tensor", "calibrate"},
	"tune":                   {"snn", "sim", "tensor", "internal/kernel", "internal/parallel"},
	"chip":                   {"snn", "internal/hint", "internal/terminal"},
	"target":                 {"chip", "dataset", "nir", "snn", "torch", "internal/atomic", "internal/hint", "internal/terminal"},
	"exit":                   {},
	"energy":                 {"ann", "ann/infer", "snn", "sim", "tensor", "internal/nearest", "internal/regular"},
	"eval":                   {"ann", "ann/infer", "snn", "sim", "tensor", "energy", "exit", "shard", "internal/parallel"},
	"run":                    {"dataset", "diagnose", "eval", "exit", "experiment", "nir", "shard", "snn", "internal/atomic", "internal/hint", "internal/regular", "internal/shell", "internal/terminal"},
	"diagnose":               {"ann", "ann/infer", "snn", "sim", "tensor", "calibrate", "convert", "eval", "shard", "internal/parallel", "internal/terminal"},
	"experiment":             {"ann", "ann/infer", "calibrate", "convert", "dataset", "energy", "eval", "exit", "models", "nir", "onnx", "resnet", "sim", "snn", "tensor", "tune", "internal/hint", "internal/nearest", "internal/regular"},
	"sweep":                  {"dataset", "energy", "eval", "experiment", "run", "shard", "snn", "internal/hint", "internal/shell", "internal/terminal"},
	"diagnose/study":         {"diagnose", "eval", "experiment", "nir", "run", "shard", "snn", "internal/hint"},
	"internal/nearest":       {},
	"internal/names":         {},
	"verify":                 {"ann", "ann/infer", "snn", "sim", "tensor", "calibrate", "convert", "internal/parallel", "internal/terminal"},
	"record":                 {"snn", "sim", "internal/hdf5", "internal/hint", "internal/parallel"},
	"report":                 {"diagnose", "energy", "eval", "exit", "experiment", "run", "internal/palette", "internal/shell", "internal/terminal"},
	"launch":                 {"internal/shell"},
	"watch/gallery":          {"dataset", "eval", "experiment", "tensor", "watch", "internal/hint"},
	"watch":                  {"ann", "ann/infer", "snn", "sim", "tensor", "dataset", "eval", "internal/film", "internal/names", "internal/palette", "internal/parallel", "internal/terminal"},
	"play":                   {"dataset", "models", "play/lab", "internal/hint"},
	"play/generate":          {"calibrate", "experiment", "play/lab"},
	"play/lab":               {"ann", "ann/infer", "calibrate", "convert", "onnx", "sim", "snn", "tensor", "internal/hint", "internal/names"},
	"play/wasm":              {"calibrate", "snn", "play/lab"},
	"benchmark":              {"ann", "ann/infer", "snn", "sim", "tensor", "internal/host", "internal/kernel"},
	"cmd/sresnet":            {all},
	"bench":                  {},
	"bench/compare":          {"benchmark", "internal/host", "internal/terminal"},
	"bench/advice":           {"eval", "run"},
	"bench/cluster":          {"shard"},
	"tools/program":          {},
	"tools/release":          {"tools/program", "internal/atomic"},
	"tools/wheels":           {"tools/program", "internal/atomic"},
	"bench/results":          {"dataset", "eval", "run", "internal/host", "internal/kernel", "internal/regular", "internal/shell", "internal/terminal"},
}

// never lists, for each package, those of ours that it must not depend on, even
// through others: the rules that carry the design.
var never = map[string][]string{
	"ann":             {"snn", "internal/kernel", "ann/infer", "sim", "convert"},
	"snn":             {"ann", "internal/kernel", "sim", "convert"},
	"internal/kernel": {all},                                                                                    // Knows no network.
	"sim":             {"ann", "ann/infer", "calibrate", "convert", "onnx", "resnet", "nir", "dataset", "eval"}, // Knows no file format and no data set.
	"onnx":            {"snn", "sim", "convert"},
	"safetensors":     {"ann"},
	"statedict":       {"ann"},
	"resnet":          {"snn", "sim", "convert"},
	"nir":             {"ann", "sim", "convert"},
	"torch":           {"ann", "sim", "nir", "convert"},
	"chip":            {"ann", "sim", "nir", "convert"},
	"dataset":         {"ann", "snn", "sim", "onnx"},
	"convert":         {"onnx", "resnet", "nir", "dataset", "eval"},
	"calibrate":       {"onnx", "resnet", "nir", "dataset", "convert", "eval"},
	"tune":            {"ann", "convert", "calibrate", "dataset"},
	"energy":          {"onnx", "resnet", "nir", "dataset", "convert", "eval"},
	"eval":            {"run", "report"},
	"record":          {"ann", "dataset", "nir"},
	"watch":           {"onnx", "resnet", "nir", "convert"},
	"play/lab":        {"dataset", "eval", "experiment", "nir", "models", "internal/terminal"}, // What a page need not load.
	"benchmark":       {"onnx", "resnet", "nir", "dataset", "calibrate", "convert"},
}

// together lists the packages that may depend on both ann and snn.
var together = []string{"calibrate", "convert", "energy", "eval", "diagnose", "diagnose/study", "verify", "experiment", "run", "sweep", "report", "watch", "watch/gallery", "play", "play/generate", "play/lab", "play/wasm", "benchmark", "bench/compare", "cmd/sresnet", "bench/advice", "bench/results"}

// pkg is what go list says about one of our packages; the lists are of ours only
// and without the module's name.
type pkg struct {
	ImportPath string
	Imports    []string // What its files import; tests may import more.
	Deps       []string // And what these import, and so on.
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Deps", module+"...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("the go command is needed")
	}
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		p.Imports, p.Deps = ours(p.Imports), ours(p.Deps)
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func ours(paths []string) []string {
	var list []string
	for _, p := range paths {
		if name, ok := strings.CutPrefix(p, module); ok {
			list = append(list, name)
		}
	}
	return list
}

// matches reports whether name is one of list, or list has all.
func matches(list []string, name string) bool {
	return slices.Contains(list, name) || slices.Contains(list, all)
}

// broken returns a sentence for every rule that p breaks.
func broken(p pkg) []string {
	var s []string
	allowed, known := may[p.ImportPath]
	if !known {
		s = append(s, "package "+p.ImportPath+" is not in the table: add what it may import, here and in docs/architecture.md")
	}
	for _, name := range p.Imports {
		if known && !matches(allowed, name) {
			s = append(s, "package "+p.ImportPath+" imports "+name+", which its row does not allow")
		}
	}
	for _, name := range p.Deps {
		if matches(never[p.ImportPath], name) {
			s = append(s, "package "+p.ImportPath+" depends on "+name+", which it must not know")
		}
	}
	if slices.Contains(p.Deps, "ann") && slices.Contains(p.Deps, "snn") && !slices.Contains(together, p.ImportPath) {
		s = append(s, "package "+p.ImportPath+" depends on both ann and snn, which meet in convert and after it only")
	}
	return s
}

func TestLayers(t *testing.T) {
	pkgs := list(t)
	for _, name := range []string{"tensor", "ann", "snn", "internal/layers"} { // go list saw us.
		if !slices.ContainsFunc(pkgs, func(p pkg) bool { return p.ImportPath == name }) {
			t.Fatalf("go list finds no package %s, only %v", name, pkgs)
		}
	}
	for _, p := range pkgs {
		for _, s := range broken(p) {
			t.Error(s)
		}
	}
}

// TestBroken shows that every kind of rule catches what it is for.
func TestBroken(t *testing.T) {
	for _, tt := range []struct {
		p    pkg
		want string // Part of the only sentence; none if empty.
	}{
		{pkg{"convert", []string{"ann", "snn"}, []string{"ann", "snn", "tensor"}}, ""},
		{pkg{"cmd/sresnet", []string{"report"}, []string{"ann", "snn", "report"}}, ""},
		{pkg{"util", nil, nil}, "not in the table"},
		{pkg{"ann", []string{"internal/hdf5"}, nil}, "imports internal/hdf5"},
		{pkg{"internal/kernel", nil, []string{"tensor"}}, "depends on tensor"},
		{pkg{"sim", nil, []string{"dataset"}}, "depends on dataset"},
		{pkg{"models", nil, []string{"ann", "snn"}}, "both ann and snn"},
	} {
		got := broken(tt.p)
		if tt.want == "" && len(got) == 0 {
			continue
		}
		if tt.want == "" || len(got) != 1 || !strings.Contains(got[0], tt.want) {
			t.Errorf("%+v: got %q, want %q", tt.p, got, tt.want)
		}
	}
}

// TestPage finds packages that docs/architecture.md does not explain, and names in its
// table that are none.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)`.* \\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		explained[m[1]] = true
	}
	for name := range may {
		if !explained[name] {
			t.Errorf("docs/architecture.md does not say what package %s holds", name)
		}
	}
}

// TestTables finds names that no row explains, which a rename leaves behind.
func TestTables(t *testing.T) {
	check := func(name string) {
		if _, ok := may[name]; !ok && name != all {
			t.Errorf("%s is not in the table of what may import what", name)
		}
	}
	for _, table := range []map[string][]string{may, never} {
		for name, list := range table {
			check(name)
			for _, other := range list {
				check(other)
			}
		}
	}
	for _, name := range together {
		check(name)
	}
}

// files calls see for every file of Go that is no test, with its name from the root, except
// those below the folders of off.
func files(t *testing.T, off []string, see func(rel string, file *ast.File, line func(ast.Node) int)) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		rel := filepath.ToSlash(strings.TrimPrefix(path, "../../"))
		if err != nil || d.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") || slices.ContainsFunc(off, func(s string) bool { return strings.HasPrefix(rel, s) }) {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err == nil {
			seen++
			see(rel, file, func(n ast.Node) int { return set.Position(n.Pos()).Line })
		}
		return err
	})
	if err != nil || seen < 100 {
		t.Fatalf("%d files, error %v", seen, err)
	}
}

// TestNoFlags finds texts of libraries that name a flag: whoever calls them may be no
// command line. The command itself, what writes command lines, and programs are let off.
func TestNoFlags(t *testing.T) {
	flag := regexp.MustCompile(`(^|[^-a-zA-Z])--[a-z]{2}`)
	off := []string{"cmd/", "launch/", "bench/", "training/", "internal/kernel/_asm/", "tools/"}
	files(t, off, func(rel string, file *ast.File, line func(ast.Node) int) {
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && flag.MatchString(lit.Value) {
				t.Errorf("%s:%d names a flag: %s", rel, line(lit), lit.Value)
			}
			return true
		})
	})
}

// TestComments finds exported names without a comment: types, their methods but for those
// of errors, functions, constants and variables. One of a group does for all of it.
func TestComments(t *testing.T) {
	files(t, nil, func(rel string, file *ast.File, line func(ast.Node) int) {
		check := func(name *ast.Ident, comments ...*ast.CommentGroup) {
			if name.IsExported() && !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c != nil }) {
				t.Errorf("%s:%d: %s has no comment", rel, line(name), name.Name)
			}
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if exported(d.Recv) && d.Name.Name != "Error" && d.Name.Name != "Unwrap" {
					check(d.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						check(s.Name, s.Doc, d.Doc)
					case *ast.ValueSpec:
						for _, name := range s.Names {
							check(name, s.Doc, s.Comment, d.Doc)
						}
					}
				}
			}
		}
	})
}

// exported reports whether a method is one of an exported type; true for a function.
func exported(receiver *ast.FieldList) bool {
	if receiver == nil {
		return true
	}
	found := false
	ast.Inspect(receiver.List[0].Type, func(n ast.Node) bool {
		name, ok := n.(*ast.Ident)
		found = found || ok && name.IsExported()
		return !ok
	})
	return found
}
