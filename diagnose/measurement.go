package diagnose

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"sresnet/snn"
)

func (d *Diagnoser) newMeasurement() *Measurement {
	m := &Measurement{fired: make([][]uint64, len(d.Network.Layers))}
	for i := range m.fired {
		m.fired[i] = make([]uint64, (d.Network.Layers[i].Neurons()+63)/64)
	}
	if d.Network.Schedule != snn.Synchronous {
		for i := range m.fired {
			m.channels = append(m.channels, make([]channelSums, d.Network.Layers[i].Shape[0]))
		}
	}
	return m
}

// Images returns the indices of the images, in no order.
func (m *Measurement) Images() []int {
	list := make([]int, len(m.images))
	for i := range m.images {
		list[i] = m.images[i].Index
	}
	return list
}

// Merge adds what n says of other images.
func (m *Measurement) Merge(n *Measurement) {
	m.images = append(m.images, n.images...)
	for i := range m.fired {
		for j, b := range n.fired[i] {
			m.fired[i][j] |= b
		}
	}
	for i := range m.channels {
		for c := range m.channels[i] {
			m.channels[i][c].join(&n.channels[i][c])
		}
	}
}

// measurementFile is the JSON form of a [Measurement].
type measurementFile struct {
	Images []imageSums `json:"images"`
	Fired  []string    `json:"fired"` // Base64 of little-endian words.

	Channels [][]channelSums `json:"channels,omitempty"`
}

// MarshalJSON implements json.Marshaler. All numbers are exact, and measurements of the
// same images have the same form.
func (m *Measurement) MarshalJSON() ([]byte, error) {
	f := measurementFile{Images: m.sorted(), Fired: make([]string, len(m.fired)), Channels: m.channels}
	for i, words := range m.fired {
		var b []byte
		for _, w := range words {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
		f.Fired[i] = base64.StdEncoding.EncodeToString(b)
	}
	return json.Marshal(&f)
}

// readMeasurement reads what MarshalJSON wrote of some of the images.
func (d *Diagnoser) readMeasurement(b []byte) (*Measurement, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var f measurementFile
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("diagnose: %w", err)
	}
	if len(f.Fired) != len(d.Network.Layers) {
		return nil, errOtherWork
	}
	m := d.newMeasurement()
	for i, s := range f.Fired {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(b) != 8*len(m.fired[i]) {
			return nil, errOtherWork
		}
		for j := range m.fired[i] {
			m.fired[i][j] = binary.LittleEndian.Uint64(b[8*j:])
		}
	}
	for i := range f.Images {
		if !d.fits(&f.Images[i]) {
			return nil, errOtherWork
		}
	}
	if len(f.Channels) != len(m.channels) {
		return nil, errOtherWork
	}
	for i := range m.channels {
		if len(f.Channels[i]) != len(m.channels[i]) {
			return nil, errOtherWork
		}
	}
	m.images, m.channels = f.Images, f.Channels
	return m, nil
}

// errOtherWork says that what is kept of some work cannot be of this subject.
var errOtherWork = errors.New("diagnose: what is kept is of another network, of other options or of other images")

// fits reports whether s can be of this subject.
func (d *Diagnoser) fits(s *imageSums) bool {
	if s.Index < 0 || s.Index >= d.Images.Len() || len(s.Correct) != len(d.o.Timesteps) || len(s.Layers) != len(d.Network.Layers) || (s.Twice != nil) != d.runsOn() {
		return false
	}
	for i := range s.Layers {
		l, n, points := &s.Layers[i], d.Network.Layers[i].Neurons(), 0
		if every := scatterEvery(n); s.Index < scatterImages {
			points = (n + every - 1) / every
		}
		counts := []int{l.Clipped, l.Saturated, l.Active, l.Vanished}
		if len(l.At) != len(d.o.Timesteps) || len(l.Scatter) != points || slices.Min(counts) < 0 || slices.Max(counts) > n {
			return false
		}
	}
	return true
}

// usual is how many parts every error may have; the others are left out where they are
// nothing.
const usual = 5

// MarshalJSON implements json.Marshaler.
func (e errorSums) MarshalJSON() ([]byte, error) {
	n := parts
	for n > usual && e.square[n-1] == 0 {
		n--
	}
	return json.Marshal(slices.Concat(e.sum[:n], e.square[:n], []float64{e.x, e.r, e.xx, e.rr, e.xr}))
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *errorSums) UnmarshalJSON(b []byte) error {
	var list []float64
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	n := (len(list) - 5) / 2
	if len(list) != 2*n+5 || n < usual || n > parts {
		return fmt.Errorf("%d sums of errors in place of %d to %d", len(list), 2*usual+5, 2*parts+5)
	}
	*e = errorSums{}
	copy(e.sum[:], list[:n])
	copy(e.square[:], list[n:2*n])
	list = list[2*n:]
	e.x, e.r, e.xx, e.rr, e.xr = list[0], list[1], list[2], list[3], list[4]
	return nil
}
