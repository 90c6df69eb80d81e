// Package target writes spiking networks in the forms that other tools run: NIR files for the
// tools and chips that read them, and a Python file with weights for PyTorch. It knows the
// names of all these forms, and what to say of a file that was written.
package target

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/chip"
	"sresnet/dataset"
	"sresnet/internal/atomic"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/nir"
	"sresnet/snn"
	"sresnet/torch"
)

// Torch is the name of the target that is a Python file for PyTorch, with weights beside it.
const Torch = "torch"

// Default is the target unless another is asked for. A network that cannot be written so is
// written in the form of [nir.Generic], which tools hardly read.
var Default = nir.Common.Name

// Names returns the names of all targets: forms of NIR files, chips, one of which is both, and
// [Torch].
func Names() []string {
	return append(slices.Compact(append(nir.Profiles(), chip.Names()...)), Torch)
}

// Known reports whether there is a target of that name.
func Known(name string) bool { return slices.Contains(Names(), name) }

// Written is what was written.
type Written struct {
	File     string         `json:"file"`
	Weights  string         `json:"weights,omitempty"` // Of a Python file: the second one.
	Bytes    int64          `json:"bytes"`             // Of both.
	Neurons  int            `json:"neurons"`
	Layers   int            `json:"layers"`
	Nodes    map[string]int `json:"nodes,omitempty"` // Of a NIR file: how many there are of each type.
	Reader   string         `json:"reader,omitempty"`
	Form     string         `json:"form,omitempty"`          // Of a NIR file: the profile of package nir.
	Setup    string         `json:"after_loading,omitempty"` // Python, for the tool to run the file as it is meant.
	Warnings []string       `json:"warnings"`                // What readers will do differently from sresnet.
	Chip     *chip.Report   `json:"chip,omitempty"`          // Nil for a target that is none.
}

// Check returns an error, with a hint, if a network of that schedule cannot be written to that
// path for a target, as far as that can be told before there is one.
func Check(name, out string, s snn.Schedule) error {
	if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
		return hint.Error(fmt.Errorf("there is no folder %s to write %s into", filepath.Dir(out), filepath.Base(out)), "make it first")
	}
	files := []string{out}
	if name == Torch {
		program, weights, err := torch.Files(out)
		if err != nil {
			return err
		}
		files = []string{program, weights}
	}
	for _, f := range files {
		if err := atomic.Replaceable(f); err != nil {
			return err
		}
	}
	if p, err := nir.ProfileNamed(name); err == nil {
		if err := p.CheckSchedule(s); err != nil {
			return hint.Error(err, "give {preset} calibrated, which is synchronous, or {target} %s, which takes every network", nir.Generic.Name)
		}
	}
	return nil
}

