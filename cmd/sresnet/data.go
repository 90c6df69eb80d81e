package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/dataset"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/tensor"
)

func newData() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Look at a data set, or download one",
		Example: `  sresnet data get cifar10
  sresnet data info cifar10:cifar10 -o cifar10.png`,
		Args: onlyCommands,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataInfo(), newDataGet())
	return cmd
}

// dataInfo is what data info finds. Its JSON form is an interface.
type dataInfo struct {
	Spec       string       `json:"spec"`
	Shape      tensor.Shape `json:"shape"`
	Frames     int          `json:"frames"` // Of each image; 1 if it is one by itself.
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
	experiment.Options // Of which workers count.
	split, out         string
	asJSON             bool
}

func newDataInfo() *cobra.Command {
	o := dataInfoOptions{Options: experiment.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "info SPEC",
		Short: "Show classes, counts, shape and statistics of a data set",
		Long: terminal.Wrap(`info opens both splits of a data set and shows the number of images per class,
the shape of an image, and mean and standard deviation of the pixels (divided by
255) per channel. It names the --normalize that fits such pixels; what counts is
how the network at hand was trained.

--out writes a PNG file with the first images and their labels, which shows at a
glance whether labels, channels and rows are right.

SPEC is `+dataset.Specs+`.
Options follow a question mark: `+dataset.SpecOptions+`.
Without images=N, 10,000 images are measured.`, terminal.Columns),
		Example: `  sresnet data info mnist
  sresnet data info 'folder:imagenet/val?crop=224' -o sheet.png
  sresnet data info npz:own.npz --json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.split != "" && !slices.Contains(splits, o.split) {
				return oneOf("split", o.split, splits)
			}
			return runDataInfo(cmd, args[0], &o)
		},
	}
	outFlag(cmd, &o.out, "write the first images with their labels to `FILE.png`")
	cmd.Flags().StringVar(&o.split, "split", "", "measure and draw this `SPLIT`: train or test (default: train where there is one)")
	optionFlags(cmd, &o.Options, []string{"workers"})
	jsonFlag(cmd, &o.asJSON)
	cmd.ValidArgsFunction = cobra.FixedCompletions(dataset.Kinds(), cobra.ShellCompDirectiveNoSpace)
	finish(cmd)
	_ = cmd.RegisterFlagCompletionFunc("split", cobra.FixedCompletions(splits, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// splits are the words that --split takes.
var splits = []string{dataset.Train.String(), dataset.Test.String()}

// measuredImages is how many images data info measures where the spec does not say.
const measuredImages = 10000

func runDataInfo(cmd *cobra.Command, text string, o *dataInfoOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	_ = complete(cmd, &o.Options, "") // Cannot fail without a model.
	spec, err := dataset.ParseSpec(text)
	if err != nil {
		return &usageError{err}
	}
	info, err := openInfo(spec, o.split)
	if err != nil {
		return err
	}
	if err := info.measure(cmd.Context(), spec, &o.Options); err != nil {
		return err
	}
	if o.out != "" {
		sheet, err := info.measured.Sheet()
		if err != nil {
			return err
		}
		if err := writeTo(o.out, func(w io.Writer) error { return png.Encode(w, sheet) }); err != nil {
			return err
		}
	}
	if o.asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(info)
	}
	info.print(cmd.OutOrStdout())
	if o.out != "" {
		terminal.Printf(cmd.OutOrStdout(), "\nthe first images are in %s\n", o.out)
	}
	return nil
}

// openInfo opens the splits that exist, one of which is to be measured.
func openInfo(spec dataset.Spec, split string) (*dataInfo, error) {
	info := &dataInfo{Spec: spec.Source, MeasuredOn: split}
	var errs []error
	for i, s := range []dataset.Split{dataset.Train, dataset.Test} {
		d, err := dataset.Open(spec.Source, s)
		var wrong *dataset.SpecError
		if errors.As(err, &wrong) {
			return nil, &usageError{err}
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
	switch {
	case info.measured != nil:
		return info, nil
	case len(errs) > 0 && errors.Is(errs[0], fs.ErrNotExist):
		return nil, errs[0]
	case len(errs) > 0:
		return nil, hint.Error(errs[0], "%s", cmp.Or(dataset.Holds(spec.Source), "SPEC is "+dataset.Specs))
	}
	return nil, hint.Error(fmt.Errorf("%s has no %s split: it is one list of images", spec.Source, split), "omit --split")
}

// measure fills in what is asked of the pixels.
func (info *dataInfo) measure(ctx context.Context, spec dataset.Spec, o *experiment.Options) (err error) {
	d := info.measured
	experiment.Note(d, o)
	if d.Resizable() {
		shape := d.Shape()
		if spec.Crop > 0 {
			shape[1], shape[2] = spec.Crop, spec.Crop
		}
		if d, err = d.Resized(shape, spec.Resize); err != nil {
			return hint.Error(err, "%s?resize=N gives the length of an image's shorter side, crop=N that of the square cut out of its middle", spec.Source)
		}
	} else if spec.Resize > 0 || spec.Crop > 0 {
		return usage("%s: resize and crop are for image files; these images have a size of their own, %s", spec.Source, d.Shape())
	}
	if d, err = d.First(min(cmp.Or(spec.Images, measuredImages), d.Len())); err != nil {
		return err
	}
	if d, err = experiment.Checked(ctx, d, spec.SkipBad, o); err != nil {
		return err
	}
	update, stop := o.Step("measuring")
	defer stop()
	s, err := d.Statistics(ctx, o.WorkerCount(), update)
	if err != nil {
		return err
	}
	for k := range info.Classes {
		info.ClassNames = append(info.ClassNames, d.ClassName(k))
	}
	info.measured, info.Shape, info.Frames, info.MeasuredImages, info.Skipped = d, d.Shape(), d.Frames(), d.Len(), d.Skipped()
	info.Mean, info.Std, info.Normalize = s.Mean, s.Std, s.Normalization().String()
	return nil
}

// shownClasses is how many classes have a line of their own.
const shownClasses = 100

func (info *dataInfo) print(w io.Writer) {
	terminal.Printf(w, "%s: %s, images of %s\n\n", info.Spec, terminal.Plural(info.Classes, "class", "classes"), info.measured.Form())
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
	terminal.Printf(w, "%s of %d %simages: mean %s, standard deviation %s\n", info.measured.Unit(), info.MeasuredImages, which, decimals(info.Mean), decimals(info.Std))
	if info.Skipped > 0 {
		terminal.Printf(w, "%d more could not be read and were left out\n", info.Skipped)
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
