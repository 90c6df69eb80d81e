// The asm command writes the assembly of package kernel. A family of kernels is
// one file here, which registers itself in families, and one pair of files there:
//
//	go run . -family gemm -pkg kernel -out ../gemm_amd64.s -stubs ../gemm_amd64.go
//
// For arm64 (-arch arm64) the same families have files of their own, neon_*.go,
// and armFamilies. To add a family: write its files here with an entry in
// families and in armFamilies, the generic Go and its tests there, a case for it
// in the dispatch files (kernel_amd64.go, kernel_arm64.go and kernel_noasm.go), and
// go:generate lines in kernel.go.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/mmcloughlin/avo/build"
)

// families maps the name of a family to the function that generates it.
var families = map[string]func(){
	"counts":      counts,
	"elementwise": elementwise,
	"gemm":        gemm,
	"pool":        pool,
	"spike":       spike,
	"sweep":       sweep,
	"sweepwhole":  sweepWhole,
	"window":      window,
}

func main() {
	family := flag.String("family", "", "family of kernels to write")
	arch := flag.String("arch", "amd64", "amd64 or arm64")
	costs := flag.Bool("costs", false, "print what the kernels for arm64 take instead")
	flag.Parse()
	if *costs {
		writeCosts(os.Stdout)
		return
	}
	if generate, ok := armFamilies[*family]; ok && *arch == "arm64" {
		f := &armFile{}
		generate(f)
		if err := f.write(); err != nil {
			fmt.Fprintln(os.Stderr, "asm:", err)
			os.Exit(1)
		}
		return
	}
	generate, ok := families[*family]
	if !ok {
		fmt.Fprintf(os.Stderr, "asm: unknown family %q\n", *family)
		os.Exit(2)
	}
	build.ConstraintExpr("amd64,!purego")
	generate()
	build.Generate()
}
