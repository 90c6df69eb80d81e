package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/dataset/fetch"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/nearest"
	"sresnet/internal/terminal"
)

func newDataGet() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "get " + strings.Join(fetch.Names(), "|") + " [DIR]",
		Short: "Download a data set from its official address",
		Long: `get downloads a data set into the folder DIR, by default named after the data
set, and checks the files against the checksums of its publisher. Files that are
already there are not downloaded again; an interrupted download resumes when the
command is given again. CIFAR stays an archive, which every command reads as it
is.

--from takes the files from another address, such as a mirror in your network;
the same checksums apply. Proxies are taken from the environment (HTTPS_PROXY).`,
		Example: `  sresnet data get cifar10
  sresnet data get fashion-mnist data/fashion
  sresnet data get mnist --from https://mirror.example.org/mnist/`,
		Args:      usageArgs(cobra.RangeArgs(1, 2)),
		ValidArgs: fetch.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(fetch.Names(), args[0]) {
				return usage("data set %q: give %s%s", args[0], experiment.Either(fetch.Names()), nearest.DidYouMean(args[0], fetch.Names()))
			}
			dir := args[0]
			if len(args) > 1 {
				dir = args[1]
			}
			return runDataGet(cmd, args[0], dir, from)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "get the files from the folder at this `URL`")
	return cmd
}

func runDataGet(cmd *cobra.Command, name, dir, from string) error {
	o := fetch.Options{From: from}
	progress, stop := terminal.Progress{W: cmd.ErrOrStderr()}.Files()
	o.Progress = progress
	n, err := fetch.Get(cmd.Context(), name, dir, o)
	stop()
	if err != nil {
		return downloadError(cmd.Context(), err)
	}
	verb := "is"
	if n == 0 {
		verb = "was already"
	}
	terminal.Printf(cmd.OutOrStdout(), "%s %s in %s, checksums correct: give --data %s:%s\n", name, verb, dir, name, dir)
	return nil
}

// downloadError is the error of a download that failed, perhaps since ctx has ended.
func downloadError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return hint.Error(fmt.Errorf("%w while downloading", errInterrupted), "the same command resumes where it stopped")
	}
	return err
}
