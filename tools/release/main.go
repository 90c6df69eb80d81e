// Command release makes what a release is made of: for each platform an archive with the program and
// a list of what is in it (an SBOM), and the checksums of all of them.
//
//	go run ./tools/release                        # all platforms, into dist
//	go run ./tools/release -platforms linux/amd64 -o out
//
// The same sources and the same Go give the same bytes, on every machine. Wheels for Python are made
// by tools/wheels.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/internal/atomic"
	"sresnet/tools/program"
)

// platforms are those that archives are made for.
var platforms = []program.Platform{
	{OS: "linux", Arch: "amd64"},
	{OS: "linux", Arch: "arm64"},
	{OS: "darwin", Arch: "amd64"},
	{OS: "darwin", Arch: "arm64"},
	{OS: "windows", Arch: "amd64"},
	{OS: "windows", Arch: "arm64"},
}

func main() {
	out := flag.String("o", "dist", "write the files into the folder `DIR`")
	list := flag.String("platforms", "all", "make archives for the platforms in `LIST`, such as linux/amd64,darwin/arm64; \"host\" is this machine's")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *list, *out); err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
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
	tmp, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var sums []string
	for _, p := range chosen {
		files, err := filesFor(ctx, root, tmp, p)
		if err != nil {
			return fmt.Errorf("%v: %w", p, err)
		}
		for _, f := range files {
			if err := atomic.WriteFile(filepath.Join(out, f.name), func(w io.Writer) error {
				_, err := w.Write(f.data)
				return err
			}); err != nil {
				return err
			}
			sums = append(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(f.data), f.name))
			fmt.Printf("%s: %.1f MB\n", filepath.Join(out, f.name), float64(len(f.data))/1e6)
		}
	}
	slices.SortFunc(sums, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return atomic.WriteFile(filepath.Join(out, "SHA256SUMS"), func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(sums, ""))
		return err
	})
}

// beside are the files of the repository that come with the program.
var beside = []string{"CHANGELOG.md", "Containerfile", "LICENSE", "README.md"}

// filesFor builds the program for a platform and returns the files of its release.
func filesFor(ctx context.Context, root, tmp string, p program.Platform) ([]file, error) {
	built, err := program.Build(ctx, root, tmp, p)
	if err != nil {
		return nil, err
	}
	notices, err := built.Notices(ctx)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(built.Path)
	if err != nil {
		return nil, err
	}
	content := []file{{p.File(), data, 0o755}, {"THIRD-PARTY", notices, 0o644}}
	for _, name := range beside {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		content = append(content, file{name, data, 0o644})
	}
	slices.SortFunc(content, func(a, b file) int { return strings.Compare(a.name, b.name) })
	name := nameOf(built.Version(), p)
	var archive bytes.Buffer
	form := tarball
	if p.OS == "windows" {
		form = zipped
	}
	if err := form.write(&archive, name, moment(built.Info), content); err != nil {
		return nil, err
	}
	bom, err := bom(ctx, built)
	if err != nil {
		return nil, err
	}
	return []file{{name + form.suffix, archive.Bytes(), 0o644}, {name + ".cdx.json", bom, 0o644}}, nil
}

// nameOf returns what a release for a platform is called.
func nameOf(version string, p program.Platform) string {
	version = strings.Trim(strings.TrimPrefix(version, "v"), "()")
	return fmt.Sprintf("sresnet-%s-%s-%s", version, p.OS, p.Arch)
}
