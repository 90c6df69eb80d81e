// Package kernel holds the inner loops: matrix products, convolutions and
// elementwise arithmetic in float32, loops over spikes, and convolutions of spike
// counts in whole numbers. It knows no network and imports nothing of this module;
// callers hand in plain numbers and slices.
//
// # One result everywhere
//
// Every function is specified by a loop in its comment. The generic Go code is
// that loop; the assembly beside it gives the same bits on every machine, because
// the order of every sum is fixed, a product is rounded before it is added (no
// fused multiply-add), and the lanes of a vector are different outputs, never
// parts of one sum. Only which NaN comes out of several is left open. Sums of whole
// numbers are exact in any order.
//
// # Layout
//
// Images are channels last: element (row, column, channel) of an image of W
// columns and C channels is at (row*W + column)*C + channel.
//
// # Assembly
//
// The *_amd64.s and *_arm64.s files and their declarations in Go are written by
// the generator in _asm, a module of its own with one file for each family of
// kernels and processor; "go generate ./internal/kernel" runs it, anywhere. The
// build tag purego leaves all assembly out.
package kernel

//go:generate go -C _asm run . -family gemm -pkg kernel -out ../gemm_amd64.s -stubs ../gemm_amd64.go
//go:generate go -C _asm run . -family elementwise -pkg kernel -out ../elementwise_amd64.s -stubs ../elementwise_amd64.go
//go:generate go -C _asm run . -family spike -pkg kernel -out ../spike_amd64.s -stubs ../spike_amd64.go
//go:generate go -C _asm run . -family sweep -pkg kernel -out ../sweep_amd64.s -stubs ../sweep_amd64.go
//go:generate go -C _asm run . -family sweepwhole -pkg kernel -out ../sweepwhole_amd64.s -stubs ../sweepwhole_amd64.go
//go:generate go -C _asm run . -family window -pkg kernel -out ../window_amd64.s -stubs ../window_amd64.go
//go:generate go -C _asm run . -family pool -pkg kernel -out ../pool_amd64.s -stubs ../pool_amd64.go
//go:generate go -C _asm run . -family counts -pkg kernel -out ../counts_amd64.s -stubs ../counts_amd64.go
//go:generate go -C _asm run . -arch arm64 -family counts -pkg kernel -out ../counts_arm64.s -stubs ../counts_arm64.go
//go:generate go -C _asm run . -arch arm64 -family gemm -pkg kernel -out ../gemm_arm64.s -stubs ../gemm_arm64.go
//go:generate go -C _asm run . -arch arm64 -family elementwise -pkg kernel -out ../elementwise_arm64.s -stubs ../elementwise_arm64.go
//go:generate go -C _asm run . -arch arm64 -family spike -pkg kernel -out ../spike_arm64.s -stubs ../spike_arm64.go
//go:generate go -C _asm run . -arch arm64 -family sweep -pkg kernel -out ../sweep_arm64.s -stubs ../sweep_arm64.go
//go:generate go -C _asm run . -arch arm64 -family window -pkg kernel -out ../window_arm64.s -stubs ../window_arm64.go
//go:generate go -C _asm run . -arch arm64 -family pool -pkg kernel -out ../pool_arm64.s -stubs ../pool_arm64.go

// implementation is one version of the kernels that this processor can run.
type implementation struct {
	name    string
	enabled *bool // Cleared by tests to reach the slower versions; nil for the generic one.
}

// implementations lists what is compiled in, fastest first; generic is last.
var implementations = []implementation{{name: "generic"}}

// register puts an instruction set before the ones registered earlier.
func register(name string, enabled *bool) {
	implementations = append([]implementation{{name, enabled}}, implementations...)
}

// Implementation returns the name of the fastest version of the kernels that
// this processor runs: "avx512vnni" (which is "avx512" but for spike counts),
// "avx512", "avx2", "neondot" (which is "neon" but for spike counts), "neon" or "generic".
func Implementation() string {
	for _, impl := range implementations {
		if impl.enabled == nil || *impl.enabled {
			return impl.name
		}
	}
	return "generic"
}
