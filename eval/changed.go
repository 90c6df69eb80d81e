package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"sresnet/sim"
	"sresnet/tensor"
)

// Bounds of what is kept of images that changed class.
const (
	maxChanged  = 24 // Images.
	maxEvidence = 64 // Timesteps of each.
)

// Changed is an image that the two networks classify differently after the last
// timestep.
type Changed struct {
	Index int `json:"image"` // Index of the image in the data set.
	Label int `json:"label"`
	ANN   int `json:"trained_class"` // Class that the trained network names.
	SNN   int `json:"spiking_class"` // Class that the spiking network names.

	// Pixels is the image as it is shown, CHW, 0 to 255; base64 in JSON. [Run]
	// leaves it empty, as it only sees normalised images.
	Pixels []byte `json:"pixels"`

	// Evidence is what the read-out compares, of every class, at the timesteps of
	// [Result.EvidenceAt]: spikes so far, or the accumulated current with the read-out
	// Potential.
	Evidence [][]float32 `json:"evidence"`
}

// ChangedFile is the form of changed.json.
type ChangedFile struct {
	Shape     tensor.Shape `json:"shape"`   // Of the images: C, H, W.
	Timesteps []int        `json:"t"`       // At which there is evidence, from 1.
	Unit      string       `json:"unit"`    // Of the evidence: "spikes" or "current".
	Images    []Changed    `json:"changed"` // By index.
}

// Write writes f as one JSON object.
func (f *ChangedFile) Write(w io.Writer) error { return json.NewEncoder(w).Encode(f) }

// ReadChanged reads what [ChangedFile.Write] wrote. Pictures and evidence are as large
// as it says.
func ReadChanged(b []byte) (*ChangedFile, error) {
	f := new(ChangedFile)
	if err := json.Unmarshal(b, f); err != nil {
		return nil, err
	}
	return f, f.check()
}

// check returns an error unless pictures and evidence are as large as c says.
func (c *ChangedFile) check() error {
	const most = 1 << 14 // A side, so that a product cannot overflow.
	if len(c.Shape) != 3 || slices.Min(c.Shape) < 1 || slices.Max(c.Shape) > most {
		return fmt.Errorf("its images have the shape %v", c.Shape)
	}
	if len(c.Timesteps) == 0 || !slices.IsSorted(c.Timesteps) || c.Timesteps[0] < 1 {
		return errors.New("its timesteps are not ascending from 1")
	}
	classes := 0
	for _, im := range c.Images {
		if n := c.Shape.Len(); len(im.Pixels) != n || len(im.Evidence) != len(c.Timesteps) {
			return fmt.Errorf("image %d has %d pixels and evidence at %d timesteps, not %d and %d", im.Index, len(im.Pixels), len(im.Evidence), n, len(c.Timesteps))
		}
		for _, e := range im.Evidence {
			if classes == 0 {
				classes = len(e)
			}
			if len(e) != classes || classes == 0 || max(im.Label, im.ANN, im.SNN) >= classes || min(im.Label, im.ANN, im.SNN) < 0 {
				return fmt.Errorf("image %d has evidence of %d classes", im.Index, len(e))
			}
		}
	}
	return nil
}

// EvidenceUnit returns what r compares, in a word: "spikes" or "current".
func (r Readout) EvidenceUnit() string {
	if r == Potential {
		return "current"
	}
	return "spikes"
}

// EvidenceAt returns the timesteps, counted from 1, at which [Changed] has evidence: all
// after which there is an answer, or 64 of them that are evenly spaced and end with T.
func (r *Result) EvidenceAt() []int { return evidenceAt(r.Marks()) }

// evidenceAt picks the marks at which there is evidence.
func evidenceAt(marks []int) []int {
	n := min(len(marks), maxEvidence)
	at := make([]int, n)
	for i := range at {
		at[i] = marks[(i+1)*len(marks)/n-1]
	}
	return at
}

// changes keeps the first images, by index, that changed class.
type changes struct{ list []Changed }

// add takes in p, an image that changed class; it keeps nothing of rec. A worker
// sees images in ascending order, but not every worker of a test does.
func (c *changes) add(p *prediction, rec *sim.Record, readout Readout, at []int) {
	if len(c.list) == maxChanged && p.Index > c.list[maxChanged-1].Index {
		return
	}
	x := Changed{Index: p.Index, Label: p.Label, ANN: p.ANN, SNN: p.SNN()}
	for _, t := range at {
		lo, hi := (t-1)*rec.Classes, t*rec.Classes
		e := make([]float32, rec.Classes)
		if readout == Potential {
			copy(e, rec.Current[lo:hi])
		} else {
			for k, n := range rec.Counts[lo:hi] {
				e[k] = float32(n)
			}
		}
		x.Evidence = append(x.Evidence, e)
	}
	c.merge(changes{[]Changed{x}})
}

func (c *changes) merge(d changes) {
	c.list = append(c.list, d.list...)
	slices.SortFunc(c.list, func(a, b Changed) int { return a.Index - b.Index })
	if len(c.list) > maxChanged {
		c.list = slices.Clone(c.list[:maxChanged])
	}
}
