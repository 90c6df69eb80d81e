// Command sresnet turns trained networks into spiking ones and measures them. It is
// flags, words and exit codes: there is one file per command, and what they do is in
// packages experiment, run, sweep, diagnose/study and others. flags.go, open.go, study.go,
// errors.go and words.go are what commands share.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"sresnet/internal/shell"
	"sresnet/run"

	"github.com/spf13/cobra"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// Memory is taken at the start, for weights and images, and hardly any after
		// it, so that frequent collections cost no time and keep the peak low.
		debug.SetGCPercent(25)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second Ctrl-C ends the program at once.
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute is the program without the process: it returns the exit code, 0 if all
// went well, 1 for an error, 2 for a command line that makes no sense and 130
// if ctx ended first.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	out := &output{w: stdout}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)
	addCompletion(root)
	cmd, err := root.ExecuteContextC(ctx)
	return fail(stderr, cmd.CommandPath(), out.join(err))
}

// newRoot returns the program as a command.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sresnet",
		Short: "Turn a trained network into a spiking one, and measure it",
		Long: `sresnet reads a trained network (an ONNX file of a multilayer perceptron, a
plain CNN or a residual network, or the weights of a well-known ResNet),
converts it into a spiking network of integrate-and-fire neurons without any
further training, and simulates that network on real images.`,
		Example: `  sresnet demo
  sresnet inspect resnet20.onnx
  sresnet eval resnet20.onnx --data cifar10:cifar10 --images 1000`,
		Version:       run.Version(),
		Args:          onlyCommands,
		SilenceErrors: true, // fail prints them.
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages ", "FlagUsagesWrapped 80 "))
	root.CompletionOptions.DisableNoDescFlag = true
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, cmd := range g.commands() {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	return root
}

// bashCompletion prints the script for bash.
func bashCompletion(cmd *cobra.Command, _ []string) error {
	var script strings.Builder
	if err := cmd.Root().GenBashCompletionV2(&script, true); err != nil {
		return err
	}
	_, err := io.WriteString(cmd.OutOrStdout(), shell.Completion(script.String(), cmd.Root().Name()))
	return err
}

// addCompletion adds the command that prints scripts for shells, which keeps the output
// that root has now, and help. By themselves they would not report an unknown shell, or
// command, as an error.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Args = func(_ *cobra.Command, args []string) error {
				found, rest, _ := root.Find(args)
				return onlyCommands(found, rest)
			}
		}
		if c.Name() == "completion" {
			c.Args = onlyCommands
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			bash, _, _ := c.Find([]string{"bash"})
			bash.RunE = bashCompletion
			before, after, _ := strings.Cut(bash.Long, "This script depends")
			_, after, _ = strings.Cut(after, "\n\n")
			bash.Long = before + after
		}
	}
}
