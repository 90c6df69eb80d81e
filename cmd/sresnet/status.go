package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/launch"
	"sresnet/run"
)

func newStatus() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status RUN",
		Short: "Show the progress of a run",
		Long: `status looks at the files of a run, or of all runs of a sweep or a diagnosis,
and shows how many shards are finished, which are being computed, on any
machine, and which are waiting; and how long the rest will take at the current
rate. Before there are shards, it shows how far calibration is. For a run that
'sresnet submit' has given to Slurm it also shows what is in the queue.`,
		Example: `  sresnet status RUN
  watch -n 60 sresnet status RUN`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runStatus(cmd, args[0], asJSON) },
	}
	jsonFlag(cmd, &asJSON)
	cmd.ValidArgsFunction = completeFolder
	finish(cmd)
	return cmd
}

func runStatus(cmd *cobra.Command, dir string, asJSON bool) error {
	w := cmd.OutOrStdout()
	g, err := openGroup(dir)
	if p := run.ReadPreparation(dir); err != nil && p != nil {
		if asJSON {
			return showJSON(w, p)
		}
		p.Print(w)
		return nil
	}
	if err != nil {
		return err
	}
	s, err := g.Status()
	if err != nil {
		return err
	}
	if asJSON {
		return showJSON(w, s)
	}
	terminal.Printf(w, "images:    %d of %d done, %s %%\n", s.Done, s.Images, terminal.Percent(float64(s.Done)/float64(s.Images)))
	terminal.Printf(w, "shards:    %d of %d finished\n", s.Finished, s.Shards)
	for _, l := range []struct {
		what   string
		shards []int
	}{{"running:  ", s.Running}, {"waiting:  ", s.Waiting}} {
		if len(l.shards) > 0 {
			terminal.Printf(w, "%s %d (%s)\n", l.what, len(l.shards), launch.Ranges(l.shards))
		}
	}
	queue := queueOf(cmd.Context(), g.Dir())
	if queue != "" {
		terminal.Printf(w, "queue:     %s\n", queue)
	}
	switch m, err := run.ReadManifest(dir); {
	case err == nil && m.Complete:
		terminal.Printf(w, "complete: 'sresnet report %s' shows the result\n", shell.Quote(dir))
	case s.Finished == s.Shards && g.More():
		terminal.Printf(w, "all are finished: 'sresnet merge %s' plans what follows from them\n", shell.Quote(dir))
	case s.Finished == s.Shards:
		terminal.Printf(w, "complete: 'sresnet merge %s' makes the result\n", shell.Quote(dir))
	case s.Left() > 0:
		terminal.Printf(w, "rate:      %s images/s, %s left\n", terminal.Rate(s.Rate), terminal.Seconds(math.Round(s.Left().Seconds())))
	case len(s.Running) == 0 && queue == "":
		terminal.Printf(w, "nothing is running: 'sresnet run %s' resumes it\n", shell.Quote(dir))
	}
	return nil
}

// showJSON prints the JSON of a status.
func showJSON(w io.Writer, of interface{ JSON() ([]byte, error) }) error {
	b, err := of.JSON()
	if err == nil {
		fmt.Fprintf(w, "%s\n", b)
	}
	return err
}

// queueOf says what Slurm's queue holds of a run that was submitted to it; nothing
// where Slurm does not answer soon.
func queueOf(ctx context.Context, dir string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if _, err := os.Stat(launch.ScriptFile(dir)); err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tasks, err := launch.SlurmTasks(ctx, dir)
	if err != nil {
		return ""
	}
	return launch.Summary(tasks)
}
