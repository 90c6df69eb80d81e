package watch

import (
	"sresnet/internal/names"
	"sresnet/internal/terminal"
)

// shortNames gives layers names for narrow columns.
func shortNames(layers []Layer) {
	list := make([]string, len(layers))
	for i := range layers {
		list[i] = terminal.Clean(layers[i].Name)
	}
	for i, name := range names.Short(list) {
		layers[i].short = name
	}
}
