package kernel

import "math/bits"

// spikeRow is a list of the spikes of a row of a source: for channel i of column x the
// offset (9*i - x) * groups into groups of Lanes weights of a 3x3 window, in ascending
// order of x and i. Those of column x begin at start[x]. The zero value is a row that is
// not there.
type spikeRow struct{ start, offset []int32 }

// spikeRows lists every row of a source once.
type spikeRows struct {
	rows   [3]spikeRow // Those that a row of outputs sees.
	ring   [3]spikeRow // The last that were listed.
	listed int
	cols   int
}

// newSpikeRows returns the lists of a source of cols columns, in scratch. A row's list
// has room for n numbers, among them where its columns begin.
func newSpikeRows(scratch []int32, n, cols int) *spikeRows {
	s := &spikeRows{cols: cols}
	for i := range s.ring {
		row := scratch[i*n:][:n]
		s.ring[i] = spikeRow{row[:cols+1], row[cols+1:]}
	}
	return s
}

// move goes on to rows first to first+2 of a source with a number of rows.
func (s *spikeRows) move(src []uint64, rows, words, first, groups int) {
	for i := range s.rows {
		y := first + i
		if y < 0 || y >= rows {
			s.rows[i] = spikeRow{}
			continue
		}
		for n := s.cols * words; s.listed <= y; s.listed++ {
			s.ring[s.listed%3].list(src[s.listed*n:][:n], words, groups)
		}
		s.rows[i] = s.ring[y%3]
	}
}

func (s *spikeRow) list(src []uint64, words, groups int) {
	n, x := 0, 0
	for i := 0; i < len(src); i += words {
		s.start[x] = int32(n)
		for j, b := range src[i : i+words] {
			first := (9*64*j - x) * groups
			for ; b != 0; b &= b - 1 {
				s.offset[n] = int32(first + 9*bits.TrailingZeros64(b)*groups)
				n++
			}
		}
		x++
	}
	s.start[x] = int32(n)
}
