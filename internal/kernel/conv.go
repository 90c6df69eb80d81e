package kernel

// Geometry is a convolution in plain numbers: the image it takes, the image it
// gives, and the window that slides over the one to make the other.
type Geometry struct {
	Channels, Rows, Cols          int // Of the input.
	OutChannels, OutRows, OutCols int // Of the output.

	Kernel, Stride, Dilation [2]int // Rows, columns.
	PadTop, PadLeft          int    // Zeros before the first row and column.
	Groups                   int    // Groups of channels that do not mix; 1 for none.
}

// Taps returns the length of the longest sum of one output: kernel rows times
// kernel columns times input channels of a group.
func (g Geometry) Taps() int { return g.Kernel[0] * g.Kernel[1] * (g.Channels / g.Groups) }

// Conv is a convolution with its weights packed for [Gemm16]. It is immutable:
// any number of goroutines may run it, each with a scratch of its own.
type Conv struct {
	g      Geometry
	panels int       // Panels of 16 output channels in a group.
	weight []float32 // [group][panel][tap][16]; for depthwise [tap][channel].
	bias   []float32 // [group][panel][16], zeros beyond the last channel; nil for none.
	block  int       // Output positions computed at a time.
}

// PackConv returns a convolution ready to run. weight is OIHW, with I the input
// channels of a group; bias has one element per output channel, or is nil. It
// keeps neither. It panics if the lengths do not fit the geometry.
//
// A fully connected layer of an image is the convolution whose kernel is as
// large as the image: see [PackDense].
func PackConv(g Geometry, weight, bias []float32) *Conv {
	j, o := g.Channels/g.Groups, g.OutChannels/g.Groups
	taps := g.Taps()
	if g.Channels != j*g.Groups || g.OutChannels != o*g.Groups || len(weight) != g.OutChannels*taps ||
		bias != nil && len(bias) != g.OutChannels {
		panic("kernel: PackConv: lengths do not fit the geometry")
	}
	k := &Conv{g: g, panels: (o + Lanes - 1) / Lanes, block: blockRows(taps)}
	area := g.Kernel[0] * g.Kernel[1]
	if k.depthwise() {
		k.weight = make([]float32, len(weight))
		for ch := range g.OutChannels {
			for t := range area {
				k.weight[t*g.OutChannels+ch] = weight[ch*area+t]
			}
		}
		k.bias = append([]float32(nil), bias...)
		return k
	}
	k.weight = make([]float32, g.Groups*k.panels*taps*Lanes)
	if bias != nil {
		k.bias = make([]float32, g.Groups*k.panels*Lanes)
	}
	for ch := range g.OutChannels {
		panel, lane := ch/o*k.panels+ch%o/Lanes, ch%o%Lanes
		dst := k.weight[panel*taps*Lanes:][:taps*Lanes]
		for i := range j {
			for t := range area {
				dst[(t*j+i)*Lanes+lane] = weight[(ch*j+i)*area+t]
			}
		}
		if bias != nil {
			k.bias[panel*Lanes+lane] = bias[ch]
		}
	}
	return k
}

// PackDense returns a fully connected layer of an image as a convolution with
// one output position. weight is (out, in) with the inputs in CHW order; the sum
// runs over the image as it lies in memory, channels last.
func PackDense(channels, rows, cols, out int, weight, bias []float32) *Conv {
	return PackConv(Geometry{
		Channels: channels, Rows: rows, Cols: cols,
		OutChannels: out, OutRows: 1, OutCols: 1,
		Kernel: [2]int{rows, cols}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1},
		Groups: 1,
	}, weight, bias)
}

// Bounds of a block of output positions. Its patches should stay in the first
// cache while all output channels pass over them; a kernel with very many taps
// gets fewer positions, which bounds the scratch.
const (
	maxBlockRows  = 24
	maxBlockFloat = 1 << 20
)

func blockRows(taps int) int { return max(1, min(maxBlockRows, maxBlockFloat/taps)) }

// ScratchLen returns the length of the scratch that [Conv.Run] needs.
func (k *Conv) ScratchLen() int { return k.block * (k.g.Taps() + Lanes) }

// Geometry returns what k was packed for.
func (k *Conv) Geometry() Geometry { return k.g }

func (k *Conv) depthwise() bool {
	return k.g.Groups > 1 && k.g.Groups == k.g.Channels && k.g.Groups == k.g.OutChannels
}

