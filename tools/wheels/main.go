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
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// platform is a pair of system and processor, with what wheels for it are called.
type platform struct {
	goos, goarch string
	tag          string // Of a wheel: all that pip takes for the same system, joined by dots.
}

// platforms are those that wheels are made for. The program needs nothing of a Linux but its
// kernel, so that one wheel is for both C libraries; on macOS, Go needs version 12.
var platforms = []platform{
	{"linux", "amd64", "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64"},
	{"linux", "arm64", "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64"},
	{"darwin", "amd64", "macosx_12_0_x86_64"},
	{"darwin", "arm64", "macosx_12_0_arm64"},
	{"windows", "amd64", "win_amd64"},
}

func (p platform) String() string { return p.goos + "/" + p.goarch }

// program is the name of the program's file.
func (p platform) program() string {
	if p.goos == "windows" {
		return "sresnet.exe"
	}
	return "sresnet"
}

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
	chosen, err := choose(list)
	if err != nil {
		return err
	}
	root, err := rootFolder(ctx)
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

// choose returns the platforms that a list names.
func choose(list string) ([]platform, error) {
	if list == "all" {
		return platforms, nil
	}
	var chosen []platform
	for _, name := range strings.Split(list, ",") {
		if name == "host" {
			name = runtime.GOOS + "/" + runtime.GOARCH
		}
		i := slices.IndexFunc(platforms, func(p platform) bool { return p.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("no wheels are made for %q: give some of %v, separated by commas", name, platforms)
		}
		chosen = append(chosen, platforms[i])
	}
	return chosen, nil
}

// rootFolder returns the folder of the module.
func rootFolder(ctx context.Context) (string, error) {
	gomod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(gomod)))
	if _, err := os.Stat(filepath.Join(root, "python", "sresnet")); err != nil {
		return "", errors.New("there is no folder python/sresnet: run it in a clone of the repository")
	}
	return root, nil
}

// build compiles the program for a platform and returns its wheel.
func build(ctx context.Context, root, tmp string, p platform) (*wheel, error) {
	binary := filepath.Join(tmp, p.goos+"-"+p.goarch)
	cmd := exec.CommandContext(ctx, "go", "build", "-C", root, "-trimpath", "-buildvcs=auto", "-ldflags=-s -w", "-o", binary, "./cmd/sresnet")
	cmd.Env = append(os.Environ(), "GOOS="+p.goos, "GOARCH="+p.goarch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	version, err := pythonVersion(info.Main.Version)
	if err != nil {
		return nil, err
	}
	w := &wheel{version: version, tag: p.tag}
	if err := w.addFolder(filepath.Join(root, "python", "sresnet"), "sresnet"); err != nil {
		return nil, err
	}
	w.add("sresnet/_version.py", versionFile(version, info.Main.Version))
	if err := w.addFile("sresnet/_bin/"+p.program(), binary, 0o755); err != nil {
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
	notices, err := notices(ctx, root, info)
	if err != nil {
		return nil, err
	}
	w.add(w.info("licenses/THIRD-PARTY"), notices)
	return w, nil
}
