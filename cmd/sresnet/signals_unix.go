//go:build unix

package main

import (
	"os"
	"syscall"
)

// walltimeSignals are what a cluster sends near the end of the time that a job has.
var walltimeSignals = []os.Signal{syscall.SIGUSR1}