// Run adds the convolution of the image src to the image dst, and then the bias:
//
//	acc := dst[r, c, o]
//	for ky, kx, i {
//		acc += float32(src[r*Stride+ky*Dilation-Pad, ..., g*I+i] * weight[o, i, ky, kx])
//	}
//	dst[r, c, o] = acc + bias[o]
//
// with ky, kx and the I channels i of the group g of o each ascending, and taps
// outside src left out. As weights are finite, a tap whose input is zero changes
// nothing either, so that a sum over nonzero inputs alone has the same bits (for
// a dst that starts at +0 or holds such sums).
//
// dst and src are channels last and must not overlap; to store rather than add,
// clear dst first. scratch holds at least [Conv.ScratchLen] elements.
func (k *Conv) Run(dst, src, scratch []float32) {
	g := &k.g
	if len(dst) != g.OutRows*g.OutCols*g.OutChannels || len(src) != g.Rows*g.Cols*g.Channels || len(scratch) < k.ScratchLen() {
		panic("kernel: Conv.Run: length mismatch")
	}
	switch {
	case k.depthwise():
		k.runDepthwise(dst, src)
	case k.patchesAreInput():
		// One group whose patches are the input as it lies: no copy.
		taps := g.Taps()
		positions := g.OutRows * g.OutCols
		for p := 0; p < positions; p += k.block {
			n := min(k.block, positions-p)
			k.product(dst, p, n, src[p*taps:][:n*taps], 0, scratch)
		}
	default:
		positions := g.OutRows * g.OutCols
		for group := range g.Groups {
			for p := 0; p < positions; p += k.block {
				n := min(k.block, positions-p)
				patches := scratch[:n*g.Taps()]
				k.gather(patches, src, p, n, group)
				k.product(dst, p, n, patches, group, scratch[k.block*g.Taps():])
			}
		}
	}
}

// patchesAreInput reports whether the patches of all positions, one after the
// other, are the input itself: a 1x1 kernel without stride, or a kernel as large
// as the input.
func (k *Conv) patchesAreInput() bool {
	g := &k.g
	if g.Groups != 1 || g.PadTop != 0 || g.PadLeft != 0 {
		return false
	}
	if g.OutRows == g.Rows && g.OutCols == g.Cols {
		return g.Kernel == [2]int{1, 1} && g.Stride == [2]int{1, 1}
	}
	return g.OutRows == 1 && g.OutCols == 1 && g.Kernel == [2]int{g.Rows, g.Cols} && g.Dilation == [2]int{1, 1}
}

// one is the input of the bias, seen as one more tap.
var one = []float32{1}

// product multiplies the patches of n positions from p on by the weights of a
// group, one panel of output channels after the other.
func (k *Conv) product(dst []float32, p, n int, patches []float32, group int, scratch []float32) {
	g := &k.g
	taps, o := g.Taps(), g.OutChannels/g.Groups
	for panel := range k.panels {
		b := k.weight[(group*k.panels+panel)*taps*Lanes:][:taps*Lanes]
		first := p*g.OutChannels + group*o + panel*Lanes
		c, ldc := dst[first:], g.OutChannels
		lanes := min(Lanes, o-panel*Lanes)
		if lanes < Lanes {
			// The last panel of a number that is not a multiple of 16 would spill over into
			// the next position.
			c, ldc = scratch[:n*Lanes], Lanes
			clear(c)
			for i := range n {
				copy(c[i*Lanes:][:lanes], dst[first+i*g.OutChannels:])
			}
		}
		Gemm16(n, taps, patches, taps, b, c, ldc)
		if k.bias != nil {
			Gemm16(n, 1, one, 0, k.bias[(group*k.panels+panel)*Lanes:][:Lanes], c, ldc)
		}
		if lanes < Lanes {
			for i := range n {
				copy(dst[first+i*g.OutChannels:][:lanes], c[i*Lanes:])
			}
		}
	}
}

// gather copies the patches under the window at n positions from p on, of the
// channels of one group, each patch in the order of the sum; zeros where the
// window leaves the image.
func (k *Conv) gather(patches, src []float32, p, n, group int) {
	g := &k.g
	j := g.Channels / g.Groups
	run := g.Kernel[1] * j // Of one kernel row.
	whole := g.Groups == 1 && g.Dilation[1] == 1
	for q := p; q < p+n; q++ {
		y0 := q/g.OutCols*g.Stride[0] - g.PadTop
		x0 := q%g.OutCols*g.Stride[1] - g.PadLeft
		for ky := range g.Kernel[0] {
			dst := patches[:run]
			patches = patches[run:]
			y := y0 + ky*g.Dilation[0]
			if y < 0 || y >= g.Rows {
				clear(dst)
				continue
			}
			row := src[y*g.Cols*g.Channels:][:g.Cols*g.Channels]
			if whole && x0 >= 0 && x0+g.Kernel[1] <= g.Cols {
				copy(dst, row[x0*j:])
				continue
			}
			for kx := range g.Kernel[1] {
				x := x0 + kx*g.Dilation[1]
				if x < 0 || x >= g.Cols {
					clear(dst[:j])
				} else {
					copy(dst[:j], row[x*g.Channels+group*j:])
				}
				dst = dst[j:]
			}
		}
	}
}

// runDepthwise is Run where every channel is a group of its own.
func (k *Conv) runDepthwise(dst, src []float32) {
	g := &k.g
	n := g.Channels
	for r := range g.OutRows {
		for c := range g.OutCols {
			acc := dst[(r*g.OutCols+c)*n:][:n]
			for ky := range g.Kernel[0] {
				y := r*g.Stride[0] + ky*g.Dilation[0] - g.PadTop
				if y < 0 || y >= g.Rows {
					continue
				}
				for kx := range g.Kernel[1] {
					x := c*g.Stride[1] + kx*g.Dilation[1] - g.PadLeft
					if x < 0 || x >= g.Cols {
						continue
					}
					MulAdd(acc, src[(y*g.Cols+x)*n:][:n], k.weight[(ky*g.Kernel[1]+kx)*n:][:n])
				}
			}
			if len(k.bias) > 0 {
				Add(acc, acc, k.bias)
			}
		}
	}
}
