package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/dataset"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/tensor"
)

func newData() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Look at a data set, or download one",
		Example: `  sresnet data get cifar10
  sresnet data info cifar10:cifar10 --sheet cifar10.png`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataInfo(), newDataGet())
	return cmd
}

// dataInfo is what data info finds. Its JSON form is an interface.
type dataInfo struct {
	Spec       string       `json:"spec"`
	Shape      tensor.Shape `json:"shape"`
	Classes    int          `json:"classes"`
	ClassNames []string     `json:"class_names"`
	Train      *splitInfo   `json:"train,omitempty"` // Absent where there is no such split.
	Test       *splitInfo   `json:"test,omitempty"`

	Missing []missingSplit `json:"missing,omitempty"` // Of these.

	// Of the pixels in units of p/255, per channel.
	MeasuredOn     string    `json:"measured_on"` // train or test.
	MeasuredImages int       `json:"measured_images"`
	Skipped        int       `json:"skipped,omitempty"` // That could not be read.
	Mean           []float64 `json:"mean"`
	Std            []float64 `json:"std"`
	Normalize      string    `json:"normalize"` // What to give as --normalize if networks were trained on such pixels.

	measured *dataset.Dataset
}

// splitInfo is one split.
type splitInfo struct {
	Images int   `json:"images"`
	Counts []int `json:"counts"` // Per class.
}

// missingSplit is a split that cannot be opened: there is none, or it is damaged.
type missingSplit struct {
	Split string `json:"split"` // train or test.
	Why   string `json:"why"`
}

type dataInfoOptions struct {
	settings
	split, sheet string
	asJSON       bool
}

