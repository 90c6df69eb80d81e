package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"sresnet/run"
)

// phasedSample is a phased run of T timesteps a window.
func phasedSample(T int) sample {
	s := small()
	s.phased, s.T = true, T
	return s
}

// Phased runs that differ in T alone are one line, with a dot for each; others, and
// synchronous ones, have their own.
func TestSeries(t *testing.T) {
	other := phasedSample(16)
	other.manifest = func(m *run.Manifest) { m.Options["coding"] = "first-spike" }
	r := open(t, small(), phasedSample(40), phasedSample(8), other)
	list := r.series()
	var got []string
	for _, s := range list {
		got = append(got, s.label)
	}
	if want := []string{"run0", "run, T = 8, 40", "run3"}; !slices.Equal(got, want) {
		t.Fatalf("lines %q, want %q", got, want)
	}
	if list[1].style != 1 || list[2].style != 3 {
		t.Errorf("styles %d and %d", list[1].style, list[2].style)
	}
	c := r.accuracy()
	i := slices.IndexFunc(c.Lines, func(l line) bool { return l.Label == "run, T = 8, 40" })
	if i < 0 || !c.Lines[i].Dots || c.Lines[0].Dots {
		t.Fatalf("lines %+v", c.Lines)
	}
	var at []num
	for k, y := range c.Lines[i].Y {
		if y.known() {
			at = append(at, c.At[k])
		}
	}
	if want := []num{40, 200}; !slices.Equal(at, want) { // The latency of 5 windows, not T.
		t.Errorf("the line has values at %v, want %v", at, want)
	}
	c = r.timesteps()
	at = nil
	for k, y := range c.Lines[1].Y {
		if y.known() {
			at = append(at, c.At[k])
		}
	}
	if want := []num{8, 40}; !slices.Equal(at, want) {
		t.Errorf("over T the line has values at %v, want %v", at, want)
	}
	if list := open(t, small()).curves(); slices.ContainsFunc(list, func(c *curve) bool { return c.ID == "timesteps" }) {
		t.Error("two curves over T where T is the latency")
	}
	if c = r.accuracy(); !strings.Contains(c.X, "latency") {
		t.Errorf("the axis %q does not say that it is latency", c.X)
	}
	if notes := strings.Join(r.Notes, " "); !strings.Contains(notes, "their latency, not their T") {
		t.Errorf("notes %q", notes)
	}
	if _, err := r.Figures(); err != nil {
		t.Error(err)
	}
	if text := html(t, r); !strings.Contains(text, ">latency<") || !strings.Contains(text, "phased, rate coding, T = 8 per window, latency 40 timesteps") {
		t.Error("the page does not say the latency")
	}
}

// The errors of a phased network have the parts that it has, and no unevenness.
func TestPhasedParts(t *testing.T) {
	r := open(t, phasedSample(8))
	table := r.Runs[0].errors()
	var names, classes []string
	for _, l := range table.Legend {
		names, classes = append(names, l.Name), append(classes, l.Class)
	}
	if want := []string{"clipping", "inherited", "rounding", "shift", "quantisation", "vanished"}; !slices.Equal(names, want) {
		t.Errorf("parts %q, want %q", names, want)
	}
	if want := []string{"p0", "p1", "p6", "p4", "p2", "p5"}; !slices.Equal(classes, want) {
		t.Errorf("hatches %q, want %q", classes, want)
	}
	var b bytes.Buffer
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{",rounding_rms,", ",shift_rms,", ",vanished_rms,", ",latency,"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in the table", want)
		}
	}
	if strings.Contains(b.String(), ",unevenness_rms,") {
		t.Error("a phased network has unevenness")
	}
	b.Reset()
	if err := r.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "latency 40 timesteps. In units of lambda") {
		t.Errorf("no latency in\n%s", b.String())
	}
}
