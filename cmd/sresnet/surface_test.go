package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/dataset"
	"sresnet/energy"
	"sresnet/experiment"
	"sresnet/nir"
)

// flagged is a flag of a command, that of --help and hidden ones left out.
type flagged struct {
	cmd  *cobra.Command
	flag *pflag.Flag
}

// allFlags lists the flags of all commands.
func allFlags() []flagged {
	var list []flagged
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !f.Hidden {
				list = append(list, flagged{c, f})
			}
		})
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	root := newRoot()
	addCompletion(root)
	add(root)
	return list
}

// words is the flag on a command line, with the command before it.
func (f flagged) words() []string {
	return append(strings.Fields(f.cmd.CommandPath())[1:], "--"+f.flag.Name)
}

// The command has few options, each with words of help that name its value.
func TestFlags(t *testing.T) {
	all := allFlags()
	t.Logf("%d flag positions", len(all))
	if most := 201; len(all) > most {
		t.Errorf("%d flag positions, more than %d", len(all), most)
	}
	if len(all) < 100 {
		t.Errorf("only %d flag positions: the test does not see them all", len(all))
	}
	for _, f := range all {
		name, usage := pflag.UnquoteUsage(f.flag)
		if usage == "" {
			t.Errorf("%v has no help", f.words())
		}
		if f.flag.Value.Type() != "bool" && strings.ToUpper(name) != name && !strings.HasPrefix(name, "FILE.") {
			t.Errorf("%v: the help calls the value %q", f.words(), name)
		}
	}
}

// A value that may be left out is shown as one, and only the words of help stand for it.
func TestHelpOfValues(t *testing.T) {
	for _, f := range allFlags() {
		list := f.cmd.Flags().FlagUsages()
		if strings.Contains(list, "`") || strings.Contains(list, "[=auto]") {
			t.Errorf("%s: help has quotes:\n%s", f.cmd.CommandPath(), list)
		}
		if f.flag.Name == "plan" && f.cmd.Name() != "inspect" && !strings.Contains(list, "--plan[=N]  ") {
			t.Errorf("%s: no --plan[=N] in\n%s", f.cmd.CommandPath(), list)
		}
	}
}

// Help about what there is not is an error.
func TestHelpOfUnknownCommand(t *testing.T) {
	for line, want := range map[string]string{
		"help evla":     "there is no command \"evla\"; did you mean eval?\n",
		"help data inf": "there is no command \"data inf\"; did you mean info?\n",
		"help eval x":   "there is no command \"eval x\"\n",
		"evla":          "there is no command \"evla\"; did you mean eval?\n",
	} {
		code, stdout, stderr := sresnet(t, t.Context(), strings.Fields(line)...)
		if code != exitUsage || stdout != "" || stderr != "sresnet: error: "+want+"sresnet: hint: 'sresnet --help' lists the commands\n" {
			t.Errorf("%s: exit code %d: %s%s", line, code, stdout, stderr)
		}
	}
	if code, stdout, stderr := sresnet(t, t.Context(), "help", "data", "info"); code != 0 || !strings.HasPrefix(stdout, "info opens") {
		t.Errorf("help data info: exit code %d: %s%s", code, stdout, stderr)
	}
}

// completions asks for what may come at the end of a command line, as the shell does.
func completions(t *testing.T, args ...string) []string {
	t.Helper()
	code, stdout, stderr := sresnet(t, t.Context(), append([]string{"__complete"}, args...)...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	var list []string
	for line := range strings.Lines(stdout) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		list = append(list, word)
	}
	return list[:len(list)-1] // The last says what else the shell is to do.
}

// The shell completes the flags of every command.
func TestCompletionOfFlags(t *testing.T) {
	offered := make(map[string][]string)
	for _, f := range allFlags() {
		path := f.cmd.CommandPath()
		if offered[path] == nil {
			offered[path] = completions(t, append(strings.Fields(path)[1:], "--")...)
		}
		if !slices.Contains(offered[path], "--"+f.flag.Name) {
			t.Errorf("%s: --%s is not offered, but %v", path, f.flag.Name, offered[path])
		}
	}
}

