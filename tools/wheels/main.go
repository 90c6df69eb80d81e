// Command wheels makes the Python package of this repository: a wheel for each platform,
// with the program inside.
//
//	go run ./tools/wheels                        # all platforms, into dist
//	go run ./tools/wheels -platforms linux/amd64 -o wheels
//
// The same sources and the same Go give the same bytes, on every machine. The version is
// that of the program, as Python spells it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"sresnet/tools/program"
)

// tags are what pip calls the platforms that wheels are made for: all that it takes for the same system,
// joined by dots. The program needs nothing of a Linux but its kernel, so that one wheel is for both C libraries; on
// macOS, Go needs version 12.
var tags = map[program.Platform]string{
	{OS: "linux", Arch: "amd64"}:   "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64",
	{OS: "linux", Arch: "arm64"}:   "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64",
	{OS: "darwin", Arch: "amd64"}:  "macosx_12_0_x86_64",
	{OS: "darwin", Arch: "arm64"}:  "macosx_12_0_arm64",
	{OS: "windows", Arch: "amd64"}: "win_amd64",
}

// platforms are those that wheels are made for, in the order in which they are.
var platforms = []program.Platform{{OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"}, {OS: "darwin", Arch: "amd64"}, {OS: "darwin", Arch: "arm64"}, {OS: "windows", Arch: "amd64"}}

func main() {
	out := flag.String("o", "dist", "write the wheels into the folder `DIR`")
	list := flag.String("platforms", "all", "make wheels for the platforms in `LIST`, such as linux/amd64,darwin/arm64; \"host\" is this machine's")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *list, *out); err != nil {
		fmt.Fprintf(os.Stderr, "wheels: %v\n", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, list, out string) error {
	chosen, err := program.Choose(list, platforms)
	if err != nil {
		return err
	}
	root, err := program.Root(ctx)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "wheels")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, p := range chosen {
		w, err := build(ctx, root, tmp, p)
		if err != nil {
			return fmt.Errorf("%v: %w", p, err)
		}
		name, size, err := w.write(out)
		if err != nil {
			return fmt.Errorf("%v: %w", p, err)
		}
		fmt.Printf("%s: %.1f MB\n", name, float64(size)/1e6)
	}
	return nil
}

// build compiles the program for a platform and returns its wheel.
func build(ctx context.Context, root, tmp string, p program.Platform) (*wheel, error) {
	built, err := program.Build(ctx, root, tmp, p)
	if err != nil {
		return nil, err
	}
	version, err := pythonVersion(built.Version())
	if err != nil {
		return nil, err
	}
	w := &wheel{version: version, tag: tags[p]}
	if err := w.addFolder(filepath.Join(root, "python", "sresnet"), "sresnet"); err != nil {
		return nil, err
	}
	w.add("sresnet/_version.py", versionFile(version, built.Version()))
	if err := w.addFile("sresnet/_bin/"+p.File(), built.Path, 0o755); err != nil {
		return nil, err
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "python.md"))
	if err != nil {
		return nil, err
	}
	w.describe(page)
	if err := w.addFile(w.info("licenses/LICENSE"), filepath.Join(root, "LICENSE"), 0o644); err != nil {
		return nil, err
	}
	notices, err := built.Notices(ctx)
	if err != nil {
		return nil, err
	}
	w.add(w.info("licenses/THIRD-PARTY"), notices)
	return w, nil
}
