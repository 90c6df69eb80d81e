package main

import (
	"context"

	"github.com/spf13/cobra"

	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/launch"
	"sresnet/shard"
)

// planner is work in stages that is kept in a folder.
type planner interface {
	Plan(context.Context) (*shard.Group, error) // Plans what can be planned.
	dir() string                                // The folder of its runs, as the user calls it.
	summary(*shard.Group) string                // What is planned: "3 settings on 20 images".
	next() string                               // What follows, once what is planned is done.
}

// planStudy plans what can be planned, and describes it.
func planStudy(cmd *cobra.Command, s planner) error {
	g, err := s.Plan(cmd.Context())
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	missing, err := g.Missing()
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		terminal.Printf(w, "there is nothing left to plan: 'sresnet merge %s' makes the result\n", shell.Quote(s.dir()))
		return nil
	}
	terminal.Printf(w, "%s: %s in %s, %d of them to do (%s)\n", s.dir(), s.summary(g), terminal.Plural(g.Shards(), "shard", "shards"), len(missing), launch.Ranges(missing))
	printHowToDo(w, s.dir())
	if g.More() {
		terminal.Printf(w, "Once these are done, it first plans %s.\n", s.next())
	}
	return nil
}