// The shell completes the words that a flag takes, all of them, for every command that has
// the flag; those that take no words offer none.
func TestCompletionOfWords(t *testing.T) {
	want := map[string][]string{
		"data": dataset.Kinds(), "calibrate": dataset.Kinds(), "normalize": dataset.NormalizationNames(),
		"device": energy.DeviceNames(), "target": append(nir.Profiles(), "loihi2", "speck", "torch"), "submit engine": submitEngines,
		"format": reportFormats, "split": {"train", "test"}, "what": {"spikes", "potentials", "currents"},
		"ann": {"onnx"}, "image": {"png", "jpg", "jpeg"}, // Suffixes of files.
	}
	for _, p := range experiment.Table() {
		if p.Words != nil && want[p.Name] == nil {
			want[p.Name] = p.Words()
		}
	}
	seen := make(map[string]bool)
	for _, f := range allFlags() {
		key := f.flag.Name
		if own := f.cmd.Name() + " " + key; want[own] != nil {
			key = own
		}
		seen[key] = true
		if f.flag.NoOptDefVal != "" {
			continue // A value is behind "=", and is none of a list.
		}
		if got := completions(t, append(f.words(), "")...); !slices.Equal(got, want[key]) {
			t.Errorf("%v: the shell offers %q, want %q", f.words(), got, want[key])
		}
	}
	for key := range want {
		if !seen[key] && key != "engine" { // Which is for programs in Go.
			t.Errorf("no command has %s", key)
		}
	}
}

// In bash completion works, and says nothing, where the package bash-completion is not.
func TestCompletionInBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	code, script, stderr := sresnet(t, t.Context(), "completion", "bash")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Under this name the test binary is the program.
	if err := os.Symlink(self, filepath.Join(dir, "sresnet")); err != nil {
		t.Skip(err)
	}
	// compopt is for bash itself while it completes; here a function has its name.
	script += `
compopt() { :; }
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
__start_sresnet
printf '%s\n' "${COMPREPLY[@]}"
`
	for line, want := range map[string]string{
		"sresnet swe":                              "sweep",
		"sresnet eval net.onnx --compensation ":    "none\nglobal\nlayer",
		"sresnet eval net.onnx --compensation glo": "global",
		"sresnet eval net.onnx --compensation=glo": "global",
		"sresnet  eval --data fash":                "fashion-mnist",
		"sresnet eval --data folder:pict":          "", // A path, as bash completes it.
		"sresnet eval ":                            "", // Files, likewise.
		"sresnet status ":                          "",
		"sresnet nothing ":                         "",
	} {
		cmd := exec.CommandContext(t.Context(), bash, "--norc", "--noprofile", "-c", script, "bash", line)
		cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if got := strings.TrimRight(stdout.String(), "\n"); err != nil || got != want || stderr.String() != "" {
			t.Errorf("%q: bash completes %q, want %q; error %v, stderr %q", line, got, want, err, stderr.String())
		}
	}
}

// modelOf is what a command is given before its flags, so that only these can be wrong.
func modelOf(c *cobra.Command) []string {
	path := strings.Fields(c.CommandPath())[1:]
	switch path[0] {
	case "demo", "play", "model":
		return path
	case "run", "submit", "merge", "status", "report":
		return append(path, "nowhere")
	case "data":
		return append(path, "mnist")
	case "convert":
		return append(path, model, "--calibrate", "mnist", "-o", "x.nir")
	case "record":
		return append(path, model, "--data", "mnist", "-o", "x.npz")
	case "watch":
		return append(path, model, "--data", "mnist", "--image", "0")
	case "inspect", "nir":
		return append(path, model)
	}
	return append(path, model, "--data", "mnist")
}

