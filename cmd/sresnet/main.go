// Command sresnet turns trained residual networks into spiking ones and measures
// them. There is one file a command; pipeline.go holds the way from a model and
// data to a spiking network that they share.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

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
	_, err := root.ExecuteContextC(ctx)
	return fail(stderr, out.join(err))
}

// addCompletion adds the command that prints scripts for shells, which keeps the output
// that root has now. Of its own it takes a shell that it does not know for no error.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = usageArgs(cobra.NoArgs)
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sresnet",
		Short: "Turn a trained residual network into a spiking one, and measure it",
		Long: `sresnet reads a trained residual network (an ONNX file, or the weights of a
well-known architecture), converts it into a spiking network of integrate-and-fire
neurons without any further training, and simulates that network on real images.`,
		Example: `  sresnet demo
  sresnet inspect resnet20.onnx
  sresnet eval resnet20.onnx --data cifar10:cifar-10-batches-bin --images 1000`,
		Version:       version(),
		Args:          usageArgs(cobra.NoArgs),
		SilenceErrors: true, // fail prints them.
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{cmd.CommandPath(), err} })
	root.AddCommand(newDemo(), newEval(), newInspect(), newVerify(), newDiagnose(), newSweep(), newReport(), newWatch(), newBench(), newData(), newConvert(), newNIR(), newRecord(), newRun(), newSubmit(), newMerge(), newStatus())
	return root
}

// version returns the version of the module and, where the Go tool recorded it,
// the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var revision string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = " (" + s.Value + ")"
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += " with changes"
		}
	}
	return info.Main.Version + revision
}
