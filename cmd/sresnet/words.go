package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/nearest"
)

// movedFlags says where what earlier versions had as a flag is now.
var movedFlags = map[string]string{
	"resize":              "it is an option of the data set: --data 'folder:DIR?resize=256'",
	"crop":                "it is an option of the data set: --data 'folder:DIR?crop=224'",
	"skip-bad":            "it is an option of the data set: --data 'folder:DIR?skip-bad=3'",
	"calibration-images":  "it is an option of the data set: --calibrate 'SPEC?images=500'",
	"compensation-images": "200 calibration images are used; a Go program can set Options.CompensationImages",
	"weights":             "give the file of weights as MODEL",
	"arch":                "it is an option of the MODEL: 'weights.safetensors?arch=NAME'",
	"input":               "it is an option of the MODEL: 'net.onnx?input=3x224x224'",
	"invert":              "it is an option of the image: --image 'digit.png?invert'",
	"plain":               "pipe the output: sresnet watch ... | cat",
	"plan-only":           "it is --plan",
	"shards":              "it is --plan=N, of the command that planned the run",
	"shard-from":          "let the shell do that: --shard $SLURM_ARRAY_TASK_ID",
	"shard-base":          "let the shell do that: --shard $((SGE_TASK_ID - 1))",
	"model":               "--map FROM=TO says where files lie on this machine",
	"output":              "it is --out, or -o",
	"sheet":               "it is --out, or -o",
	"format":              "the suffix of -o FILE selects it",
	"engine":              "'sresnet verify' compares the two engines",
	"image":               "it is in --pod image=NAME,pvc=NAME",
	"pvc":                 "it is in --pod image=NAME,pvc=NAME",
	"mount":               "it is in --pod mount=DIR",
	"cpus":                "it is in --pod cpus=N",
	"memory":              "it is in --pod memory=AMOUNT",
	"rounds":              "a shard is submitted up to three times; after that, give the same command again",
	"shared-lambda":       "'sresnet convert' has it, and 'sresnet eval' takes the file that it writes",
	"poll":                "submit looks every second at first, then every 10 seconds",
}

// flagError makes an error of flags one of the command line: with what was meant, where
// there is no such flag, and with the flag first, where its value is wrong.
func flagError(cmd *cobra.Command, err error) error {
	var (
		missing *pflag.NotExistError
		invalid *pflag.InvalidValueError
		alone   *pflag.ValueRequiredError
	)
	switch {
	case errors.As(err, &missing):
		return &usageError{unknownFlag(cmd, missing.GetSpecifiedName())}
	case errors.As(err, &invalid):
		return usage("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	case errors.As(err, &alone):
		value, _ := pflag.UnquoteUsage(alone.GetFlag())
		return usage("--%s: %s is missing", alone.GetFlag().Name, value)
	}
	return &usageError{err}
}

// unknownFlag is the error of a flag that cmd does not have.
func unknownFlag(cmd *cobra.Command, name string) error {
	dashes := "--"
	if len(name) == 1 {
		dashes = "-"
	}
	err := fmt.Errorf("there is no option %s%s", dashes, name)
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if moved, ok := movedFlags[name]; ok {
		return hint.Error(err, "%s", moved)
	}
	if near := nearest.To(name, names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	switch {
	case experiment.OptionNamed(name) == nil || !strings.Contains(cmd.Use, "MODEL"):
	case name != "data":
		return hint.Error(err, "'%s' takes this setting from its MODEL, a file of 'sresnet convert' or the folder of a run", cmd.CommandPath())
	case cmd.Flags().Lookup("calibrate") != nil:
		return hint.Error(err, "give training images with --calibrate")
	}
	return err
}

// onlyCommands checks the arguments of what takes a command and nothing else.
func onlyCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	_, above, _ := strings.Cut(cmd.CommandPath()+" ", " ")
	return usage("there is no command %q%s", above+args[0], nearest.DidYouMean(args[0], names))
}

// groups are the commands in the order of help.
var groups = []struct {
	id, title string
	commands  func() []*cobra.Command
}{
	{"start", "Start:", func() []*cobra.Command { return []*cobra.Command{newDemo(), newPlay(), newInspect(), newEval()} }},
	{"study", "Study a network:", func() []*cobra.Command {
		return []*cobra.Command{newVerify(), newDiagnose(), newSweep(), newReport(), newWatch(), newBench()}
	}},
	{"long", "Long runs:", func() []*cobra.Command {
		return []*cobra.Command{newRun(), newSubmit(), newMerge(), newStatus()}
	}},
	{"files", "Files and data:", func() []*cobra.Command {
		return []*cobra.Command{newConvert(), newRecord(), newNIR(), newData(), newModel()}
	}},
}

// oneOf is the error of a word that is none of a list.
func oneOf(flag, word string, list []string) error {
	return usage("--%s %q: give %s%s", flag, word, experiment.Either(list), nearest.DidYouMean(word, list))
}
