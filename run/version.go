package run

import "runtime/debug"

// Version returns the version of the module and, where the Go tool recorded it, the
// commit that the program was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var revision string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = " (" + s.Value + ")"
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += " with changes"
		}
	}
	return info.Main.Version + revision
}
