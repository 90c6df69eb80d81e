package energy

import (
	"errors"
	"fmt"
	"math"
)

// Tables are the part of a [Device] that prices memory, addresses and transport besides
// arithmetic: what the memory model needs. Without Arithmetic and Memory there is none.
type Tables struct {
	Arithmetic []Precision `json:"arithmetic,omitempty"`  // By ascending bits.
	Memory     []Memory    `json:"memory,omitempty"`      // By ascending size.
	AccessBits int         `json:"access_bits,omitempty"` // Of an access to Memory; 0 for 32.
	Transport  *Transport  `json:"transport,omitempty"`   // Nil if it is not priced.
	Bits       *Bits       `json:"bits,omitempty"`        // Nil for 32 bits each.
}

// Precision is what integer arithmetic of so many bits takes.
type Precision struct {
	Bits    int     `json:"bits"`
	Add     float64 `json:"pj_per_add"`
	Product float64 `json:"pj_per_product"` // Of two factors of Bits, without the addition.
}

// Memory is what reading or writing takes in a memory of some size.
type Memory struct {
	Bytes  int64   `json:"bytes"`
	Access float64 `json:"pj_per_access"`
}

// Transport is what moving numbers between two populations takes.
type Transport struct {
	Spike float64 `json:"pj_per_spike_bit_hop"` // A spike has one bit; the energy includes its address.
	Dense float64 `json:"pj_per_dense_bit_hop"` // Of a value among others in a known order.
	Hops  float64 `json:"hops"`                 // From one population to another, on average.
}

// Bits are the widths of numbers.
type Bits struct {
	Weight    int `json:"weight"`
	Value     int `json:"value"`     // Pixels in all networks, and activations in the trained one.
	Potential int `json:"potential"` // And currents, biases and sums of products.
	Address   int `json:"address"`
}

// models reports whether there is a memory model.
func (t *Tables) models() bool { return len(t.Arithmetic) > 0 && len(t.Memory) > 0 }

// given reports whether anything of the memory model is there.
func (t *Tables) given() bool {
	return len(t.Arithmetic) > 0 || len(t.Memory) > 0 || t.AccessBits != 0 || t.Transport != nil || t.Bits != nil
}

// Bounds of tables, far beyond any device, so that no sum leaves the range of a float64.
const (
	maxBits  = 64
	maxBytes = 1 << 50
	maxHops  = 1e6
	maxPower = 4 // Of bits, with which an energy may grow.
)

// check returns an error that names the key if t is not sound.
func (t *Tables) check() error {
	if !t.given() {
		return nil
	}
	if !t.models() {
		return errors.New("the memory model needs both arithmetic and memory: a list of pj_per_add and pj_per_product by bits, and one of pj_per_access by bytes")
	}
	if err := t.checkArithmetic(); err != nil {
		return err
	}
	if err := t.checkMemory(); err != nil {
		return err
	}
	if t.AccessBits < 0 || t.AccessBits > 1024 {
		return fmt.Errorf("access_bits is %d: an access has 1 to 1024 bits", t.AccessBits)
	}
	if x := t.Transport; x != nil {
		if err := checkEnergy("transport: pj_per_spike_bit_hop", x.Spike); err != nil {
			return err
		}
		if err := checkEnergy("transport: pj_per_dense_bit_hop", x.Dense); err != nil {
			return err
		}
		if !(x.Hops >= 0 && x.Hops <= maxHops) {
			return fmt.Errorf("transport: hops is %v: it lies between 0 and %g", x.Hops, float64(maxHops))
		}
	}
	if b := t.Bits; b != nil {
		for _, w := range []struct {
			key  string
			bits int
		}{{"weight", b.Weight}, {"value", b.Value}, {"potential", b.Potential}, {"address", b.Address}} {
			if w.bits < 1 || w.bits > maxBits {
				return fmt.Errorf("bits: %s is %d: give all of weight, value, potential and address, 1 to %d", w.key, w.bits, maxBits)
			}
		}
	}
	return nil
}

func checkEnergy(key string, pj float64) error {
	if !(pj >= 0 && pj <= maxPicojoules) {
		return fmt.Errorf("%s is %v: an energy lies between 0 and %g picojoules", key, pj, float64(maxPicojoules))
	}
	return nil
}

