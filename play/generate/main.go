// Command generate makes the files of package play that are committed: what calibration says
// of the built-in network, the digits to choose from, and the engine, which is package
// play/wasm compiled for a browser. The same version of Go makes the same bytes.
//
//	go generate ./play
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"sresnet/calibrate"
	"sresnet/experiment"
	"sresnet/play/lab"
)

// each is how many digits of every class there are to choose from.
const each = 3

func main() {
	log.SetFlags(0)
	log.SetPrefix("play/generate: ")
	for _, step := range []func(context.Context) error{statistics, digits, engine} {
		if err := step(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
}

func open(ctx context.Context, percentile float64) (*experiment.Experiment, error) {
	o := experiment.DefaultOptions()
	o.Model, o.Data, o.Percentile = experiment.Builtin, "mnist", percentile
	return experiment.Open(ctx, o)
}

// statistics writes what the demo's calibration measures, for every percentile of the page.
func statistics(ctx context.Context) error {
	var list []*calibrate.Statistics
	for _, p := range lab.Percentiles {
		e, err := open(ctx, p)
		if err != nil {
			return err
		}
		s, err := e.Statistics(ctx)
		if err != nil {
			return err
		}
		brief := *s
		brief.Nodes = slices.Clone(s.Nodes)
		for i := range brief.Nodes {
			brief.Nodes[i].Histogram = calibrate.Histogram{} // Which no conversion looks at.
		}
		list = append(list, &brief)
	}
	data, err := json.MarshalIndent(list, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile("statistics.json", append(data, '\n'), 0o644)
}

// digits writes the first test images of every class, class by class: 784 bytes each.
func digits(ctx context.Context) error {
	e, err := open(ctx, lab.Percentiles[0])
	if err != nil {
		return err
	}
	var out []byte
	pixels := make([]float32, e.Test.Shape().Len())
	for class := range 10 {
		found := 0
		for i := 0; found < each; i++ {
			if i == e.Test.Len() {
				return fmt.Errorf("there are only %d test images of class %d", found, class)
			}
			if e.Test.Label(i) != class {
				continue
			}
			found++
			if err := e.Test.Pixels(i, pixels); err != nil {
				return err
			}
			for _, x := range pixels {
				out = append(out, byte(x))
			}
		}
	}
	return os.WriteFile("digits.bin", out, 0o644)
}

// engine builds package play/wasm, and copies what runs it from the same distribution of Go,
// whose version the header of the compressed file has.
func engine(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "engine.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", file, "./wasm")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=", "GOWASM=", "CGO_ENABLED=0")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	z.Comment = runtime.Version()
	if _, err := z.Write(data); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := os.WriteFile("engine.wasm.gz", packed.Bytes(), 0o644); err != nil {
		return err
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	run, err := os.ReadFile(filepath.Join(string(bytes.TrimSpace(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	return os.WriteFile("wasm_exec.js", run, 0o644)
}
