package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// writeCosts writes what the kernels for arm64 take, as a table in Markdown: the
// instructions in their inner loops, by what they do. Functions that take the same
// share a row.
func writeCosts(w io.Writer) {
	fmt.Fprintln(w, "| kernel | for | loads | stores | vector arithmetic | other | all |")
	fmt.Fprintln(w, "|---|---|--:|--:|--:|--:|--:|")
	for _, family := range slices.Sorted(maps.Keys(armFamilies)) {
		f := &armFile{}
		armFamilies[family](f)
		for len(f.costs) > 0 {
			first, names := f.costs[0], []string(nil)
			f.costs = slices.DeleteFunc(f.costs, func(c cost) bool {
				name := strings.TrimSuffix(c.function, "NEON")
				c.function = first.function
				if c == first {
					names = append(names, name)
				}
				return c == first
			})
			fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %d |\n", strings.Join(names, ", "), first.per,
				first.loads, first.stores, first.vector, first.integer, first.loads+first.stores+first.vector+first.integer)
		}
	}
}
