package watch

import (
	"fmt"
	"strings"

	"sresnet/internal/terminal"
)

// shortNames leaves out what exporters put around the names of layers: a slash
// before it, the operator behind it, and modules that the next one begins with, as
// in "/layer1/layer1.0/Relu_1". Layers that it cannot tell apart any more are
// numbered.
func shortNames(layers []Layer) {
	count := make(map[string]int)
	for i := range layers {
		parts := strings.Split(strings.TrimPrefix(terminal.Clean(layers[i].Name), "/"), "/")
		if len(parts) > 1 {
			parts = parts[:len(parts)-1]
		}
		for len(parts) > 1 && strings.HasPrefix(parts[1], parts[0]) {
			parts = parts[1:]
		}
		layers[i].short = strings.Join(parts, "/")
		count[layers[i].short]++
	}
	seen := make(map[string]int)
	for i := range layers {
		if name := layers[i].short; count[name] > 1 {
			seen[name]++
			layers[i].short = fmt.Sprintf("%s %d", name, seen[name])
		}
	}
}
