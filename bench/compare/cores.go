package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// allowedCores returns the processors that this process may run on, in ascending
// order. It is nil where programs cannot be bound to some of them: not Linux, or no
// taskset.
func allowedCores() []int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		return nil
	}
	for line := range strings.Lines(string(status)) {
		if list, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
			cores, _ := parseCPUList(strings.TrimSpace(list)) // Nil if it is unreadable.
			return cores
		}
	}
	return nil
}

// parseCPUList reads the kernel's notation of a set, such as "0-3,8".
func parseCPUList(list string) ([]int, error) {
	var cores []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, err := strconv.Atoi(first)
		if err != nil {
			return nil, fmt.Errorf("processors %q: %w", list, err)
		}
		b, err := strconv.Atoi(last)
		if err != nil {
			return nil, fmt.Errorf("processors %q: %w", list, err)
		}
		for i := a; i <= b; i++ {
			cores = append(cores, i)
		}
	}
	return cores, nil
}

// bind returns a command line that runs args on the first n allowed processors.
func bind(allowed []int, n int, args []string) []string {
	if len(allowed) < n {
		return args
	}
	var list []string
	for _, c := range allowed[:n] {
		list = append(list, strconv.Itoa(c))
	}
	return append([]string{"taskset", "-c", strings.Join(list, ",")}, args...)
}
