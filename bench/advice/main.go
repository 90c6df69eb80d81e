// Command advice measures what the recommended T is worth, for the table in
// docs/choosing-t.md:
//
//	go run ./bench/advice
//
// It has the answers of real networks to 10,000 test images, over time. Of these it draws
// a few at random, 500 times, lets the program recommend a T from them alone, and looks at
// the others. Answers come from kept runs:
//
//	go run ./bench/advice -keep RUN -as bench/advice/testdata/NAME.gz
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sresnet/run"
)

func main() {
	if err := command(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "advice:", err)
		os.Exit(1)
	}
}

func command(args []string, w io.Writer) error {
	fs := flag.NewFlagSet("advice", flag.ContinueOnError)
	keep := fs.String("keep", "", "keep the answers of the run in this `FOLDER`")
	as := fs.String("as", "", "in this `FILE`")
	draws := fs.Int("draws", 500, "draw `N` times")
	sizes := fs.String("images", "200,500,1000,5000", "so `MANY` images each time")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *keep != "" {
		r, err := run.Read(*keep)
		if err != nil {
			return err
		}
		return keepAnswers(*as, r.Result)
	}
	files := fs.Args()
	if len(files) == 0 {
		var err error
		if files, err = filepath.Glob("bench/advice/testdata/*.gz"); err != nil || len(files) == 0 {
			return fmt.Errorf("no answers in bench/advice/testdata: call it in the folder of the module")
		}
	}
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	line(columns)
	fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(columns)))
	for _, file := range files {
		a, err := readAnswers(file)
		if err != nil {
			return err
		}
		for _, word := range strings.Split(*sizes, ",") {
			n, err := strconv.Atoi(word)
			if err != nil || n < 1 || n >= len(a.turns) {
				return fmt.Errorf("%q images: give numbers below %d", word, len(a.turns))
			}
			line(row(a, n, a.tryPopulation(n, *draws), a.tryRest(n, *draws)))
		}
	}
	return nil
}