func (t *Tables) checkArithmetic() error {
	for i, p := range t.Arithmetic {
		if p.Bits < 1 || p.Bits > maxBits || i > 0 && p.Bits <= t.Arithmetic[i-1].Bits {
			return fmt.Errorf("arithmetic: %d bits in place %d: they ascend and lie between 1 and %d", p.Bits, i+1, maxBits)
		}
		for _, e := range []struct {
			key string
			of  func(Precision) float64
		}{{"pj_per_add", addition}, {"pj_per_product", product}} {
			x := e.of(p)
			if err := checkEnergy("arithmetic: "+e.key, x); err != nil {
				return err
			}
			if x < 1e-12 {
				return fmt.Errorf("arithmetic: %s of %d bits is %v: it must be above 0", e.key, p.Bits, x)
			}
			if i == 0 {
				continue
			}
			if power := power(t.Arithmetic[i-1], p, e.of); power < 0 || power > maxPower {
				return fmt.Errorf("arithmetic: %s goes from %v at %d bits to %v at %d: it must not fall, nor grow faster than with bits to the power of %d",
					e.key, e.of(t.Arithmetic[i-1]), t.Arithmetic[i-1].Bits, x, p.Bits, maxPower)
			}
		}
	}
	return nil
}

func (t *Tables) checkMemory() error {
	for i, m := range t.Memory {
		if m.Bytes < 1 || m.Bytes > maxBytes || i > 0 && m.Bytes <= t.Memory[i-1].Bytes {
			return fmt.Errorf("memory: %d bytes in place %d: they ascend and lie between 1 and %d", m.Bytes, i+1, int64(maxBytes))
		}
		if err := checkEnergy("memory: pj_per_access", m.Access); err != nil {
			return err
		}
	}
	if at, slope := t.line(); at < 0 || slope < 0 {
		return fmt.Errorf("memory: the line through its points is %.4g pJ + %.4g pJ per byte: neither may be below 0", at, slope)
	}
	return nil
}

func addition(p Precision) float64 { return p.Add }
func product(p Precision) float64  { return p.Product }

// power returns the power of the bits with which an energy grows between two rows.
func power(a, b Precision, of func(Precision) float64) float64 {
	return math.Log(of(b)/of(a)) / math.Log(float64(b.Bits)/float64(a.Bits))
}

// at returns an energy at a number of bits, in picojoules: between and beyond the rows of
// the table it grows with a power of the bits, that of the nearest two rows; from a
// single row, with power alone.
func (t *Tables) at(bits float64, alone float64, of func(Precision) float64) float64 {
	rows := t.Arithmetic
	i := 0 // The first of the two rows.
	for i+2 < len(rows) && float64(rows[i+1].Bits) < bits {
		i++
	}
	if len(rows) > 1 {
		alone = power(rows[i], rows[i+1], of)
	}
	return of(rows[i]) * math.Pow(bits/float64(rows[i].Bits), alone)
}

// add returns the energy of an addition, in picojoules.
func (t *Tables) add(bits int) float64 { return t.at(float64(bits), 1, addition) }

// product returns the energy of a product of factors of a and b bits: of two factors of
// as many bits as their geometric mean, since the cells of a multiplier are a times b.
func (t *Tables) product(a, b int) float64 {
	return t.at(math.Sqrt(float64(a)*float64(b)), 2, product)
}

// line returns the straight line through the points of Memory, by least squares: the
// energy of an access in picojoules at a size of 0, and by how much it grows with a byte.
// It is Lemaire's rule for the same three points.
func (t *Tables) line() (at, slope float64) {
	n := float64(len(t.Memory))
	var x, y, xx, xy float64
	for _, m := range t.Memory {
		x += float64(m.Bytes) / n
		y += m.Access / n
	}
	for _, m := range t.Memory {
		dx := float64(m.Bytes) - x
		xx += dx * dx
		xy += dx * (m.Access - y)
	}
	if len(t.Memory) > 1 {
		slope = xy / xx
	}
	return y - slope*x, slope
}

// access returns the energy of reading or writing one of so many numbers of some bits, in
// picojoules: that of an access to a memory which holds just these, in proportion to the
// bits.
func (t *Tables) access(numbers, bits int) float64 {
	at, slope := t.line()
	width := t.AccessBits
	if width == 0 {
		width = 32
	}
	return (at + slope*float64(numbers)*float64(bits)/8) * float64(bits) / float64(width)
}

// widths returns the widths of numbers.
func (t *Tables) widths() Bits {
	if t.Bits == nil {
		return Bits{32, 32, 32, 32}
	}
	return *t.Bits
}
