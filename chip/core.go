package chip

import (
	"math/bits"
	"slices"

	"sresnet/snn"
)

// Memory of cores, in bytes.
const (
	synapticMemory = 128 << 10 // Loihi 2.
	coreNeurons    = 8192
	localMemory    = 128 << 10 // SpiNNaker2.
	stateBytes     = 4
)

// neuroCores returns how many cores of Loihi 2 population i takes if every weight is stored
// once, in a byte.
func neuroCores(v *view, i int) int {
	return max(ceil(v.neurons(i), coreNeurons), ceil(weights(v, i), synapticMemory))
}

// processors returns how many cores of SpiNNaker2 population i takes if the whole memory is
// there for potentials and weights, each of which is stored once.
func processors(v *view, i int) int {
	return ceil(stateBytes*v.neurons(i)+weights(v, i), localMemory)
}

// ceil returns n / d, rounded up.
func ceil(n, d int) int { return (n + d - 1) / d }

// speckCore is the memory of a core of Speck, in entries.
type speckCore struct{ kernel, neurons int }

// speckCores are those of Speck 2.
var speckCores = []speckCore{
	{16 << 10, 64 << 10},
	{16 << 10, 64 << 10},
	{16 << 10, 64 << 10},
	{32 << 10, 32 << 10},
	{32 << 10, 32 << 10},
	{64 << 10, 16 << 10},
	{64 << 10, 16 << 10},
	{16 << 10, 16 << 10},
	{16 << 10, 16 << 10},
}

// convolution is what a core of Speck is: one for all synapses of a population.
type convolution struct {
	channels int // Of all sources.
	kernel   [2]int
	pad      [2]int
	strides  [][2]int
}

// convolved returns the convolution that population i is. Narrower kernels are in wider ones
// with zeros around them. A pool of 2 or 4 rows and columns without overlap is done where
// spikes leave, so that its kernel is one weight.
func (v *view) convolved(i int) convolution {
	k := convolution{kernel: [2]int{1, 1}}
	for _, s := range v.layer(i).Synapses {
		in := v.net.ShapeOf(s.From)
		k.channels += in[0]
		if fan := s.Connection.Fan(v.layer(i).Shape); fan.Window != nil {
			w := *fan.Window
			if _, ok := s.Connection.(*snn.AveragePool); ok && w.Kernel == w.Stride && w.Kernel[0] == w.Kernel[1] && w.Pad == [4]int{} && (w.Kernel[0] == 2 || w.Kernel[0] == 4) {
				w.Kernel, w.Stride = [2]int{1, 1}, [2]int{1, 1}
			}
			for a := range 2 {
				span := (w.Kernel[a]-1)*w.Dilation[a] + 1
				before := max(w.Pad[a], w.Pad[a+2], k.pad[a])
				after := max(k.kernel[a]-k.pad[a], span-w.Pad[a])
				k.pad[a], k.kernel[a] = before, before+after
			}
			k.strides = append(k.strides, w.Stride)
			continue
		}
		k.kernel = [2]int{max(k.kernel[0], in[1]), max(k.kernel[1], in[2])} // Fully connected.
		k.strides = append(k.strides, [2]int{1, 1})
	}
	return k
}

// core returns what a core of Speck needs that holds population i, none if it is a gate.
func (v *view) core(i int) (c speckCore) {
	if v.layer(i).IsGate() {
		return speckCore{}
	}
	k, out := v.convolved(i), v.layer(i).Shape
	return speckCore{
		kernel:  k.channels << (log2(k.kernel[0]*k.kernel[1]) + log2(out[0])),
		neurons: out[0] << (log2(out[1]) + log2(out[2])),
	}
}

// log2 returns the logarithm of n, rounded up.
func log2(n int) int { return bits.Len(uint(n - 1)) }

func kernelMemory(v *view, i int) int { return v.core(i).kernel }
func neuronMemory(v *view, i int) int { return v.core(i).neurons }

// convolutional returns what a limit of convolutions is told; 0 for a gate.
func convolutional(needs func(k *convolution) int) func(v *view, i int) int {
	return func(v *view, i int) int {
		if v.layer(i).IsGate() {
			return 0
		}
		k := v.convolved(i)
		return needs(&k)
	}
}

var (
	kernelSide       = convolutional(func(k *convolution) int { return max(k.kernel[0], k.kernel[1]) })
	padding          = convolutional(func(k *convolution) int { return max(k.pad[0], k.pad[1]) })
	oblong           = convolutional(func(k *convolution) int { return one(k.kernel[0] != k.kernel[1]) })
	differentStrides = convolutional(func(k *convolution) (n int) {
		for j, s := range k.strides {
			n += one(!slices.Contains(k.strides[:j], s))
		}
		return n
	})
	oddStrides = convolutional(func(k *convolution) (n int) {
		for _, s := range k.strides {
			for _, step := range s {
				n += one(!slices.Contains([]int{1, 2, 4, 8}, step))
			}
		}
		return n
	})
)

// homeless returns how many populations are left without a core that has room for them, if as
// many as possible have one.
func homeless(v *view, _ int) (n int) {
	of := make([]int, len(speckCores)) // The population of each core, -1 for none.
	for c := range of {
		of[c] = -1
	}
	var place func(i int, seen []bool) bool
	place = func(i int, seen []bool) bool {
		need := v.core(i)
		for c, has := range speckCores {
			if seen[c] || need.kernel > has.kernel || need.neurons > has.neurons {
				continue
			}
			seen[c] = true
			if of[c] < 0 || place(of[c], seen) {
				of[c] = i
				return true
			}
		}
		return false
	}
	for i := range v.net.Layers {
		if v.neurons(i) > 0 && !place(i, make([]bool, len(speckCores))) {
			n++
		}
	}
	return n
}