// wrongValues are values that an option cannot have.
func wrongValues(name string) []string {
	p := experiment.OptionNamed(name)
	switch {
	case p == nil:
		return nil
	case p.IsBool():
		return []string{"perhaps"}
	case p.Words != nil:
		return []string{"no-such"}
	case p.Range != experiment.Range{}:
		return []string{"", "many", "-1", "NaN"}
	}
	return map[string][]string{
		"data": {"tulips:here", "mnist?zoom=3"}, "calibrate": {"tulips:here", "mnist?images=0"}, "normalize": {"bright"},
		"lambda": {"conv", "conv=p101", "conv=most"}, "seed": {"", "-1"}, "device": {"abacus"},
	}[name]
}

// A value that an option cannot have is an error of the command line, whose name it begins
// with, for every command that has the option.
func TestWrongValues(t *testing.T) {
	for _, f := range allFlags() {
		name := f.flag.Name
		if experiment.OptionNamed(name) == nil || name == "engine" {
			continue
		}
		wrong := wrongValues(name)
		if len(wrong) == 0 {
			t.Errorf("no wrong value of %s is known", name)
		}
		for _, v := range wrong {
			args := append(modelOf(f.cmd), "--"+name+"="+v)
			code, stdout, stderr := sresnet(t, t.Context(), args...)
			if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "sresnet: error: --"+name) || !strings.HasSuffix(stderr, " --help' lists the options with examples\n") {
				t.Errorf("%v: exit code %d: %s%s", args, code, stdout, stderr)
			}
		}
	}
}

// What was a flag, and is one no more, is an error of the command line that says where it
// went.
func TestMovedFlags(t *testing.T) {
	has := make(map[string]map[string]bool) // By command.
	commands := make(map[string]*cobra.Command)
	for _, f := range allFlags() {
		path := f.cmd.CommandPath()
		if has[path] == nil {
			has[path], commands[path] = make(map[string]bool), f.cmd
		}
		has[path][f.flag.Name] = true
	}
	for name, where := range movedFlags {
		for path, c := range commands {
			if has[path][name] {
				continue
			}
			code, stdout, stderr := sresnet(t, t.Context(), append(modelOf(c), "--"+name+"=1")...)
			want := "sresnet: error: there is no option --" + name + "\nsresnet: hint: " + where + "\nsresnet: hint: '" + path + " --help' lists the options with examples\n"
			if code != exitUsage || stdout != "" || stderr != want {
				t.Errorf("%s --%s: exit code %d: %s%s", path, name, code, stdout, stderr)
			}
		}
	}
}

// What there never was gets the nearest flag, and what another command has says so.
func TestUnknownFlags(t *testing.T) {
	for line, want := range map[string]string{
		"eval net.onnx --timestep 3":            "there is no option --timestep; did you mean --timesteps?\n",
		"eval net.onnx --normalise cifar10":     "there is no option --normalise; did you mean --normalize?\n",
		"eval net.onnx -x":                      "there is no option -x\n",
		"bench net.onnx --percentile 99":        "there is no option --percentile\nsresnet: hint: 'sresnet bench' takes this setting from its MODEL, a file of 'sresnet convert' or the folder of a run\n",
		"convert net.onnx --data mnist":         "there is no option --data\nsresnet: hint: give training images with --calibrate\n",
		"inspect net.onnx --data mnist":         "there is no option --data\nsresnet: hint: 'sresnet inspect --help'",
		"status RUN --timesteps 9":              "there is no option --timesteps\nsresnet: hint: 'sresnet status --help'",
		"eval net.onnx --data":                  "--data: SPEC is missing\n",
		"eval net.onnx -T":                      "--timesteps: T is missing\n",
		"eval net.onnx --percentile 99 --wings": "there is no option --wings\n",
	} {
		code, _, stderr := sresnet(t, t.Context(), strings.Fields(line)...)
		if code != exitUsage || !strings.HasPrefix(stderr, "sresnet: error: "+want) {
			t.Errorf("%s: exit code %d: %s", line, code, stderr)
		}
	}
}
