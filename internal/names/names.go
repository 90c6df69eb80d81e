// Package names shortens the names of layers for narrow places.
package names

import (
	"fmt"
	"strings"
)

// Short leaves out what exporters put around the names of layers: a slash before it, the
// operator behind it, and modules that the next one begins with, as in
// "/layer1/layer1.0/Relu_1". Layers that it cannot tell apart any more are numbered.
func Short(layers []string) []string {
	short := make([]string, len(layers))
	count := make(map[string]int)
	for i, name := range layers {
		parts := strings.Split(strings.TrimPrefix(name, "/"), "/")
		if len(parts) > 1 {
			parts = parts[:len(parts)-1]
		}
		for len(parts) > 1 && strings.HasPrefix(parts[1], parts[0]) {
			parts = parts[1:]
		}
		short[i] = strings.Join(parts, "/")
		count[short[i]]++
	}
	seen := make(map[string]int)
	for i, name := range short {
		if count[name] > 1 {
			seen[name]++
			short[i] = fmt.Sprintf("%s %d", name, seen[name])
		}
	}
	return short
}
