package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// provenance is where the numbers of a page come from.
type provenance struct {
	Machines []string
	Versions []string
	Runs     []row
	Hours    string // That all runs took together.
}

// newProvenance lists machines and versions without repetition, and all runs.
func newProvenance(all []configuration, r runs) (p provenance) {
	add := func(list *[]string, s string) {
		if !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	var total time.Duration
	for _, c := range all {
		out := r.outcomes[c.name()]
		if out == nil {
			p.Runs = append(p.Runs, row{c.network, []string{c.name(), cell(r.missing[c.name()])}, true})
			continue
		}
		m, got := &out.machine, "–"
		wall := out.Manifest.Finished.Sub(out.Manifest.Started)
		total += wall
		if m.Cores > 0 {
			add(&p.Machines, fmt.Sprintf("%s, %d cores, %s kernels, %d images at a time", m.Processor, m.Cores, m.Implementation, m.Workers))
			got = fmt.Sprintf("%.1f", m.Seconds/max(wall.Seconds(), 1e-3))
		}
		add(&p.Versions, fmt.Sprintf("%s, %s, %s", out.Manifest.Version, out.Manifest.Go, out.Manifest.Platform))
		p.Runs = append(p.Runs, row{c.network, []string{
			filepath.Base(out.Dir), out.Manifest.Finished.UTC().Format("2006-01-02 15:04"), fmt.Sprint(out.Result.Images), got,
		}, false})
	}
	p.Hours = fmt.Sprintf("%.1f", total.Hours())
	return p
}
