package experiment

import (
	"fmt"
	"math"

	"sresnet/ann"
	"sresnet/dataset"
	"sresnet/tensor"
)

// Normalises says that the network normalises its input by itself, as a normalisation
// that has a name perhaps, and the one to give with {normalize}; "" if its file does not
// show it.
func (e *Experiment) Normalises() string {
	steps, how := ownNormalisation(e.Original)
	if how == "" {
		return ""
	}
	as, pixels := "", "0..255"
	if how == "unit" {
		pixels = "0..1"
	}
	if name := nameOf(e.Original, how); name != "" {
		as = fmt.Sprintf(", as {normalize} %s does,", name)
	}
	return fmt.Sprintf("It takes pixels of %s and normalises them by itself%s in %s: give {normalize} %s.", pixels, as, steps, how)
}

// nameOf returns the normalisation that has a name and is what g begins with, of pixels
// that were prepared as how says; "" if there is none.
func nameOf(g *ann.Graph, how string) string {
	c, _, _ := g.Input.Shape.CHW()
	shape := tensor.Shape{c, 1, 2}
	got := make([]float32, 2*c) // Of the darkest and the lightest pixel.
	for i := range c {
		got[2*i+1] = 255
	}
	before, err := dataset.ParseNormalization(how, c)
	if err != nil {
		return ""
	}
	before.Apply(got, shape)
	at := g.Input.Name
	for i := range g.Nodes {
		n := &g.Nodes[i]
		op, ok := n.Op.(*ann.BatchNormalization)
		if !ok || n.Spelled == "" || n.Inputs[0] != at || len(n.Shape) != 3 && c != 1 {
			continue
		}
		at = n.Name
		a, b := op.Affine()
		for j := range got {
			k := j / 2 % len(a)
			got[j] = float32(a[k]*float64(got[j]) + b[k])
		}
	}
	for _, name := range dataset.NormalizationNames() {
		norm, err := dataset.ParseNormalization(name, c)
		if err != nil || norm.Raw || name == "unit" {
			continue
		}
		same, want := true, make([]float32, 2*c)
		for i := range c {
			want[2*i+1] = 255
		}
		norm.Apply(want, shape)
		for j := range want {
			same = same && math.Abs(float64(got[j]-want[j])) <= 0.01
		}
		if same {
			return name
		}
	}
	return ""
}