func newDataInfo() *cobra.Command {
	o := dataInfoOptions{}
	o.dataOptional = true
	cmd := &cobra.Command{
		Use:   "info SPEC",
		Short: "Show counts, classes, shape, mean and deviation of a data set, and a sheet of its images",
		Long: `info opens both splits of a data set and shows how many images they have of each
class, the shape of an image, and mean and standard deviation of the pixels (divided
by 255) per channel. It names the --normalize that fits such pixels; what counts is
how the network at hand was trained.

--sheet writes a PNG file with the first images and their labels, which shows at a
glance whether labels, channels and rows are what they should be.

SPEC is ` + dataset.Specs + `.`,
		Example: `  sresnet data info mnist
  sresnet data info folder:imagenet/val --crop 224 --sheet sheet.png
  sresnet data info npz:own.npz --json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := func(format string, args ...any) error {
				return &usageError{cmd.CommandPath(), fmt.Errorf(format, args...)}
			}
			switch {
			case o.split != "" && !slices.Contains(splits, o.split):
				return bad("--split %q: give %s", o.split, strings.Join(splits, ", "))
			case o.images < 0:
				return bad("--images %d: give a number of images, or 0 for all", o.images)
			case o.resize < 0 || o.crop < 0:
				return bad("--resize %d, --crop %d: give numbers of pixels", o.resize, o.crop)
			case o.skipBad < 0:
				return bad("--skip-bad %d: give a number of images", o.skipBad)
			case o.workers < 0 || o.workers > maxWorkers:
				return bad("--workers %d: give up to %d workers, or 0 for one a core", o.workers, maxWorkers)
			}
			return runDataInfo(cmd, args[0], &o)
		},
	}
	all := pflag.NewFlagSet("", pflag.ContinueOnError) // Of eval.
	o.dataFlags(all, 10000)
	o.runFlags(all, 1)
	f := cmd.Flags()
	f.StringVar(&o.sheet, "sheet", "", "write the first images with their labels to `FILE.png`")
	f.StringVar(&o.split, "split", "", "measure and draw this `SPLIT`: train or test (default: train where there is one)")
	for _, name := range []string{"images", "resize", "crop", "skip-bad", "workers"} {
		f.AddFlag(all.Lookup(name))
	}
	f.Lookup("images").Usage = "measure the first `N` images; 0 means all"
	f.Lookup("crop").Usage = "of image files: cut `N` x N pixels out of the middle (default: 224)"
	f.BoolVar(&o.asJSON, "json", false, "print one JSON object and nothing else")
	f.SortFlags = false
	cmd.ValidArgsFunction = cobra.FixedCompletions(specWords, cobra.ShellCompDirectiveNoSpace)
	_ = cmd.RegisterFlagCompletionFunc("split", cobra.FixedCompletions(splits, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// splits are the words that --split takes.
var splits = []string{dataset.Train.String(), dataset.Test.String()}

func runDataInfo(cmd *cobra.Command, spec string, o *dataInfoOptions) error {
	p := &pipeline{settings: &o.settings, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}}
	info, err := p.info(cmd.Context(), spec, o.split)
	if err != nil {
		return err
	}
	if o.sheet != "" {
		if err := writeSheet(o.sheet, info.measured); err != nil {
			return err
		}
	}
	if o.asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(info)
	}
	info.print(cmd.OutOrStdout())
	if o.sheet != "" {
		terminal.Printf(cmd.OutOrStdout(), "\nthe first images are in %s\n", o.sheet)
	}
	return nil
}

// info opens the splits that there are and measures one of them.
func (p *pipeline) info(ctx context.Context, spec, split string) (*dataInfo, error) {
	info := &dataInfo{Spec: spec, MeasuredOn: split}
	var errs []error
	for i, s := range []dataset.Split{dataset.Train, dataset.Test} {
		d, err := p.openDataset(spec, s, "data info")
		var usage *usageError
		if errors.As(err, &usage) {
			return nil, err
		}
		if err != nil {
			errs = append(errs, err)
			info.Missing = append(info.Missing, missingSplit{s.String(), terminal.Clean(err.Error())})
			continue
		}
		part := &splitInfo{d.Len(), d.Counts()}
		if i == 0 && !d.Single() {
			info.Train = part
		} else if i == 1 {
			info.Test = part
		} else {
			continue // Both are the same; the next turn takes it.
		}
		info.Classes = max(info.Classes, d.Classes())
		if info.MeasuredOn == "" {
			info.MeasuredOn = s.String()
		}
		if info.MeasuredOn == s.String() {
			info.measured = d
		}
	}
	d := info.measured
	switch {
	case info.Train == nil && info.Test == nil:
		return nil, errs[0]
	case d == nil && len(errs) > 0:
		return nil, errs[0]
	case d == nil:
		return nil, hint.Error(fmt.Errorf("%s has no %s split: it is one list of images", spec, split), "leave --split away")
	}
	return info, p.measure(ctx, info)
}

// measure fills in what is asked of the pixels.
func (p *pipeline) measure(ctx context.Context, info *dataInfo) (err error) {
	d := info.measured
	if d.Resizable() {
		shape := d.Shape()
		if p.crop > 0 {
			shape[1], shape[2] = p.crop, p.crop
		}
		if d, err = d.Resized(shape, p.resize); err != nil {
			return hint.Error(err, "--resize N gives the length of an image's shorter side, --crop N that of the square cut out of its middle")
		}
	}
	if p.images > 0 {
		if d, err = d.First(min(p.images, d.Len())); err != nil {
			return err
		}
	}
	if d, err = p.checked(ctx, d); err != nil {
		return err
	}
	update, stop := p.progress.Bar("measuring")
	defer stop()
	s, err := d.Statistics(ctx, p.workerCount(), update)
	if err != nil {
		return err
	}
	for k := range info.Classes {
		info.ClassNames = append(info.ClassNames, d.ClassName(k))
	}
	info.measured, info.Shape, info.MeasuredImages, info.Skipped = d, d.Shape(), d.Len(), d.Skipped()
	info.Mean, info.Std, info.Normalize = s.Mean, s.Std, s.Normalization().String()
	return nil
}

// shownClasses is how many classes have a line of their own.
const shownClasses = 100

func (info *dataInfo) print(w io.Writer) {
	terminal.Printf(w, "%s: %s, images of %s\n\n", info.Spec, terminal.Plural(info.Classes, "class", "classes"), info.Shape)
	header, align := []string{"class", "name"}, "rl"
	var columns []*splitInfo
	for _, s := range []struct {
		name  string
		split *splitInfo
	}{{"training", info.Train}, {"test", info.Test}} {
		if s.split == nil {
			continue
		}
		if info.Train == nil {
			s.name = "images"
		}
		header, align, columns = append(header, s.name), align+"r", append(columns, s.split)
	}
	t := terminal.NewTable(align, header...)
	for k := range min(info.Classes, shownClasses) {
		row := []any{k, terminal.Clean(info.ClassNames[k])}
		for _, s := range columns {
			row = append(row, s.count(k))
		}
		t.Append(row...)
	}
	if more := info.Classes - shownClasses; more > 0 {
		row := []any{"...", fmt.Sprintf("%d more", more)}
		for _, s := range columns {
			least, most := s.Images, 0
			for k := range info.Classes {
				least, most = min(least, s.count(k)), max(most, s.count(k))
			}
			row = append(row, fmt.Sprintf("%d to %d", least, most))
		}
		t.Append(row...)
	}
	footer := []any{"", "all"}
	for _, s := range columns {
		footer = append(footer, s.Images)
	}
	t.Footer(footer...)
	t.Print(w)
	which := ""
	if info.Train != nil {
		which = map[string]string{"train": "training ", "test": "test "}[info.MeasuredOn]
	}
	for _, m := range info.Missing {
		terminal.Printf(w, "no %s images: %s\n", map[string]string{"train": "training", "test": "test"}[m.Split], m.Why)
	}
	terminal.Printf(w, "pixels / 255 of %d %simages: mean %s, standard deviation %s\n", info.MeasuredImages, which, decimals(info.Mean), decimals(info.Std))
	if info.Skipped > 0 {
		terminal.Printf(w, "%d more could not be read and are left out\n", info.Skipped)
	}
	terminal.Printf(w, "--normalize %s fits them; what counts is how the network was trained\n", info.Normalize)
}

// count returns the number of images of a class, which there may be more of in
// another split.
func (s *splitInfo) count(k int) int {
	if k < len(s.Counts) {
		return s.Counts[k]
	}
	return 0
}

func decimals(list []float64) string {
	var s []string
	for _, v := range list {
		s = append(s, strconv.FormatFloat(v, 'f', 4, 64))
	}
	return strings.Join(s, " ")
}
