// Command compare measures this program against dense ones.
//
//	go run ./bench/compare --model resnet20.onnx --data cifar10:test_batch.bin \
//	    --calibrate cifar10:data_batch_1.bin --normalize imagenet
//
// The same trained network and the same images go through sresnet, through a loop
// in PyTorch that computes every neuron at every timestep, and, as trained, through
// onnxruntime. The three take turns in every round, on the same cores. It prints a
// table in Markdown. What is missing on the machine is left out, with a message.
// README.md of the folder above says what the columns mean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// options are those of the command line.
type options struct {
	model             string
	data, calibrate   string // "cifar10:FILE".
	normalize         string
	images            int
	calibrationImages int
	percentile        string
	timesteps         int // T of sresnet.
	denseTimesteps    int // T of PyTorch in the rounds.
	rounds            int
	cores             []int // Numbers of cores to measure on.
	seconds           float64
	json              string
	sresnet           string // A built program; empty to build one.
	python, node      string
	allowed           []int // Processors that may be used; nil where that cannot be told.
}

func main() {
	o := options{allowed: allowedCores()}
	cores := "1,2"
	flag.StringVar(&o.model, "model", "", "ONNX `file` of the trained network")
	flag.StringVar(&o.data, "data", "", "test images: cifar10:`FILE`, in CIFAR-10's binary form")
	flag.StringVar(&o.calibrate, "calibrate", "", "calibration images: cifar10:`FILE`")
	flag.StringVar(&o.normalize, "normalize", "imagenet", "how pixels were normalised in training: imagenet, cifar10 or none")
	flag.IntVar(&o.images, "images", 64, "present the first `N` test images")
	flag.IntVar(&o.calibrationImages, "calibration-images", 100, "calibrate on the first `N` of them")
	flag.StringVar(&o.percentile, "percentile", "99.9", "percentile `P` of a layer's activations that becomes its scale")
	flag.IntVar(&o.timesteps, "timesteps", 350, "length `T` of a presentation")
	flag.IntVar(&o.denseTimesteps, "dense-timesteps", 20, "length `T` of PyTorch's presentations in the rounds; its speed does not depend on it")
	flag.IntVar(&o.rounds, "rounds", 5, "measure `N` times and take medians")
	flag.StringVar(&cores, "cores", cores, "numbers of cores to measure on, a `list` with commas")
	flag.Float64Var(&o.seconds, "seconds", 1, "time `S` for each of onnxruntime's ways of using the cores, in each round")
	flag.StringVar(&o.json, "json", "", "write the figures of every round to this `file`")
	flag.StringVar(&o.sresnet, "sresnet", "", "use this `program` instead of building one")
	flag.StringVar(&o.python, "python", defaultPython(), "`program` that runs Python")
	flag.StringVar(&o.node, "node", "node", "`program` that runs JavaScript")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, cores); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// defaultPython is Debian's Python, which has Debian's packages, else the first in
// the path.
func defaultPython() string {
	const debian = "/usr/bin/python3"
	if _, err := os.Stat(debian); err == nil {
		return debian
	}
	return "python3"
}

func run(ctx context.Context, o options, cores string) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unknown argument %q; -h shows the options", flag.Arg(0))
	}
	var err error
	if o.cores, err = parseCores(cores); err != nil {
		return fmt.Errorf("--cores: %w", err)
	}
	if err := o.check(); err != nil {
		return err
	}
	if o.sresnet == "" {
		dir, err := os.MkdirTemp("", "compare")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.sresnet = filepath.Join(dir, "sresnet")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.sresnet, "./cmd/sresnet")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build ./cmd/sresnet: %w", err)
		}
	}
	c, err := measure(ctx, o, os.Stderr)
	if err != nil {
		return err
	}
	if o.json != "" {
		if err := c.writeFile(o.json); err != nil {
			return err
		}
	}
	c.print(os.Stdout)
	return nil
}

// check returns an error for the first option that makes no sense.
func (o options) check() error {
	if _, err := os.Stat(torchScript); err != nil {
		return fmt.Errorf("run it from the root of the repository: %w", err)
	}
	for _, f := range []struct{ flag, name string }{{"model", o.model}, {"data", path(o.data)}, {"calibrate", path(o.calibrate)}} {
		if info, err := os.Stat(f.name); err != nil {
			return fmt.Errorf("--%s: give a file; -h shows the form: %w", f.flag, err)
		} else if info.IsDir() {
			return fmt.Errorf("--%s: %s is a folder: give one file, which all programs can read", f.flag, f.name)
		}
	}
	for _, n := range []struct {
		flag string
		n    int
	}{{"images", o.images}, {"calibration-images", o.calibrationImages}, {"timesteps", o.timesteps}, {"dense-timesteps", o.denseTimesteps}, {"rounds", o.rounds}} {
		if n.n < 1 {
			return fmt.Errorf("--%s %d: give at least 1", n.flag, n.n)
		}
	}
	if o.denseTimesteps > o.timesteps {
		return fmt.Errorf("--dense-timesteps %d: give at most --timesteps, which is %d", o.denseTimesteps, o.timesteps)
	}
	there := runtime.NumCPU()
	for _, n := range o.cores {
		if n > there {
			return fmt.Errorf("--cores %d: there are %d", n, there)
		}
	}
	switch o.normalize {
	case "imagenet", "cifar10", "none":
		return nil
	}
	return fmt.Errorf("--normalize %q: give imagenet, cifar10 or none, which all programs know", o.normalize)
}

// path returns what follows "cifar10:"; nothing if that is not how spec begins.
func path(spec string) string {
	name, _ := strings.CutPrefix(spec, "cifar10:")
	if name == spec {
		return ""
	}
	return name
}

// parseCores reads numbers of cores, such as "1,2".
func parseCores(list string) ([]int, error) {
	var cores []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of cores", s)
		}
		cores = append(cores, n)
	}
	return cores, nil
}

// errNothing is returned where there is nothing to compare with.
var errNothing = errors.New("neither PyTorch nor onnxruntime can be run here, so there is nothing to compare with; bench/README.md says how to install them")
