package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variant is one point of a grid: a value for every option that a sweep varies.
type variant struct {
	Percentile   float64 `json:"percentile"`
	VInit        float64 `json:"v_init"`
	Compensation string  `json:"compensation"`
	Reset        string  `json:"reset"`
	Encoding     string  `json:"encoding"`
}

// name is a name for v that suits a folder, such as "p99.9-v0.5-none": the reset
// and the encoding are in it unless they are the paper's.
func (v variant) name() string {
	words := []string{"p" + float(v.Percentile, 64), "v" + float(v.VInit, 64), v.Compensation}
	if v.Reset != resets[0] {
		words = append(words, v.Reset)
	}
	if v.Encoding != encodings[0] {
		words = append(words, v.Encoding)
	}
	return strings.Join(words, "-")
}

// apply gives the values of v to the settings.
func (v variant) apply(s *settings) {
	s.percentile, s.vInit, s.compensation, s.reset, s.encoding = v.Percentile, v.VInit, v.Compensation, v.Reset, v.Encoding
}

// grid is a list of values for every option that a sweep varies.
type grid struct{ percentile, vInit, compensation, reset, encoding []string }

func (g *grid) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&g.percentile, "percentile", []string{"99", "99.9", "99.99", "100"}, "percentiles of a layer's activations that become its scale, a `LIST` with commas; 100 is the maximum")
	f.StringSliceVar(&g.vInit, "v-init", []string{"0", "0.5"}, "potentials of every neuron before the first timestep, in thresholds, a `LIST` of numbers from 0 to below 1")
	f.StringSliceVar(&g.compensation, "compensation", compensations, "factors on synapses, against the loss of spikes with depth, a `LIST` of "+strings.Join(compensations, ", "))
	f.StringSliceVar(&g.reset, "reset", resets[:1], "what a spike does to the potential, a `LIST` of "+strings.Join(resets, ", "))
	f.StringSliceVar(&g.encoding, "encoding", encodings[:1], "how pixels enter, a `LIST` of "+strings.Join(encodings, ", "))
}

// complete lets the shell complete lists of words.
func (g *grid) complete(cmd *cobra.Command) {
	for flag, words := range map[string][]string{"compensation": compensations, "reset": resets, "encoding": encodings} {
		_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			before := typed[:strings.LastIndexByte(typed, ',')+1]
			var list []string
			for _, w := range words {
				if !slices.Contains(strings.Split(before, ","), w) {
					list = append(list, before+w)
				}
			}
			return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		})
	}
}

// variants returns every combination of the values, percentiles outermost, so that
// settings with the same scales follow each other.
func (g *grid) variants() ([]variant, error) {
	percentiles, err := numbers("percentile", g.percentile)
	if err != nil {
		return nil, err
	}
	vInits, err := numbers("v-init", g.vInit)
	if err != nil {
		return nil, err
	}
	for _, l := range []struct {
		flag string
		n    int
	}{{"percentile", len(percentiles)}, {"v-init", len(vInits)}, {"compensation", len(g.compensation)}, {"reset", len(g.reset)}, {"encoding", len(g.encoding)}} {
		if l.n == 0 {
			return nil, fmt.Errorf("--%s is empty: give at least one value", l.flag)
		}
	}
	var list []variant
	for _, p := range percentiles {
		for _, encoding := range g.encoding {
			for _, reset := range g.reset {
				for _, v := range vInits {
					for _, c := range g.compensation {
						next := variant{p, v, c, reset, encoding}
						if slices.Contains(list, next) {
							return nil, fmt.Errorf("the setting %s is there twice: give every value of a list once", next.name())
						}
						list = append(list, next)
					}
				}
			}
		}
	}
	return list, nil
}

func numbers(flag string, words []string) ([]float64, error) {
	var list []float64
	for _, w := range words {
		x, err := strconv.ParseFloat(strings.TrimSpace(w), 64)
		if err != nil {
			return nil, fmt.Errorf("--%s: %q is not a number: give numbers with commas between them", flag, w)
		}
		list = append(list, x)
	}
	return list, nil
}
