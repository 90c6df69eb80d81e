package tensor

// Fan says what the elements of a source reach: each of them Channels elements at
// every position of an output whose window covers it. It is what a spike, or an
// activation that is not zero, costs in operations.
type Fan struct {
	Window   *Window // Nil if every element of the source is covered once.
	Channels int
}

// Taps returns, for every position of a source of shape (C, H, W), row by row, how
// many windows of an output of such a shape cover it; nil for one each.
func (f Fan) Taps(in, out Shape) []uint64 {
	if f.Window == nil {
		return nil
	}
	rows, cols := f.Window.Taps(0, in[1], out[1]), f.Window.Taps(1, in[2], out[2])
	taps := make([]uint64, 0, len(rows)*len(cols))
	for _, r := range rows {
		for _, c := range cols {
			taps = append(taps, r*c)
		}
	}
	return taps
}

// Total returns the pairs of elements of a source of shape in that has this fan and
// of an output of shape out, borders left out.
func (f Fan) Total(in, out Shape) uint64 {
	if f.Window == nil {
		return uint64(in.Len()) * uint64(f.Channels)
	}
	var sum uint64
	for _, n := range f.Taps(in, out) {
		sum += n
	}
	return sum * uint64(in[0]) * uint64(f.Channels)
}