// Write writes a network for a target, and says what of it fits a chip if it runs for T
// timesteps. info says where the network comes from. Files are there as a whole or not at all.
func Write(name, out string, net *snn.Network, info nir.Info, T int) (*Written, error) {
	w := &Written{Neurons: net.Neurons(), Layers: len(net.Layers), Warnings: []string{}, Chip: chip.Fit(net, name, T)}
	var err error
	if name == Torch {
		err = w.writeTorch(out, net, info, T)
	} else {
		err = w.writeNIR(name, out, net, info)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range []string{w.File, w.Weights} {
		if f != "" {
			file, err := os.Stat(f)
			if err != nil {
				return nil, err
			}
			w.Bytes += file.Size()
		}
	}
	return w, nil
}

// noRoom says what to do about a file that cannot be written.
const noRoom = "give another file with {out}, or make room for this one"

func (w *Written) writeNIR(name, out string, net *snn.Network, info nir.Info) error {
	profile, err := nir.ProfileNamed(chip.Profile(name))
	if err != nil {
		return err
	}
	if profile.Name == name {
		if err := profile.Suits(net); err != nil {
			return hint.Error(err, "{target} %s takes every network, and {target} %s runs it in PyTorch, spike for spike", nir.Generic.Name, Torch)
		}
	} else {
		profile.DepthFirst = false // A chip has no room for nodes of zeros.
	}
	g, warnings, err := nir.FromNetwork(net, profile, info)
	var refused *nir.RefusedError
	switch {
	case errors.As(err, &refused) && (profile.Name != name || name == Default): // What a chip is told does not depend on its reader.
		if name == Default {
			w.Warnings = append(w.Warnings, fmt.Sprintf("the file has the form %s, which tools hardly read: %s", nir.Generic.Name, refused.Layers[0].Reason))
		}
		profile = nir.Generic
		g, warnings, err = nir.FromNetwork(net, profile, info)
	case errors.As(err, &refused):
		return hint.Error(err, "{target} %s takes every network", nir.Generic.Name)
	}
	if err != nil {
		return err
	}
	if err := nir.WriteFile(out, g); err != nil {
		return hint.Error(err, noRoom)
	}
	w.File, w.Form, w.Reader, w.Setup, w.Warnings, w.Nodes = out, profile.Name, profile.Reader, nir.AfterLoading(g), append(w.Warnings, warnings...), make(map[string]int)
	for _, n := range g.Nodes {
		w.Nodes[n.Type]++
	}
	return nil
}

func (w *Written) writeTorch(out string, net *snn.Network, info nir.Info, T int) (err error) {
	about := torch.About{Version: info.Version, Model: info.Model, Readout: info.Readout, Timesteps: cmp.Or(net.TunedFor, T), Normalization: info.Normalization}
	if about.Normalization != "" {
		n, err := dataset.ParseNormalization(about.Normalization, net.Input.Shape[0])
		if err != nil {
			return err
		}
		about.Mean, about.Std = n.Mean, n.Std
	}
	var path *fs.PathError
	w.File, w.Weights, err = torch.Write(out, net, about)
	if errors.As(err, &path) {
		return hint.Error(err, noRoom)
	}
	if err != nil {
		return err
	}
	w.Reader = "PyTorch"
	w.Warnings = append(w.Warnings, torch.Differences(net)...)
	return nil
}

// Print says what was written, for people; spell says how options are given.
func (w *Written) Print(out io.Writer, spell func(option string) string) {
	files := w.File
	if w.Weights != "" {
		files += " and " + w.Weights
	}
	terminal.Printf(out, "%s: %d neurons in %d layers, %s\n", files, w.Neurons, w.Layers, terminal.Bytes(w.Bytes))
	if w.Nodes != nil {
		var words []string
		for _, t := range byCount(w.Nodes) {
			words = append(words, fmt.Sprintf("%d %s", w.Nodes[t], t))
		}
		terminal.Printf(out, "nodes: %s\n", strings.Join(words, ", "))
	}
	w.Chip.Print(out, spell)
	terminal.List(out, fmt.Sprintf("What %s will do differently from sresnet:", cmp.Or(w.Reader, "readers")), w.Warnings)
	if w.Weights != "" {
		terminal.Printf(out, "in Python: import %[1]s; net = %[1]s.load(). The file says what else there is.\n", strings.TrimSuffix(filepath.Base(w.File), ".py"))
		return
	}
	PrintSetup(out, w.Setup)
	terminal.Printf(out, "'sresnet nir %s' shows the nodes and which tools read them.\n", w.File)
}

// byCount returns the keys of m, the one with the largest count first.
func byCount(m map[string]int) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
	})
}

// PrintSetup prints what is to be set after loading, if there is anything; see
// [nir.AfterLoading].
func PrintSetup(out io.Writer, code string) {
	if code == "" {
		return
	}
	fmt.Fprintln(out, "After loading, with net for what was loaded, in Python:")
	for line := range strings.Lines(code) {
		fmt.Fprintf(out, "    %s\n", terminal.Clean(strings.TrimSuffix(line, "\n")))
	}
	fmt.Fprintln(out)
}

// StartsAtZero reports whether the target is a tool whose neurons begin at 0, so that a network
// for it does as well.
func StartsAtZero(name string) bool {
	p, err := nir.ProfileNamed(name)
	return err == nil && p.Reader != ""
}
