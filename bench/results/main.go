// Command results measures the networks of docs/results.md and of
// docs/results-few-steps.md and writes these pages.
//
//	go run ./bench/results --data ../shared/data
//
// It runs "sresnet eval" for every configuration, one after the other, and keeps
// each run in a folder of its own. A run that is finished there is not done again,
// so the command can be stopped and started at will. The runs behind the page are
// part of the repository, so that anybody can render it, or look further. Results
// do not depend on the version of the program unless one of the two is wrong, so
// a run of an older version counts; --redo runs it again. Sentences of the page
// are in page.md.tmpl, its numbers come from the runs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"syscall"
)

// options are those of the command line.
type options struct {
	data    string // Folder of CIFAR-10 and the trained networks.
	runs    string // Folder of the runs.
	page    string // File to write.
	program string // A built sresnet; empty to build one.
	only    string // Regular expression on names of configurations.
	images  int    // Test images; 0 for all.
	workers int
	render  bool
	redo    bool
	list    bool
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", filepath.Join("..", "shared", "data"), "`folder` that holds cifar10/ and models/")
	flag.StringVar(&o.runs, "runs", filepath.Join("bench", "results", "runs"), "`folder` that keeps the runs")
	flag.StringVar(&o.page, "page", filepath.Join("docs", "results.md"), "`file` to write the page to; that of few steps is beside it, -few-steps at the end of its name")
	flag.StringVar(&o.program, "sresnet", "", "use this `program` instead of building one")
	flag.StringVar(&o.only, "only", "", "run configurations whose name matches this regular `expression`")
	flag.IntVar(&o.images, "images", 0, "present the first `N` test images; 0 means all")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "`N` images run at a time")
	flag.BoolVar(&o.render, "render", false, "run nothing, write the pages from the runs that are there")
	flag.BoolVar(&o.redo, "redo", false, "run again what is finished")
	flag.BoolVar(&o.list, "list", false, "print the names of the configurations, in the order in which they run, and do nothing")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "results:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, o options) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unknown argument %q; -h shows the options", flag.Arg(0))
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	all := slices.Concat(configurations(o.images), fewConfigurations(o.images))
	if o.list {
		for _, c := range all {
			if only.MatchString(c.name()) {
				fmt.Println(c.name())
			}
		}
		return nil
	}
	if !o.render {
		if err := runAll(ctx, o, all, only); err != nil {
			return err
		}
	}
	return writePages(o)
}

// runAll runs the configurations that match and are not finished. A run that fails
// leaves its reason in its folder, where the page finds it, and does not hold up
// the others.
func runAll(ctx context.Context, o options, all []configuration, only *regexp.Regexp) error {
	if o.program == "" {
		dir, err := os.MkdirTemp("", "results")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.program = filepath.Join(dir, "sresnet")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.program, "./cmd/sresnet")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("go build ./cmd/sresnet: %w", err)
		}
	}
	sources := newHashes()
	for i, c := range all {
		if !only.MatchString(c.name()) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%d of %d: %s: ", i+1, len(all), c.name())
		if !o.redo && finished(o, c, sources) {
			fmt.Fprintln(os.Stderr, "finished before")
			continue
		}
		err := runOne(ctx, o, c)
		if ctx.Err() != nil {
			fmt.Fprintln(os.Stderr, "interrupted")
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "failed:", err)
			continue
		}
		fmt.Fprintln(os.Stderr, "done")
	}
	return nil
}
