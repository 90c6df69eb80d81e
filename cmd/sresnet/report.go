package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/report"
)

// reportFormats are the forms of a report; the first is the default.
var reportFormats = []string{"html", "png", "svg", "json", "csv", "md"}

func newReport() *cobra.Command {
	var out, format string
	cmd := &cobra.Command{
		Use:   "report RUN [RUN ...] -o FILE",
		Short: "Show runs as a page, as figures or as tables",
		Long: `report reads folders that 'sresnet eval --out' has kept, and shows accuracy over
time, rates, errors and activations of every layer, confusions, the images that
changed class, energy and settings. Several runs are compared side by side.

The page is one file that needs no network. --format png and svg write only the
figures, for print, into a folder; json, csv (one number per line, for pandas)
and md write one file. Without -o, json, csv and md go to the terminal.`,
		Example: `  sresnet eval resnet20.onnx --data cifar10:DIR --out runs/resnet20
  sresnet report runs/resnet20 -o report.html
  sresnet report runs/a runs/b -o comparison.html
  sresnet report runs/resnet20 -o figures --format svg
  sresnet report runs/* --format csv > runs.csv`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runReport(cmd, args, out, format)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "write to `FILE`; for --format png and svg, a folder")
	cmd.Flags().StringVar(&format, "format", reportFormats[0], "write the form `WORD`: "+experiment.Either(reportFormats))
	cmd.Flags().SortFlags = false
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	// Fails only for unknown flags.
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(reportFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runReport(cmd *cobra.Command, dirs []string, out, format string) error {
	figures := format == "png" || format == "svg"
	switch {
	case !slices.Contains(reportFormats, format):
		return oneOf("format", format, reportFormats)
	case out == "" && format == "html":
		return usage("--out is missing: give a file for the page, such as -o report.html")
	case out == "" && figures:
		return usage("--out is missing: give a folder for the figures, such as -o figures")
	}
	r, err := readReport(dirs)
	if err != nil {
		return err
	}
	switch {
	case figures:
		return writeFigures(cmd.OutOrStdout(), r, out, format)
	case out == "":
		return reportWriter(r, format)(cmd.OutOrStdout())
	}
	if err := writeTo(out, reportWriter(r, format)); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), out)
	return nil
}

// readReport reads all runs, up to the first that cannot be read.
func readReport(dirs []string) (*report.Report, error) {
	var runs []*report.Run
	for _, dir := range dirs {
		run, err := report.Read(dir)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return report.New(runs...)
}

func reportWriter(r *report.Report, format string) func(io.Writer) error {
	switch format {
	case "json":
		return r.WriteJSON
	case "csv":
		return r.WriteCSV
	case "md":
		return r.WriteMarkdown
	}
	return r.WriteHTML
}

func writeFigures(w io.Writer, r *report.Report, dir, format string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return hint.Error(fmt.Errorf("%s is a file", dir), "--format %s makes several figures; give a folder with -o", format)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	figures, err := r.Figures()
	if err != nil {
		return err
	}
	for _, f := range figures {
		name := filepath.Join(dir, f.Name+"."+format)
		if err := writeTo(name, func(w io.Writer) error { return f.Write(w, format) }); err != nil {
			return err
		}
		fmt.Fprintln(w, name)
	}
	return nil
}
