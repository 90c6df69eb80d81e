package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sresnet/experiment"
	"sresnet/internal/shell"
	"sresnet/run"
)

// notFlags are options that no flag of eval has: those of a sweep, of the engine, and
// what has a good default.
var notFlags = []string{"calibration-images", "compensation-images", "selection-images", "engine", "shared-lambda"}

// CommandLine returns the command that makes a run like that of m, for a shell: its
// images, and every option that is not that of its preset.
func CommandLine(m *run.Manifest) string {
	words := []string{"sresnet", "eval", shell.Quote(m.Model.Name)}
	usual := experiment.DefaultOptions()
	if err := usual.Begin(setting(m.Options["preset"])); err == nil { // Versions before presets had none.
		usual.Preset = experiment.Presets()[0]
	}
	for _, p := range experiment.Table() {
		s := setting(m.Options[p.Key()])
		if p.Name == "calibrate" {
			s = calibration(m)
		}
		switch {
		case s == "" || s == p.Get(&usual) || p.Name == "workers" || slices.Contains(notFlags, p.Name): // Workers change no result.
		case p.IsBool() && s == "true":
			words = append(words, "--"+p.Name)
		case p.IsBool():
			words = append(words, "--"+p.Name+"="+s)
		default:
			words = append(words, "--"+p.Name, shell.Quote(s))
		}
	}
	return strings.Join(words, " ")
}

// calibration returns the spec of the calibration images with how many there were; "" where
// they are those that eval takes.
func calibration(m *run.Manifest) string {
	data, spec, n := setting(m.Options["data"]), setting(m.Options["calibrate"]), setting(m.Options["calibration_images"])
	if spec == "" {
		spec = data
	}
	usual := experiment.DefaultOptions()
	if n == "" || n == experiment.OptionNamed("calibration-images").Get(&usual) {
		if spec == data {
			return ""
		}
		return spec
	}
	if spec == "" || strings.Contains(spec, "images=") {
		return spec
	}
	if strings.Contains(spec, "?") {
		return spec + "&images=" + n
	}
	return spec + "?images=" + n
}

// setting formats the value of an option; JSON has made its numbers floats.
func setting(v any) string {
	if v == nil {
		return ""
	}
	if m, ok := v.(map[string]any); ok { // By name.
		var list []string
		for _, name := range slices.Sorted(maps.Keys(m)) {
			list = append(list, name+"="+setting(m[name]))
		}
		return strings.Join(list, ",")
	}
	if x, ok := v.(float64); ok && x == float64(int64(x)) {
		return fmt.Sprint(int64(x))
	}
	return fmt.Sprint(v)
}
