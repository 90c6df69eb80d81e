package onnx

// budget bounds the memory and the time of reading: everything that is decoded,
// computed or scanned is charged first. It grows with the file, so that a tiny
// file cannot claim gigabytes while a large one may hold them.
type budget struct {
	left int64 // Bytes.
}

const (
	budgetBase   = 32 << 20 // Enough for the constants that any small network computes.
	budgetFactor = 10       // Weights are decoded once, and perhaps quantised, clipped, transposed or scaled.
)

func newBudget(file int) *budget { return &budget{budgetBase + budgetFactor*int64(file)} }

// charge takes n elements of size bytes.
func (b *budget) charge(n, size int) error {
	if n < 0 || int64(n) > b.left/int64(size) {
		return refused(exportOther, "%d elements need more memory than a model file of this size can ask for", n)
	}
	b.left -= int64(n) * int64(size)
	return nil
}

// grow is for so many more bytes of a file.
func (b *budget) grow(file int64) { b.left += budgetFactor * file }
