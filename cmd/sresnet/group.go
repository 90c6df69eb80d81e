package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/launch"
	"sresnet/shard"
)

// errMoreToDo says that the shards of a folder are done, but that others follow, which
// are planned now.
var errMoreToDo = errors.New("more shards are to do")

// lineOf returns the command line of cmd for the folder that it plans runs in, without
// what is of one call.
func lineOf(cmd *cobra.Command, model string) (shard.Command, error) {
	dir, err := os.Getwd()
	if err != nil {
		return shard.Command{}, err
	}
	line := shard.Command{Dir: dir, Args: []string{cmd.Name(), model}}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains([]string{"out", "plan-only", "json", "workers", "weights"}, f.Name) {
			return
		}
		value := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.Join(list.GetSlice(), ",")
		}
		line.Args = append(line.Args, "--"+f.Name+"="+value)
	})
	return line, nil
}

// refuseLinks returns an error if a folder that a run is to be kept in is a link.
func refuseLinks(dirs ...string) error {
	for _, dir := range dirs {
		if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return hint.Error(fmt.Errorf("%s is a link, which would lead what is kept elsewhere", dir), "remove it, or give another folder with --out")
		}
	}
	return nil
}

// mergeGroup calls the command that planned the runs of g, whose shards are all
// finished, once more: to plan what follows, or to make the result. dir is what the user
// calls its folder.
func mergeGroup(cmd *cobra.Command, g *shard.Group, dir string, o where, asJSON bool) error {
	line := g.Command()
	out := g.Dir()
	switch {
	case len(line.Args) > 1 && line.Args[0] == "sweep":
	case len(line.Args) > 1 && line.Args[0] == "diagnose":
		out = filepath.Dir(out)
	default:
		return hint.Error(fmt.Errorf("the runs in %s are of no command that this version of sresnet knows: %q", dir, line.Args), "use the version that planned them")
	}
	if err := o.absolute(); err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	// Where there is no such folder here, the command says what is missing.
	if err := os.Chdir(line.Dir); err == nil {
		defer func() { _ = os.Chdir(here) }()
		if rel, err := filepath.Rel(line.Dir, out); err == nil && filepath.IsLocal(rel) {
			out = rel // As the user called it, since it is printed.
		}
	}
	args := append(slices.Clone(line.Args), "--out="+out)
	switch {
	case o.model == "":
	case isNIR(args[1]): // It is the trained network that workers need.
		args = append(args, "--ann="+o.model)
	default:
		args[1] = o.model
	}
	for _, f := range [][2]string{{"--data=", o.data}, {"--calibrate=", o.calibrate}} {
		if f[1] != "" {
			args = append(args, f[0]+f[1])
		}
	}
	again := func(w io.Writer, more ...string) error {
		err := callAgain(cmd.Context(), append(slices.Clone(args), more...), w, cmd.ErrOrStderr())
		if errors.Is(err, fs.ErrNotExist) {
			return hint.Error(err, "paths begin in %s, where the runs were planned; --model, --data and --calibrate say where the files lie on this machine", line.Dir)
		}
		return err
	}
	if g.More() {
		if err := again(io.Discard, "--plan-only"); err != nil {
			return err
		}
		next, err := shard.OpenGroup(g.Dir())
		if err != nil {
			return err
		}
		missing, err := next.Missing()
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return hint.Error(fmt.Errorf("%w: %d of %d follow from those that are done: %s", errMoreToDo, len(missing), next.Shards(), launch.Ranges(missing)),
				"do them with 'sresnet run %s', then merge again", shell.Quote(dir))
		}
	}
	if asJSON {
		args = append(args, "--json")
	}
	return again(cmd.OutOrStdout())
}

// callAgain calls the program in this process.
func callAgain(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}
