package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sresnet/internal/download"
	"sresnet/internal/nearest"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/models/public"
)

func newModel() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "List public trained networks, or download one",
		Example: `  sresnet model list
  sresnet model get resnet20-cifar10`,
		Args: onlyCommands,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newModelList(), newModelGet())
	return cmd
}

func newModelList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List trained ResNets that others have published",
		Long: `list shows trained ResNets for CIFAR-10, CIFAR-100 and ImageNet that others have
published, with the top-1 accuracy that they state, and whose they are. Nothing
is downloaded. --json has all that is known of each: address, source, checksum,
and how pixels were normalised in training.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if asJSON {
				return json.NewEncoder(out).Encode(map[string]any{"models": public.Models()})
			}
			public.Print(out, public.Models())
			terminal.Printf(out, "\nAs their publishers say. 'sresnet model get NAME' downloads one; --json has sources, checksums and the rest.\n")
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newModelGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME [FILE]",
		Short: "Download a trained network from where it was published",
		Long: `get downloads the weights of a network of 'sresnet model list', checks them
against the checksum of their publisher, and says how to go on. FILE is NAME with
a suffix unless given. A file that is there already is not downloaded again; an
interrupted download resumes when the command is given again. Proxies are taken
from the environment (HTTPS_PROXY).`,
		Example: `  sresnet model get resnet20-cifar10
  sresnet model get resnet18-imagenet weights/resnet18.pth`,
		Args:      usageArgs(cobra.RangeArgs(1, 2)),
		ValidArgs: public.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, ok := public.Known(args[0])
			if !ok {
				return usage("network %q: 'sresnet model list' shows the names%s", args[0], nearest.DidYouMean(args[0], public.Names()))
			}
			return runModelGet(cmd, m, append(args, m.File)[1])
		},
	}
}

func runModelGet(cmd *cobra.Command, m public.Model, file string) error {
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		file = filepath.Join(file, m.File)
	}
	progress, stop := terminal.Progress{W: cmd.ErrOrStderr()}.Files()
	there, err := m.Get(cmd.Context(), file, download.Options{Progress: progress})
	stop()
	if err != nil {
		return downloadError(cmd.Context(), err)
	}
	m.PrintFile(cmd.OutOrStdout(), file, there)
	terminal.Printf(cmd.OutOrStdout(), "\nNext: sresnet eval %s --data %s --normalize %s\n", shell.Quote(file), shell.Quote(m.DataIn()), m.Normalize)
	return nil
}
