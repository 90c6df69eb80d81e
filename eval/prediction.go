package eval

import (
	"encoding/json"
	"fmt"
	"sort"
)

// prediction is what both networks said of one image.
type prediction struct {
	Index int // Of the image in the data set.
	Label int
	ANN   int // Class that the trained network names.

	// Changes is the class of the spiking network over time, as the marks at which it
	// changed, see [Marks]; the first is mark 0. A class rarely changes after the first
	// few timesteps, so this is far smaller than one class each.
	Changes []change
}

// change says that from mark Step on (counted from 0) the class is Class: in a synchronous
// network timestep Step.
type change struct{ Step, Class int32 }

// At returns the class of the spiking network at mark t, counted from 0.
func (p *prediction) At(t int) int {
	i := sort.Search(len(p.Changes), func(i int) bool { return int(p.Changes[i].Step) > t })
	return int(p.Changes[i-1].Class)
}

// SNN returns the class of the spiking network in the end.
func (p *prediction) SNN() int { return int(p.Changes[len(p.Changes)-1].Class) }

func byIndex(a, b prediction) int { return a.Index - b.Index }

// MarshalJSON implements json.Marshaler: [index, label, ann, step, class, step, class...].
func (p prediction) MarshalJSON() ([]byte, error) {
	list := []int{p.Index, p.Label, p.ANN}
	for _, c := range p.Changes {
		list = append(list, int(c.Step), int(c.Class))
	}
	return json.Marshal(list)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *prediction) UnmarshalJSON(b []byte) error {
	var list []int32
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) < 5 || len(list)%2 == 0 {
		return fmt.Errorf("eval: a prediction of %d numbers", len(list))
	}
	*p = prediction{Index: int(list[0]), Label: int(list[1]), ANN: int(list[2])}
	for i := 3; i < len(list); i += 2 {
		p.Changes = append(p.Changes, change{list[i], list[i+1]})
	}
	return nil
}

// check returns an error unless p can be of a network with that many classes and marks.
func (p *prediction) check(marks, classes int) error {
	ok := p.Index >= 0 && p.Label >= 0 && p.Label < classes && p.ANN >= noClass && p.ANN < classes && p.Changes[0].Step == 0
	for i, c := range p.Changes {
		ok = ok && c.Class >= 0 && int(c.Class) < classes && int(c.Step) < marks && (i == 0 || c.Step > p.Changes[i-1].Step)
	}
	if !ok {
		return fmt.Errorf("eval: image %d has a prediction that cannot be", p.Index)
	}
	return nil
}
