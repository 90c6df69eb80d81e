package resnet

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/tensor"
)

// weights are the tensors of a file, and how this one names its parameters.
type weights struct {
	file       Tensors
	names      []string // Of the tensors that count, sorted.
	prefix     string   // Of all names.
	projection string   // "downsample", "shortcut", or "" for none.
	classifier string   // "fc" or "linear".
}

func newWeights(f Tensors) *weights {
	w := &weights{file: f, classifier: "fc"}
	for _, name := range f.Names() {
		if name != "num_batches_tracked" && !strings.HasSuffix(name, ".num_batches_tracked") {
			w.names = append(w.names, name)
		}
	}
	w.prefix = prefix(w.names)
	for _, name := range w.names {
		switch {
		case strings.Contains(name, ".downsample."):
			w.projection = "downsample"
		case strings.Contains(name, ".shortcut."):
			w.projection = "shortcut"
		case strings.HasPrefix(name, w.prefix+"linear."):
			w.classifier = "linear"
		}
	}
	return w
}

// prefix returns what stands before conv1.weight, the shortest name of a
// convolution, if it stands before all names.
func prefix(names []string) string {
	const first = "conv1.weight"
	var before string
	found := false
	for _, name := range names {
		if p, ok := strings.CutSuffix(name, first); ok && (!found || len(p) < len(before)) {
			before, found = p, true
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return !strings.HasPrefix(name, before) }) {
		return ""
	}
	return before
}

// architecture returns the architecture of that name, or if there is none, the
// one that the weights are of. The weights fit it, by names and shapes.
func (w *weights) architecture(name string) (architecture, error) {
	var nearest, asked *WeightsError
	for _, a := range architectures {
		e := w.fit(a)
		switch {
		case e == nil && (name == "" || name == a.name):
			return a, nil
		case e == nil:
			nearest = &WeightsError{Architecture: a.name}
		case name == a.name:
			asked = e
		case nearest == nil || e.problems() < nearest.problems():
			nearest = e
		}
	}
	if name == "" {
		nearest.Guessed = true
		return architecture{}, nearest
	}
	if asked == nil {
		return architecture{}, fmt.Errorf("unknown architecture %q: want one of %s", name, strings.Join(Architectures(), ", "))
	}
	if nearest.problems() == 0 {
		asked.Fits = nearest.Architecture
	}
	return architecture{}, asked
}

// axis returns the length of an axis of a tensor, or anyLength if it has none.
func (w *weights) axis(name string, i int) int {
	if shape, ok := w.file.Shape(w.prefix + name); ok && i < len(shape) {
		return shape[i]
	}
	return anyLength
}

// fit returns an error unless names and shapes are those of a.
func (w *weights) fit(a architecture) *WeightsError {
	b := builder{weights: w}
	b.network(a, 0, 0)
	e := &WeightsError{Architecture: a.name}
	wanted := make(map[string]bool)
	for _, p := range b.parameters {
		wanted[p.name] = true
		shape, ok := w.file.Shape(p.name)
		switch {
		case !ok:
			e.Missing = append(e.Missing, p.name)
		case !p.fits(shape):
			e.Misshaped = append(e.Misshaped, fmt.Sprintf("%s: %v, want %s", p.name, shape, p.want()))
		default:
			e.fitting++
		}
	}
	for _, name := range w.names {
		if !wanted[name] {
			e.Unexpected = append(e.Unexpected, name)
		}
	}
	if e.problems() == 0 {
		return nil
	}
	return e
}

// parameter is a tensor that an architecture has.
type parameter struct {
	name  string
	shape tensor.Shape // With anyLength for an axis that the file chooses.
}

const anyLength = -1

func (p parameter) fits(s tensor.Shape) bool {
	if len(s) != len(p.shape) {
		return false
	}
	for i, d := range p.shape {
		if d != anyLength && d != s[i] || s[i] < 1 {
			return false
		}
	}
	return true
}

func (p parameter) want() string {
	axes := make([]string, len(p.shape))
	for i, d := range p.shape {
		if axes[i] = fmt.Sprint(d); d == anyLength {
			axes[i] = "N"
		}
	}
	return strings.Join(axes, "x")
}

// WeightsError lists all tensors of a file that are not those of an architecture.
type WeightsError struct {
	File         string // As given to [ReadFile]; empty for [Options.Build].
	Architecture string
	Guessed      bool   // The architecture is the nearest one; none was asked for.
	Fits         string // The architecture that the tensors are of, if there is one.

	Missing, Unexpected []string // Names of tensors.
	Misshaped           []string // Name, shape, and the shape wanted.

	fitting int // Tensors that are.
}

func (e *WeightsError) problems() int {
	return len(e.Missing) + len(e.Unexpected) + len(e.Misshaped)
}

// shown bounds the lines of each kind in the text of a [WeightsError].
const shown = 12

// Error names the tensors, one per line and up to 12 of a kind, and how many more
// there are; only a few where a guess was far from all architectures.
func (e *WeightsError) Error() string {
	var b strings.Builder
	b.WriteString("resnet: ")
	if e.File != "" {
		fmt.Fprintf(&b, "%s: ", e.File)
	}
	if e.Guessed && e.fitting < len(e.Missing) {
		fmt.Fprintf(&b, "the tensors (%s) are those of no known architecture: %s", some(e.Unexpected), strings.Join(Architectures(), ", "))
		return b.String()
	}
	if e.Guessed {
		fmt.Fprintf(&b, "the tensors are those of no known architecture; %s is the nearest:", e.Architecture)
	} else {
		fmt.Fprintf(&b, "the tensors are not those of %s:", e.Architecture)
	}
	for _, list := range []struct {
		what  string
		lines []string
	}{{"missing", e.Missing}, {"unexpected", e.Unexpected}, {"of another shape", e.Misshaped}} {
		for _, l := range list.lines[:min(shown, len(list.lines))] {
			fmt.Fprintf(&b, "\n  %s: %s", list.what, l)
		}
		if more := len(list.lines) - shown; more > 0 {
			fmt.Fprintf(&b, "\n  %s: and %d more", list.what, more)
		}
	}
	return b.String()
}

// some are the first few of many names.
func some(names []string) string {
	switch n := len(names); {
	case n == 0:
		return "none"
	case n > 3:
		return strings.Join(names[:3], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}
