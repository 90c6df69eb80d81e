// Package program builds the program as it is handed on: for any platform, the same bytes on
// every machine with the same sources and the same Go.
package program

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// Platform is a pair of system and processor, as Go calls them.
type Platform struct{ OS, Arch string }

// Host is the platform of this machine.
var Host = Platform{runtime.GOOS, runtime.GOARCH}

// String returns the platform as linux/amd64.
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// File is the name of the program's file.
func (p Platform) File() string {
	if p.OS == "windows" {
		return "sresnet.exe"
	}
	return "sresnet"
}

// Choose returns those of the platforms that a list names: "all", or names separated by commas, of which
// "host" is this machine's.
func Choose(list string, platforms []Platform) ([]Platform, error) {
	if list == "all" {
		return platforms, nil
	}
	var chosen []Platform
	for _, name := range strings.Split(list, ",") {
		if name == "host" {
			name = Host.String()
		}
		i := slices.IndexFunc(platforms, func(p Platform) bool { return p.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("nothing is made for %q: give some of %v, separated by commas", name, platforms)
		}
		chosen = append(chosen, platforms[i])
	}
	return chosen, nil
}

// Root returns the folder of the repository that the command was called in.
func Root(ctx context.Context) (string, error) {
	gomod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(gomod)))
	if _, err := os.Stat(filepath.Join(root, "cmd", "sresnet")); err != nil {
		return "", errors.New("there is no folder cmd/sresnet: run it in a clone of the repository")
	}
	return root, nil
}

// Program is the program for one platform.
type Program struct {
	Platform Platform
	Path     string           // Of its file,
	Info     *debug.BuildInfo // and what that says of itself.

	root string
}

// Build compiles the program of the repository in root for a platform, into the folder dir.
func Build(ctx context.Context, root, dir string, p Platform) (*Program, error) {
	path := filepath.Join(dir, p.OS+"-"+p.Arch)
	cmd := exec.CommandContext(ctx, "go", "build", "-C", root, "-trimpath", "-buildvcs=auto", "-ldflags=-s -w", "-o", path, "./cmd/sresnet")
	cmd.Env = append(os.Environ(), "GOOS="+p.OS, "GOARCH="+p.Arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &Program{p, path, info, root}, nil
}

// Version is the version as the program says it, "(devel)" where it was built without a repository.
func (p *Program) Version() string { return p.Info.Main.Version }

// Modules are the modules that are in the program, as they were built.
func (p *Program) Modules() []*debug.Module {
	var list []*debug.Module
	for _, m := range p.Info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		list = append(list, m)
	}
	return list
}
