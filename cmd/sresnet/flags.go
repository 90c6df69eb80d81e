package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/dataset"
	"sresnet/energy"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/shard"
	"sresnet/target"
)

// Options of the table that commands have in common: about images, about how a network is
// converted, and about how it is simulated.
var (
	imageOptions   = []string{"data", "calibrate", "images", "normalize"}
	networkOptions = experiment.Settings()
	runOptions     = []string{"timesteps", "workers"}
)

// optionFlags adds flags for options of the table, which set o. Where o has a value
// already, that is the default.
func optionFlags(cmd *cobra.Command, o *experiment.Options, lists ...[]string) {
	for _, name := range slices.Concat(lists...) {
		p := experiment.OptionNamed(name)
		f := cmd.Flags().VarPF(&optionValue{p, o}, p.Name, p.Letter, flagWords(p.Help))
		if p.IsBool() {
			f.NoOptDefVal = "true"
		}
	}
}

// without returns a list without one of its names.
func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == name })
}

// flagWords is the help of an option as that of a flag, in which {data} is --data.
func flagWords(help string) string { return hint.Render(help, spell) }

// optionValue is an option as the value of a flag.
type optionValue struct {
	p *experiment.Option
	o *experiment.Options
}

func (v *optionValue) String() string {
	if v.p == nil {
		return ""
	}
	return v.p.Get(v.o)
}

func (v *optionValue) Set(s string) error { return v.p.Set(v.o, s) }

func (v *optionValue) Type() string {
	if v.p.IsBool() {
		return "bool"
	}
	return "value"
}

// listFlags adds a flag for each option that takes a list of values, with commas.
func listFlags(cmd *cobra.Command, names []string, values map[string]*[]string) {
	for _, name := range names {
		help := strings.ReplaceAll(experiment.OptionNamed(name).Help, "`", "")
		cmd.Flags().StringSliceVarP(values[name], name, experiment.OptionNamed(name).Letter, *values[name], flagWords(help)+"; `LIST` of values to try, separated by commas")
	}
}

// jsonFlag adds the flag that makes a command print JSON.
func jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print one JSON object and nothing else")
}

// outFlag adds the flag that says where things go.
func outFlag(cmd *cobra.Command, out *string, help string) {
	cmd.Flags().StringVarP(out, "out", "o", "", help)
}

// adviceFlags adds the flags that change single layers, and all that a diagnosis advises.
func adviceFlags(cmd *cobra.Command, o *experiment.Options) {
	optionFlags(cmd, o, []string{"lambda"})
	cmd.Flags().String("apply", "", "set the options that a diagnosis advises, a `FILE` of 'sresnet diagnose -o FILE.json'; others override them")
}

// planFlag adds the flag that only plans work that is kept.
func planFlag(cmd *cobra.Command, p *planning) {
	f := cmd.Flags().VarPF(p, "plan", "", "with --out: only plan the work, in N shards for machines to share; without =N, one per 250 images")
	f.NoOptDefVal = onePer
}

// onePer is the value of --plan where it has none; help shows --plan[=N].
const onePer = "N"

// planning is the value of --plan.
type planning struct {
	only   bool
	shards int // 0 for one per so many images.
}

func (p *planning) String() string { return "" }
func (p *planning) Type() string   { return "bool" } // For help: a value is optional.

func (p *planning) Set(s string) error {
	p.only, p.shards = true, 0
	if s == onePer {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > shard.MaxShards {
		return fmt.Errorf("give a number of shards from 1 to %d", shard.MaxShards)
	}
	p.shards = n
	return nil
}

// finish orders the flags as they were added and lets the shell complete what they and
// the MODEL take.
func finish(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = completeModel
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		var words []string
		after := cobra.ShellCompDirectiveNoFileComp
		switch f.Name {
		case "data", "calibrate":
			words, after = dataset.Kinds(), cobra.ShellCompDirectiveNoSpace // A path may follow.
		case "normalize":
			words = dataset.NormalizationNames()
		case "device":
			words, after = energy.DeviceNames(), cobra.ShellCompDirectiveDefault // Or a file.
		case "target":
			words = target.Names()
		case "ann":
			words, after = []string{"onnx"}, cobra.ShellCompDirectiveFilterFileExt
		default:
			if p := experiment.OptionNamed(f.Name); p != nil && p.Words != nil {
				words = p.Words()
			}
		}
		if words == nil {
			return
		}
		complete := cobra.FixedCompletions(words, after)
		if _, list := f.Value.(pflag.SliceValue); list {
			complete = completeList(words)
		}
		_ = cmd.RegisterFlagCompletionFunc(f.Name, complete) // Fails only for what has one already.
	})
}

// completeModel lets the shell complete a MODEL: a file of a network, or the folder of a run.
func completeModel(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"onnx", "safetensors", "pt", "pth", "nir"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeFolder lets the shell complete a folder as the argument.
func completeFolder(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeList lets the shell complete words with commas between them.
func completeList(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		var list []string
		for _, w := range words {
			if !slices.Contains(strings.Split(before, ","), w) {
				list = append(list, before+w)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
