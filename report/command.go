package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sresnet/internal/shell"
	"sresnet/run"
)

// CommandLine returns the command that makes a run like that of m, for a shell.
func CommandLine(m *run.Manifest) string {
	words := []string{"sresnet", "eval", shell.Quote(m.Model.Name)}
	first := []string{"data", "calibrate", "normalize", "images", "calibration_images", "timesteps"}
	keys := slices.Sorted(maps.Keys(m.Options))
	keys = slices.DeleteFunc(keys, func(k string) bool { return slices.Contains(first, k) })
	for _, key := range append(first, keys...) {
		v, ok := m.Options[key]
		s := setting(v)
		if ok && s != "" && key != "workers" && isOption(key) { // Workers change no result.
			words = append(words, "--"+strings.ReplaceAll(key, "_", "-"), shell.Quote(s))
		}
	}
	return strings.Join(words, " ")
}

// setting formats the value of an option; JSON has made its numbers floats.
func setting(v any) string {
	if v == nil {
		return ""
	}
	if x, ok := v.(float64); ok && x == float64(int64(x)) {
		return fmt.Sprint(int64(x))
	}
	return fmt.Sprint(v)
}

// isOption reports whether key can be the name of an option: a word of small
// letters, and nothing that a shell would make more of.
func isOption(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") == ""
}
