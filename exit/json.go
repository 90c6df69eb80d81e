package exit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// ruleFile is the JSON form of a [Rule], where null stands for the threshold +Inf.
type ruleFile struct {
	Epsilon float64    `json:"epsilon"`
	Images  int        `json:"images"`
	Delta   float64    `json:"delta"`
	Beta    []*float32 `json:"beta"`
	Stops   []int      `json:"stops_at"`
	Early   int        `json:"early"`
}

// MarshalJSON implements json.Marshaler.
func (r *Rule) MarshalJSON() ([]byte, error) {
	f := ruleFile{r.Epsilon, r.Images, r.Delta, make([]*float32, len(r.Beta)), r.Stops, r.Early}
	for t := range r.Beta {
		if !math.IsInf(float64(r.Beta[t]), 1) {
			f.Beta[t] = &r.Beta[t]
		}
	}
	return json.Marshal(&f)
}

// UnmarshalJSON implements json.Unmarshaler. What can be no rule is an error.
func (r *Rule) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var f ruleFile
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("exit: %w", err)
	}
	ok := f.Epsilon >= 0 && f.Epsilon < 1 && f.Images >= MinImages && f.Images <= math.MaxInt32 && len(f.Beta) > 0 && len(f.Stops) == len(f.Beta) && f.Early >= 0 && f.Early <= f.Images && f.Delta >= 0 && f.Delta < 1
	left := f.Images
	for _, n := range f.Stops {
		ok = ok && n >= 0 && n <= left
		left -= n
	}
	*r = Rule{f.Epsilon, f.Images, f.Delta, make([]float32, len(f.Beta)), f.Stops, f.Early}
	for t, x := range f.Beta {
		if r.Beta[t] = float32(math.Inf(1)); x != nil {
			r.Beta[t] = *x
		}
		ok = ok && r.Beta[t] >= 0
	}
	if !ok || left != 0 {
		return errors.New("exit: these are no thresholds that were learned")
	}
	return nil
}
