// Package chip says whether a spiking network fits a neuromorphic chip, population by
// population: what it needs of all that the chip has a published limit of. It knows no file
// and no simulation, and runs nothing on a chip. Limits are numbers of a table, each with
// its source; of what is not published it says so, and nothing else.
package chip

import (
	"slices"

	"sresnet/snn"
)

// Chip is what is published of a chip, with the software that puts networks on it.
type Chip struct {
	Name    string // As people choose it.
	Title   string
	Profile string // The form of NIR files that suits it; see package nir.

	Limits []Limit

	// Notes are what else there is to know, and what is not published, so that nothing is
	// held against it.
	Notes []string

	cores func(v *view, i int) int // That population i takes at least.
}

// Limit is the most that a population may need of something, or all populations together.
type Limit struct {
	Name   string // Of what, such as "bits of weights".
	Column string // Its heading where numbers of all populations are shown; empty for none.
	Most   int    // 0 of what the chip has not.
	Whole  bool   // It is one for all populations together.
	Source string // Where it is published.

	// needs returns what population i needs, or all of them if the limit is for them; real
	// if that is no whole number. In its place, each returns what channel c of an integer
	// network needs.
	needs func(v *view, i int) int
	each  func(v *view, i, c int) int
}

// real is what a network of real numbers needs where the chip has whole numbers.
const real = -1

// fits reports whether the chip has n.
func (l *Limit) fits(n int) bool { return n != real && n <= l.Most }

// Names returns the names of all chips.
func Names() []string {
	var names []string
	for i := range chips {
		names = append(names, chips[i].Name)
	}
	return names
}

// Named returns the chip of that name; nil for none.
func Named(name string) *Chip {
	i := slices.IndexFunc(chips, func(c Chip) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &chips[i]
}

// Profile returns the form of NIR files for the chip of that name, and any other name as
// it is.
func Profile(name string) string {
	if c := Named(name); c != nil {
		return c.Profile
	}
	return name
}

// WeightBits returns how many bits a weight has on the chip.
func (c *Chip) WeightBits() int {
	for i := range c.Limits {
		if c.Limits[i].Name == weightBits {
			return c.Limits[i].Most
		}
	}
	return snn.MaxBits
}
