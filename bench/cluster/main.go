// Command cluster estimates how long a run takes on a cluster, for the table in
// docs/cluster.md:
//
//	go run ./bench/cluster
//	go run ./bench/cluster -run RUN -tasks 4 -wait 10m
//
// Its shards take what those of a finished run took, or all the same; nodes come
// after a wait in the queue, and Slurm takes a moment to start a task.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"sresnet/shard"
)

// site is a cluster, with the settings of the launcher.
type site struct {
	nodes int
	tasks int           // At a time on each node.
	wait  time.Duration // Until the first task starts.
	start time.Duration // Of a task, from when there is room for it.
	poll  time.Duration // Between two looks of the launcher.
}

// total returns how long it takes from the submission of shards that take so long
// each until the launcher sees the last one finished. Tasks start in the order of
// their shards, each as soon as there is room for it.
func (s site) total(shards []time.Duration) time.Duration {
	free := make([]time.Duration, s.nodes*s.tasks) // When each place is.
	for i := range free {
		free[i] = s.wait
	}
	var last time.Duration
	for _, d := range shards {
		place := 0
		for i := range free {
			if free[i] < free[place] {
				place = i
			}
		}
		free[place] += s.start + d
		last = max(last, free[place])
	}
	return (last + s.poll - 1) / s.poll * s.poll
}

// shardTimes returns how long the shards of a run took, which must be finished.
func shardTimes(dir string) ([]time.Duration, error) {
	r, err := shard.Open(dir)
	if err != nil {
		return nil, err
	}
	var list []time.Duration
	for k := range r.Shards() {
		b, err := r.Read(k)
		if err != nil {
			return nil, err
		}
		list = append(list, time.Duration(b.Seconds*float64(time.Second)))
	}
	return list, nil
}

// table prints, as Markdown, how long the shards take on each number of nodes.
func table(w io.Writer, s site, nodes []int, shards []time.Duration) {
	var work time.Duration
	for _, d := range shards {
		work += d
	}
	fmt.Fprintf(w, "%d shards of %s, %d at a time on a node, after %s in the queue:\n\n", len(shards), round(work/time.Duration(len(shards))), s.tasks, round(s.wait))
	fmt.Fprint(w, "| nodes | time | times faster than one node | nodes at work |\n|---|---|---|---|\n")
	s.nodes = 1
	one := s.total(shards)
	for _, s.nodes = range nodes {
		t := s.total(shards)
		used := float64(work) / float64(s.nodes*s.tasks) / float64(t)
		fmt.Fprintf(w, "| %d | %s | %.1f | %.0f %% |\n", s.nodes, round(t), float64(one)/float64(t), 100*used)
	}
}

// round returns d with two or three digits.
func round(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	case d >= time.Minute:
		d = d.Round(time.Second)
		if d%time.Minute == 0 {
			return strings.TrimSuffix(d.String(), "0s")
		}
		return d.String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) error {
	f := flag.NewFlagSet("cluster", flag.ContinueOnError)
	dir := f.String("run", "", "take the times of the shards from the finished run in this `folder`")
	count := f.Int("shards", 500, "without -run: shards")
	each := f.Duration("shard", 12*time.Minute, "without -run: time of a shard")
	list := f.String("nodes", "1,2,4,8,16,32,64", "nodes, as a list")
	var s site
	f.IntVar(&s.tasks, "tasks", 4, "shards at a time on a node")
	f.DurationVar(&s.wait, "wait", 5*time.Minute, "time in the queue before the first task starts")
	f.DurationVar(&s.start, "start", 500*time.Millisecond, "time that Slurm takes to start a task when there is room for it")
	f.DurationVar(&s.poll, "poll", 10*time.Second, "time between two looks of the launcher")
	if err := f.Parse(args); err != nil {
		return err
	}
	shards := slices.Repeat([]time.Duration{*each}, max(*count, 0))
	if *dir != "" {
		var err error
		if shards, err = shardTimes(*dir); err != nil {
			return err
		}
	}
	var nodes []int
	for word := range strings.SplitSeq(*list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			return fmt.Errorf("-nodes %q: give numbers of nodes, as in 1,2,4", *list)
		}
		nodes = append(nodes, n)
	}
	if len(shards) == 0 || s.tasks < 1 || s.wait < 0 || s.start < 0 || s.poll <= 0 {
		return errors.New("give positive numbers")
	}
	table(w, s, nodes, shards)
	return nil
}
